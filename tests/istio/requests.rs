//! Requests of workloads to the gateway, and the table of what becomes of them.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::raw::{Request, Response};
use crate::support::token::{By, Recipe};
use crate::world::{Output, World};

/// A workload of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    Payments,
    Batch,
}

impl Workload {
    pub const ALL: [Self; 2] = [Self::Payments, Self::Batch];

    /// Its namespace and service account.
    pub const fn account(self) -> (&'static str, &'static str) {
        match self {
            Self::Payments => ("clients", "payments"),
            Self::Batch => ("clients", "batch"),
        }
    }
}

/// Where the gateway listens.
pub fn gateway() -> SocketAddr {
    ([127, 0, 0, 1], 8443).into()
}

/// A request of a workload.
#[derive(Debug, Clone)]
pub struct Asked {
    pub from: Workload,
    pub request: Request,
}

/// A token of the issuer with these claims beside good ones.
pub fn token(claims: &Value) -> String {
    Recipe::of(claims).token("RS256")
}

/// A request with a token, or without.
pub fn asked(from: Workload, method: &str, host: &str, path: &str, token: Option<&str>) -> Asked {
    let request = Request::new(method, host, path);
    let request = token.into_iter().fold(request, |it, token| it.header("x-mesh-token", token));
    Asked { from, request }
}

/// What the document of [`crate::world::GATEWAY`] admits.
pub fn good() -> Asked {
    let token = token(&json!({}));
    asked(Workload::Payments, "GET", "api.payment-provider.com", "/v1/payments/42", Some(&token))
}

impl World {
    /// The status of the answer, on a connection of its own; 0 where none comes.
    pub fn send(&self, asked: &Asked) -> u16 {
        self.answer(asked).map_or(0, |response| response.status)
    }

    /// The answer.
    pub fn answer(&self, asked: &Asked) -> Option<Response> {
        std::net::TcpStream::connect(gateway()).ok()?;
        let client = &self.clients[&asked.from];
        let mut connection = crate::support::raw::Connection::open(client, gateway());
        asked.request.send_on(&mut connection)
    }
}

/// A row: what is sent, and what is answered by each output.
pub struct Row {
    pub what: &'static str,
    pub asked: Asked,
    plugin: u16,
    native: u16,
}

impl Row {
    pub fn expected(&self, output: Output) -> u16 {
        match output {
            Output::Plugin => self.plugin,
            Output::Native => self.native,
        }
    }
}

/// The table.
pub fn table() -> Vec<Row> {
    let good = token(&json!({}));
    let other = Recipe { signer: By::Other, ..Recipe::good() }.token("RS256");
    let api = "api.payment-provider.com";
    let path = "/v1/payments/42";
    let of = |claims: Value| token(&claims);
    let row = |what, asked, plugin, native| Row { what, asked, plugin, native };
    let by = |method: &str, host: &str, path: &str, token: Option<&str>| {
        asked(Workload::Payments, method, host, path, token)
    };
    vec![
        // What Istio's own filter lets through without a token, its policy denies.
        row("no token", by("GET", api, path, None), 401, 403),
        row("not a token", by("GET", api, path, Some("nonsense")), 401, 401),
        row("forged", by("GET", api, path, Some(&other)), 401, 401),
        row("expired", by("GET", api, path, Some(&of(json!({"exp": "now-3600"})))), 401, 401),
        row(
            "another issuer",
            by("GET", api, path, Some(&of(json!({"iss": "https://x"})))),
            401,
            401,
        ),
        row("another subject", by("GET", api, path, Some(&of(json!({"sub": "x"})))), 403, 403),
        row("another method", by("DELETE", api, path, Some(&good)), 403, 403),
        row("another path", by("GET", api, "/v2", Some(&good)), 403, 403),
        row("admitted", by("GET", api, path, Some(&good)), 200, 200),
        row(
            "admitted, with a port",
            by("GET", "api.payment-provider.com:443", path, Some(&good)),
            200,
            200,
        ),
        row("a token alone", by("GET", "httpbin.org", "/x", Some(&good)), 200, 200),
        row("a token is missing", by("GET", "httpbin.org", "/x", None), 401, 403),
        row(
            "a workload",
            asked(Workload::Batch, "GET", "reports.example.com", "/", None),
            200,
            200,
        ),
        row(
            "its method",
            asked(Workload::Batch, "POST", "reports.example.com", "/", None),
            403,
            403,
        ),
        row("another workload", by("GET", "reports.example.com", "/", None), 403, 403),
        row("unlisted", by("GET", "unlisted.example.com", "/", Some(&good)), 403, 403),
    ]
}
