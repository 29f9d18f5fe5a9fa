//! Requests that wait for keys: nothing of them goes on before they are decided, whatever else
//! Envoy is told, and by which policy they are decided.
//!
//! | module | what is shown |
//! |---|---|
//! | `pausing` | with and without body and trailers, in both versions of HTTP, however Envoy pauses |
//! | `replaced` | the policy changes meanwhile; which policies are said to be in force |
//! | `chain` | two filters in one chain |
//! | `ticks` | a thousand issuers, and what a worker looks at |

mod chain;
mod pausing;
mod replaced;
mod ticks;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::envoy::Envoy;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::{self, Signer, jwk};
use crate::support::raw::Request;
use crate::support::token::Recipe;

/// The HTTP filters of a listener.
const FILTERS: &str = "/filter_chains/0/filters/0/typed_config/http_filters";
/// The filter among them.
const POSITION: usize = 1;

/// The filters of the first listener of a bootstrap.
fn filters(bootstrap: &mut Value) -> &mut Vec<Value> {
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    listener.pointer_mut(FILTERS).unwrap().as_array_mut().unwrap()
}

/// The configuration of the filter in a bootstrap.
fn config(bootstrap: &mut Value) -> &mut Value {
    &mut filters(bootstrap)[POSITION]["typed_config"]["config"]
}

/// A server whose requests carry a token of `https://<name>` in `x-<name>`.
fn server(name: &str, paths: &str) -> String {
    format!(
        "- name: {name}\n  hostname: one.api\n  authentication:\n    jwt:\n      \
         issuer: https://{name}\n      jwksUri: https://{name}.issuer/jwks.json\n      \
         fromHeaders: [{{name: x-{name}}}]\n  \
         authorization: {{local: {{rules: [{{to: [{{paths: [{paths}]}}]}}]}}}}\n"
    )
}

/// A Gateway with that server.
fn gateway(name: &str, paths: &str, issuer: &Jwks, upstream: SocketAddr) -> Gateway {
    Gateway::of_servers(&server(name, paths))
        .upstream(&format!("{name}.issuer"), issuer.address())
        .upstream("one.api", upstream)
}

/// A token of an issuer.
fn token(name: &str, signer: Signer) -> String {
    let claims = json!({"iss": format!("https://{name}")});
    let recipe = match signer {
        Signer::Other => json!({
            "claims": claims, "signer": "other",
            "header": {"kid": keys::key_id(Signer::Other, "RS256")},
        }),
        _ => json!({"claims": claims}),
    };
    serde_json::from_value::<Recipe>(recipe).unwrap().token("RS256")
}

/// Publishes these keys.
fn serve(signers: &[Signer]) -> Behaviour {
    let keys: Vec<Value> = signers.iter().map(|signer| jwk(*signer, "RS256")).collect();
    Behaviour::Serve(keys::jwks(&keys))
}

fn get(path: &str) -> Request {
    Request::new("GET", "one.api", path)
}

/// Waits until Envoy has so many requests that have not ended.
fn until_active(envoy: &Envoy, requests: u64) {
    eventually(&format!("{requests} requests under way"), || {
        (envoy.stat("http.egress.downstream_rq_active")? == requests).then_some(())
    });
}
