//! An issuer's key server, and the ways in which such servers fail.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;

use super::{eventually, keys};

/// What the server does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Does not listen. Possible only until it listens for the first time.
    Refuse,
    /// Answers 200 with this document.
    Serve(String),
    /// The same, with this value of `cache-control`.
    ServeWith(String, &'static [u8]),
    /// Answers with this status and nothing useful.
    Fail(u16),
    /// Answers 302 to this address.
    Redirect(String),
    /// Says nothing until the behaviour changes, and then does as it says.
    Hold,
    /// Says nothing more after half a response.
    Stall,
    /// Closes the connection.
    Close,
}

/// A running key server. It stops with its handle.
pub struct Jwks {
    address: SocketAddr,
    behaviour: watch::Sender<Behaviour>,
    tls: Arc<Mutex<Option<TlsAcceptor>>>,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Jwks {
    /// A server that publishes the issuer's keys in plain text.
    pub fn start() -> Self {
        Self::with(Behaviour::Serve(keys::all_keys()), None)
    }

    /// A server that behaves like this from the first request on, over TLS if there is an
    /// acceptor.
    pub fn with(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let (behaviour, mut watched) = watch::channel(behaviour);
        let tls = Arc::new(Mutex::new(tls));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (stop, stopped) = oneshot::channel();
        let (log, presented) = (Arc::clone(&asked), Arc::clone(&tls));
        let listening = Arc::new(std::sync::Barrier::new(2));
        let begun = Arc::clone(&listening);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let serving = async {
                    let refuses = *watched.borrow() == Behaviour::Refuse;
                    if refuses {
                        begun.wait();
                        let _ = watched.wait_for(|it| *it != Behaviour::Refuse).await;
                    }
                    let listener = socket.listen(1_024).unwrap();
                    if !refuses {
                        begun.wait();
                    }
                    serve(listener, presented, watched, log).await;
                };
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        });
        listening.wait();
        Self { address, behaviour, tls, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// Speaks TLS with another certificate from now on, or not at all.
    pub fn present(&self, tls: Option<TlsAcceptor>) {
        *self.tls.lock().unwrap() = tls;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does, with requests that it holds as well.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    /// How many requests came so far.
    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The request lines and `host` headers so far.
    pub fn requests(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it was asked so many times.
    pub fn until_asked(&self, times: usize) {
        let what = format!("{times} requests for keys");
        eventually(&what, || (self.asked() >= times).then_some(()));
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: TcpListener,
    tls: Arc<Mutex<Option<TlsAcceptor>>>,
    behaviour: watch::Receiver<Behaviour>,
    log: Arc<Mutex<Vec<String>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.lock().unwrap().clone();
        let (behaviour, log) = (behaviour.clone(), Arc::clone(&log));
        tokio::spawn(async move {
            match tls {
                None => answer(stream, behaviour, &log).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream, behaviour, &log).await,
                    // The client did not trust us, and that shows at the client.
                    Err(_) => None,
                },
            }
        });
    }
}

/// Answers one request; none when the client goes away.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut behaviour: watch::Receiver<Behaviour>,
    log: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    log.lock().unwrap().push(format!("{line} {host}"));
    let now = behaviour.wait_for(|behaviour| *behaviour != Behaviour::Hold).await.ok()?.clone();
    let (status, header, body) = match now {
        Behaviour::Serve(body) => (200, Vec::new(), body),
        Behaviour::ServeWith(body, control) => {
            (200, [b"cache-control: ", control, b"\r\n"].concat(), body)
        }
        Behaviour::Fail(status) => (status, Vec::new(), "no keys today".to_owned()),
        Behaviour::Redirect(to) => (302, format!("location: {to}\r\n").into_bytes(), String::new()),
        Behaviour::Close | Behaviour::Hold | Behaviour::Refuse => return None,
        Behaviour::Stall => {
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\":";
            stream.write_all(half).await.ok()?;
            let _ = stream.flush().await;
            // Until the client gives up.
            return stream.read_u8().await.ok().map(|_| ());
        }
    };
    let start = format!("HTTP/1.1 {status} Status\r\n");
    let end = format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let response = [start.as_bytes(), &header, end.as_bytes()].concat();
    stream.write_all(&response).await.ok()?;
    stream.shutdown().await.ok()
}
