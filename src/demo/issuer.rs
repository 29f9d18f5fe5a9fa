//! Serves the demo key as a JWKS.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header;

use super::key::DemoKey;
use super::server::{ANY_PORT, Server};

/// A running issuer. Dropping it stops the server.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
}

impl Issuer {
    /// Serves the JWKS of `key` at every path, so that one server stands in for the JWKS URI of
    /// every issuer of a policy.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start(key: &DemoKey) -> std::io::Result<Self> {
        Self::start_on(ANY_PORT, key)
    }

    /// The same at an address.
    ///
    /// # Errors
    /// As [`Self::start`], and when the address is taken.
    pub fn start_on(address: SocketAddr, key: &DemoKey) -> std::io::Result<Self> {
        let jwks = key.jwks();
        let respond = move || {
            let jwks = jwks.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], jwks) }
        };
        let router = Router::new().fallback(respond);
        Ok(Self { server: Server::start("demo-issuer", address, router)? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}
