//! Configuration that is not sound is refused whole, by the compiler and by the filter: no
//! half-written output, and no Envoy that enforces half of it.

use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use serde_json::{Value, json};

const SERVER: &str = "\
- name: api
  hostname: api.test
  authentication: {jwt: {issuer: https://auth.test, jwksUri: https://auth.test/jwks}}
  authorization: {local: {rules: [{name: r, from: [{jwt: {sub: a}}], to: [{paths: [/a]}]}]}}
";

fn bootstrap() -> Value {
    let to = "127.0.0.1:9".parse().unwrap();
    Gateway::of_servers(SERVER).upstream("auth.test", to).upstream("api.test", to).bootstrap()
}

/// Where the plugin's configuration is in a bootstrap.
const CONFIGURATION: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
                             /http_filters/1/typed_config/config/configuration/value";

/// What Envoy says instead of starting with this configuration of the plugin.
fn refused(configuration: &str) -> String {
    let mut bootstrap = bootstrap();
    *bootstrap.pointer_mut(CONFIGURATION).unwrap() = configuration.into();
    match Envoy::start(&bootstrap, 1) {
        Ok(_) => panic!("Envoy runs with {configuration}"),
        Err(refused) => refused.log,
    }
}

#[test]
fn envoy_does_not_start_with_a_policy_that_is_not_sound() {
    let good = bootstrap().pointer(CONFIGURATION).unwrap().as_str().unwrap().to_owned();
    let good: Value = serde_json::from_str(&good).unwrap();
    let table = [
        ("/version", json!(99), "version"),
        ("/servers/0/hostname", json!("API.test"), "servers[0].hostname"),
        ("/servers/0/authentication/jwt/0", json!(7), "servers[0].authentication.jwt"),
        ("/rules/0/from", json!([]), "rules[0].from"),
        ("/rules/0/from", Value::Null, "rules[0].from"),
        ("/rules/0/to", Value::Null, "rules[0].to"),
        ("/servers/0/authentication", Value::Null, "servers[0].authentication"),
        ("/servers/0/authorization", Value::Null, "servers[0].authorization"),
        ("/principals/0/sub", Value::Null, "principals[0].sub"),
        ("/jwt_rules/0/output_payload_to_header", json!("x_forwarded_proto"), "jwt_rules[0]"),
        ("/principals/0", json!([]), "principals[0]"),
        ("/servers/0", json!(["api", "api.test"]), "servers[0]"),
        ("/servers/0/authorization", json!([[0]]), "servers[0].authorization"),
        ("/jwt_rules/0/from_headers", json!([{"name": "x-forwarded-proto"}]), "jwt_rules[0]"),
        ("/operations/0/paths", json!([]), "operations[0].paths"),
        ("/jwt_rules/0/jwks", json!({"inline": "{}"}), "jwt_rules[0].jwks"),
        ("/jwt_rules/0/clock_skew_secs", json!(1), "jwt_rules[0]"),
    ];
    for (pointer, value, field) in table {
        let mut policy = good.clone();
        match policy.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                policy.pointer_mut(parent).unwrap()[name] = value;
            }
        }
        let log = refused(&policy.to_string());
        let said = log.lines().find(|line| line.contains("configuration refused: "));
        let said = said.unwrap_or_else(|| panic!("{pointer}: no reason in:\n{log}"));
        assert!(said.contains(field), "{pointer}: {said}");
    }
}

#[test]
fn envoy_does_not_start_with_what_is_no_policy() {
    let twice = bootstrap()
        .pointer(CONFIGURATION)
        .unwrap()
        .as_str()
        .unwrap()
        .replace("\"principals\":[{", "\"principals\":[{\"other\":{\"c\":\"d\",\"c\":\"*\"},");
    assert!(twice.contains("\"c\":\"*\""));
    for text in ["", "[]", "{", &twice] {
        let log = refused(text);
        assert!(log.contains("configuration refused: "), "{text}: {log}");
    }
}

#[test]
fn envoy_does_not_start_without_the_module() {
    let mut bootstrap = bootstrap();
    let code = CONFIGURATION.replace("configuration/value", "vm_config/code/local/filename");
    *bootstrap.pointer_mut(&code).unwrap() = "/no/such/module.wasm".into();
    assert!(Envoy::start(&bootstrap, 1).is_err());
}

#[test]
fn what_opens_a_host_by_accident_does_not_compile() {
    // What is written instead of a line of the server, and the field that the error names.
    let table = [
        ("from: [{jwt: {sub: a}}]", "from: []", "authorization.local.rules[0].from"),
        ("from: [{jwt: {sub: a}}]", "from:", "authorization.local.rules[0].from"),
        ("from: [{jwt: {sub: a}}]", "from: [{}]", "authorization.local.rules[0].from[0]"),
        ("from: [{jwt: {sub: a}}]", "from: [{jwt: }]", "authorization.local.rules[0].from[0].jwt"),
        ("to: [{paths: [/a]}]", "to: []", "authorization.local.rules[0].to"),
        ("to: [{paths: [/a]}]", "to: {}", "authorization.local.rules[0].to"),
        ("to: [{paths: [/a]}]", "to: [{}]", "authorization.local.rules[0].to[0]"),
        ("paths: [/a]", "paths: []", "authorization.local.rules[0].to[0].paths"),
        ("paths: [/a]", "paths: ", "authorization.local.rules[0].to[0].paths"),
        ("paths: [/a]", "path: [/a]", "authorization.local.rules[0].to[0].path"),
        ("authorization: {local", "authorization: #", "authorization"),
        ("authorization: {local", "authorization: {} #", "authorization"),
        ("authorization: {local", "authorisation: {local", "authorisation"),
        ("authentication: {jwt", "authentication: {} #", "authentication"),
    ];
    for (good, bad, field) in table {
        assert!(SERVER.contains(good), "{good}");
        let gateway = Gateway::of_servers(&SERVER.replace(good, bad));
        let written = gateway.file().with_file_name("envoy.json");
        let path = written.to_str().unwrap().to_owned();
        let output = gateway.arguments(["-o", &path]).compile();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{bad}: {said}");
        // Beside the line, or where the line is not shown.
        let named = ["\n", ", in a line"].map(|end| format!("spec.http[0].{field}{end}"));
        assert!(named.iter().any(|named| said.contains(named)), "{bad}: {said}");
        assert!(output.stdout.is_empty() && !written.exists(), "{bad}");
    }
}
