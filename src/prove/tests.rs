//! The prover on policies that were found to be hard: each pair with its right verdict, and
//! requests that both engines confirmed.

use serde_json::{Value, json};

use super::compare::{Compared, Verdict, compare};
use super::group::Found;
use crate::policy::{Policy, Principal};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://i.test";

/// A policy for one host with these rules: `from` lists principals, `to` operations, both absent
/// where they are not written.
pub(super) fn policy(rules: &Value) -> Policy {
    with_server(rules, &json!({ "authentication": { "jwt": [0] } }))
}

fn with_server(rules: &Value, fields: &Value) -> Policy {
    let (mut principals, mut operations, mut written) = (Vec::new(), Vec::new(), Vec::new());
    let add = |table: &mut Vec<Value>, list: &Value| match list.as_array() {
        None => Value::Null,
        Some(list) => {
            let first = table.len();
            table.extend(list.iter().cloned());
            json!((first..table.len()).collect::<Vec<_>>())
        }
    };
    for (number, rule) in rules.as_array().unwrap().iter().enumerate() {
        let mut rule_written = json!({ "name": number.to_string() });
        for (name, table) in [("from", &mut principals), ("to", &mut operations)] {
            let indices = add(table, &rule[name]);
            if !indices.is_null() {
                rule_written[name] = indices;
            }
        }
        written.push(rule_written);
    }
    for principal in &mut principals {
        if principal.get("other").is_none() {
            principal["other"] = json!({});
        }
        serde_json::from_value::<Principal>(principal.clone()).unwrap();
    }
    let mut server = json!({
        "name": "api", "hostname": "api.test",
        "authorization": { "rules": (0..written.len()).collect::<Vec<_>>() },
    });
    for (name, value) in fields.as_object().unwrap() {
        server[name] = value.clone();
    }
    serde_json::from_value(json!({
        "version": crate::policy::VERSION, "gateway": "egress/gateway",
        "jwt_rules": [{ "issuer": ISSUER, "jwks": { "remote": { "uri": "https://i.test/k", "cluster": "k" } } }],
        "principals": principals, "operations": operations, "rules": written, "servers": [server],
    }))
    .unwrap()
}

/// Rules with one operation of these paths, and no `from`.
fn paths(paths: &[&str]) -> Value {
    json!([{ "to": [{ "paths": paths }] }])
}

/// Rules for one principal each.
fn principals(principals: &[Value]) -> Value {
    json!([{ "from": principals }])
}

fn compared(old: &Policy, new: &Policy) -> (Verdict, Vec<Found>, Vec<Found>) {
    let mut groups = compare([old, new], NOW).unwrap().groups;
    match groups.pop() {
        None => (Verdict::Equal, Vec::new(), Vec::new()),
        Some(group) => {
            assert!(groups.is_empty());
            let verdict = group.verdict();
            let Compared { gained, lost, .. } = group;
            (verdict, gained.found, lost.found)
        }
    }
}

fn requests(found: &[Found]) -> Vec<String> {
    let request = |found: &Found| {
        let path = found.example.path.clone().unwrap_or_default();
        format!("{} {path}", found.example.method)
    };
    found.iter().map(request).collect()
}

fn claim<'f>(found: &'f Found, name: &str) -> &'f Value {
    &found.example.token.as_map().unwrap()[name]
}

#[test]
fn paths_that_are_gained_and_lost_are_found() {
    use Verdict::{Crossing, Equal, Wider};
    /// Patterns before and after, the verdict, and requests that must be among the shown ones.
    type Row = (Patterns, Patterns, Verdict, Patterns, Patterns);
    type Patterns = &'static [&'static str];
    let table: [Row; 10] = [
        (
            &["/v1/payments", "/v1/payments/{*}", "/v1/payments/{*}/{*}"],
            &["/v1/payments/{**}"],
            Wider,
            &["GET /v1/payments/"],
            &[],
        ),
        (&["/{*}/delete", "/{*}/{*}/delete"], &["/*/delete"], Wider, &["GET /x/x/x/delete"], &[]),
        (
            &["/v2", "/v2/{*}", "/v2/{*}/{*}", "/health"],
            &["/v2/{**}"],
            Crossing,
            &["GET /v2/"],
            &["GET /health"],
        ),
        (&["/v1/x*"], &["/v1/{*}"], Crossing, &["GET /v1/y"], &["GET /v1/x/"]),
        (&["/{*}", "/{*}/{*}"], &["/*"], Wider, &["GET /"], &[]),
        (&["/a/*", "/a/b"], &["/a/*"], Equal, &[], &[]),
        (&["/a/{**}", "/a/b"], &["/a/{**}"], Equal, &[], &[]),
        (&["/a/{**}"], &["/a", "/a/*"], Equal, &[], &[]),
        (&["/a/*", "/b"], &["/a/{*}", "/b"], Verdict::Narrower, &[], &["GET /a/"]),
        (&["*"], &["/*"], Verdict::Narrower, &[], &["OPTIONS *"]),
    ];
    for (old, new, verdict, gained, lost) in table {
        let found = compared(&policy(&paths(old)), &policy(&paths(new)));
        assert_eq!(found.0, verdict, "{old:?} {new:?} {found:?}");
        for (found, expected) in [(&found.1, gained), (&found.2, lost)] {
            let requests = requests(found);
            for one in expected {
                assert!(requests.contains(&(*one).to_owned()), "{old:?} {new:?} {requests:?}");
            }
        }
    }
}

