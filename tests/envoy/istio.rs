//! What the outputs for Istio mean for Envoy, against Envoy.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{envoy, program};

#[test]
fn envoy_takes_the_filter_without_a_word_about_deprecation() {
    let output = program()
        .args(["compile", "tests/istio/both.yaml", "--to", "istio-native"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let filter = objects.iter().find(|object| object["kind"] == "EnvoyFilter").unwrap();
    let filter = &filter["spec"]["configPatches"][0]["patch"]["value"];
    assert_eq!(filter["name"], "egress_authorization");
    let config = &filter["typed_config"];
    let log = validate(config);
    assert!(log.contains("OK"), "{log}");
    assert!(!log.to_lowercase().contains("deprecated"), "{log}");
    let mut wrong = config.clone();
    wrong["rules"]["policies"]["other-hosts"]["principals"] = json!([]);
    let log = validate(&wrong);
    assert!(log.contains("principals"), "{log}");
}

/// What Envoy says about the configuration of an HTTP filter.
fn validate(config: &Value) -> String {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {"virtual_hosts": []},
        "http_filters": [
            {"name": "egress_authorization", "typed_config": config},
            {"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }},
        ],
    });
    let bootstrap = json!({"static_resources": {"listeners": [{
        "name": "test",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
        ]}],
    }]}});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.json");
    std::fs::write(&file, bootstrap.to_string()).unwrap();
    let output =
        Command::new(envoy::path()).args(["--mode", "validate", "-c"]).arg(file).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
