//! Objects against the schemas of Istio's custom resource definitions, as strictly as an API
//! server with `fieldValidation=Strict`; and Envoy's part against Envoy.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{BOTH, PAYMENTS, compiled, envoy_rbac, native, objects, plugin};

fn schema(object: &Value) -> jsonschema::Validator {
    let kind = object["kind"].as_str().unwrap().to_lowercase();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/istio/{kind}.json"));
    let definition: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(definition["apiVersion"], object["apiVersion"]);
    assert_eq!(definition["kind"], object["kind"]);
    let mut schema = definition["openAPIV3Schema"].clone();
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema["properties"]["metadata"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

/// An API server refuses fields that a schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
            let typed = fields.get("type") == Some(&json!("object"));
            if typed && fields.contains_key("properties") && !open {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is wrong with an object.
pub fn errors(object: &Value) -> Vec<String> {
    schema(object).iter_errors(object).map(|it| format!("{}: {it}", it.instance_path())).collect()
}

#[test]
fn every_object_fits_the_schema_of_its_kind() {
    let everything = include_str!("everything.yaml");
    for text in [PAYMENTS, BOTH, everything] {
        let compiled = compiled(text);
        let all =
            objects(plugin::emit(&compiled)).into_iter().chain(objects(native(&compiled, true)));
        for object in all {
            assert_eq!(errors(&object), [""; 0], "{object:#}");
        }
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let mut object = objects(native(&compiled(PAYMENTS), false)).remove(0);
    assert_eq!(errors(&object), [""; 0]);
    object["spec"]["jwtRules"][0]["isuser"] = json!("x");
    assert_eq!(errors(&object).len(), 1);
    object["spec"]["jwtRules"][0].as_object_mut().unwrap().remove("isuser");
    object["spec"]["jwtRules"][0]["fromHeaders"] = json!("x");
    assert_eq!(errors(&object).len(), 1);
}

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
