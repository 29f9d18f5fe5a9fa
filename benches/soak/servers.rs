//! The issuer's key server, and an upstream that looks at what arrives.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use egress_auth::demo::server::{ANY_PORT, Server};

use super::traffic::DENIED;

/// Publishes keys that can be changed. It stops with its handle.
pub struct Issuer {
    server: Server,
    keys: Arc<Mutex<String>>,
}

impl Issuer {
    /// Starts with a JWKS document.
    pub fn start(jwks: String) -> anyhow::Result<Self> {
        let keys = Arc::new(Mutex::new(jwks));
        let answer = |State(keys): State<Arc<Mutex<String>>>| async move {
            let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // The least that counts: a key that was withdrawn is gone after half a minute.
            ([("cache-control", "max-age=30")], keys)
        };
        let router = Router::new().fallback(answer).with_state(Arc::clone(&keys));
        Ok(Self { server: Server::start("soak-issuer", ANY_PORT, router)?, keys })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Publishes another document.
    pub fn publish(&self, jwks: String) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = jwks;
    }
}

/// What arrived at an upstream.
#[derive(Debug, Default)]
struct Arrived {
    all: AtomicU64,
    wrong: AtomicU64,
}

/// Takes every request, and counts those that should not be there. It stops with its handle.
pub struct Upstream {
    server: Server,
    arrived: Arc<Arrived>,
}

impl Upstream {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let arrived = Arc::<Arrived>::default();
        let answer = |State(arrived): State<Arc<Arrived>>, request: Request| async move {
            // What was verified has a payload, and a token stays at the gateway.
            let headers = request.headers();
            let is_right = request.uri().path() != DENIED
                && headers.contains_key("x-jwt-payload")
                && !headers.contains_key("authorization");
            arrived.all.fetch_add(1, Ordering::Relaxed);
            arrived.wrong.fetch_add(u64::from(!is_right), Ordering::Relaxed);
            "taken"
        };
        let router = Router::new().fallback(answer).with_state(Arc::clone(&arrived));
        Ok(Self { server: Server::start("soak-upstream", ANY_PORT, router)?, arrived })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many requests arrived, and how many of them should not have.
    pub fn arrived(&self) -> (u64, u64) {
        let Arrived { all, wrong } = &*self.arrived;
        (all.load(Ordering::Relaxed), wrong.load(Ordering::Relaxed))
    }
}
