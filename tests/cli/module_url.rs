//! `egress-auth check --module-url`: whether gateways would get the module where it is looked for.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use egress_auth::demo::server::{ANY_PORT, Server};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

const MODULE: &[u8] = b"\0asm and so on";

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A web server with these files.
fn serve(files: BTreeMap<String, Vec<u8>>) -> Server {
    let files = Arc::new(files);
    let router = Router::new().fallback(move |request: Request| {
        let found = files.get(request.uri().path()).cloned();
        std::future::ready(found.ok_or(StatusCode::NOT_FOUND))
    });
    Server::start("files", ANY_PORT, router).unwrap()
}

fn check(folder: &Path, url: &str) -> Output {
    let gateway = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/examples/payments.yaml");
    let module = folder.join("module.wasm");
    std::fs::write(&module, MODULE).unwrap();
    let module = module.to_str().unwrap();
    super::egress_auth(folder, &["check", gateway, "--module-url", url, "--wasm", module])
}

#[track_caller]
fn is(output: &Output, code: i32, expected: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_web_server_and_a_file_are_compared_with_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("/right.wasm", MODULE), ("/wrong.wasm", b"something else")];
    let server = serve(files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into());
    let at = |name: &str| format!("http://{}/{name}.wasm", server.address());
    is(&check(folder.path(), &at("right")), 0, &format!("SHA-256 {}", sum(MODULE)));
    is(&check(folder.path(), &at("wrong")), 1, "apply nothing before both are one");
    is(&check(folder.path(), &at("none")), 1, "it answers with status 404");
    is(&check(folder.path(), "http://127.0.0.1:1/x.wasm"), 1, "is no module");
    let file = folder.path().join("module.wasm");
    is(&check(folder.path(), &format!("file://{}", file.display())), 0, "14 bytes");
    is(&check(folder.path(), "file:///none.wasm"), 1, "cannot read /none.wasm");
    is(&check(folder.path(), "oci://registry.test/a:latest"), 1, "names no digest");
}

#[test]
fn an_image_holds_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let layer = |module: &[u8]| {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_ustar();
        header.set_size(module.len() as u64);
        archive.append_data(&mut header, "plugin.wasm", module).unwrap();
        let mut encoder = archive.into_inner().unwrap();
        encoder.flush().unwrap();
        encoder.finish().unwrap()
    };
    let mut files = BTreeMap::new();
    let mut image = |layers: &[Vec<u8>]| {
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| {
                let digest = format!("sha256:{}", sum(layer));
                files.insert(format!("/v2/egress-auth/blobs/{digest}"), layer.clone());
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest})
            })
            .collect();
        let manifest = json!({"schemaVersion": 2, "layers": layers}).to_string().into_bytes();
        let digest = sum(&manifest);
        files.insert(format!("/v2/egress-auth/manifests/sha256:{digest}"), manifest);
        digest
    };
    let right = image(&[layer(MODULE)]);
    let wrong = image(&[layer(b"something else")]);
    let two = image(&[layer(MODULE), layer(MODULE)]);
    let damaged = sum(b"manifest");
    files.insert(format!("/v2/egress-auth/manifests/sha256:{damaged}"), b"another".to_vec());
    let server = serve(files);
    let at = |digest: &str| format!("oci://{}/egress-auth@sha256:{digest}", server.address());
    is(&check(folder.path(), &at(&right)), 0, &format!("SHA-256 {}", sum(MODULE)));
    is(&check(folder.path(), &at(&wrong)), 1, "apply nothing before both are one");
    is(&check(folder.path(), &at(&two)), 1, "the image has 2 layers");
    is(&check(folder.path(), &at(&damaged)), 1, "answers with bytes of the SHA-256");
    is(&check(folder.path(), &at(&"0".repeat(64))), 1, "answers with status 404");
}
