//! `egress-auth test`, as a user runs it.

use std::process::Output;

use quick_junit::Report;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::egress_auth;

const GATEWAY: &str = "
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

/// A folder with a Gateway, and a cases file with these lines after `gateways`.
fn folder(rest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    let cases = format!("gateways: [gateway.yaml]\n{rest}");
    std::fs::write(folder.path().join("cases.yaml"), cases).unwrap();
    folder
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// What `test` says of one case, as JSON.
fn answers(rest: &str) -> Value {
    let folder = folder(rest);
    let output = egress_auth(folder.path(), &["test", "cases.yaml", "--output", "json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

const ONE_FAILS: &str = "
defaults:
  claims: {iss: https://auth.test, aud: egress}
cases:
  - name: alice reads
    request: GET https://api.test/v1/items
    claims: {sub: alice}
    expect: {decision: allow, status: 200, rule: alice-reads, mechanism: authorization}
  - name: alice writes
    request: POST https://api.test/v1/items
    claims: {sub: alice}
    expect: {decision: allow, reason: allowed, server: api}
";

#[test]
fn a_failure_shows_what_was_expected_beside_what_came_and_why() {
    let folder = folder(ONE_FAILS);
    let output = egress_auth(folder.path(), &["test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let expected = "\
cases.yaml
  ok    alice reads
  FAIL  alice writes (cases.yaml:10)
        POST https://api.test/v1/items
                       expected  actual
          ! decision   allow     deny  <-- differs
          ! reason     allowed   no_rule_matched  <-- differs
            server     api       api
        steps:
            server: `api` governs the host `api.test`
            claims: taken as those of a verified token
            authorization: no rule admits the request
            nearest: `alice-reads`: the method is `POST`, which must be `GET`

1 passed, 1 failed
";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn paths_are_relative_to_the_cases_file_and_passing_cases_exit_with_0() {
    let folder = folder(&ONE_FAILS.replace("POST", "GET"));
    let above = folder.path().parent().unwrap();
    let cases = folder.path().join("cases.yaml");
    let output = egress_auth(above, &["test", cases.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).ends_with("\n\n2 passed, 0 failed\n"));
}

#[test]
fn ci_systems_get_junit() {
    let folder = folder(ONE_FAILS);
    let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", "report.xml"]);
    assert_eq!(output.status.code(), Some(1));
    let xml = std::fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let report = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "cases.yaml");
    let names: Vec<_> = suite.test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["alice reads", "alice writes"]);
    assert!(xml.contains(
        "message=\"decision: expected allow, got deny; reason: expected allowed, got \
         no_rule_matched\""
    ));
}

#[test]
fn json_has_every_case_with_the_whole_answer() {
    let report = answers(ONE_FAILS);
    assert_eq!((&report["passed"], &report["failed"]), (&json!(1), &json!(1)));
    let case = &report["cases"][0];
    assert_eq!(case["expected"]["status"], json!(200));
    assert_eq!((&case["name"], &case["line"]), (&json!("alice reads"), &json!(6)));
    let actual = case["actual"].as_object().unwrap();
    let keys: Vec<_> = actual.keys().map(String::as_str).collect();
    for key in ["decision", "status", "reason", "server", "mechanism", "rule", "steps"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
}

/// `none` is the absence of a server and of a rule, never the name of one.
#[test]
fn a_rule_that_is_named_none_is_no_absence() {
    let case = |request: &str| {
        format!(
            "cases:\n- {{name: case, request: GET {request}, claims: {{iss: https://auth.test, aud: \
             egress, sub: alice}}, expect: {{decision: allow, rule: none}}}}\n"
        )
    };
    let folder = folder(&case("https://api.test/v1/x"));
    let named = GATEWAY.replace("alice-reads", "none");
    std::fs::write(folder.path().join("gateway.yaml"), named).unwrap();
    let output = egress_auth(folder.path(), &["test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    for line in [
        "          ! rule       none      \"none\"  <-- differs\n",
        "        help: `none` means that there is no rule; this one has the name \"none\": give it \
         another\n",
    ] {
        assert!(stdout(&output).contains(line), "{}", stdout(&output));
    }
    let none = case("https://other.test/").replace("allow", "deny");
    let cases = format!("gateways: [gateway.yaml]\n{none}");
    std::fs::write(folder.path().join("cases.yaml"), cases).unwrap();
    let output = egress_auth(folder.path(), &["test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

/// Every character of a report is one of XML (XML 1.0, section 2.2), and names stay on their line.
#[test]
fn names_that_xml_cannot_hold_are_escaped() {
    let folder = folder(
        "cases:\n- {name: \"a \\x01\\e[31m \\uFFFE\\uFFFF \\n  ok    b\", request: GET https://a.test/, \
         expect: {decision: allow}}\n",
    );
    let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", "report.xml"]);
    let name = "a \\u{1}\\u{1b}[31m \\u{fffe}\\u{ffff} \\n  ok    b";
    assert!(stdout(&output).contains(&format!("  FAIL  {name} (")), "{}", stdout(&output));
    let xml = std::fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(allowed), "{xml:?}");
    let report = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(report.test_suites[0].test_cases[0].name.as_str(), name);
}

/// What CI publishes is never the result of another day.
#[test]
fn no_report_of_an_earlier_run_stays() {
    let passing = ONE_FAILS.replace("POST", "GET");
    let broken = GATEWAY.replace("jwksUri", "jwskUri");
    for (cases, gateway) in [
        (Some("gateways: [gateway.yaml]\ncases: []\n"), GATEWAY),
        (
            Some(
                "gateways: [missing.yaml]\ncases: [{name: a, request: GET https://a.test/, expect: {decision: deny}}]\n",
            ),
            GATEWAY,
        ),
        (None, GATEWAY),
        (Some(&*format!("gateways: [gateway.yaml]\n{passing}")), &broken),
    ] {
        let folder = folder(&passing);
        let arguments = ["test", "cases.yaml", "--junit", "report.xml"];
        let output = egress_auth(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(folder.path().join("report.xml").exists());
        std::fs::remove_file(folder.path().join("cases.yaml")).unwrap();
        if let Some(cases) = cases {
            std::fs::write(folder.path().join("cases.yaml"), cases).unwrap();
        }
        std::fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
        let output = egress_auth(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{cases:?}");
        assert!(!folder.path().join("report.xml").exists(), "{cases:?}");
    }
}

/// A report takes the place of a report only.
#[test]
fn a_report_never_overwrites_an_input() {
    let folder = folder(ONE_FAILS);
    for name in ["cases.yaml", "gateway.yaml"] {
        let before = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", name]);
        assert_eq!(output.status.code(), Some(1));
        let expected = format!(
            "error: {name} exists and does not begin with `<?xml `: remove it, or name another file\n"
        );
        assert_eq!(stderr(&output), expected);
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), before);
    }
    let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.path().join("-").exists());
}

/// What a case says about its request arrives, and defaults give way to it.
#[test]
fn a_case_says_who_asks_and_how() {
    let case = |fields: &str| {
        let report = answers(&format!(
            "defaults: {{source: shop/web, headers: {{x-mesh-token: a}}}}\n\
             cases:\n- name: case\n  {fields}\n  expect: {{decision: allow}}\n"
        ));
        let actual = &report["cases"][0]["actual"];
        format!("{} {}", actual["status"], actual["reason"].as_str().unwrap())
    };
    let shop = "request: GET https://shop.test/";
    let table = [
        (shop.to_owned(), "200 allowed"),
        (format!("{shop}\n  source: shop/other"), "403 source_not_allowed"),
        (format!("{shop}\n  source: spiffe://cluster.local/ns/shop/sa/web"), "200 allowed"),
        (format!("{shop}\n  source: spiffe://elsewhere/ns/shop/sa/web"), "403 source_unknown"),
        (format!("{shop}\n  source: none"), "403 source_unknown"),
        ("request: POST https://shop.test/".to_owned(), "403 no_rule_matched"),
        ("request: GET https://api.test/v1/x".to_owned(), "401 malformed_token"),
        (
            "request: GET https://api.test/v1/x\n  headers: {X-Mesh-Token: [a, b]}".to_owned(),
            "401 multiple_tokens",
        ),
    ];
    for (fields, expected) in table {
        assert_eq!(case(&fields), expected, "{fields}");
    }
    let claims = "cases:\n- name: case\n  request: GET https://api.test/v1/x\n  \
                  claims: {iss: https://auth.test, aud: other}\n  expect: {decision: allow}\n";
    assert_eq!(answers(claims)["cases"][0]["actual"]["reason"], "wrong_audience");
}

#[test]
fn options_are_the_flags_of_a_deployment() {
    let case = |options: &str, request: &str| {
        let report = answers(&format!(
            "options: {{{options}}}\ncases:\n- name: case\n  {request}\n  \
             expect: {{decision: allow}}\n"
        ));
        report["cases"][0]["actual"]["reason"].as_str().unwrap().to_owned()
    };
    let shop = "request: GET https://shop.test/\n  source: shop/web";
    assert_eq!(case("trustDomains: [corp.test]", shop), "allowed");
    assert_eq!(case("defaultAction: allow", "request: GET https://other.test/"), "passthrough");
    let post = "request: POST https://shop.test/\n  source: shop/web";
    assert_eq!(case("shadow: [shop.test]", post), "shadow_no_rule_matched");
    let api = "request: GET https://api.test/";
    assert_eq!(case("trustDomains: [a]", api), "missing_token");
    assert_eq!(case("shadowAuthentication: [api.test]", api), "no_rule_matched");
    let behind = "request: GET https://shop.test/\n  source: mesh/proxy\n  \
                  headers: {x-who: URI=spiffe://cluster.local/ns/shop/sa/web}";
    assert_eq!(case("gateway: egress/gateway", behind), "source_not_allowed");
    let trusting = "sourceIdentityHeader: X-Who, trustSources: [mesh/proxy]";
    assert_eq!(case(trusting, behind), "allowed");
}

/// Mistakes are shown where they are, with what to write instead, and no case is run.
#[test]
fn mistakes_are_shown_where_they_are() {
    let case = "cases: [{name: a, request: GET https://a.test/, expect: {decision: deny}}]";
    let with = |field: &str| case.replace("name: a,", &format!("name: a, {field},"));
    let expect = |expect: &str| case.replace("{decision: deny}", expect);
    // The lines after `gateways`, the text that is pointed at, and what is said of it.
    let table = [
        ("cases: []".to_owned(), "[]", "`cases` is an empty list"),
        (with("cliams: {}"), "cliams", "did you mean `claims`?"),
        (with("claims: null"), "null", "`claims` is null"),
        (with("claims: {sub: [.inf]}"), ".inf", "JSON has no number `.inf`"),
        (with("claims: {iss: 1}"), "{iss", "the claims cannot be read"),
        (with("claims: {}, token: x"), "token", "a token or claims, not both"),
        (with("source: web"), "web", "`web` names no workload"),
        (with("source: batch/*"), "batch", "`batch/*` names no workload"),
        (with("headers: {a: {}}"), "{}", "must be a string, not a map"),
        (with("headers: {a: []}"), "[]", "`a` has no value"),
        (expect("{}"), "{}", "`expect` has no `decision`"),
        (expect("{decision: permit}"), "permit", "`decision` cannot be `permit`"),
        (expect("{decision: deny, reason: expierd}"), "expierd", "did you mean `expired`?"),
        (case.replace("GET https:", "https:"), "https:", "is not a request"),
        (format!("options: {{trustSources: [a/b]}}\n{case}"), "trustS", "means nothing"),
        (format!("options: {{trustDomains: [A]}}\n{case}"), "A]", "a trust domain"),
        (format!("options: {{gateway: one}}\n{case}"), "one", "NAMESPACE/NAME"),
    ];
    for (rest, pointed_at, message) in table {
        let column = rest.lines().next().unwrap().find(pointed_at).unwrap() + 1;
        let place = format!("cases.yaml:2:{column}\n");
        let folder = folder(&rest);
        let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", "report.xml"]);
        let found = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{rest}");
        assert!(found.contains(&place) && found.contains(message), "{rest}\n{found}");
        assert!(found.contains("= help: "), "{rest}\n{found}");
        assert!(output.stdout.is_empty() && !folder.path().join("report.xml").exists(), "{rest}");
    }
}

#[test]
fn a_token_beside_claims_is_an_error_and_no_report_is_left() {
    let case = "cases:\n- name: both\n  request: GET https://api.test/v1/items\n  claims: {sub: \
                alice}\n  headers: {x-mesh-token: x}\n  expect: {decision: allow}\n";
    let folder = folder(case);
    let output = egress_auth(folder.path(), &["test", "cases.yaml", "--junit", "report.xml"]);
    let message = "error: cases.yaml:3: `both`: the token in `x-mesh-token` is not looked at beside \
                   claims: give one or the other\n";
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), message));
    assert!(output.stdout.is_empty() && !folder.path().join("report.xml").exists());
}

#[test]
fn a_gateway_with_errors_is_reported_and_nothing_is_run() {
    let folder = folder(ONE_FAILS);
    let broken = GATEWAY.replace("jwksUri", "jwskUri");
    std::fs::write(folder.path().join("gateway.yaml"), broken).unwrap();
    let output = egress_auth(folder.path(), &["test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("did you mean `jwksUri`?"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_file_without_cases_is_an_error() {
    let folder = folder("");
    std::fs::write(folder.path().join("empty.yaml"), "# nothing\n").unwrap();
    let output = egress_auth(folder.path(), &["test", "empty.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: the input holds no cases: write some, with the Gateway in `gateways`\n";
    assert_eq!(stderr(&output), expected);
}

/// The schema has the fields that the command reads.
#[test]
fn the_schema_lists_every_reason() {
    let folder = folder("");
    let output = egress_auth(folder.path(), &["schema", "test"]);
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let case = &schema["properties"]["cases"]["items"];
    let reasons = case["properties"]["expect"]["properties"]["reason"]["enum"].as_array().unwrap();
    assert!(reasons.contains(&json!("expired")) && reasons.contains(&json!("shadow_expired")));
    assert_eq!(case["additionalProperties"], json!(false));
}

#[test]
fn shells_get_completions_for_every_command() {
    let folder = folder("");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = egress_auth(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in ["explain", "requests", "junit"] {
            assert!(stdout(&output).contains(word), "{shell}: {word}");
        }
        assert!(!stdout(&output).contains("exec-in-lockstep"), "{shell}");
    }
}

#[test]
fn manual_pages_are_there_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = egress_auth(folder.path(), &["man", "pages/man1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = |name: &str| {
        std::fs::read_to_string(folder.path().join(format!("pages/man1/{name}.1"))).unwrap()
    };
    let whole = page("egress-auth");
    for command in ["check", "compile", "demo", "explain", "run", "token"] {
        assert!(whole.contains(&format!("egress\\-auth\\-{command}(1)")), "{whole}");
        assert!(page(&format!("egress-auth-{command}")).starts_with(".ie"));
    }
    assert!(page("egress-auth-compile").contains("\\-\\-access\\-log\\-fields"));
    // What only the program itself calls is in none.
    assert!(!whole.contains("lockstep"), "{whole}");
}
