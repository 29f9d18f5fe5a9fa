//! Tokens of every algorithm: what is judged of them is the same for each, whoever verifies the
//! signature, Envoy or the module itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod support;

use support::table::Table;

#[test]
fn rs256() {
    Table::read("claims").run("RS256", 1);
}

#[test]
fn ps256() {
    Table::read("claims").run("PS256", 1);
}

#[test]
fn es256() {
    Table::read("claims").run("ES256", 1);
}

#[test]
fn es384() {
    Table::read("claims").run("ES384", 1);
}

#[test]
fn eddsa() {
    Table::read("claims").run("EdDSA", 1);
}
