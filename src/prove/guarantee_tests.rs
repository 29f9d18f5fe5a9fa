//! Guarantees that hold, and requests that break those that do not.

use serde_json::{Value, json};

use super::guarantee::{Demand, Outcome, Prover};
use super::region::{Area, Region};
use super::tests::policy;
use crate::policy::{self, Policy};

const NOW: u64 = 1_800_000_000;

/// An area from the fields of a file with guarantees.
fn area(fields: &Value) -> Area {
    let texts = |name: &str| -> Option<Vec<String>> {
        fields.get(name).map(|list| serde_json::from_value(list.clone()).unwrap())
    };
    let tokens = fields.get("tokens").and_then(Value::as_array);
    let tokens = tokens.map(|all| {
        all.iter()
            .map(|it| serde_json::from_value::<policy::Principal>(it.clone()).unwrap())
            .collect()
    });
    Area {
        hosts: texts("hosts"),
        workloads: texts("workloads"),
        tokens,
        methods: texts("methods"),
        paths: texts("paths"),
    }
}

fn region(fields: &Value) -> Region {
    Region { area: area(fields), except: fields.get("not").map(area) }
}

/// How a guarantee stands: `proved`, `undecided`, or the request that breaks it with its status.
fn stands(policy: &Policy, demand: &Demand) -> String {
    match Prover::new(policy, NOW).unwrap().judge(demand).unwrap() {
        Outcome::Proved(_) => "proved".to_owned(),
        Outcome::Undecided(doubts) => format!("undecided {:?}", doubts[0].why),
        Outcome::Refuted(found) => {
            let sub = found.example.token.as_map().map(|claims| claims.get("sub").cloned());
            let sub = sub.flatten().map(|sub| format!(" sub={}", sub.as_str().unwrap()));
            let peer = found.example.sender.peer.map(|peer| format!(" from {peer}"));
            let (sub, peer) = (sub.unwrap_or_default(), peer.unwrap_or_default());
            let path = found.example.path.unwrap_or_default();
            format!("{} {} {path}{sub}{peer}", found.answer.status, found.example.method)
        }
    }
}

fn never(policy: &Policy, fields: &Value) -> String {
    stands(policy, &Demand::Never(region(fields)))
}

fn always(policy: &Policy, fields: &Value) -> String {
    stands(policy, &Demand::Always(region(fields)))
}

#[test]
fn what_must_never_pass_is_proved_or_shown() {
    let payments = policy(&json!([{
        "from": [{ "sub": "payments" }], "to": [{ "methods": ["GET", "POST"], "paths": ["/v1/{**}"] }],
    }]));
    let table = [
        (json!({ "methods": ["DELETE"] }), "proved"),
        (json!({ "methods": ["POST", "DELETE"] }), "200 POST /v1 sub=payments"),
        (json!({ "not": { "tokens": [{ "sub": "pay*" }] } }), "proved"),
        (json!({ "not": { "tokens": [{ "sub": "x*" }] } }), "200 GET /v1 sub=payments"),
        (json!({ "hosts": ["other.test"] }), "proved"),
        (json!({ "hosts": ["*.test"], "not": { "hosts": ["api.test"] } }), "proved"),
        (json!({ "hosts": ["*.test"], "methods": ["GET"] }), "200 GET /v1 sub=payments"),
        (json!({ "not": { "paths": ["/v1/{**}"] } }), "proved"),
        (json!({ "not": { "paths": ["/v1/*"] } }), "200 GET /v1 sub=payments"),
        (
            json!({ "not": { "paths": ["/v1", "/v1/*"], "methods": ["GET"] } }),
            "200 POST /v1 sub=payments",
        ),
        (json!({ "paths": ["/v1/admin/*"] }), "200 GET /v1/admin/ sub=payments"),
        (json!({ "paths": ["/v2/*"] }), "proved"),
        (json!({ "tokens": [{ "sub": "crawler" }] }), "proved"),
        (json!({ "tokens": [{ "other": { "role": "admin" } }] }), "200 GET /v1 sub=payments"),
        // Rules do not look at workloads here.
        (json!({ "not": { "workloads": ["ns/payments"] } }), "200 GET /v1 sub=payments"),
    ];
    for (fields, expected) in table {
        assert_eq!(never(&payments, &fields), expected, "{fields}");
    }
}

