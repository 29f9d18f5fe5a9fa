//! The decision engine: a pure function from policy, request, time and keys to a decision.
//!
//! The same code runs in the filter, in `explain` and in the tests, so what `explain` says is
//! what Envoy does. No I/O lives here, no clock, and no type of proxy-wasm.
//!
//! | file | what it answers |
//! |---|---|
//! | `index` | is the policy sound, and what can be computed before the first request |
//! | `policy_error` | why is it not |
//! | `jwt_rules` | whose tokens are accepted, and where are the keys |
//! | `servers` | what governs a hostname |
//! | `decide` | what happens to this request |
//! | `context` | what is known beside it |
//! | `header_names` | is a header one of these, however it is spelt |
//! | `reserved_headers` | may a client say something in this header |
//! | `credentials` | where is its token, and how is it taken out |
//! | `authenticate` | is the token what it claims to be |
//! | `holder` | is whoever sends it the one that it was issued to |
//! | `verified` | what is remembered of one that is |
//! | `path` | what do servers make of its path |
//! | `percent` | what do escapes stand for |
//! | `precedence` | which mechanism decides for the host |
//! | `rules` | does a rule of the server admit it |
//! | `scopes` | which scopes does it lack |
//! | `source` | which workload is behind it |
//! | `forwarded` | what does a peer say of its own client |
//! | `egress` | does an entry of `egressAuthorization` admit it |
//! | `denial` | what does the client hear |
//! | `told` | what is `explain` told of what does not fit |
//! | `tried_out` | what of the policy is reported only |

mod authenticate;
mod context;
mod credentials;
mod decide;
mod decision;
mod denial;
mod egress;
#[cfg(test)]
mod egress_tests;
mod forwarded;
#[cfg(test)]
mod forwarding_tests;
mod header_names;
pub(crate) mod holder;
#[cfg(test)]
mod holder_tests;
mod index;
mod jwt_rules;
mod keyring;
pub mod path;
pub(crate) mod percent;
mod policy_error;
pub mod precedence;
mod request;
mod reserved_headers;
mod rules;
mod scopes;
mod servers;
pub mod source;
#[cfg(test)]
mod tests;
mod told;
mod trace;
mod tried_out;
mod verified;

pub use crate::signals::{Mechanism, Reason};
pub use context::Context;
pub use credentials::{Locations, uses_default_locations};
pub use decide::{Await, Verdict};
pub use decision::{Decision, Denial, Mutations, Outcome};
pub use index::Engine;
pub use jwt_rules::{MAX_CLOCK_SKEW_SECONDS, RemoteJwks};
pub use keyring::KeyRing;
pub use policy_error::PolicyError;
pub use request::{Asserted, Request};
#[cfg(any(feature = "page", not(target_arch = "wasm32")))]
pub(crate) use rules::Principal;
pub(crate) use rules::{ClaimPattern, Operation};
pub use source::{KnownCertificate, NoPeerCertificate, PeerCertificate};
pub use trace::{NoTrace, Trace};
pub use tried_out::tried_out;
pub use verified::Verified;
