//! The world outside the mesh: external hosts with TLS, an issuer, and a web server with the module.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use egress_auth::demo::echo::Echo;
use egress_auth::demo::server::Server;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::jwks::Jwks;
use crate::support::tls::Authority;

/// Hosts of the documents, which `tests/istio/hosts` leads here.
const HOSTS: [&str; 4] =
    ["api.payment-provider.com", "httpbin.org", "reports.example.com", "grpc.example.com"];
/// Where the web server with the module listens.
const MODULES: ([u8; 4], u16) = ([127, 0, 0, 1], 18_080);

/// Everything that runs there.
pub struct Outside {
    /// Answers with what arrived.
    pub echo: Echo,
    /// What the web server has as `/egress_auth.wasm`, while it is there.
    pub module: Arc<Mutex<Option<Vec<u8>>>>,
    _issuer: Jwks,
    _modules: Server,
    _fronts: [Front; 2],
}

impl Outside {
    /// Starts it, with certificates that the system's CAs here stand for.
    pub fn start(authority: &Authority) -> Self {
        let echo = Echo::start().unwrap();
        let issuer = Jwks::start();
        let of_hosts = authority.issue(&HOSTS).acceptor(&["http/1.1"]);
        let of_issuer = authority.issue(&["auth.example.com"]).acceptor(&["http/1.1"]);
        let fronts = [
            Front::start(([127, 0, 0, 3], 443).into(), of_hosts, echo.address()),
            Front::start(([127, 0, 0, 4], 443).into(), of_issuer, issuer.address()),
        ];
        let module = Arc::new(Mutex::new(Some(built_module())));
        let served = Arc::clone(&module);
        let answer = move || async move {
            match &*served.lock().unwrap() {
                Some(bytes) => (StatusCode::OK, bytes.clone()),
                None => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
            }
        };
        let router = Router::new().route("/{*name}", get(answer));
        let modules = Server::start("modules", MODULES.into(), router).unwrap();
        Self { echo, module, _issuer: issuer, _modules: modules, _fronts: fronts }
    }

    /// Serves the module, or nothing, or something else.
    pub fn serve(&self, module: Option<Vec<u8>>) {
        *self.module.lock().unwrap() = module;
    }
}

/// The URL of a module on the web server; each name is one that no agent has fetched before.
pub fn module_url(name: &str) -> String {
    format!("http://modules.example.com:{}/{name}.wasm", MODULES.1)
}

/// The module that is tested.
pub fn built_module() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/dist/egress_auth.wasm")).unwrap()
}

/// Ends TLS in front of a server that speaks plain text. It stops with its handle.
struct Front {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Front {
    fn start(address: SocketAddr, tls: TlsAcceptor, behind: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, tls, behind) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, behind: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            // A client that does not trust us says so itself.
            let Ok(mut outer) = tls.accept(stream).await else { return };
            let Ok(mut inner) = TcpStream::connect(behind).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        });
    }
}
