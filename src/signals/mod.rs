//! What the filter says of its decisions, by name: the filter writes these names, the outputs and
//! the reference read them, and neither knows of the other.
//!
//! Nothing here depends on another part of the crate.
//!
//! | file | what lives there |
//! |---|---|
//! | `reason` | reason codes, and what decided |
//! | `catalogue` | every metric, with its labels and what it says |
//! | `filter_state` | the names of filter state |
//! | `access_log` | the fields of the access log |

pub mod access_log;
pub mod catalogue;
pub mod filter_state;
mod reason;

pub use filter_state::PEER_URI_SANS;
pub use reason::{Mechanism, Reason};
