//! `egress-auth diff`, as a user runs it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn egress_auth(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(arguments).current_dir(folder).output().unwrap()
}

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
api.test
  + allowed  sub=alice iss=https://auth.test aud=egress  POST  /v1/*  200 allowed, was 403 no_rule_matched

1 of 3 hosts have other rules: of 48 requests made from their patterns, 3 became allowed and 0 denied
";
    assert_eq!((code, text.as_str()), (1, expected));
}

/// Names, their order and what stands twice decide nothing.
#[test]
fn what_decides_alike_is_no_difference() {
    let other = ALICE.replace("name: r", "name: other").replace("alice", "bob");
    let old = format!("  http:\n{}", server("api", &format!("{ALICE}, {other}")));
    let new = format!(
        "  http:\n{}",
        server("api", &format!("{other}, {}, {ALICE}", ALICE.replace("name: r", "name: twice")))
    );
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!((code, text.as_str()), (0, "no difference: all 2 hosts have the same rules\n"));
}

#[test]
fn wildcards_and_hosts_that_nothing_names_are_compared_by_example() {
    let any = "    authorization: {local: {rules: [{name: any}]}}\n";
    let old = "  http: []\n".to_owned();
    let new = format!("  http:\n  - name: w\n    hostname: '*.w.test'\n{any}");
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!(code, 1);
    let expected = "\
*.w.test (as another-host.w.test)
  + allowed  anyone  any method  any path  200 allowed, was 403 unlisted_host
";
    assert!(text.starts_with(expected), "{text}");
    let new = format!("  http:\n  - name: w\n    hostname: '*'\n{any}");
    let (code, text) = diff(&folder(&old, &new), &[]);
    assert_eq!(code, 1);
    assert!(text.starts_with("any other host (as another-host.another-domain)\n  + allowed"));
}

#[test]
fn json_says_the_same_with_every_request() {
    let old = "  http:\n  - name: api\n    hostname: api.test\n    authorization: {local: {rules: \
               [{name: r}]}}\n";
    let new = "  http:\n  - name: api\n    hostname: api.test\n  egressAuthorization:\n  - from: \
               {serviceAccounts: [shop/web]}\n    to: [{host: {exact: api.test}, paths: ['/v1/{*}']}]\n";
    let folder = folder(old, new);
    let (code, text) = diff(&folder, &["--output", "json"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["differing_hosts"], json!(1));
    let difference = &report["differences"][0];
    assert_eq!(difference["hosts"], json!([{"name": "api.test", "example": "api.test"}]));
    assert_eq!(difference["differs"], json!(["authorization"]));
    let changes = difference["changes"].as_array().unwrap();
    let web = "spiffe://cluster.local/ns/shop/sa/web";
    let change = changes.iter().find(|it| it["sources"] == json!([web])).unwrap();
    assert_eq!(change["change"], json!("denied"));
    assert_eq!(change["before"], json!({"decision": "allow", "status": 200, "reason": "allowed"}));
    assert_eq!(change["after"]["reason"], json!("no_rule_matched"));
    assert_eq!((&change["paths"], &change["claims"]), (&json!(["/another-path"]), &json!([null])));
    // Each is a request that `explain` answers in the same way.
    let output = egress_auth(
        folder.path(),
        &[
            "explain",
            "new.yaml",
            "--request",
            "GET https://api.test/another-path",
            "--source",
            web,
            "--output",
            "json",
        ],
    );
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    for field in ["decision", "status", "reason"] {
        assert_eq!(explained[field], change["after"][field]);
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
    assert_eq!((code, text.as_str()), (0, "0 of 1 requests are decided differently\n"));
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

/// Requests are made only for hosts whose rules differ, however many others there are.
#[test]
fn of_many_hosts_only_those_that_differ_cost_requests() {
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
    assert!(report["requests"].as_u64().unwrap() < 100, "{}", report["requests"]);
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
    assert!(hosts.ends_with(" and 15 more with the same rules"), "{text}");
    assert!(rest.ends_with("3 became allowed and 3 denied\n"), "{text}");
    assert_eq!(rest.matches("allowed  sub").count(), 1, "{text}");
}

/// What stands for all that no rule names is named by neither policy.
#[test]
fn names_that_rules_use_are_never_taken_for_all_others() {
    let methods = "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS, TRACE, OTHER";
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
        (rule("{sub: bob}", "{methods: [X]}"), named.clone(), "DELETE, GET, HEAD", "any method"),
        (named, rule("{sub: bob}", "{paths: ['/*']}"), "  any but DELETE, GET, HEAD", "any method"),
        (
            rule("{sub: another-subject}", "{methods: [PUT]}"),
            rule("{}", "{methods: [PUT]}"),
            "sub=another-subject-2 iss",
            "sub=another-subject ",
        ),
        (
            workload("another-namespace/another-account"),
            workload("another-namespace/*"),
            "from another-namespace/another-account-2  any method  any path",
            "another-account  any",
        ),
        (rule("{sub: bob}", "{methods: [X]}"), any_path.clone(), "  PUT  /{*}  ", "any path"),
        (any_path, put, "  PUT  /another-path/another-path  ", "any path"),
        (
            rule("{sub: 'team-x'}", "{methods: [PUT]}"),
            rule("{sub: 'team-*'}", "{methods: [PUT]}"),
            "sub=team-y iss",
            "sub=team-x",
        ),
    ];
    for (old, new, expected, wrong) in table {
        let (code, text) = diff(&folder(&old, &new), &[]);
        assert_eq!(code, 1, "{text}");
        let opened: Vec<_> = text.lines().filter(|line| line.starts_with("  + allowed")).collect();
        let opened = opened.join("\n");
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

/// Of long lists only what changed costs requests.
#[test]
fn one_path_more_beside_many_costs_few_requests() {
    let (old, new) = (long_lists("u", 100, 100), long_lists("u", 100, 101));
    let (code, text) = diff(&folder(&old, &new), &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["requests_left_out"]), (1, &json!(0)));
    let [change] = &report["differences"][0]["changes"].as_array().unwrap()[..] else {
        panic!("{text}")
    };
    assert_eq!((&change["change"], &change["paths"]), (&json!("allowed"), &json!(["/p100"])));
    assert_eq!(change["methods"], json!(["A", "B", "C", "D", "E"]));
    assert_eq!(change["claims"].as_array().unwrap().len(), 100);
    assert!(report["requests"].as_u64().unwrap() < 2_000, "{}", report["requests"]);
}

/// A comparison that would take too long is cut short, and says so.
#[test]
fn what_was_not_compared_is_said() {
    let folder = folder(&long_lists("u", 300, 300), &long_lists("v", 300, 300));
    let (code, text) = diff(&folder, &[]);
    assert_eq!(code, 1);
    let says = |line: &str, end: &str| {
        text.lines().any(|found| found.starts_with(line) && found.ends_with(end))
    };
    assert!(says("  + allowed  sub=v0 ", "200 allowed, was 403 no_rule_matched"), "{text}");
    assert!(says("  ? ", " more requests from the patterns were not made"), "{text}");
    assert!(says("not all of them were made: ", "with --requests FILE"), "{text}");
    let (_, text) = diff(&folder, &["--output", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let left_out = report["requests_left_out"].as_u64().unwrap();
    assert!(left_out > 0, "{left_out}");
    assert_eq!(report["differences"][0]["requests_left_out"], left_out);
}
