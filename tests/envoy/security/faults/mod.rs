//! Faults around the filter, in a real Envoy under load: what gets through that should not
//! (nothing, which is asked of the upstream), what does not get through that should, and why, and
//! that everything is well again afterwards.
//!
//! | module | what fails |
//! |---|---|
//! | `issuers` | key servers, and the TLS to them |
//! | `rotation` | keys change while forged tokens name keys that do not exist |
//! | `waiting` | nothing yet: requests wait for keys |
//! | `clock` | nothing: tokens end, and begin |
//! | `updates` | policies change, and some of the new ones are wrong |
//! | `trap` | the module |
//! | `upstreams` | the upstream |

mod clock;
mod issuers;
mod rotation;
mod trap;
mod updates;
mod upstreams;
mod waiting;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use egress_auth::demo::echo::Echo;
use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::jwks::Jwks;
use crate::support::keys::{self, Signer};
use crate::support::raw::{Pending, Request};
use crate::support::token::Recipe;
use crate::support::tried::Tried;

/// The worker threads with which each fault is tried.
const WORKERS: [usize; 2] = [1, 4];
/// Path of requests that may pass.
const GOOD: &str = "/good";
/// Path of requests that may not.
const BAD: &str = "/bad";

/// A server for an issuer of that name.
fn server(name: &str, jwks_uri: &str) -> String {
    format!(
        "- name: {name}\n  hostname: {name}.api\n  authentication:\n    jwt:\n      \
         issuer: https://{name}\n      jwksUri: {jwks_uri}\n"
    )
}

/// A Gateway with one issuer.
fn one_issuer(issuer: &Jwks, upstream: SocketAddr) -> Gateway {
    Gateway::of_servers(&server("one", "https://one.issuer/jwks"))
        .upstream("one.issuer", issuer.address())
        .upstream("one.api", upstream)
}

/// A token of an issuer, by a recipe without claims.
fn token(name: &str, recipe: serde_json::Value) -> String {
    let mut recipe: Recipe = serde_json::from_value(recipe).unwrap();
    recipe.claims.insert("iss".to_owned(), format!("https://{name}").into());
    recipe.token("RS256")
}

/// A good token of an issuer.
fn good_token(name: &str) -> String {
    token(name, json!({}))
}

/// A token signed by somebody else, under that key's own ID.
fn token_of_other_key(name: &str) -> String {
    let key = keys::key_id(Signer::Other, "RS256");
    token(name, json!({"signer": "other", "header": {"kid": key}}))
}

/// A request that may pass.
fn good(name: &str, token: &str) -> Request {
    Request::new("GET", format!("{name}.api"), GOOD).bearer(token)
}

/// Requests that may not pass: without a token, with none that is one, with one that somebody else
/// signed under the issuer's key ID, with one that nobody signed, and with one of another issuer.
fn bad(name: &str) -> Vec<Request> {
    let request = || Request::new("GET", format!("{name}.api"), BAD);
    let forged = token(name, json!({"signer": "other"}));
    let unsigned = token(name, json!({"alg": "none", "signer": "nobody"}));
    let tokens = ["a.b.c", &forged, &unsigned, &good_token("stranger")];
    let mut requests: Vec<Request> = tokens.iter().map(|it| request().bearer(it)).collect();
    requests.push(request());
    requests
}

/// What came of the requests of one fault.
#[derive(Default)]
struct Count {
    sent: usize,
    /// Bad ones that were answered with 200 or that arrived.
    allowed: usize,
    /// Good ones that were not answered with 200, by status.
    denied: BTreeMap<u16, usize>,
    /// When the fault ended, until a good one passes.
    ended: Option<Instant>,
    /// The longest time from there to one that passed.
    recovery: Option<Duration>,
}

impl Count {
    /// Says that nothing fails any more, from here on.
    fn fault_ends(&mut self) {
        self.ended.get_or_insert_with(Instant::now);
    }

    fn passed(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.recovery = self.recovery.max(Some(ended.elapsed()));
        }
    }

    /// Waits for the answer to one request, that may pass or not.
    fn one(&mut self, may_pass: bool, request: &Request, to: SocketAddr) -> u16 {
        // A request that was lost has no status.
        let status = request.try_send(to).map_or(0, |response| response.status);
        self.sent += 1;
        match (may_pass, status) {
            (true, 200) => self.passed(),
            (true, status) => *self.denied.entry(status).or_default() += 1,
            (false, status) => self.allowed += usize::from(status == 200),
        }
        status
    }

    /// Takes over what was counted elsewhere.
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.allowed += other.allowed;
        self.recovery = self.recovery.max(other.recovery);
        for (status, times) in other.denied {
            *self.denied.entry(status).or_default() += times;
        }
    }

    /// Waits for the answers to good requests; how many were let in.
    fn good(&mut self, requests: impl IntoIterator<Item = Pending>) -> usize {
        let mut passed = 0;
        for request in requests {
            self.sent += 1;
            match request.response().status {
                200 => {
                    passed += 1;
                    self.passed();
                }
                status => *self.denied.entry(status).or_default() += 1,
            }
        }
        passed
    }

    /// Waits for the answers to bad requests.
    fn bad(&mut self, requests: impl IntoIterator<Item = Pending>) {
        for request in requests {
            self.sent += 1;
            self.allowed += usize::from(request.response().status == 200);
        }
    }

    /// Counts what arrived of the bad ones, and returns how many good ones did.
    fn arrived(&mut self, echo: &Echo) -> usize {
        let received = echo.take_received();
        let of = |path: &str| received.iter().filter(|it| it.path == path).count();
        self.allowed += of(BAD);
        of(GOOD)
    }

    /// Prints the row, and says what cannot be explained: `explained` are the statuses that good
    /// requests may get while it fails.
    fn finish(self, what: &str, workers: usize, explained: &[u16], remark: &str) {
        let worker = if workers == 1 { "1 worker" } else { &format!("{workers} workers") };
        let denied: usize = self.denied.values().sum();
        let lost = self.denied.get(&0).copied().unwrap_or(0);
        Tried {
            what: format!("fault: {what}, {worker}"),
            tried: self.sent,
            allowed: self.allowed,
            denied: denied - lost,
            lost,
            remark: match self.recovery {
                Some(time) => format!("{remark}; again after {} ms", time.as_millis()),
                None => remark.to_owned(),
            },
        }
        .print();
        assert_eq!(self.allowed, 0, "{what}: wrongly allowed");
        let unexplained = self.denied.keys().find(|status| !explained.contains(status));
        assert_eq!(unexplained, None, "{what}: {:?}", self.denied);
    }
}

/// Sends a request until it passes, and counts all of them.
fn until_it_passes(count: &mut Count, what: &str, request: &Request, to: SocketAddr) {
    crate::support::eventually(what, || (count.good([request.open(to)]) == 1).then_some(()));
}
