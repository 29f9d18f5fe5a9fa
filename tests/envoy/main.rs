//! What needs a real Envoy, with the real module in it: `ENVOY_PATH` names the one, and
//! `scripts/build-wasm.sh` builds the other.
//!
//! | module | what is shown |
//! |---|---|
//! | `access_log` | which decisions an access log can tell of |
//! | `algorithms` | tokens of every algorithm |
//! | `bad_config` | configuration that is not sound is refused whole |
//! | `binding` | tokens that are bound to whoever sends them |
//! | `docs` | what the documentation says is true: commands, reasons, fields, flags, links |
//! | `egress` | access by source workload, with real client certificates |
//! | `host_calls` | what one request costs in calls between Envoy and the module |
//! | `hosts` | which host a request is for, when it says so in unusual ways |
//! | `istio` | Envoy takes what an output for Istio means for it |
//! | `jwks` | where keys come from, and key servers that fail |
//! | `log_lines` | what the log holds under a flood of denied requests |
//! | `native` | `compile --to envoy-native` |
//! | `routing` | what routing rules make of requests, once they are decided |
//! | `run` | `egress-auth run` from start to end |
//! | `scenario` | the scenarios of the documentation, request by request |
//! | `security` | what an attacker may try, and what may fail |
//! | `upstream` | what goes upstream, and to whom |
//! | `waiting` | requests that wait for keys |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

mod access_log;
mod algorithms;
mod bad_config;
mod binding;
mod docs;
mod egress;
mod host_calls;
mod hosts;
mod istio;
mod jwks;
mod log_lines;
mod native;
mod routing;
mod run;
mod scenario;
mod security;
#[path = "../support/mod.rs"]
mod support;
mod upstream;
mod waiting;
