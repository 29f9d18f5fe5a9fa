//! `egress-auth compile --to wasm-plugin`: which module it names, and for which release.

use std::process::Output;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn wasm_plugin(arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_egress-auth"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["compile", "envoy/examples/payments.yaml", "--to", "wasm-plugin"])
        .args(arguments)
        .output()
        .unwrap()
}

/// The spec of the WasmPlugin that a command wrote.
fn spec(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let plugin = text.split("---\n").last().unwrap();
    serde_saphyr::from_str::<Value>(plugin).unwrap()["spec"].clone()
}

#[test]
fn the_checksum_is_that_of_the_module_or_of_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("module.wasm");
    std::fs::write(&module, b"\0asm and so on").unwrap();
    let wasm = module.to_str().unwrap();
    let url = "https://modules.test/egress_auth.wasm";
    let written = spec(&wasm_plugin(&["--wasm", wasm, "--module-url", url]));
    let digest = Sha256::digest(b"\0asm and so on");
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&written["sha256"], &written["url"]), (&json!(expected), &json!(url)));
    let image = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    assert_eq!(spec(&wasm_plugin(&["--module-url", &image]))["sha256"], DIGEST);
    for (arguments, expected) in [
        (vec!["--module-url", "oci://registry.test/egress-auth:latest"], "names no digest"),
        (vec!["--module-url", "ftp://modules.test/x"], "is not an oci, https, http or file URL"),
        (vec!["--module-url", "registry.test/image"], "names no scheme: write oci://"),
        (
            vec!["--module-url", "https://modules.test/a\nb"],
            "`https://modules.test/a\\nb` is not a URL",
        ),
        (vec!["--module-url", url, "--wasm", "Cargo.toml"], "is not a WebAssembly module"),
        (vec!["--module-url", url, "--wasm", "none.wasm"], "cannot read none.wasm"),
    ] {
        let output = wasm_plugin(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn newer_releases_get_a_traffic_extension_unless_another_kind_is_asked_for() {
    let image = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    let plugin = spec(&wasm_plugin(&["--module-url", &image]));
    let with = |arguments: &[&str]| {
        let output = wasm_plugin(&[&["--module-url", &image][..], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_saphyr::from_str::<Value>(text.split("---\n").last().unwrap()).unwrap()
    };
    let extension = with(&["--istio-version", "1.30"]);
    assert_eq!(extension["kind"], "TrafficExtension");
    assert_eq!(extension["apiVersion"], "extensions.istio.io/v1alpha1");
    let mut same = extension["spec"]["wasm"].clone();
    for field in ["phase", "priority", "match", "selector"] {
        same[field] = extension["spec"][field].clone();
    }
    assert_eq!(same, plugin);
    let older = with(&["--istio-version", "1.31", "--extension-api", "wasm-plugin"]);
    assert_eq!((&older["kind"], &older["spec"]), (&json!("WasmPlugin"), &plugin));
    let early = wasm_plugin(&["--module-url", &image, "--extension-api", "traffic-extension"]);
    assert_eq!(early.status.code(), Some(1));
    let error = String::from_utf8(early.stderr).unwrap();
    assert!(error.contains("--istio-version 1.30 or later"), "{error}");
}

#[test]
fn what_a_release_does_not_know_is_not_written() {
    let image = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    for (release, expected) in
        [("1.26", "FAIL_CLOSE"), ("1.27", "FAIL_RELOAD"), ("1.29", "FAIL_RELOAD")]
    {
        let written = wasm_plugin(&["--module-url", &image, "--istio-version", release]);
        assert_eq!(spec(&written)["failStrategy"], expected, "{release}");
    }
    assert_eq!(spec(&wasm_plugin(&["--module-url", &image]))["failStrategy"], "FAIL_RELOAD");
    for arguments in [
        vec!["--module-url", &image, "--istio-version", "1.21"],
        vec!["--module-url", &image, "--istio-version", "latest"],
        vec![],
    ] {
        assert_eq!(wasm_plugin(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_image_is_pulled_with_a_secret_of_the_gateways_namespace() {
    let image = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    let with = ["--module-url", &image, "--image-pull-secret", "registry-credentials"];
    assert_eq!(spec(&wasm_plugin(&with))["imagePullSecret"], "registry-credentials");
    assert_eq!(spec(&wasm_plugin(&with[..2])).get("imagePullSecret"), None);
    for (url, secret, code) in [("https://modules.test/x", "a", 1), (&image, "A b", 2)] {
        let output = wasm_plugin(&["--module-url", url, "--image-pull-secret", secret]);
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What is deployed and what is written, and what is said about it.
#[test]
fn a_module_and_a_policy_that_change_together_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [deployed, none, mesh] = ["deployed.yaml", "none.yaml", "mesh.yaml"].map(path);
    let image = |digit: &str| format!("oci://registry.test/a@sha256:{}", digit.repeat(64));
    let before = wasm_plugin(&["--module-url", &image("1")]);
    std::fs::write(&deployed, &before.stdout).unwrap();
    std::fs::write(&none, "apiVersion: v1\nitems: []\nkind: List\n").unwrap();
    let said = |arguments: &[&str]| {
        let output = wasm_plugin(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let newer = image("2");
    let allow = ["--default-action", "allow"];
    let together = "warning: module and policy change together";
    let alone = said(&["--module-url", &newer, "--in-force", &deployed]);
    assert!(alone.contains("note: the module changes") && !alone.contains(together), "{alone}");
    let both = said(&[&["--module-url", &newer, "--in-force", &deployed], &allow[..]].concat());
    assert!(both.contains(together), "{both}");
    let policy =
        said(&[&["--module-url", &image("1"), "--in-force", &deployed], &allow[..]].concat());
    assert!(!policy.contains("change"), "{policy}");
    let first = said(&["--module-url", &newer, "--in-force", &none]);
    assert!(first.contains("the first one changes the gateway's listener"), "{first}");
    // The file that is written to is what is deployed, as far as anybody knows.
    let first = said(&["--module-url", &image("1"), "--out", &mesh]);
    assert!(!first.contains("change"), "{first}");
    let over = said(&[&["--module-url", &newer, "--out", &mesh], &allow[..]].concat());
    assert!(over.contains(together), "{over}");
    let renamed = said(&["--module-url", &newer, "--istio-version", "1.30", "--out", &mesh]);
    assert!(renamed.contains("takes the place of WasmPlugin"), "{renamed}");
}

#[test]
fn two_gateways_for_the_same_pods_are_never_written() {
    for (to, further) in [("istio-native", None), ("wasm-plugin", Some(DIGEST))] {
        let image =
            further.map(|digest| format!("--module-url=oci://registry.test/a@sha256:{digest}"));
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_egress-auth"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["compile", "tests/fixtures/field/same-pods.yaml", "--to", to])
            .args(["--gateway", "egress/payments"])
            .args(image)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains("error: the objects of egress/reports would hold for the same pods"),
            "{error}"
        );
    }
}

#[test]
fn the_root_namespace_is_that_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/envoy/examples/payments.yaml"
    ));
    let file = folder.path().join("gateway.yaml");
    std::fs::write(
        &file,
        text.unwrap()
            .replace("namespace: egress", "namespace: istio-system")
            .replace("host: egress/", "host: istio-system/"),
    )
    .unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_egress-auth"))
        .args(["compile", "--to", "istio-native"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("hold for pods with these labels in every namespace"), "{said}");
}