#[test]
fn tokens_that_are_gained_are_found() {
    let other = |name: &str, pattern: &str| json!({ "other": { name: pattern } });
    let sub = |pattern: &str| json!({ "sub": pattern });
    let five = ["*x", "*y", "*z", "*7", "*r"].map(sub);
    let mut six = five.to_vec();
    six.push(sub("team-*"));
    let joined = json!({ "sub": "svc-*", "other": { "sub": "*-prod" } });
    /// Principals before and after, and a claim with what it must be.
    type Row = (Vec<Value>, Vec<Value>, &'static str, fn(&str) -> bool);
    let table: [Row; 4] = [
        (vec![other("region", "*x*")], vec![other("region", "*")], "region", |it| {
            !it.contains('x')
        }),
        (vec![other("tier", "x")], vec![other("tier", "*")], "tier", |it| it != "x"),
        (five.to_vec(), six, "sub", |it| {
            it.starts_with("team-") && !it.ends_with(['x', 'y', 'z', '7', 'r'])
        }),
        (vec![sub("a")], vec![sub("a"), joined], "sub", |it| {
            it.starts_with("svc-") && it.ends_with("-prod")
        }),
    ];
    for (old, new, name, is_right) in table {
        let found = compared(&policy(&principals(&old)), &policy(&principals(&new)));
        assert_eq!(found.0, Verdict::Wider, "{old:?} {new:?}");
        let value = claim(&found.1[0], name).as_str().unwrap();
        assert!(is_right(value), "{value}");
        // The other way round it is lost.
        let found = compared(&policy(&principals(&new)), &policy(&principals(&old)));
        assert_eq!(found.0, Verdict::Narrower);
    }
}

/// The first rule of a host that looks at paths changes what becomes of paths that nobody can
/// read.
#[test]
fn a_first_rule_with_paths_takes_paths_that_cannot_be_read_from_everyone() {
    let crawler = json!({ "from": [{ "sub": "crawler" }] });
    let payments = json!({ "from": [{ "sub": "payments" }], "to": [{ "methods": ["GET"], "paths": ["/v1/*"] }] });
    let (old, new) = (json!([crawler]), json!([crawler, payments]));
    let (verdict, gained, lost) = compared(&policy(&old), &policy(&new));
    assert_eq!(verdict, Verdict::Crossing);
    assert_eq!(claim(&gained[0], "sub"), "payments");
    let lost = lost.iter().find(|found| claim(found, "sub") == "crawler").unwrap();
    assert_eq!((lost.admitted.status, lost.refused.status), (200, 400));
}

/// A claim under the very name of a path hides what the path leads to.
#[test]
fn a_literal_claim_beside_a_path_is_tried() {
    let other = |name: &str| policy(&principals(&[json!({ "other": { name: "x" } })]));
    for (old, new) in [("a.b", "[a][b]"), ("[a][b]", "a.b")] {
        let (verdict, gained, lost) = compared(&other(old), &other(new));
        assert_eq!(verdict, Verdict::Crossing, "{old} {new}");
        assert!(!gained.is_empty() && !lost.is_empty());
    }
    // Of one name, both places say the same.
    let two = policy(&principals(&[json!({ "other": { "a.b": "x*" } })]));
    let (verdict, ..) = compared(&other("a.b"), &two);
    assert_eq!(verdict, Verdict::Wider);
}

#[test]
fn audiences_and_lifetimes_are_decisions() {
    let with = |fields: &Value| {
        let mut policy = serde_json::to_value(policy(&json!([{}]))).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            policy["jwt_rules"][0][name] = value.clone();
        }
        serde_json::from_value::<Policy>(policy).unwrap()
    };
    let table = [
        (json!({ "audiences": ["a"] }), json!({ "audiences": ["a", "b"] }), Verdict::Wider),
        (json!({ "audiences": ["a"] }), json!({}), Verdict::Wider),
        (json!({ "audiences": ["a", "b"] }), json!({ "audiences": ["b", "a"] }), Verdict::Equal),
        (json!({ "audiences": ["a"] }), json!({ "audiences": ["b"] }), Verdict::Crossing),
        (json!({ "max_lifetime_seconds": 600 }), json!({}), Verdict::Wider),
        (
            json!({ "max_lifetime_seconds": 600 }),
            json!({ "max_lifetime_seconds": 60 }),
            Verdict::Narrower,
        ),
        (json!({}), json!({ "require_expiration": true }), Verdict::Narrower),
        (json!({ "clock_skew_seconds": 0 }), json!({ "clock_skew_seconds": 300 }), Verdict::Wider),
        (json!({ "issuer": "https://j.test" }), json!({}), Verdict::Crossing),
    ];
    for (old, new, verdict) in table {
        let found = compared(&with(&old), &with(&new));
        assert_eq!(found.0, verdict, "{old} {new} {found:?}");
    }
}

#[test]
fn tokens_that_are_needed_or_not_and_only_tried_out_are_decisions() {
    let with = |fields: &Value| with_server(&json!([{}]), fields);
    let required = with(&json!({ "authentication": { "jwt": [0] } }));
    let optional = with(&json!({ "authentication": { "jwt": [0], "required": false } }));
    let tried = with(&json!({ "authentication": { "jwt": [0] }, "shadow_authentication": true }));
    let none = with(&json!({}));
    let denied = with(&json!({ "authorization": { "rules": [] } }));
    let denied_in_shadow =
        with(&json!({ "authorization": { "rules": [] }, "shadow_authorization": true }));
    let table = [
        (&required, &optional, Verdict::Wider),
        (&optional, &tried, Verdict::Wider),
        (&tried, &none, Verdict::Equal),
        (&required, &none, Verdict::Wider),
        (&none, &optional, Verdict::Narrower),
        (&denied, &denied_in_shadow, Verdict::Wider),
        (&none, &denied_in_shadow, Verdict::Equal),
    ];
    for (old, new, verdict) in table {
        assert_eq!(compared(old, new).0, verdict, "{old:?} {new:?}");
    }
}
