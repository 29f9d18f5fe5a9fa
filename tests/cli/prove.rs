//! `egress-auth prove`, and the guarantees that `compile` insists on, as a user runs them.

use std::process::{Command, Output};

use egress_auth::policy::path_pattern::PathPattern;
use egress_auth::prove::certificate::{Certificate, Entry, Row};
use egress_auth::prove::guarantee::PathProof;
use quick_junit::Report;
use serde_json::Value;
use tempfile::TempDir;

use crate::egress_auth;

const GATEWAY: &str = "\
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: gateway}
spec:
  workloadSelector: {namespace: egress}
  egressAuthorization:
    - from: {serviceAccounts: [shop/web]}
      to: [{host: {exact: shop.test}, methods: [GET]}]
  http:
    - name: shop
      hostname: shop.test
    - name: api
      hostname: api.test
      authentication:
        jwt:
          issuer: https://auth.test
          audiences: [egress]
          jwksUri: https://auth.test/keys
          fromHeaders: [{name: x-mesh-token}]
      authorization:
        local:
          rules:
            - name: alice-reads
              from: [{jwt: {sub: alice}}]
              to: [{methods: [GET], paths: [\"/v1/*\"]}]
";

fn folder(guarantees: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    std::fs::write(folder.path().join("guarantees.yaml"), guarantees).unwrap();
    folder
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn prove(folder: &TempDir, flags: &[&str]) -> Output {
    let arguments = ["prove", "gateway.yaml", "--guarantees", "guarantees.yaml"];
    egress_auth(folder.path(), &[&arguments[..], flags].concat())
}

const BROKEN: &str = "\
guarantees:
  - name: nobody deletes
    never: {methods: [DELETE]}
  - name: only bob reaches the API
    onlyFrom: {hosts: [api.test], tokens: [{sub: bob}]}
  - name: the shop reaches its host
    always: {hosts: [shop.test], workloads: [shop/web], methods: [GET]}
";

#[test]
fn a_broken_guarantee_shows_the_request_the_rule_and_the_command() {
    let folder = folder(BROKEN);
    let output = prove(&folder, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let lines: Vec<_> = stdout(&output).lines().collect();
    assert!(lines[1].starts_with("  proved     nobody deletes ("), "{lines:?}");
    assert_eq!(
        lines[2..5],
        [
            "  REFUTED    only bob reaches the API (guarantees.yaml:4)",
            "             GET https://api.test/v1/",
            "             200 allowed by `alice-reads` (gateway.yaml:23)",
        ]
    );
    let command = lines[5].trim();
    assert!(lines[6].starts_with("  proved     the shop reaches its host ("), "{lines:?}");
    assert_eq!(*lines.last().unwrap(), "2 proved, 1 refuted, 0 undecided");

    // The command is one that can be pasted, and says the same.
    let program = env!("CARGO_BIN_EXE_egress-auth");
    let command = command.replacen("egress-auth", program, 1);
    let mut shell = Command::new("sh");
    let shown = shell.args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    assert!(stdout(&shown).contains("alice-reads"), "{command} {}", stderr(&shown));
}

#[test]
fn results_are_written_for_programs() {
    let folder = folder(BROKEN);
    let output = prove(&folder, &["--output", "json", "--junit", "results.xml"]);
    assert_eq!(output.status.code(), Some(1));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&results["proved"], &results["refuted"]), (&2.into(), &1.into()));
    let refuted = &results["guarantees"][1];
    assert_eq!(refuted["verdict"], "refuted");
    assert_eq!(refuted["counterexample"]["rule"], "alice-reads");
    assert_eq!(refuted["counterexample"]["query"]["claims"]["sub"], "alice");
    let xml = std::fs::read_to_string(folder.path().join("results.xml")).unwrap();
    let report = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures), (3, 1));
}

#[test]
fn another_policy_bounds_what_may_pass() {
    let folder = folder("guarantees: [{name: no more, noMoreThan: old.yaml}]\n");
    std::fs::write(folder.path().join("old.yaml"), GATEWAY).unwrap();
    assert_eq!(prove(&folder, &[]).status.code(), Some(0));
    let narrower = GATEWAY.replace("/v1/*", "/v1/{*}");
    std::fs::write(folder.path().join("old.yaml"), narrower).unwrap();
    let output = prove(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("REFUTED    no more"), "{}", stdout(&output));
}

#[test]
fn compile_writes_nothing_that_breaks_a_guarantee() {
    let folder = folder(BROKEN);
    let arguments =
        ["compile", "gateway.yaml", "--guarantees", "guarantees.yaml", "--out", "policy.json"];
    let output = egress_auth(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("refuted: only bob reaches the API"), "{}", stderr(&output));
    assert!(!folder.path().join("policy.json").exists());
    let kept = BROKEN.replace("sub: bob", "sub: alice");
    std::fs::write(folder.path().join("guarantees.yaml"), kept).unwrap();
    let output = egress_auth(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("policy.json").exists());
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place() {
    for (guarantees, place, message) in [
        ("guarantees: []\n", "1:13", "`guarantees` is an empty list"),
        ("guarantees: [{name: a, nevr: {hosts: [a.test]}}]\n", "1:24", "did you mean `never`?"),
        ("guarantees: [{name: a}]\n", "1:14", "does not say what holds"),
        (
            "guarantees: [{name: a, never: {hosts: [a.test]}, noMoreThan: b}]\n",
            "1:50",
            "says one thing",
        ),
        ("guarantees: [{name: a, never: {}}]\n", "1:31", "empty never means everything"),
        ("guarantees: [{name: a, never: {tokens: []}}]\n", "1:40", "`tokens` is an empty list"),
        ("guarantees: [{name: a, never: {tokens: [{subject: x}]}}]\n", "1:42", "unknown field"),
        ("guarantees: [{name: a, never: {hosts: ['https://a.test']}}]\n", "1:40", "write `a.test`"),
        ("guarantees: [{name: a, never: {workloads: [shop]}}]\n", "1:44", "names no workloads"),
        ("guarantees: [{name: a, never: {workloads: [./web]}}]\n", "1:44", "the namespace"),
        ("guarantees: [{name: a, never: {methods: [get]}}]\n", "1:42", "write `GET`"),
        ("guarantees: [{name: a, never: {paths: ['/{*}x']}}]\n", "1:40", "is refused"),
        ("guarantees: [{name: a, onlyFrom: {hosts: [a.test]}}]\n", "1:34", "who may reach"),
        (
            "guarantees: [{name: a, never: {methods: [GET]}}, {name: a, never: {methods: [PUT]}}]\n",
            "1:57",
            "two guarantees",
        ),
    ] {
        let output = prove(&folder(guarantees), &[]);
        assert_eq!(output.status.code(), Some(1), "{guarantees}");
        let text = stderr(&output);
        assert!(text.contains(&format!("guarantees.yaml:{place}")), "{guarantees} {text}");
        assert!(text.contains(message), "{guarantees} {text}");
    }
}

/// A proof that is written out is checked by reading the patterns anew, and with less in it it is none.
#[test]
fn proofs_are_written_out_and_can_be_checked() {
    let folder = folder(
        "guarantees:\n  - {name: v1 alone, never: {hosts: [api.test], not: {paths: [\"/v1/{**}\"]}}}\n\
         \x20 - {name: broken, never: {hosts: [api.test]}}\n",
    );
    prove(&folder, &["--certificates", "proofs.json"]);
    let written = std::fs::read(folder.path().join("proofs.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    let guarantees = written["guarantees"].as_array().unwrap();
    assert_eq!(guarantees.len(), 1, "{written}");
    assert_eq!(guarantees[0]["name"], "v1 alone");
    let proofs: Vec<PathProof> = serde_json::from_value(guarantees[0]["proofs"].clone()).unwrap();
    assert_eq!((proofs.len(), proofs[0].method.as_str()), (1, "GET"));
    let states = |texts: &[String]| -> Vec<Row> {
        let compiled = texts.iter().map(|it| PathPattern::parse(it).unwrap());
        compiled.map(|it| it.states().into_owned()).collect()
    };
    let (inner, outer) = (states(&proofs[0].inner), states(&proofs[0].outer));
    let outer: Vec<&Row> = outer.iter().collect();
    let holds = |entries: &[Entry]| Certificate { inner: &inner, outer: &outer, entries }.holds();
    assert!(holds(&proofs[0].entries));
    assert!(!proofs[0].entries.is_empty() && !holds(&proofs[0].entries[1..]));
}

/// A pattern that no request fits would be about nothing, and so hold of everything.
#[test]
fn patterns_that_fit_nothing_are_errors() {
    for (region, expected) in [
        ("paths: [\"/v1/payments/{id}\"]", "write `/v1/payments/{*}`"),
        ("paths: [\"/v1/:id\"]", "write `/v1/{*}`"),
        ("tokens: [{sub: \"a*b\"}]", "a `*` inside it stands for itself"),
        ("tokens: [{other: {role: \".*\"}}]", "write `*`"),
    ] {
        let folder = folder(&format!("guarantees:\n  - {{name: n, never: {{{region}}}}}\n"));
        let output = prove(&folder, &[]);
        assert_eq!(output.status.code(), Some(1), "{region}");
        assert!(stderr(&output).contains(expected), "{region}: {}", stderr(&output));
        assert!(stdout(&output).is_empty());
    }
}
