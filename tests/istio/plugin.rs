//! The WasmPlugin and what it needs.

use std::process::Output;

use egress_auth::compile::Compiled;
use egress_auth::emit::istio::{self, Emitted, Version, plugin};
use egress_auth::policy::Policy;
use egress_auth::resource::diagnostic::Severity;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{PAYMENTS, compiled, errors, kinds, objects};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn emit(compiled: &Compiled) -> Emitted {
    let url = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    let sha256 = DIGEST.to_owned();
    plugin::objects(compiled, &plugin::Options { url, sha256, version: Version::NEWEST })
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

#[test]
fn keys_come_through_the_clusters_that_istio_makes() {
    let objects = objects(emit(&compiled(PAYMENTS)));
    let plugin = of_kind(&objects, "WasmPlugin")[0];
    let policy: Policy = serde_json::from_value(plugin["spec"]["pluginConfig"].clone()).unwrap();
    let jwks = serde_json::to_value(&policy.jwt_rules[0].jwks).unwrap();
    assert_eq!(jwks["remote"]["cluster"], "outbound|443||auth.example.com");
    for kind in ["ServiceEntry", "DestinationRule"] {
        let hosts: Vec<_> = of_kind(&objects, kind)
            .iter()
            .map(|object| match kind {
                "ServiceEntry" => object["spec"]["hosts"][0].clone(),
                _ => object["spec"]["host"].clone(),
            })
            .collect();
        assert_eq!(hosts, ["api.payment-provider.com", "auth.example.com", "httpbin.org"]);
    }
}

#[test]
fn tls_is_verified_by_name_everywhere_keys_included() {
    for text in [PAYMENTS, include_str!("everything.yaml")] {
        let objects = objects(emit(&compiled(text)));
        for rule in of_kind(&objects, "DestinationRule") {
            let host = rule["spec"]["host"].as_str().unwrap();
            for port in rule["spec"]["trafficPolicy"]["portLevelSettings"].as_array().unwrap() {
                let tls = &port["tls"];
                assert_eq!(tls["sni"], host);
                let names = tls["subjectAltNames"].as_array().unwrap();
                assert!(names.contains(&json!(host)), "{rule:#}");
                assert_eq!(tls["mode"] == "MUTUAL", tls.get("clientCertificate").is_some());
                assert!(tls.get("insecureSkipVerify").is_none());
            }
        }
    }
}

#[test]
fn a_port_of_a_host_is_reached_in_one_way() {
    let server = |name: &str, tls: &str| {
        format!(
            "  - name: {name}\n    hostname: {name}.test\n    routing: {{rules: [{{route: \
             {{serviceDestination: {{host: egress/up.test, port: 443{tls}}}}}}}]}}\n    \
             authorization: {{local: {{rules: [{{name: any}}]}}}}\n"
        )
    };
    let gateway = |servers: String| {
        compiled(&format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
             workloadSelector: {{namespace: egress, labels: {{app: g}}}}\n  http:\n{servers}"
        ))
    };
    let simple = ", tls: {mode: SIMPLE}";
    let same = gateway(server("a", simple) + &server("b", simple));
    assert_eq!(kinds(&objects(emit(&same))), ["ServiceEntry", "DestinationRule", "WasmPlugin"]);
    let different = emit(&gateway(server("a", simple) + &server("b", "")));
    assert_eq!(errors(&different.findings), ["two servers reach `up.test:443` in different ways"]);
    assert_eq!(different.objects, [Value::Null; 0]);
}

#[test]
fn hosts_that_istio_cannot_name_are_found() {
    let emitted = |host: &str, destination: &str| {
        emit(&compiled(&format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
             workloadSelector: {{namespace: egress, labels: {{app: g}}}}\n  http:\n  - name: a\n    hostname: \
             \"{host}\"\n    routing: {{rules: [{{route: {{serviceDestination: {{host: \
             \"egress/{destination}\"}}}}}}]}}\n    authorization: {{local: {{rules: []}}}}\n"
        )))
    };
    let address = emitted("a.test", "192.0.2.1");
    assert_eq!(errors(&address.findings), ["`192.0.2.1` is not a name that Istio can look up"]);
    assert_eq!(address.objects, [Value::Null; 0]);
    let wildcard = emitted("*.a.test", "*.a.test");
    let warned = "no ServiceEntry is written for the hosts of `*.a.test`";
    assert!(wildcard.findings.iter().any(|it| it.message == warned));
    assert_eq!(kinds(&objects(wildcard)), ["WasmPlugin"]);
    // What the cluster itself serves, Istio knows.
    let service = emitted("a.test", "api.payments.svc.cluster.local");
    assert_eq!(kinds(&objects(service)), ["WasmPlugin"]);
}

