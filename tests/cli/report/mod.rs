//! `egress-auth report`, as a user runs it. What the page does in a browser is tested in
//! `web/test/`.
//!
//! | file | what it holds the command to |
//! |---|---|
//! | `page` | the page is one file, and says what the other commands say |
//! | `refused` | what is wrong with input is said, and nothing is written |

mod page;
mod refused;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The page's engine, as `make wasm` builds it.
fn engine() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/egress_auth_page.wasm");
    assert!(path.is_file(), "{} is missing: run `make wasm`", path.display());
    path
}

fn egress_auth(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(arguments).current_dir(folder.path()).output().unwrap()
}

/// Runs `report` with the engine that was built.
fn report(folder: &TempDir, arguments: &[&str]) -> Output {
    let engine = engine();
    let named = ["--wasm", engine.to_str().unwrap()];
    egress_auth(folder, &[&["report"], arguments, &named].concat())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn gateway(spec: &str) -> String {
    format!(
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: gateway}}\nspec:\n  \
         workloadSelector: {{namespace: egress}}\n{spec}"
    )
}

/// A folder with a Gateway in each of some files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, spec) in files {
        std::fs::write(folder.path().join(name), gateway(spec)).unwrap();
    }
    folder
}

/// One server with one rule that admits these methods.
fn server(name: &str, methods: &str) -> String {
    format!(
        "  - name: {name}\n    hostname: {name}.test\n    authentication: {{jwt: {{issuer: \
         https://auth.test, jwksUri: https://auth.test/keys}}}}\n    authorization: {{local: \
         {{rules: [{{name: {name}-rule, from: [{{jwt: {{sub: {name}-caller}}}}], to: [{{methods: \
         [{methods}], paths: [/{name}/*]}}]}}]}}}}\n"
    )
}
