//! Generated Gateways and requests: what the objects admit, the engine admits; where nothing had
//! to be narrower, they agree.

use std::cell::Cell;

use egress_auth::compile::Options;
use egress_auth::engine::Engine;
use egress_auth::policy::DefaultAction;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{Asked, compile_with, engine_allows, evaluate, native, plugin, types};

const EXACT: [&str; 3] = ["a.example.com", "b.example.com", "api.test"];
const ISSUERS: [&str; 2] = ["https://one.test", "https://two.test"];

fn maybe<S>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S: Strategy,
    S::Value: Clone + 'static,
{
    prop_oneof![Just(None), strategy.prop_map(Some)]
}

/// An object of the fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect())
}

/// Mostly patterns that Istio can say.
fn principal() -> impl Strategy<Value = Value> {
    let iss = select(vec!["https://one.test", "https://*", "*two.test", "*", "https://other.test"]);
    let sub = select(vec!["reader", "read*", "*er", "*", "admin", "*d*"]);
    let roles = select(vec!["admin", "adm*", "*-reader", "*mi*", "3"]);
    let name = select(vec!["roles", "scope", "[nested][roles]", "nested.roles"]);
    (maybe(iss), maybe(sub), maybe((name, roles))).prop_map(|(iss, sub, other)| {
        object([
            ("iss", iss.map(Value::from)),
            ("sub", sub.map(Value::from)),
            ("other", other.map(|(name, pattern)| json!({name: pattern}))),
        ])
    })
}

