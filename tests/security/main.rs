//! What an attacker may try, and what may fail, tried. Each test prints a row of what it tried;
//! `make security` makes a table of them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`catalogue`] | ways to get past a gateway, as requests |
//! | `bypasses` | each of them, sent through a real Envoy |
//! | [`tls`] | the same for handshakes |
//! | `capabilities` | what Envoy lets the module do, each left out once |
//! | `faults` | what may fail around the filter |
//! | `corpora` | the fuzzers' inputs, replayed without a fuzzer |
//! | `vectors` | the signed examples of RFC 7515, and what is nearly one |
//! | `wycheproof` | Project Wycheproof's, natively and in Envoy |
//! | [`checked_by`] | who checks signatures |
//! | `secrets` | what no log and no answer may hold |
//! | [`report`] | the table |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod bypasses;
mod capabilities;
mod catalogue;
mod checked_by;
mod corpora;
mod faults;
mod report;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../fuzz/src/lib.rs"]
mod targets;
mod tls;
mod vectors;
mod wycheproof;
