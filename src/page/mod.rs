//! The engine for the page that `egress-auth report` writes: the same `decide` as in the filter,
//! compiled to wasm and called by the page's script.
//!
//! It is a module of its own beside the filter, built with the feature `page`, because what the
//! filter exports Envoy calls, and what it imports a browser has not.
//!
//! | file | what lives there |
//! |---|---|
//! | `protocol` | what the page asks, and what it is told, as JSON |
//! | `survey` | many requests for one host at once |
//! | `host` | the exported functions; the only unsafe code of this module |

#[cfg(all(target_arch = "wasm32", feature = "page"))]
mod host;
pub mod protocol;
mod survey;
