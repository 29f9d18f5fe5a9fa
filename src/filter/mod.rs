//! The proxy-wasm filter: reads headers, asks the engine, applies the decision.
//!
//! It is thin on purpose. What can be said without a host is in files that are built and tested
//! natively too; what talks to Envoy is built for wasm32 only, and every host call is in `host`.
//!
//! | file | what lives there |
//! |---|---|
//! | `header_map` | the serialized form in which the host hands over headers |
//! | `schedule` | when to fetch a JWKS document, and which worker does |
//! | `catalogue` | every metric, with its labels and what it says |
//! | `metrics` | counting |
//! | `report` | the log line and the access-log fields of a decision |
//! | `host` | every host call and callback; the only unsafe code |
//! | `verifier` | signatures checked by Envoy's BoringSSL, or here |
//! | `keys` | JWKS documents: fetched by one worker, shared by all |
//! | `worker` | one worker's state: decide, wait for keys, apply |
//! | `contexts` | what each callback does: for roots, and for streams |

/// Connection filter state in which a listener may note down all URI subject alternative names of
/// the peer's certificate, separated by commas.
pub const PEER_URI_SANS: &str = "egress_auth.peer_uri_sans";

pub mod catalogue;
pub mod header_map;
pub mod metrics;
pub mod report;
pub mod schedule;

#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod contexts;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod host;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod keys;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod verifier;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod worker;