/// A path is meant as soon as one of its readings is, and a rule admits it only in all of them.
#[test]
fn readings_of_paths_count() {
    let all = policy(&json!([{ "to": [{ "paths": ["/pub/*"] }] }]));
    assert_eq!(never(&all, &json!({ "paths": ["/admin/*"] })), "proved");
    let literal = policy(&json!([{ "to": [{ "paths": ["/pub/*", "/admin"] }] }]));
    assert_eq!(never(&literal, &json!({ "paths": ["/admin/{**}"] })), "200 GET /admin");
    // A path that nobody can read passes where no rule looks at paths.
    let open = policy(&json!([{}]));
    assert_eq!(never(&open, &json!({ "not": { "paths": ["/{**}", "*"] } })), "200 GET /100%");
}

#[test]
fn what_must_always_pass_is_proved_or_shown() {
    let payments = policy(&json!([{
        "from": [{ "sub": "pay*" }], "to": [{ "methods": ["GET", "POST"], "paths": ["/v1/{**}"] }],
    }]));
    let hosts = json!(["api.test"]);
    let with = |fields: Value| {
        let mut fields = fields;
        fields["hosts"] = hosts.clone();
        always(&payments, &fields)
    };
    let token = json!([{ "sub": "payments" }]);
    let table = [
        (json!({ "tokens": token, "methods": ["GET"], "paths": ["/v1/*"] }), "proved"),
        (json!({ "tokens": token, "methods": ["GET"], "paths": ["/v1/{**}"] }), "proved"),
        (
            json!({ "tokens": token, "methods": ["PUT"], "paths": ["/v1/*"] }),
            "403 PUT /v1/ sub=payments",
        ),
        (json!({ "tokens": token, "methods": ["GET"] }), "403 GET / sub=payments"),
        (json!({ "tokens": token, "paths": ["/v1/*"] }), "403 DELETE /v1/ sub=payments"),
        (
            json!({ "tokens": token, "paths": ["/v1/*"], "not": { "methods": ["DELETE"] } }),
            "403 PUT /v1/ sub=payments",
        ),
        // Without a token of its own the region holds requests without one.
        (json!({ "methods": ["GET"], "paths": ["/v1/*"] }), "401 GET /v1/"),
        // No token of that issuer is accepted.
        (
            json!({ "tokens": [{ "iss": "https://j.test", "sub": "payments" }], "methods": ["GET"], "paths": ["/v1/*"] }),
            "401 GET /v1/ sub=payments",
        ),
        // Of a path that no server reads plainly nothing is said.
        (
            json!({ "tokens": token, "methods": ["GET"], "paths": ["/v1/a%2fb"] }),
            "undecided Ambiguous",
        ),
    ];
    for (fields, expected) in table {
        assert_eq!(with(fields.clone()), expected, "{fields}");
    }
    assert_eq!(
        always(&payments, &json!({ "hosts": ["other.test"], "methods": ["GET"] })),
        "403 GET /"
    );
}

/// Gateway-wide rules about workloads, one of which may be spoken for.
#[test]
fn workloads_count_however_they_are_known() {
    let with = |identity: &str| -> Policy {
        serde_json::from_value(json!({
            "version": policy::VERSION, "gateway": "egress/gateway", "servers": [],
            "egress_rules": [{ "name": "e", "from": ["shop/web", "pay/*"], "identity": identity }],
            "egress": [{ "hostname": "api.test", "rules": [0] }],
            "source_identity": {
                "trust_domains": ["cluster.local"],
                "propagated": { "header": "x-forwarded-client-cert", "trusted_sources": ["mesh/gw"] },
            },
        }))
        .unwrap()
    };
    let only = |list: Value| json!({ "hosts": ["api.test"], "not": { "workloads": list } });
    for identity in ["permissive", "peer_certificate", "source_identity"] {
        let policy = with(identity);
        assert_eq!(never(&policy, &only(json!(["shop/*", "pay/*"]))), "proved", "{identity}");
        assert!(never(&policy, &only(json!(["shop/web"]))).starts_with("200"), "{identity}");
        assert!(
            never(&policy, &only(json!(["shop/web", "pay/a"]))).starts_with("200"),
            "{identity}"
        );
        let web = json!({ "hosts": ["api.test"], "workloads": ["shop/web"] });
        assert!(never(&policy, &web).starts_with("200"), "{identity}");
        let other = json!({ "hosts": ["api.test"], "workloads": ["other/*"], "not": { "workloads": ["shop/*", "pay/*"] } });
        assert_eq!(never(&policy, &other), "proved", "{identity}");
    }
    let web = json!({ "hosts": ["api.test"], "workloads": ["shop/web"] });
    assert_eq!(always(&with("permissive"), &web), "proved");
    assert!(always(&with("peer_certificate"), &web).starts_with("403"));
    assert!(always(&with("source_identity"), &web).starts_with("403"));
}
