//! The filter: reads headers, asks the engine, applies the decision.
//!
//! What can be said without a host is here, built and tested natively too. Everything that talks
//! to Envoy is in `wasm`, one kind of host; a second would stand beside it.
//!
//! | file | what lives there |
//! |---|---|
//! | `judge` | what a request comes to: a decision, or waiting for keys |
//! | `header_map` | the serialized form in which the host hands over headers |
//! | `schedule` | when to fetch a JWKS document, and which worker does |
//! | `agenda` | when a worker looks at which document next |
//! | `response` | what the response to a fetch comes to |
//! | `in_force` | which policies are in force in the process |
//! | `metrics` | counting |
//! | `log_limit` | how many log lines of denied requests are written |
//! | `trail` | the log line and the access-log fields of a decision |
//! | `wasm` | the filter as a proxy-wasm module |

pub mod agenda;
pub mod header_map;
pub mod in_force;
pub mod judge;
#[cfg(test)]
mod judge_tests;
pub mod log_limit;
pub mod metrics;
pub mod response;
pub mod schedule;
pub mod trail;

#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod wasm;
