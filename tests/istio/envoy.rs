//! What is meant for Envoy, against Envoy.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{BOTH, compiled, envoy_rbac, native, objects};

#[test]
fn envoy_takes_the_filter_without_a_word_about_deprecation() {
    let compiled = compiled(BOTH);
    let objects = objects(native(&compiled, false));
    let filter = objects.iter().find(|object| object["kind"] == "EnvoyFilter").unwrap();
    let log = validate(envoy_rbac::config(filter));
    assert!(log.contains("OK"), "{log}");
    assert!(!log.to_lowercase().contains("deprecated"), "{log}");
    let mut wrong = envoy_rbac::config(filter).clone();
    wrong["rules"]["policies"]["other-hosts"]["principals"] = json!([]);
    let log = validate(&wrong);
    assert!(log.contains("principals"), "{log}");
}

/// What Envoy says about the configuration of an HTTP filter.
fn validate(config: &Value) -> String {
    let envoy: PathBuf = std::env::var_os("ENVOY_PATH").expect("set ENVOY_PATH").into();
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
    let output = Command::new(envoy).args(["--mode", "validate", "-c"]).arg(file).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
