//! Commands on what is deployed, as kubectl prints it, in place of a Gateway.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::egress_auth;

const PAYMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/examples/payments.yaml");

/// A folder with `gateway.yaml`, and with `deployed.yaml` as kubectl prints the plugin of it in a list,
/// beside one of somebody else.
fn folder(istio: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(PAYMENTS, folder.path().join("gateway.yaml")).unwrap();
    let url = format!("oci://registry.test/egress-auth@sha256:{}", "1".repeat(64));
    let flags = [
        "compile",
        "gateway.yaml",
        "--to",
        "wasm-plugin",
        "--istio-version",
        istio,
        "--module-url",
        &url,
    ];
    let output = egress_auth(folder.path(), &flags);
    let text = String::from_utf8(output.stdout).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let mut plugin = objects.into_iter().last().unwrap();
    plugin["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": plugin.to_string()});
    plugin["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Apply"}]);
    plugin["metadata"]["resourceVersion"] = json!("42");
    plugin["status"] = json!({"conditions": []});
    let other = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "other", "namespace": "egress"},
        "spec": {"url": "oci://registry.test/other", "pluginConfig": {"version": 1}},
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [other, plugin]});
    std::fs::write(folder.path().join("deployed.yaml"), list.to_string()).unwrap();
    folder
}

fn texts(output: &Output) -> [String; 2] {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_is_in_force_is_compared_with_a_document() {
    for istio in ["1.29", "1.30"] {
        let folder = folder(istio);
        let diff = || egress_auth(folder.path(), &["diff", "deployed.yaml", "gateway.yaml"]);
        let output = diff();
        assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
        let [_, said] = texts(&output);
        assert!(said.contains("deployed.yaml is the "), "{said}");
        assert!(said.contains(" egress/shared-egress-gateway"), "{said}");
        replace(folder.path(), "gateway.yaml", "                    - POST\n", "");
        let output = diff();
        assert_eq!(output.status.code(), Some(1), "{:?}", texts(&output));
    }
}

#[test]
fn commands_say_what_is_enforced() {
    let folder = folder("1.29");
    let run = |arguments: &[&str]| egress_auth(folder.path(), arguments);
    let explained = run(&[
        "explain",
        "deployed.yaml",
        "--request",
        "DELETE https://api.payment-provider.com/v1/payments/42",
        "--claims",
        r#"{"iss": "https://auth.example.com", "sub": "payments-service@example.com"}"#,
    ]);
    assert!(texts(&explained)[0].contains("deny 403 no_rule_matched"), "{:?}", texts(&explained));
    let checked = run(&["check", "deployed.yaml"]);
    assert_eq!(checked.status.code(), Some(0));
    let [_, said] = texts(&checked);
    for expected in [
        "read the WasmPlugin egress/shared-egress-gateway: the policy of egress/shared-egress-gateway",
        "routes and TLS are not in it",
        "skipped a document of kind extensions.istio.io/v1alpha1 WasmPlugin",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let flags = run(&["check", "deployed.yaml", "--default-action", "allow"]);
    let [_, said] = texts(&flags);
    assert!(said.contains("--default-action says nothing about the WasmPlugin"), "{said}");
    // What is made of Gateways is made of nothing else.
    for command in [&["compile", "deployed.yaml"][..], &["run", "deployed.yaml"]] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let [_, said] = texts(&output);
        assert!(said.contains("is what was compiled, and no Gateway"), "{said}");
    }
    // Beside its document, a plugin is what it always was: a document of another kind.
    let both = run(&["check", "."]);
    let [_, said] = texts(&both);
    assert!(said.contains("skipped a document of kind") && !said.contains("read the"), "{said}");
}

#[test]
fn a_configuration_alone_is_read_and_one_that_a_filter_refuses_is_not() {
    let folder = folder("1.29");
    let config = egress_auth(folder.path(), &["compile", "gateway.yaml", "-o", "config.json"]);
    assert!(config.status.success());
    let output = egress_auth(folder.path(), &["diff", "config.json", "gateway.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
    replace(
        folder.path(),
        "deployed.yaml",
        r#""hostname":"httpbin.org""#,
        r#""hostname":"HTTPBIN.org""#,
    );
    let output = egress_auth(folder.path(), &["check", "deployed.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let [_, said] = texts(&output);
    assert!(said.contains("policy field `servers[1].hostname`"), "{said}");
    assert!(said.contains("a filter of this version refuses it"), "{said}");
}

#[test]
fn of_several_policies_one_is_chosen() {
    let folder = folder("1.29");
    let text = std::fs::read_to_string(folder.path().join("deployed.yaml")).unwrap();
    let other = text.replace("shared-egress-gateway", "another-gateway");
    std::fs::write(folder.path().join("other.yaml"), other).unwrap();
    std::fs::remove_file(folder.path().join("gateway.yaml")).unwrap();
    let explain = |further: &[&str]| {
        let request = ["explain", ".", "--request", "GET https://httpbin.org/"];
        egress_auth(folder.path(), &[&request[..], further].concat())
    };
    let output = explain(&[]);
    assert_eq!(output.status.code(), Some(1));
    let [_, said] = texts(&output);
    assert!(said.contains("the input holds 2 policies"), "{said}");
    assert!(said.contains("egress/another-gateway, egress/shared-egress-gateway"), "{said}");
    assert_eq!(explain(&["--gateway", "egress/another-gateway"]).status.code(), Some(0));
    assert_eq!(explain(&["--gateway", "egress/none"]).status.code(), Some(1));
}