/// `hosts` hosts with 5 rules each, of 100 services and 40 kinds of requests.
fn large(hosts: usize) -> Compiled {
    let mut text =
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {name: large}\n\
        spec:\n  workloadSelector: {namespace: egress, labels: {app: g}}\n  http:\n"
            .to_owned();
    for host in 0..hosts {
        text += &format!(
            "  - name: server-{host}\n    hostname: api-{host}.partner.example.com\n    \
             authentication: {{jwt: {{issuer: https://auth.example.com, jwksUri: \
             https://auth.example.com/keys}}}}\n    authorization:\n      local:\n        rules:\n"
        );
        for rule in 0..5 {
            let (service, resource) = ((host + 7 * rule) % 100, (host / 3 + rule) % 40);
            text += &format!(
                "        - name: service-{service}-reads-{resource}\n          from: [{{jwt: {{sub: \
                 service-{service}@example.com}}}}]\n          to: [{{methods: [GET, POST], paths: \
                 [\"/v1/resource-{resource}/*\"]}}]\n"
            );
        }
    }
    compiled(&text)
}

#[test]
fn two_thousand_hosts_fit_and_far_more_are_refused_with_what_to_do() {
    let size = |compiled: &Compiled| json!(compiled.policy).to_string().len();
    let fits = large(2_000);
    println!("2,000 hosts with 5 rules each: {} bytes", size(&fits));
    assert!(size(&fits) < 1_048_576);
    let emitted = emit(&fits);
    let notes = emitted.findings.iter().filter(|it| it.severity == Severity::Note);
    assert_eq!(notes.count(), 1);
    assert!(kinds(&objects(emitted)).contains(&"WasmPlugin"));
    let too_large = emit(&large(9_000));
    let found = errors(&too_large.findings);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("the plugin configuration takes "), "{found:?}");
    assert!(found[0].ends_with(" bytes, of 1048576 at most"), "{found:?}");
    assert_eq!(too_large.objects, [Value::Null; 0]);
}

#[test]
fn texts_that_yaml_1_1_takes_for_something_else_stay_texts() {
    let text = json!({"list": [
        "yes", "off", "y", "null", "~", "1:30", "0x1f", "1_000", "1e3", ".5", "2001-01-01", "=",
        "*", "h:*", "*.a.test", "{*}", "@x", "a: b", "a #b", "", " x", "x\ny", "é\u{85}\u{7f}", "-",
        "%a", "`", "'", "\"", "<<", "!x", "&x", "true", "NO",
    ]});
    let yaml = istio::to_yaml(std::slice::from_ref(&text)).unwrap();
    let read: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, text);
    for word in ["yes", "off", "y", "1:30", "0x1f", "1_000", "2001-01-01", "=", "NO", "<<"] {
        assert!(
            yaml.contains(&format!("'{word}'")) || yaml.contains(&format!("\"{word}\"")),
            "{word}"
        );
    }
}

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
fn what_a_release_does_not_know_is_not_written() {
    let image = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    for (release, expected) in
        [("1.26", "FAIL_CLOSE"), ("1.27", "FAIL_RELOAD"), ("1.30", "FAIL_RELOAD")]
    {
        let written = wasm_plugin(&["--module-url", &image, "--istio-version", release]);
        assert_eq!(spec(&written)["failStrategy"], expected, "{release}");
    }
    for arguments in [
        vec!["--module-url", &image, "--istio-version", "1.21"],
        vec!["--module-url", &image, "--istio-version", "latest"],
        vec![],
    ] {
        assert_eq!(wasm_plugin(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}
