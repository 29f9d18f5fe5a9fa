//! The objects hold nothing that Istio's API has no field for.
//!
//! `istio-api-rs` is generated from the schemas that Istio publishes for API servers, and
//! `k8s-openapi` from those of Kubernetes. An object that becomes one of their types and is the
//! same afterwards has only fields, words and types that an API server stores; a field of another
//! name would be dropped there, and what it protects with it.

use istio_api_rs::extensions::v1alpha1::wasm_plugin::WasmPlugin;
use istio_api_rs::networking::v1::destination_rule::DestinationRule;
use istio_api_rs::networking::v1::gateway::Gateway;
use istio_api_rs::networking::v1::service_entry::ServiceEntry;
use istio_api_rs::networking::v1::virtual_service::VirtualService;
use istio_api_rs::networking::v1alpha3::envoy_filter::EnvoyFilter;
use istio_api_rs::security::v1::authorization_policy::AuthorizationPolicy;
use istio_api_rs::security::v1::request_authentication::RequestAuthentication;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Panics, with the fields, when an object does not fit the type of its kind.
pub fn assert_fit(objects: &[Value]) {
    for object in objects {
        let wrong = misfits(object);
        assert!(wrong.is_empty(), "{wrong:#?} of\n{object:#}");
    }
}

/// What is wrong with an object; nothing when it fits.
fn misfits(object: &Value) -> Vec<String> {
    let kind = [&object["apiVersion"], &object["kind"]].map(|it| it.as_str().unwrap_or_default());
    let stored = match kind {
        ["extensions.istio.io/v1alpha1", "WasmPlugin"] => stored::<WasmPlugin>(object),
        ["networking.istio.io/v1", "DestinationRule"] => stored::<DestinationRule>(object),
        ["networking.istio.io/v1", "Gateway"] => stored::<Gateway>(object),
        ["networking.istio.io/v1", "ServiceEntry"] => stored::<ServiceEntry>(object),
        ["networking.istio.io/v1", "VirtualService"] => stored::<VirtualService>(object),
        ["networking.istio.io/v1alpha3", "EnvoyFilter"] => stored::<EnvoyFilter>(object),
        ["security.istio.io/v1", "AuthorizationPolicy"] => stored::<AuthorizationPolicy>(object),
        ["security.istio.io/v1", "RequestAuthentication"] => {
            stored::<RequestAuthentication>(object)
        }
        ["networking.k8s.io/v1", "NetworkPolicy"] => stored::<NetworkPolicy>(object),
        [version, kind] => Err(format!("no type for {kind} of {version}")),
    };
    let mut wrong = Vec::new();
    match stored {
        Ok(stored) => lost("", object, &stored, &mut wrong),
        Err(error) => wrong.push(error),
    }
    wrong
}

/// An object as an API server would give it back.
fn stored<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed: T = serde_path_to_error::deserialize(object).map_err(|error| format!("{error}"))?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// Adds the path of everything in `ours` that is missing or different in `theirs`. What only
/// `theirs` has are defaults.
fn lost(path: &str, ours: &Value, theirs: &Value, wrong: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match theirs.get(name) {
                    Some(theirs) => lost(&path, value, theirs, wrong),
                    None => wrong.push(format!("{path} is lost")),
                }
            }
        }
        (Value::Array(items), Value::Array(theirs)) if items.len() == theirs.len() => {
            for (position, (item, theirs)) in items.iter().zip(theirs).enumerate() {
                lost(&format!("{path}[{position}]"), item, theirs, wrong);
            }
        }
        _ if ours == theirs => {}
        _ => wrong.push(format!("{path} became {theirs}")),
    }
}

/// Each way in which an object can be wrong, at every kind that is written.
#[test]
fn what_does_not_fit_is_found() {
    let text = include_str!("../../istio/everything.yaml");
    let mut objects = super::objects(super::plugin::emit(&super::compiled(text)));
    objects.extend(super::objects(super::native(&super::compiled(super::BOTH), false)));
    let changes = [
        ("WasmPlugin", "/spec/failStrategy", json!("FAIL_SOMEHOW"), "FAIL_SOMEHOW"),
        ("WasmPlugin", "/spec/priority", json!("1000"), "spec.priority"),
        ("WasmPlugin", "/spec/vmConfig/env/0/naem", json!("X"), ".spec.vmConfig.env[0].naem"),
        ("ServiceEntry", "/spec/resolution", json!("DNS_SOMETIMES"), "DNS_SOMETIMES"),
        ("ServiceEntry", "/spec/ports/0/number", json!("443"), "spec.ports[0].number"),
        ("ServiceEntry", "/spec/exportsTo", json!(["."]), ".spec.exportsTo"),
        (
            "DestinationRule",
            "/spec/trafficPolicy/portLevelSettings/0/tls/mode",
            json!("SIMPEL"),
            "SIMPEL",
        ),
        ("DestinationRule", "/spec/host", json!(["a.test"]), "spec.host"),
        (
            "DestinationRule",
            "/spec/trafficPolicy/portLevelSettings/0/tls/subjectAltName",
            json!(["a.test"]),
            ".tls.subjectAltName",
        ),
        ("RequestAuthentication", "/spec/jwtRules/0/audiences", json!("mesh"), "audiences"),
        ("RequestAuthentication", "/spec/jwtRules/0/audience", json!(["mesh"]), ".audience"),
        ("AuthorizationPolicy", "/spec/action", json!("ALOW"), "ALOW"),
        ("AuthorizationPolicy", "/spec/rules/0/to/0/operation/hosts", json!("a"), "hosts"),
        ("AuthorizationPolicy", "/spec/rules/0/to/0/operation/host", json!(["a"]), ".host"),
        ("EnvoyFilter", "/spec/configPatches/0/applyTo", json!("HTTP_FILTERS"), "HTTP_FILTERS"),
        ("EnvoyFilter", "/spec/configPatches", json!({}), "spec.configPatches"),
        ("EnvoyFilter", "/spec/workloadSelector/matchLabels", json!({}), ".matchLabels"),
    ];
    for (kind, pointer, value, named) in changes {
        let found = objects.iter().find(|object| object["kind"] == kind);
        let mut object = found.unwrap_or_else(|| panic!("no {kind} is written")).clone();
        assert_eq!(misfits(&object), [""; 0]);
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        parent[field] = value;
        let wrong = misfits(&object);
        assert_eq!(wrong.len(), 1, "{kind} {pointer}: {wrong:?}");
        assert!(wrong[0].contains(named), "{kind} {pointer}: {wrong:?}");
    }
    let unknown = json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorisationPolicy"});
    assert_eq!(misfits(&unknown), ["no type for AuthorisationPolicy of security.istio.io/v1"]);
}

#[test]
fn the_example_files_fit() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/istio");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert!(!objects.is_empty());
        assert_fit(&objects);
        files += 1;
    }
    assert!(files >= 2);
}