/// Methods, paths or both.
fn operation() -> impl Strategy<Value = Value> {
    let some = vec![
        "/v1/*",
        "/v1/pay",
        "*/admin",
        "/a/{*}/b",
        "/a/{**}",
        "/{**}/b",
        "/a/{**}/b",
        "*",
        "/a*b",
        "/a/*/b",
        "*x*",
        "/a/{*}/{**}",
    ];
    let methods = || subsequence(vec!["GET", "POST", "DELETE"], 1..=2).prop_map(Value::from);
    let path = move || {
        let segments = vec!["a", "a", "b", "{*}", "{**}", "*", "a*", "*b"];
        let any = proptest::collection::vec(select(segments), 1..5);
        prop_oneof![
            2 => select(some.clone()).prop_map(str::to_owned),
            1 => any.prop_map(|segments| format!("/{}", segments.join("/"))),
        ]
    };
    let paths = move || proptest::collection::vec(path(), 1..3).prop_map(Value::from);
    prop_oneof![
        methods().prop_map(|methods| json!({"methods": methods})),
        paths().prop_map(|paths| json!({"paths": paths})),
        (methods(), paths()).prop_map(|(m, p)| json!({"methods": m, "paths": p})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let from = proptest::collection::vec(principal(), 1..3)
        .prop_map(|list| list.into_iter().map(|jwt| json!({"jwt": jwt})).collect::<Value>());
    let to = proptest::collection::vec(operation(), 1..3).prop_map(Value::from);
    (maybe(from), maybe(to)).prop_map(|(from, to)| object([("from", from), ("to", to)]))
}

fn authentication() -> impl Strategy<Value = Value> {
    let audiences = select(vec![json!([]), json!(["mesh"]), json!(["https://mesh/", "b"])]);
    let issuers = subsequence(ISSUERS.to_vec(), 1..=2);
    (issuers, audiences, any::<bool>()).prop_map(|(issuers, audiences, required)| {
        let rules = issuers.iter().map(|issuer| {
            let audiences = Some(audiences.clone()).filter(|it| !it.as_array().unwrap().is_empty());
            object([
                ("issuer", Some(json!(issuer))),
                ("jwksUri", Some(json!(format!("{issuer}/keys")))),
                ("audiences", audiences),
            ])
        });
        json!({"rules": {"jwt": rules.collect::<Value>()}, "requireJwt": required})
    })
}

fn server(hostname: &'static str) -> impl Strategy<Value = Value> {
    let authorization = proptest::collection::vec(rule(), 0..3);
    let mode = select(vec!["EGRESS", "EGRESS", "INGRESS"]);
    (maybe(authentication()), maybe(authorization), mode).prop_map(
        move |(authentication, rules, mode)| {
            let mut rules = rules;
            if authentication.is_none() {
                // Without tokens a `from` would be an error.
                for rule in rules.iter_mut().flatten() {
                    rule.as_object_mut().unwrap().remove("from");
                }
            }
            object([
                ("name", Some(json!(hostname))),
                ("hostname", Some(json!(hostname))),
                ("trafficMode", Some(json!(mode))),
                ("authentication", authentication),
                ("authorization", rules.map(|rules| json!({"local": {"rules": rules}}))),
            ])
        },
    )
}

fn entry() -> impl Strategy<Value = Value> {
    let accounts = subsequence(vec!["one/a", "one/*", "./*"], 1..=2);
    let from = maybe(accounts.prop_map(|list| json!({"serviceAccounts": list})));
    let to = subsequence(EXACT.to_vec(), 1..=2).prop_flat_map(|hosts| {
        let operations = proptest::collection::vec(maybe(operation()), hosts.len());
        operations.prop_map(move |operations| {
            let to = hosts.iter().zip(operations).map(|(host, operation)| {
                let mut to = operation.unwrap_or_else(|| json!({}));
                to["host"] = json!({"exact": host});
                to
            });
            to.collect::<Value>()
        })
    });
    (from, to).prop_map(|(from, to)| object([("from", from), ("to", Some(to))]))
}

fn gateway() -> impl Strategy<Value = String> {
    let hosts = prop_oneof![
        4 => subsequence(EXACT.to_vec(), 1..=3),
        1 => subsequence(vec!["a.example.com", "*.example.com", "api.test"], 1..=3),
        1 => subsequence(vec!["a.example.com", "*", "api.test"], 1..=3),
    ];
    let servers = hosts.prop_flat_map(|hosts| {
        hosts.into_iter().map(|host| server(host).boxed()).collect::<Vec<_>>()
    });
    let egress = maybe(proptest::collection::vec(entry(), 1..3).prop_map(Value::from));
    (servers, egress).prop_map(|(servers, egress)| {
        let spec = object([
            ("workloadSelector", Some(json!({"namespace": "egress", "labels": {"app": "g"}}))),
            ("http", Some(servers.into())),
            ("egressAuthorization", egress),
        ]);
        let gateway = json!({
            "apiVersion": "gateway.tsb.tetrate.io/v2",
            "kind": "Gateway",
            "metadata": {"name": "g"},
            "spec": spec,
        });
        gateway.to_string()
    })
}

fn claims() -> impl Strategy<Value = Value> {
    let iss = select(vec![ISSUERS[0], ISSUERS[0], ISSUERS[1], "https://other.test"]);
    let aud = select(vec![json!("mesh"), json!(["mesh", "b"]), json!("c"), Value::Null]);
    let sub = select(vec![json!("reader"), json!("admin"), json!("x"), Value::Null]);
    let roles = || {
        select(vec![json!("admin"), json!(["my-reader", "x"]), json!(3), json!("a b"), Value::Null])
    };
    (iss, aud, sub, roles(), roles(), roles()).prop_map(|(iss, aud, sub, roles, scope, nested)| {
        let there = |value: Value| Some(value).filter(|value| !value.is_null());
        object([
            ("iss", Some(json!(iss))),
            ("aud", there(aud)),
            ("sub", there(sub)),
            ("roles", there(roles)),
            ("scope", there(scope)),
            ("nested", there(nested).map(|roles| json!({"roles": roles}))),
        ])
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let authority = select(vec![
        "a.example.com",
        "b.example.com",
        "api.test",
        "A.Example.COM:443",
        "api.test:8080",
        "x.example.com",
        "x.example.com:80",
        "x.y.example.com",
        "other.test",
        "other.test:1",
        "api.test.",
        "a.example.com.:443",
    ]);
    let method = select(vec!["GET", "GET", "POST", "PUT"]);
    let some = vec![
        "/",
        "/v1/",
        "/v1/x",
        "/v1/pay",
        "/v1/pay?a=/admin",
        "/x/admin",
        "/a",
        "/a/",
        "/a/b",
        "/a/q/b",
        "/a/q/r/b",
        "/b",
        "/ab",
        "/axb",
        "/a/q",
        "/a/q/",
    ];
    let any_path = proptest::collection::vec(select(vec!["a", "a", "b", "ab", "x"]), 1..5);
    let path = prop_oneof![
        select(some).prop_map(str::to_owned),
        any_path.prop_map(|segments| format!("/{}", segments.join("/"))),
    ];
    let source = maybe(select(vec!["one/sa/a", "one/sa/b", "egress/sa/c", "two/sa/a"]));
    (authority, method, path, maybe(claims()), source).prop_map(
        |(authority, method, path, claims, source)| Asked {
            authority: authority.to_owned(),
            method: method.to_owned(),
            path,
            claims,
            source: source.map(|it| format!("spiffe://cluster.local/ns/{it}")),
        },
    )
}

#[test]
fn objects_decide_what_the_engine_decides() {
    let (exact, narrower, refused, admitted) =
        (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
    let strategy = (gateway(), any::<bool>(), proptest::collection::vec(asked(), 40));
    let config = Config { cases: 600, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |(text, default_allow, requests)| {
        let default_action = if default_allow { DefaultAction::Allow } else { DefaultAction::Deny };
        let options = Options { default_action, ..Options::default() };
        let Ok(compiled) = compile_with(&text, &options) else { return Ok(()) };
        let mut emitted = native(&compiled, false);
        let narrowed = emitted.findings.has_errors();
        if narrowed {
            emitted = native(&compiled, true);
        }
        if emitted.findings.has_errors() {
            count(&refused);
            return Ok(());
        }
        count(if narrowed { &narrower } else { &exact });
        types::assert_fit(&emitted.objects);
        types::assert_fit(&plugin::emit(&compiled).objects);
        let engine = Engine::new(compiled.policy.clone()).unwrap();
        for asked in &requests {
            let by_objects = evaluate::allows(&emitted.objects, asked);
            let by_engine = engine_allows(&engine, asked);
            let known = narrowed
                // Istio's hosts know no trailing dot, and its tokens no host.
                || asked.authority.contains(".:")
                || asked.authority.ends_with('.')
                || evaluate::refuses_token(&emitted.objects, asked);
            prop_assert!(by_engine || !by_objects, "broader: {asked:?}\n{:#?}", emitted.objects);
            prop_assert!(
                by_engine == by_objects || known,
                "narrower: {asked:?}\n{:#?}",
                emitted.objects
            );
            if by_objects {
                count(&admitted);
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let counts = [exact.get(), narrower.get(), refused.get(), admitted.get()];
    println!("exact, narrower, refused Gateways, admitted requests: {counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "too little was compared: {counts:?}");
}
