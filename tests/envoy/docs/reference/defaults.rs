//! Defaults are what holds where nothing is written: a document in which they are all written out
//! means what it meant before.

use serde_json::{Map, Value, json};

use super::fields::schema;
use crate::support::program;

/// Writes the defaults of a schema into a value wherever it has nothing; counts them.
fn write_out(value: &mut Value, part: &Value, whole: &Value, written: &mut usize) {
    let part = match part["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        Some(name) => &whole["$defs"][name],
        None => part,
    };
    match value {
        Value::Object(members) => {
            for (name, field) in part["properties"].as_object().unwrap_or(&Map::new()) {
                if let Some(member) = members.get_mut(name) {
                    write_out(member, field, whole, written);
                } else if let Some(default) = field.get("default") {
                    members.insert(name.clone(), default.clone());
                    *written += 1;
                }
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| write_out(item, &part["items"], whole, written));
        }
        _ => {}
    }
}

/// What a command prints for a document in a file.
fn printed(arguments: &[&str], document: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("document.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let output = program().args(arguments).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace(&file.display().to_string(), "FILE")
}

/// A Gateway that has every object with a default in it.
fn gateway() -> Value {
    json!({
        "apiVersion": "gateway.tsb.tetrate.io/v2",
        "kind": "Gateway",
        "metadata": {"name": "gateway", "namespace": "egress"},
        "spec": {
            "egressAuthorization": [
                {"from": {"serviceAccounts": ["a/b"]}, "to": [{"host": {"exact": "c.test"}}]},
            ],
            "http": [{
                "name": "a",
                "hostname": "a.test",
                "authentication": {"jwt": {"issuer": "a", "jwksUri": "https://a.test/jwks"}},
                "authorization": {"local": {"rules": [{"name": "any"}]}},
            }],
        },
    })
}

#[test]
fn defaults_of_a_gateway_are_what_holds_without_them() {
    let schema = schema("gateway");
    let mut whole = gateway();
    let mut written = 0;
    write_out(&mut whole, &schema, &schema, &mut written);
    assert!(written >= 5, "{whole:#}");
    assert_eq!(printed(&["compile"], &whole), printed(&["compile"], &gateway()));
}

#[test]
fn defaults_of_a_cases_file_are_what_holds_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.json");
    std::fs::write(&file, gateway().to_string()).unwrap();
    // The workload is known by the trust domain, and the host by nothing.
    let cases = json!({
        "gateways": [file],
        "options": {},
        "cases": [
            {"name": "a", "request": "GET https://c.test/", "source": "a/b",
             "expect": {"decision": "allow"}},
            {"name": "b", "request": "GET https://other.test/",
             "expect": {"decision": "deny", "reason": "unlisted_host"}},
        ],
    });
    let schema = schema("test");
    let (mut whole, mut plain) = (cases.clone(), cases);
    let mut written = 0;
    write_out(&mut whole, &schema, &schema, &mut written);
    assert!(written >= 3, "{whole:#}");
    plain.as_object_mut().unwrap().remove("options");
    assert_eq!(printed(&["test"], &whole), printed(&["test"], &plain));
}
