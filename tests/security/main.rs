//! What an attacker may try, tried: `make security` prints what these tests count.
//!
//! | module | what lives there |
//! |---|---|
//! | [`catalogue`] | ways to get past a gateway, as requests |
//! | `bypasses` | each of them, sent through a real Envoy |
//! | `secrets` | what no log and no answer may hold |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod bypasses;
mod catalogue;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
