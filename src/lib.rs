//! egress-auth decides, inside the egress Envoy, which workload may call which external API.
//!
//! The map of the crate, in the order in which a policy travels:
//!
//! | module | what lives there | built for |
//! |---|---|---|
//! | [`resource`] | the YAML documents a user writes, with the position of every field | native |
//! | [`compile`] | documents to [`policy::Policy`], with diagnostics | native |
//! | [`emit`] | a compiled policy to each deployable output | native |
//! | [`policy`] | the wire format between compiler and filter, the only thing the filter reads | both |
//! | [`signals`] | what decisions leave behind, by name: reasons, metrics, access-log fields | both |
//! | [`jwt`] | tokens, keys, signatures, claims, the cache of verified tokens | both |
//! | [`engine`] | `decide`: a pure function from request to decision | both |
//! | [`explain`] | a decision in words, with every step | both |
//! | [`filter`] | proxy-wasm contexts and host calls | wasm32, its pure parts both |
//! | [`page`] | the engine for the page that `report` writes | wasm32 with the feature `page`, its pure parts both |
//! | [`prove`] | what policies allow, over all requests | native, and the page |
//! | [`diff`] | what another policy would allow or deny | native |
//! | [`outline`] | the hosts and the callers of a policy | native |
//! | [`demo`] | a local issuer and an echo upstream, for trying things out and for tests | native |
//! | [`cli`] | one file a command | native |

pub mod engine;
pub mod explain;
pub mod filter;
pub mod jwt;
#[cfg(any(feature = "page", not(target_arch = "wasm32")))]
pub mod page;
pub mod policy;
#[cfg(any(feature = "page", not(target_arch = "wasm32")))]
pub mod prove;
pub mod signals;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod compile;
#[cfg(not(target_arch = "wasm32"))]
pub mod demo;
#[cfg(not(target_arch = "wasm32"))]
pub mod diff;
#[cfg(not(target_arch = "wasm32"))]
pub mod emit;
#[cfg(not(target_arch = "wasm32"))]
pub mod outline;
#[cfg(not(target_arch = "wasm32"))]
pub mod resource;
