//! The interplay table in Istio's objects.

use egress_auth::emit::istio::{Version, native};
use egress_auth::engine::Engine;
use serde_json::json;

use super::{Asked, BOTH, compiled, deciding, engine_allows, evaluate, objects};

const HEAD: &str = "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {name: g}\n\
    spec:\n  workloadSelector: {namespace: egress, labels: {app: g}}\n";
const ONE: &str = "  http: [{name: a, hostname: a.test}]\n";
const ONE_WITH_RULES: &str = "  http: [{name: a, hostname: a.test, authorization: {local: {rules: [{name: any, to: \
     [{methods: [GET]}]}]}}}]\n";
const EGRESS: &str = "  egressAuthorization: [{from: {serviceAccounts: [n/s]}, to: [{host: \
    {exact: a.test}}]}]\n";
const EGRESS_ELSEWHERE: &str = "  egressAuthorization: [{from: {serviceAccounts: [n/s]}, to: \
    [{host: {exact: b.test}}]}]\n";

#[test]
fn every_row_of_the_table_gives_its_objects_and_its_decisions() {
    let known = Some("spiffe://cluster.local/ns/n/sa/s".to_owned());
    // The row's documents, its objects, and which of GET and POST to a.test and b.test pass, by
    // nobody and by n/s.
    let rows = [
        (format!("{HEAD}{ONE}{EGRESS}"), vec!["EnvoyFilter"], [0, 0, 0, 0], [1, 1, 0, 0]),
        (
            format!("{HEAD}{ONE_WITH_RULES}"),
            vec!["AuthorizationPolicy"],
            [1, 0, 0, 0],
            [1, 0, 0, 0],
        ),
        (
            format!("{HEAD}{ONE_WITH_RULES}{EGRESS}"),
            vec!["AuthorizationPolicy"],
            [1, 0, 0, 0],
            [1, 0, 0, 0],
        ),
        (
            format!("{HEAD}{ONE_WITH_RULES}{EGRESS_ELSEWHERE}"),
            vec!["AuthorizationPolicy", "EnvoyFilter"],
            [1, 0, 0, 0],
            [1, 0, 1, 1],
        ),
    ];
    for (text, expected, by_nobody, by_known) in rows {
        let compiled = compiled(&text);
        let objects = objects(super::native(&compiled, false));
        assert_eq!(deciding(&objects), expected, "{text}");
        let engine = Engine::new(compiled.policy).unwrap();
        for (source, expected) in [(None, by_nobody), (known.clone(), by_known)] {
            let asked = |host: &str, method: &str| Asked {
                authority: host.to_owned(),
                method: method.to_owned(),
                path: "/".to_owned(),
                claims: None,
                source: source.clone(),
            };
            let all = [
                asked("a.test", "GET"),
                asked("a.test", "POST"),
                asked("b.test", "GET"),
                asked("b.test", "POST"),
            ];
            let by_objects = all.each_ref().map(|it| i32::from(evaluate::allows(&objects, it)));
            let by_engine = all.each_ref().map(|it| i32::from(engine_allows(&engine, it)));
            assert_eq!(by_engine, expected, "{text}");
            assert_eq!(by_objects, expected, "{text}");
        }
    }
}

#[test]
fn hosts_under_different_mechanisms_do_not_deny_each_other() {
    let compiled = compiled(BOTH);
    let releases = [Version::OLDEST, Version::NEWEST].map(|version| {
        let options = native::Options { version, allow_narrower: false, http2_hosts: Vec::new() };
        objects(native::objects(&compiled, &options))
    });
    for objects in &releases {
        let expected = ["RequestAuthentication", "AuthorizationPolicy", "EnvoyFilter"];
        assert_eq!(deciding(objects), expected);
    }
    let filters = releases.each_ref().map(|objects| objects.last());
    assert_ne!(filters[0], filters[1]);
    let engine = Engine::new(compiled.policy).unwrap();
    let token = |sub: &str| Some(json!({"iss": "https://auth.test", "aud": "mesh", "sub": sub}));
    let workload = |name: &str| Some(format!("spiffe://cluster.local/ns/{name}"));
    for (host, path, claims, source, expected) in [
        // Rules alone, whoever the workload is.
        ("rules.test", "/v1/x", token("reader"), None, true),
        ("RULES.test:443", "/v1/x", token("reader"), workload("other/sa/x"), true),
        ("rules.test", "/v1/x", token("writer"), workload("payments/sa/api"), false),
        ("rules.test", "/v1/x", None, workload("payments/sa/api"), false),
        // Workloads alone: no token is needed.
        ("workloads.test", "/v1/x", None, workload("payments/sa/api"), true),
        ("workloads.test:443", "/a/x/y/b", None, workload("payments/sa/api"), true),
        ("workloads.test", "/other", None, workload("payments/sa/api"), false),
        ("workloads.test", "/v1/x", None, workload("payments/sa/other"), false),
        ("workloads.test", "/v1/x", token("reader"), None, false),
        // Named by both: the rules alone.
        ("both.test", "/", token("writer"), None, true),
        ("both.test", "/", None, workload("payments/sa/api"), false),
        // A token and a workload.
        ("token.test", "/", token("x"), workload("egress/sa/any"), true),
        ("token.test", "/", token("x"), workload("payments/sa/api"), false),
        ("token.test", "/", None, workload("egress/sa/any"), false),
        // Nothing governs it.
        ("other.test", "/", token("reader"), workload("payments/sa/api"), false),
    ] {
        let (authority, path) = (host.to_owned(), path.to_owned());
        let asked = Asked { authority, method: "GET".to_owned(), path, claims, source };
        assert_eq!(engine_allows(&engine, &asked), expected, "engine: {asked:?}");
        for objects in &releases {
            assert_eq!(evaluate::allows(objects, &asked), expected, "objects: {asked:?}");
        }
    }
}

#[test]
fn more_rules_than_a_policy_holds_go_into_several() {
    let rules: Vec<_> = (0..1_100)
        .map(|number| json!({"name": format!("r{number}"), "to": [{"paths": [format!("/{number}")]}]}))
        .collect();
    let gateway = json!({
        "apiVersion": "gateway.tsb.tetrate.io/v2",
        "kind": "Gateway",
        "metadata": {"name": "g"},
        "spec": {
            "workloadSelector": {"namespace": "egress", "labels": {"app": "g"}},
            "http": [{"name": "a", "hostname": "a.test", "authorization": {"local": {"rules": rules}}}],
        },
    });
    let compiled = compiled(&gateway.to_string());
    let objects = objects(super::native(&compiled, false));
    assert_eq!(deciding(&objects), ["AuthorizationPolicy"; 3]);
    let policies: Vec<_> =
        objects.iter().filter(|it| it["kind"] == "AuthorizationPolicy").collect();
    let names: Vec<_> =
        policies.iter().map(|it| it["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["g", "g-part-2", "g-part-3"]);
    for object in policies {
        assert!(object["spec"]["rules"].as_array().unwrap().len() <= 512);
        assert_eq!(object["spec"]["selector"], json!({"matchLabels": {"app": "g"}}));
    }
    for (path, expected) in [("/0", true), ("/600", true), ("/1099", true), ("/1100", false)] {
        let (authority, path) = ("a.test".to_owned(), path.to_owned());
        let asked = Asked { authority, method: "GET".to_owned(), path, claims: None, source: None };
        assert_eq!(evaluate::allows(&objects, &asked), expected, "{asked:?}");
    }
}
