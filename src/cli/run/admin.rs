//! What Envoy's admin interface says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::demo::server::client;

/// Envoy's admin interface.
#[derive(Debug)]
pub struct Admin {
    base: String,
    agent: ureq::Agent,
}

impl Admin {
    /// The admin interface that listens on `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { base: format!("http://{}", reachable(address)), agent: client() }
    }

    /// Whether Envoy takes requests.
    pub fn is_ready(&self) -> bool {
        self.get("/ready").is_some()
    }

    /// Versions in force and refused updates of everything that Envoy follows, by name of the
    /// statistic; `None` when Envoy does not answer.
    pub fn updates(&self) -> Option<BTreeMap<String, String>> {
        let text = self.get("/stats?filter=(version_text|update_rejected)$")?;
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.trim_matches('"').to_owned()))
        };
        Some(text.lines().filter_map(pair).collect())
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call().ok()?;
        if !response.status().is_success() {
            return None;
        }
        response.body_mut().read_to_string().ok()
    }
}

/// An address to connect to a listener on `address`, which may be "every address".
pub fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, v4.port()))
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6.port()))
        }
        address => address,
    }
}
