//! What an attacker may try, and what may fail, tried. Each test prints a row of what it tried;
//! `make security` makes a table of them, with a row of the fuzzers' corpora (`tests/pure/corpora.rs`).
//!
//! | module | what lives there |
//! |---|---|
//! | [`catalogue`] | ways to get past a gateway, as requests |
//! | `bypasses` | each of them, sent through a real Envoy |
//! | [`tls`] | the same for handshakes |
//! | [`stolen`] | good tokens, sent by others than they were issued to |
//! | `capabilities` | what Envoy lets the module do, each left out once |
//! | `faults` | what may fail around the filter |
//! | `vectors` | the signed examples of RFC 7515, and what is nearly one |
//! | `wycheproof` | Project Wycheproof's, natively and in Envoy |
//! | [`checked_by`] | who checks signatures |
//! | `secrets` | what no log and no answer may hold |

mod bypasses;
mod capabilities;
mod catalogue;
mod checked_by;
mod faults;
mod secrets;
mod stolen;
mod tls;
mod vectors;
mod wycheproof;
