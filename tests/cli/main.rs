//! The command line as a user runs it, without an Envoy.
//!
//! | module | what is shown |
//! |---|---|
//! | `compile` | `check`, `compile` and `schema` |
//! | `deployed` | commands on what is deployed |
//! | `diagnostics` | every message about documents, word for word |
//! | `diff` | `diff` |
//! | `explain` | `explain` |
//! | `files` | files that commands read and write |
//! | `first_use` | what somebody stumbles over who is new to the program |
//! | `flags` | flags that mean nothing, or harm, together or with a Gateway |
//! | `manifests` | the committed example for Istio and the documentation are what the program writes |
//! | `module_url` | `check --module-url` |
//! | `prove` | `prove`, and guarantees that `compile` insists on |
//! | `report` | `report`; what its page does in a browser is tested in `web/test/` |
//! | `tokens` | tokens in queries, which are printed nowhere |
//! | `streams` | standard output and standard error that are closed, full or unread |
//! | `test` | `test` |
//! | `wasm_plugin` | the flags of `compile --to wasm-plugin` |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

mod compile;
mod deployed;
mod diagnostics;
mod diff;
mod explain;
mod files;
mod first_use;
mod flags;
mod manifests;
mod module_url;
mod prove;
mod report;
mod streams;
mod test;
mod tokens;
mod wasm_plugin;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in a folder.
fn egress_auth(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(arguments).current_dir(folder).output().unwrap()
}
