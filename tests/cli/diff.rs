//! `egress-auth diff`, as a user runs it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::egress_auth;

fn gateway(spec: &str) -> String {
    format!(
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: gateway}}\nspec:\n  \
         workloadSelector: {{namespace: egress}}\n{spec}"
    )
}

fn server(name: &str, rules: &str) -> String {
    format!(
        "  - name: {name}\n    hostname: {name}.test\n    authentication: {{jwt: {{issuer: \
         https://auth.test, audiences: [egress], jwksUri: https://auth.test/keys, fromHeaders: \
         [{{name: x-mesh-token}}]}}}}\n    authorization: {{local: {{rules: [{rules}]}}}}\n"
    )
}

/// A folder with two Gateways.
fn folder(old: &str, new: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.yaml"), gateway(old)).unwrap();
    std::fs::write(folder.path().join("new.yaml"), gateway(new)).unwrap();
    folder
}

fn diff(folder: &TempDir, flags: &[&str]) -> (i32, String) {
    let arguments = [&["diff", "old.yaml", "new.yaml"], flags].concat();
    let output = egress_auth(folder.path(), &arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

const ALICE: &str =
    "{name: r, from: [{jwt: {sub: alice}}], to: [{methods: [GET], paths: [/v1/*]}]}";

#[test]
fn a_method_that_was_added_is_all_that_is_shown() {
    let old = format!("  http:\n{}{}", server("api", ALICE), server("other", ALICE));
    let new = format!(
        "  http:\n{}{}",
        server("api", &ALICE.replace("GET", "GET, POST")),
        server("other", ALICE)
    );
    let (code, text) = diff(&folder(&old, &new), &[]);
    let expected = "\
api.test: wider
  + allowed  sub=alice  POST  /v1/*
      POST https://api.test/v1/ and /v1/x with sub=alice iss=https://auth.test aud=egress
      200 allowed by `r`, was 403 no_rule_matched

1 of 3 hosts is decided otherwise: the new policy is wider, it denies nothing more
";
    assert_eq!((code, text.as_str()), (1, expected));
}

/// Names, their order, what stands twice and how it is written decide nothing.
#[test]
fn what_decides_alike_is_no_difference() {
    let other = ALICE.replace("name: r", "name: other").replace("alice", "bob");
    let old = format!("  http:\n{}", server("api", &format!("{ALICE}, {other}")));
    let new = format!(
        "  http:\n{}",
        server("api", &format!("{other}, {}, {ALICE}", ALICE.replace("name: r", "name: twice")))
    );
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!(
        (code, text.as_str()),
        (0, "no difference: the host and every other have the same rules\n")
    );
    let rule = |paths: &str| {
        let rule =
            format!("{{name: r, from: [{{jwt: {{sub: alice}}}}], to: [{{paths: [{paths}]}}]}}");
        format!("  http:\n{}", server("api", &rule))
    };
    let table =
        [("/a/*, /a/b", "/a/*"), ("'/a/{**}', /a/b", "'/a/{**}'"), ("'/a/{**}'", "/a, /a/*")];
    for (old, new) in table {
        let (code, text) = diff(&folder(&rule(old), &rule(new)), &[]);
        let expected =
            "no difference: every request to 2 hosts is decided alike; 1 is written otherwise\n";
        assert_eq!((code, text.as_str()), (0, expected));
        let (code, text) = diff(&folder(&rule(old), &rule(new)), &["--output", "json"]);
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((code, &report["verdict"]), (0, &json!("equal")));
        assert_eq!((&report["rewritten_hosts"], &report["differences"]), (&json!(1), &json!([])));
    }
}

#[test]
fn wildcards_and_hosts_that_nothing_names_are_compared_by_example() {
    let any = "    authorization: {local: {rules: [{name: any}]}}\n";
    let old = "  http: []\n".to_owned();
    let new = format!("  http:\n  - name: w\n    hostname: '*.w.test'\n{any}");
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!(code, 1);
    let expected = "\
*.w.test (as another-host.w.test): wider
  + allowed  anyone  any method  any path
      GET https://another-host.w.test/ and /x
      200 allowed by `any`, was 403 unlisted_host
";
    assert!(text.starts_with(expected), "{text}");
    let new = format!("  http:\n  - name: w\n    hostname: '*'\n{any}");
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!(code, 1);
    let expected = "any other host (as another-host.another-domain): wider\n  + allowed";
    assert!(text.starts_with(expected), "{text}");
}

/// Every request that is printed is one that `explain` answers so, on both sides.
#[test]
fn json_says_the_same_with_requests_that_explain_confirms() {
    let old = "  http:\n  - name: api\n    hostname: api.test\n    authorization: {local: {rules: \
               [{name: r}]}}\n";
    let new = "  http:\n  - name: api\n    hostname: api.test\n  egressAuthorization:\n  - from: \
               {serviceAccounts: [shop/web]}\n    to: [{host: {exact: api.test}, paths: ['/v1/{*}']}]\n";
    let folder = folder(old, new);
    let (code, text) = diff(&folder, &["--output", "json"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["verdict"], &report["lost"]), (&json!("narrower"), &json!("yes")));
    assert_eq!((&report["gained"], &report["differing_hosts"]), (&json!("no"), &json!(1)));
    let difference = &report["differences"][0];
    assert_eq!(difference["hosts"], json!([{"name": "api.test", "example": "api.test"}]));
    assert_eq!(difference["verdict"], json!("narrower"));
    let changes = difference["changes"].as_array().unwrap();
    assert!(!changes.is_empty() && changes.iter().all(|change| change["change"] == "denied"));
    for change in changes {
        for example in change["examples"].as_array().unwrap() {
            std::fs::write(folder.path().join("one.jsonl"), example.to_string()).unwrap();
            for (policy, side) in [("old.yaml", "before"), ("new.yaml", "after")] {
                let arguments = ["explain", policy, "--requests", "one.jsonl", "--output", "json"];
                let output = egress_auth(folder.path(), &arguments);
                let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
                for field in ["decision", "status", "reason"] {
                    assert_eq!(explained[field], change[side][field], "{example}");
                }
            }
        }
    }
}

/// What is no decision is said, and counts.
#[test]
fn what_is_security_though_no_decision_is_part_of_it() {
    let old = format!("  http:\n{}", server("api", ALICE));
    let forwarded = old.replace("audiences:", "forwardOriginalToken: true, audiences:");
    let (code, text) = diff(&folder(&old, &forwarded), &[]);
    let expected = "\
api.test: equal
  + forwardOriginalToken of https://auth.test: true, was false
      the token now goes on to the upstream

every request to 2 hosts is decided alike
1 thing differs beside decisions
";
    assert_eq!((code, text.as_str()), (1, expected));
    let (_, text) = diff(&folder(&old, &forwarded), &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["verdict"], "equal");
    for list in [&report["security"], &report["differences"][0]["security"]] {
        assert_eq!(list[0]["what"], "forwardOriginalToken");
        assert_eq!(list[0]["effect"], "wider");
        assert_eq!(list[0]["hosts"][0]["name"], "api.test");
    }
    let payload = old.replace("audiences:", "outputPayloadToHeader: x-payload, audiences:");
    let (code, text) = diff(&folder(&payload, &old), &[]);
    assert_eq!(code, 1);
    assert!(
        text.contains("outputPayloadToHeader of https://auth.test: none, was x-payload"),
        "{text}"
    );
}

#[test]
fn what_fails_can_be_chosen() {
    let old = format!("  http:\n{}", server("api", ALICE));
    let wider = old.replace("GET", "GET, POST");
    let forwarded = old.replace("audiences:", "forwardOriginalToken: true, audiences:");
    let keys = old.replace("https://auth.test/keys", "https://auth.test/other-keys");
    // Before, after, and whether each of `any`, `wider`, `narrower` and `undecided` fails.
    let table = [
        (&old, &old, [0, 0, 0, 0]),
        (&old, &wider, [1, 1, 0, 0]),
        (&wider, &old, [1, 0, 1, 0]),
        (&old, &forwarded, [1, 1, 0, 0]),
        (&forwarded, &old, [1, 0, 1, 0]),
        // What cannot be compared may be wider, and may be narrower.
        (&old, &keys, [1, 1, 1, 1]),
    ];
    for (old, new, codes) in table {
        let folder = folder(old, new);
        for (what, code) in ["any", "wider", "narrower", "undecided"].into_iter().zip(codes) {
            let (found, text) = diff(&folder, &["--fail-on", what]);
            assert_eq!(found, code, "{what}\n{text}");
        }
        let (found, _) = diff(&folder, &["--fail-on", "wider,narrower"]);
        assert_eq!(found, codes[1].max(codes[2]));
    }
    let (code, text) = diff(&folder(&old, &old), &["--fail-on", "more"]);
    assert!(code == 2 && text.contains("undecided"), "{text}");
}

#[test]
fn markdown_is_tables_in_which_no_name_is_markup() {
    let rule = ALICE.replace("alice", "'a|b`<i>'");
    let old = format!("  http:\n{}", server("api", &rule));
    let new = old.replace("GET", "GET, POST");
    let (code, text) = diff(&folder(&old, &new), &["--output", "markdown"]);
    assert_eq!(code, 1);
    assert!(text.starts_with("### Egress policy: wider\n"), "{text}");
    let row = text.lines().find(|line| line.starts_with("| + allowed")).unwrap();
    assert_eq!(row.matches(" | ").count(), 6, "{row}");
    assert!(!row.contains("<i>") && row.contains("POST"), "{row}");
}

#[test]
fn the_schema_describes_what_is_printed() {
    let folder = folder("  http: []\n", "  http: []\n");
    let schema = egress_auth(folder.path(), &["schema", "diff"]).stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let (_, text) = diff(&folder, &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    for field in report.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "{field}");
    }
}

#[test]
fn logged_requests_are_compared_instead_where_they_are_given() {
    let old = format!("  http:\n{}", server("api", ALICE));
    let new = format!("  http:\n{}", server("api", &ALICE.replace("alice", "bob")));
    let folder = folder(&old, &new);
    let line = |sub: &str| {
        json!({
            "request": "GET https://api.test/v1/x",
            "claims": {"iss": "https://auth.test", "aud": "egress", "sub": sub},
        })
    };
    let log = format!("{}\n{}\n\n{}\n{}\n", line("alice"), line("carol"), line("bob"), line("bob"));
    std::fs::write(folder.path().join("log.jsonl"), log).unwrap();
    let (code, text) = diff(&folder, &["--requests", "log.jsonl"]);
    let claims = |sub: &str| line(sub)["claims"].to_string();
    let expected = format!(
        "\
- denied  GET https://api.test/v1/x
    claims: {}
    403 no_rule_matched, was 200 allowed
    once, at log.jsonl:1

+ allowed  GET https://api.test/v1/x
    claims: {}
    200 allowed, was 403 no_rule_matched
    2 times, first at log.jsonl:4

3 of 4 requests are decided differently
",
        claims("alice"),
        claims("bob")
    );
    assert_eq!((code, text), (1, expected));
    let (code, text) = diff(&folder, &["--requests", "log.jsonl", "--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["requests"]), (1, &json!(4)));
    assert_eq!(report["changes"][1]["count"], json!(2));
    std::fs::write(folder.path().join("log.jsonl"), line("carol").to_string()).unwrap();
    let (code, text) = diff(&folder, &["--requests", "log.jsonl"]);
    assert_eq!((code, text.as_str()), (0, "0 of 1 request is decided differently\n"));
}

/// Without keys both policies would give the same answer, which says nothing of them.
#[test]
fn a_token_that_cannot_be_verified_is_trouble() {
    let old = format!("  http:\n{}", server("api", ALICE));
    let folder = folder(&old, &old);
    // {"alg":"RS256"}.{"iss":"https://auth.test"}
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2F1dGgudGVzdCJ9.AAAA";
    let line = json!({"request": "GET https://api.test/v1/x", "headers": {"x-mesh-token": token}});
    std::fs::write(folder.path().join("log.jsonl"), line.to_string()).unwrap();
    let (code, text) = diff(&folder, &["--requests", "log.jsonl"]);
    let expected = "error: log.jsonl:1: the keys for this token are needed: --jwks ISSUER=FILE\n";
    assert_eq!((code, text.as_str()), (2, expected));
}

/// As with diff(1), trouble is told apart from a difference.
#[test]
fn what_cannot_be_compared_is_trouble() {
    let folder = folder("  http: []\n", "  http: [{name: a}]\n");
    let (code, text) = diff(&folder, &[]);
    assert_eq!(code, 2);
    assert!(text.contains("new.yaml:6:10"), "{text}");
    let output = egress_auth(folder.path(), &["diff", "old.yaml", "missing.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let output = egress_auth(folder.path(), &["diff", "-", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stderr, b"error: only one input can be `-`\n");
    std::fs::write(folder.path().join("log.jsonl"), "{\"request\": 1}\n").unwrap();
    let arguments = ["diff", "old.yaml", "old.yaml", "--requests", "log.jsonl"];
    let output = egress_auth(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: log.jsonl:1: "));
}

/// Of many hosts only those that differ are looked at.
#[test]
fn of_many_hosts_those_that_differ_are_named() {
    let many = |changed: &str| {
        let mut spec = "  http:\n".to_owned();
        for number in 0..2_000 {
            let rules = if number == 1_234 { changed } else { ALICE };
            write!(spec, "{}", server(&format!("host-{number}"), rules)).unwrap();
        }
        spec
    };
    let folder = folder(&many(ALICE), &many(&ALICE.replace("alice", "bob")));
    let (code, text) = diff(&folder, &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["hosts"], &report["differing_hosts"]), (1, &json!(2_001), &json!(1)));
    assert_eq!(report["differences"][0]["hosts"][0]["name"], json!("host-1234.test"));
}

/// Hosts with the same rules before, and the same after, are named together.
#[test]
fn a_change_that_many_hosts_share_is_said_once() {
    let many = |rules: &str| {
        let servers = (0..20).map(|number| server(&format!("host-{number:02}"), rules));
        format!("  http:\n{}", servers.collect::<String>())
    };
    let folder = folder(&many(ALICE), &many(&ALICE.replace("alice", "bob")));
    let (code, text) = diff(&folder, &[]);
    assert_eq!(code, 1);
    let (hosts, rest) = text.split_once('\n').unwrap();
    assert!(hosts.starts_with("host-00.test, host-01.test, "), "{text}");
    assert!(hosts.ends_with(" and 15 more with the same rules: crossing"), "{text}");
    assert_eq!(rest.matches("allowed  sub").count(), 1, "{text}");
    assert!(rest.contains("20 of 21 hosts are decided otherwise"), "{text}");
}

/// What stands for all that no rule names is named by neither policy.
#[test]
fn names_that_rules_use_are_never_taken_for_all_others() {
    let methods = "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS, TRACE";
    let rule = |who: &str, to: &str| {
        let rule = format!("{{name: r, from: [{{jwt: {who}}}], to: [{to}]}}");
        format!("  http:\n{}", server("api", &rule))
    };
    let workload = |source: &str| {
        format!(
            "  egressAuthorization:\n  - from: {{serviceAccounts: [{source}]}}\n    to: [{{host: \
             {{exact: api.test}}}}]\n  http: [{{name: api, hostname: api.test}}]\n"
        )
    };
    let named = rule("{sub: bob}", &format!("{{methods: [{methods}]}}"));
    let put = rule("{sub: bob}", "{methods: [PUT]}");
    let any_path = rule("{sub: bob}", "{methods: [PUT], paths: ['/{*}']}");
    // Before, after, what is opened, and what must not be said of it.
    let table = [
        (put.clone(), named.clone(), "DELETE, GET, HEAD, OPTIONS", "any method"),
        (named, rule("{sub: bob}", "{paths: ['/*']}"), "  any but DELETE, GET, HEAD", "any method"),
        (
            rule("{sub: x}", "{methods: [PUT]}"),
            rule("{}", "{methods: [PUT]}"),
            "PUT https://api.test/ and /x with iss",
            "with sub=x",
        ),
        (workload("x/x"), workload("x/*"), "GET https://api.test/ and /x from x/y", "from x/x"),
        (any_path, put, "  PUT  any path", "  PUT  /{*}"),
        (
            rule("{sub: 'team-x'}", "{methods: [PUT]}"),
            rule("{sub: 'team-*'}", "{methods: [PUT]}"),
            "with sub=team-y iss",
            "sub=team-x",
        ),
    ];
    for (old, new, expected, wrong) in table {
        let (code, text) = diff(&folder(&old, &new), &["--fail-on", "wider"]);
        assert_eq!(code, 1, "{text}");
        let (_, opened) = text.split_once("  + allowed").unwrap();
        let opened = opened.split("\n  - ").next().unwrap();
        assert!(opened.contains(expected) && !opened.contains(wrong), "{expected}\n{text}");
    }
}

/// A server with a rule for so many subjects and paths.
fn long_lists(who: &str, subjects: usize, paths: usize) -> String {
    let from: Vec<_> = (0..subjects).map(|it| format!("{{jwt: {{sub: {who}{it}}}}}")).collect();
    let paths: Vec<_> = (0..paths).map(|it| format!("/p{it}")).collect();
    let (from, paths) = (from.join(", "), paths.join(", "));
    let to = format!("{{methods: [A, B, C, D, E], paths: [{paths}]}}");
    format!("  http:\n{}", server("api", &format!("{{name: r, from: [{from}], to: [{to}]}}")))
}

#[test]
fn of_long_lists_what_changed_is_said_in_one_line() {
    let (old, new) = (long_lists("u", 100, 100), long_lists("u", 100, 101));
    let (code, text) = diff(&folder(&old, &new), &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["verdict"]), (1, &json!("wider")));
    let [change] = &report["differences"][0]["changes"].as_array().unwrap()[..] else {
        panic!("{text}")
    };
    assert_eq!((&change["change"], &change["paths"]), (&json!("allowed"), &json!(["/p100"])));
    assert_eq!(change["methods"], json!(["A", "B", "C", "D", "E"]));
    assert_eq!(change["claims"].as_array().unwrap().len(), 100);
}
