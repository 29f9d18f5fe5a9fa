//! Generated Gateways, as documents.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::support::keys;

/// The issuers that rules and tokens know.
pub const ISSUERS: [&str; 3] = ["https://one.test", "https://two.test/", "https://three.test"];
/// Hostnames that servers have.
pub const HOSTNAMES: [&str; 8] = [
    "a.test",
    "b.test",
    "api.c.test",
    "x.wild.test",
    "*.wild.test",
    "*.c.test",
    "*.deep.wild.test",
    "*",
];
/// Exact hostnames that `egressAuthorization` names.
const NAMED: [&str; 5] = ["a.test", "b.test", "y.wild.test", "api.c.test", "elsewhere.test"];

pub fn one<'l, T>(random: &mut Rng, list: &'l [T]) -> &'l T {
    &list[random.usize(..list.len())]
}

/// True in so many of a hundred cases.
pub fn often(random: &mut Rng, percent: u8) -> bool {
    random.u8(..100) < percent
}

/// Some elements, at least one.
fn some<'l, T>(random: &mut Rng, list: &'l [T], most: usize) -> Vec<&'l T> {
    let count = random.usize(1..=most);
    (0..count).map(|_| one(random, list)).collect()
}

/// A Gateway that may not even compile.
pub fn document(random: &mut Rng) -> String {
    let mut hostnames = HOSTNAMES[..HOSTNAMES.len() - 1].to_vec();
    random.shuffle(&mut hostnames);
    hostnames.truncate(random.usize(2..=5));
    if often(random, 15) {
        hostnames.push("*");
    }
    let servers: Vec<_> = hostnames
        .into_iter()
        .enumerate()
        .map(|(index, hostname)| server(random, index, hostname))
        .collect();
    let mut spec = json!({"workloadSelector": {"namespace": "egress"}, "http": servers});
    if often(random, 60) {
        let count = random.usize(1..=3);
        spec["egressAuthorization"] = (0..count).map(|_| entry(random)).collect();
    }
    json!({
        "apiVersion": "gateway.tsb.tetrate.io/v2",
        "kind": "Gateway",
        "metadata": {"name": "generated"},
        "spec": spec,
    })
    .to_string()
}

fn server(random: &mut Rng, index: usize, hostname: &str) -> Value {
    let mut server = json!({"name": format!("server-{index}"), "hostname": hostname});
    let authenticates = often(random, 75);
    if authenticates {
        let mut authentication = match often(random, 70) {
            true => {
                let issuer = *one(random, &[ISSUERS[0], ISSUERS[0], ISSUERS[1], ISSUERS[2]]);
                json!({"jwt": jwt(random, issuer)})
            }
            false => json!({"rules": {"jwt": [jwt(random, ISSUERS[0]), jwt(random, ISSUERS[1])]}}),
        };
        if often(random, 15) {
            authentication["requireJwt"] = false.into();
        }
        server["authentication"] = authentication;
    }
    if often(random, 60) {
        let count = random.usize(0..=3);
        let rules: Vec<_> = (0..count).map(|n| rule(random, n, authenticates)).collect();
        server["authorization"] = json!({"local": {"rules": rules}});
    }
    server
}

fn jwt(random: &mut Rng, issuer: &str) -> Value {
    let mut rule = json!({"issuer": issuer, "jwks": keys::all_keys()});
    match random.u8(..10) {
        0 | 1 => rule["fromHeaders"] = json!([{"name": "x-token"}]),
        3 => rule["fromHeaders"] = json!([{"name": "x-token", "prefix": "JWT "}]),
        4 => rule["fromParams"] = json!(["token"]),
        _ => {}
    }
    if often(random, 40) {
        rule["audiences"] = match often(random, 50) {
            true => json!(["api"]),
            false => json!(["https://api.test/", "other"]),
        };
    }
    if often(random, 20) {
        rule["requireExpiration"] = true.into();
    }
    if often(random, 10) {
        rule["maxLifetimeSeconds"] = 7_200.into();
    }
    if often(random, 30) {
        rule["outputPayloadToHeader"] = "x-jwt-payload".into();
    }
    rule
}

fn rule(random: &mut Rng, index: usize, authenticates: bool) -> Value {
    let mut rule = json!({"name": format!("rule-{index}")});
    if authenticates && often(random, 75) {
        let count = random.usize(1..=2);
        rule["from"] = (0..count).map(|_| json!({"jwt": principal(random)})).collect();
    }
    if often(random, 65) {
        let count = random.usize(1..=2);
        rule["to"] = (0..count).map(|_| operation(random)).collect();
    }
    rule
}

fn principal(random: &mut Rng) -> Value {
    let mut principal = Map::new();
    if often(random, 30) {
        let patterns = [ISSUERS[0], ISSUERS[1], "https://*", "*.test", "*"];
        principal.insert("iss".to_owned(), json!(one(random, &patterns)));
    }
    if often(random, 60) {
        let patterns = ["alice", "bob", "al*", "*ce", "*li*", "*", "a*e"];
        principal.insert("sub".to_owned(), json!(one(random, &patterns)));
    }
    if often(random, 50) {
        let names = [
            "scope",
            "scope",
            "permission",
            "roles",
            "roles",
            "admin",
            "level",
            "[nested][roles]",
            "nested.roles",
            "https://example.com/roles",
        ];
        let patterns = [
            "read",
            "read*",
            "*read",
            "*ea*",
            "read write",
            "true",
            "t*",
            "3",
            "*",
            "admin",
            "*min",
        ];
        let other = json!({*one(random, &names): one(random, &patterns)});
        principal.insert("other".to_owned(), other);
    }
    principal.into()
}

/// Patterns of paths, by what they ask of paths.
const PATHS: [&str; 16] = [
    "/v1/*",
    "/v1/*",
    "/v1/pay*",
    "/v1/pay",
    "/v1/items/42",
    "/",
    "*",
    "/a.b/*",
    "/v1/{*}/items",
    "/v1/{**}",
    "/v1/{**}/items",
    "*/items",
    "/v1/*/items",
    "/v1/*a",
    "*pay*",
    "/v1/p;x",
];

fn operation(random: &mut Rng) -> Value {
    let mut operation = Map::new();
    let which = random.u8(..10);
    if which < 6 {
        let methods = some(random, &["GET", "GET", "POST", "DELETE", "OPTIONS"], 2);
        operation.insert("methods".to_owned(), json!(methods));
    }
    if which > 3 {
        let paths = some(random, &PATHS, 3);
        operation.insert("paths".to_owned(), json!(paths));
    }
    operation.into()
}

fn entry(random: &mut Rng) -> Value {
    let count = random.usize(1..=3);
    let to: Vec<_> = (0..count)
        .map(|_| {
            let mut to = match often(random, 50) {
                true => operation(random),
                false => json!({}),
            };
            to["host"] = json!({"exact": one(random, &NAMED)});
            to
        })
        .collect();
    let mut entry = json!({"to": to});
    if often(random, 80) {
        let accounts = ["payments/api", "payments/*", "batch/nightly", "./*", "./gateway"];
        entry["from"] = json!({"serviceAccounts": some(random, &accounts, 2)});
    }
    entry
}
