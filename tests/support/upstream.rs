//! An upstream with TLS and HTTP/2, as external APIs are: it remembers what arrived, trailers
//! included. [`egress_auth::demo::echo`] is its like in plain text and HTTP/1.1.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use h2::server::{Connection, SendResponse};
use http::{HeaderMap, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::tls::{Authority, Certificate};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// `:authority`.
    pub authority: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: HeaderMap,
    /// The name that the client asked for in the handshake (SNI).
    pub server_name: Option<String>,
}

/// A running upstream. It stops with its handle.
pub struct Upstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts with this certificate.
    pub fn start(certificate: &Certificate) -> Self {
        Self::with(certificate.acceptor(&["h2"]))
    }

    /// Starts with this certificate and wants to see one of this authority.
    pub fn asking_for_certificates(certificate: &Certificate, of: &Authority) -> Self {
        Self::with(certificate.acceptor_of_clients(&["h2"], of))
    }

    fn with(tls: TlsAcceptor) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (stop, stopped) = oneshot::channel();
        let log = Arc::clone(&received);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, tls, log) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, received, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the requests that arrived since the last call, oldest first.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, log: Arc<Mutex<Vec<Received>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, log) = (tls.clone(), Arc::clone(&log));
        tokio::spawn(async move {
            // A client that does not trust us says so itself.
            let Ok(stream) = tls.accept(stream).await else { return };
            let server_name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, respond))) = accept(&mut connection).await {
                let (log, server_name) = (Arc::clone(&log), server_name.clone());
                tokio::spawn(answer(request, respond, server_name, log));
            }
        });
    }
}

type Accepted = Result<(http::Request<h2::RecvStream>, SendResponse<bytes::Bytes>), h2::Error>;

async fn accept(
    connection: &mut Connection<TlsStream<TcpStream>, bytes::Bytes>,
) -> Option<Accepted> {
    connection.accept().await
}

/// Remembers the request, and then answers it.
async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<bytes::Bytes>,
    server_name: Option<String>,
    log: Arc<Mutex<Vec<Received>>>,
) -> Option<()> {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.ok()?;
        stream.flow_control().release_capacity(data.len()).ok()?;
        body.extend(data);
    }
    let trailers = stream.trailers().await.ok()?.unwrap_or_default();
    log.lock().unwrap().push(Received {
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body,
        trailers,
        server_name,
    });
    respond.send_response(Response::new(()), true).ok().map(|_| ())
}
