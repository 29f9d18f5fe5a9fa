//! The objects hold nothing that Istio's API has no field for.
//!
//! `tests/istio/shapes.json` has the fields of every kind with their types and words, taken from the
//! CustomResourceDefinitions that Istio publishes (`tests/istio/schemas/shapes.mjs` writes it and says
//! what its shapes are). A field of another name would be dropped by an API server, and what it
//! protects with it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use egress_auth::emit::istio::plugin::Api;
use serde_json::{Value, json};

static SHAPES: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../istio/shapes.json")).unwrap());

/// Panics, with the fields, when an object does not fit the shape of its kind.
pub fn assert_fit(objects: &[Value]) {
    for object in objects {
        let wrong = misfits(object);
        assert!(wrong.is_empty(), "{wrong:#?} of\n{object:#}");
    }
}

/// What is wrong with an object; nothing when it fits.
fn misfits(object: &Value) -> Vec<String> {
    let [version, kind] =
        [&object["apiVersion"], &object["kind"]].map(|it| it.as_str().unwrap_or_default());
    let Some(spec) = SHAPES.get(&format!("{version} {kind}")) else {
        return vec![format!("no type for {kind} of {version}")];
    };
    let texts = json!({"*": "string"});
    let whole = json!({
        "apiVersion!": "string",
        "kind!": "string",
        "metadata!": {"name!": "string", "namespace": "string", "labels": texts,
                      "annotations": texts},
        "spec!": spec,
    });
    let mut wrong = Vec::new();
    check("", object, &whole, &mut wrong);
    wrong
}

/// Adds what keeps a value from having a shape, with the path to it.
fn check(path: &str, value: &Value, shape: &Value, wrong: &mut Vec<String>) {
    let Some(members) = shape.as_object() else {
        let fits = match shape.as_str().unwrap() {
            "any" => true,
            "string" => value.is_string(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            other => panic!("no such shape: {other}"),
        };
        if !fits {
            wrong.push(format!("{path} is {value} but not a {shape}"));
        }
        return;
    };
    if let Some(words) = members.get("=") {
        if !words.as_array().unwrap().contains(value) {
            wrong.push(format!("{path} is {value} but not one of {words}"));
        }
    } else if let Some(shapes) = members.get("|") {
        let fits = shapes.as_array().unwrap().iter().any(|shape| {
            let mut wrong = Vec::new();
            check(path, value, shape, &mut wrong);
            wrong.is_empty()
        });
        if !fits {
            wrong.push(format!("{path} is {value} but none of {shapes}"));
        }
    } else if let Some(shape) = members.get("[]") {
        match value.as_array() {
            Some(items) => {
                for (position, item) in items.iter().enumerate() {
                    check(&format!("{path}[{position}]"), item, shape, wrong);
                }
            }
            None => wrong.push(format!("{path} is {value} but no list")),
        }
    } else {
        match value.as_object() {
            Some(fields) => check_fields(path, fields, members, wrong),
            None => wrong.push(format!("{path} is {value} but no object")),
        }
    }
}

fn check_fields(
    path: &str,
    fields: &serde_json::Map<String, Value>,
    shapes: &serde_json::Map<String, Value>,
    wrong: &mut Vec<String>,
) {
    for (name, value) in fields {
        let required = format!("{name}!");
        let known = shapes.get(name).or(shapes.get(&required)).or(shapes.get("*"));
        match known {
            Some(shape) => check(&format!("{path}.{name}"), value, shape, wrong),
            None => wrong.push(format!("{path}.{name} is no field")),
        }
    }
    for name in shapes.keys().filter_map(|name| name.strip_suffix('!')) {
        if !fields.contains_key(name) {
            wrong.push(format!("{path}.{name} is missing"));
        }
    }
}

/// Each way in which an object can be wrong, at every kind that is written.
#[test]
fn what_does_not_fit_is_found() {
    let text = include_str!("../../istio/everything.yaml");
    let mut objects = super::objects(super::plugin::emit(&super::compiled(text)));
    objects.extend(super::objects(super::native(&super::compiled(super::BOTH), false)));
    let newer = super::plugin::emit_as(&super::compiled(text), Api::TrafficExtension);
    objects.extend(super::objects(newer));
    let changes = [
        ("TrafficExtension", "/spec/wasm/failStrategy", json!("FAIL_SOMEHOW"), "FAIL_SOMEHOW"),
        ("TrafficExtension", "/spec/wasm/phase", json!("AUTHN"), "spec.wasm.phase is no field"),
        ("TrafficExtension", "/spec/url", json!("oci://x"), ".spec.url"),
        ("TrafficExtension", "/spec/priority", json!("1000"), "spec.priority"),
        ("WasmPlugin", "/spec/failStrategy", json!("FAIL_SOMEHOW"), "FAIL_SOMEHOW"),
        ("WasmPlugin", "/spec/priority", json!("1000"), "spec.priority"),
        ("WasmPlugin", "/spec/vmConfig/env/0/naem", json!("X"), ".spec.vmConfig.env[0].naem"),
        ("WasmPlugin", "/metadata/labels/a", json!(1), ".metadata.labels.a"),
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
