//! Access by source workload: real client certificates, and how `egressAuthorization` meets the
//! authorization of servers. Every answer is asked of `explain` as well.

use std::collections::{BTreeMap, HashMap};

use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::raw::Request;
use crate::support::tls::{Authority, Client};
use crate::support::token::Recipe;
use crate::support::{keys, program};
use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.test";
const XFCC: &str = "x-forwarded-client-cert";
const PAYMENTS: &str = "spiffe://cluster.local/ns/payments/sa/api";
const BATCH: &str = "spiffe://cluster.local/ns/batch/sa/nightly";
const WAYPOINT: &str = "spiffe://cluster.local/ns/infra/sa/waypoint";
const ELSEWHERE: &str = "spiffe://other.example/ns/payments/sa/api";
const HOSTS: [&str; 6] =
    ["egress.api", "server.api", "both.api", "token.api", "open.api", "forwarded.api"];

/// The four rows of the table of how the mechanisms meet, each with a hostname, and more.
fn gateway(echo: &Echo) -> Gateway {
    let jwt = format!(
        "jwt: {{issuer: {ISSUER}, jwks: '{}', audiences: [api], fromHeaders: [{{name: x-token}}]}}",
        keys::all_keys()
    );
    let rules = "local: {rules: [{name: alice, from: [{jwt: {sub: alice}}]}]}";
    let yaml = format!(
        "apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {{name: tested}}
spec:
  workloadSelector: {{namespace: egress}}
  egressAuthorization:
    - from: {{serviceAccounts: [payments/api]}}
      to:
        - {{host: {{exact: egress.api}}, methods: [GET], paths: [\"/v1/*\"]}}
        - {{host: {{exact: both.api}}}}
        - {{host: {{exact: token.api}}}}
    - from: {{resources: [organizations/o/tenants/t]}}
      to: [{{host: {{exact: egress.api}}, methods: [POST]}}]
      identityMatch: PEER_CERTIFICATE
    - to: [{{host: {{exact: open.api}}}}]
    - from: {{serviceAccounts: [payments/*]}}
      to: [{{host: {{exact: forwarded.api}}}}]
      identityMatch: SOURCE_IDENTITY
  http:
    - {{name: egress, hostname: egress.api}}
    - {{name: server, hostname: server.api, authentication: {{{jwt}}}, authorization: {{{rules}}}}}
    - {{name: both, hostname: both.api, authentication: {{{jwt}}}, authorization: {{{rules}}}}}
    - {{name: token, hostname: token.api, authentication: {{{jwt}}}}}
    - {{name: open, hostname: open.api}}
    - {{name: forwarded, hostname: forwarded.api}}
---
apiVersion: api.tsb.tetrate.io/v2
kind: Tenant
metadata: {{name: t, organization: o}}
spec: {{namespaceSelector: {{names: [\"*/batch\"]}}}}
"
    );
    HOSTS.iter().fold(Gateway::new(yaml), |it, host| it.upstream(host, echo.address())).arguments([
        "--source-identity-header",
        XFCC,
        "--trust-source",
        "infra/waypoint",
    ])
}

/// A certificate for a list of names, and a client with it.
struct Clients {
    authority: Authority,
    known: HashMap<Vec<&'static str>, Client>,
}

impl Clients {
    fn of(&mut self, names: &[&'static str]) -> &Client {
        let authority = &self.authority;
        let make = || authority.issue(names).client(authority);
        self.known.entry(names.to_vec()).or_insert_with(make)
    }
}

/// A Gateway that asks its clients for certificates.
fn start(gateway: Gateway, workers: usize) -> (Gateway, Envoy, Clients) {
    let authority = Authority::new();
    let server = authority.issue(&["gateway.test"]);
    let gateway = gateway.mtls(&authority, &server);
    let envoy = gateway.start(workers);
    (gateway, envoy, Clients { authority, known: HashMap::new() })
}

fn token(subject: &str) -> String {
    Recipe::of(&json!({"iss": ISSUER, "sub": subject, "aud": "api"})).token("ES256")
}

/// `status reason mechanism server rule`, as `explain` and access logs have them.
fn summary(entry: &Value) -> String {
    let text = |field: &str| match &entry[field] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    ["status", "reason", "mechanism", "server", "rule"].map(text).join(" ")
}

struct Case {
    peer: &'static [&'static str],
    request: &'static str,
    headers: Vec<(&'static str, String)>,
    answer: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |peer, request, headers, answer| Case { peer, request, headers, answer };
    let alice = || vec![("x-token", token("alice"))];
    let bob = || vec![("x-token", token("bob"))];
    let named = |list: &str| vec![(XFCC, list.to_owned())];
    vec![
        // Only egressAuthorization names the hostname.
        case(
            &[PAYMENTS],
            "GET egress.api /v1/x",
            vec![],
            "200 allowed egressAuthorization egress egressAuthorization[0]",
        ),
        case(
            &[PAYMENTS],
            "GET EGRESS.api.:443 /v1/x",
            vec![],
            "200 allowed egressAuthorization egress egressAuthorization[0]",
        ),
        case(
            &[PAYMENTS],
            "GET egress.api /v2",
            vec![],
            "403 no_rule_matched egressAuthorization egress -",
        ),
        case(
            &[PAYMENTS],
            "GET egress.api /v1/..%2fv2",
            vec![],
            "400 ambiguous_path egressAuthorization egress -",
        ),
        case(
            &[PAYMENTS],
            "POST egress.api /v1/x",
            vec![],
            "403 no_rule_matched egressAuthorization egress -",
        ),
        case(
            &[BATCH],
            "POST egress.api /v2",
            vec![],
            "200 allowed egressAuthorization egress egressAuthorization[1]",
        ),
        case(
            &[BATCH],
            "GET egress.api /v1/x",
            vec![],
            "403 no_rule_matched egressAuthorization egress -",
        ),
        case(
            &[WAYPOINT],
            "GET egress.api /v1/x",
            vec![],
            "403 source_not_allowed egressAuthorization egress -",
        ),
        case(
            &[ELSEWHERE],
            "GET egress.api /v1/x",
            vec![],
            "403 source_unknown egressAuthorization egress -",
        ),
        case(
            &["workload.test"],
            "GET egress.api /v1/x",
            vec![],
            "403 source_unknown egressAuthorization egress -",
        ),
        case(
            &[PAYMENTS, BATCH],
            "GET egress.api /v1/x",
            vec![],
            "403 source_unknown egressAuthorization egress -",
        ),
        case(
            &["spiffe://cluster.local/ns/payments/sa/api/x"],
            "GET egress.api /v1/x",
            vec![],
            "403 source_unknown egressAuthorization egress -",
        ),
        // Only the server has authorization.
        case(&[BATCH], "GET server.api /", alice(), "200 allowed authorization server alice"),
        case(&[PAYMENTS], "GET server.api /", bob(), "403 no_rule_matched authorization server -"),
        // Both for the same hostname: the server's decides alone.
        case(&[PAYMENTS], "GET both.api /", vec![], "401 missing_token authentication both -"),
        case(&[PAYMENTS], "GET both.api /", bob(), "403 no_rule_matched authorization both -"),
        case(&[WAYPOINT], "GET both.api /", alice(), "200 allowed authorization both alice"),
        // Authentication holds beside egressAuthorization.
        case(&[PAYMENTS], "GET token.api /", vec![], "401 missing_token authentication token -"),
        case(
            &[PAYMENTS],
            "GET token.api /",
            bob(),
            "200 allowed egressAuthorization token egressAuthorization[0]",
        ),
        case(
            &[BATCH],
            "GET token.api /",
            bob(),
            "403 source_not_allowed egressAuthorization token -",
        ),
        // Without `from`, anybody.
        case(
            &["workload.test"],
            "DELETE open.api /x",
            vec![],
            "200 allowed egressAuthorization open egressAuthorization[2]",
        ),
        // Named by neither.
        case(&[PAYMENTS], "GET other.api /", vec![], "403 unlisted_host none - -"),
        // Identities that others hand on.
        case(
            &[WAYPOINT],
            "GET forwarded.api /",
            named(&format!("By=x;URI={PAYMENTS}")),
            "200 allowed egressAuthorization forwarded egressAuthorization[3]",
        ),
        case(
            &[WAYPOINT],
            "GET forwarded.api /",
            named(&format!("URI={PAYMENTS},URI={BATCH}")),
            "403 source_not_allowed egressAuthorization forwarded -",
        ),
        case(
            &[WAYPOINT],
            "GET forwarded.api /",
            named("URI=\""),
            "403 source_unknown egressAuthorization forwarded -",
        ),
        case(
            &[PAYMENTS],
            "GET forwarded.api /",
            vec![],
            "403 source_unknown egressAuthorization forwarded -",
        ),
        case(
            &[BATCH],
            "GET forwarded.api /",
            named(&format!("URI={PAYMENTS}")),
            "403 source_unknown egressAuthorization forwarded -",
        ),
        // Who may hand them on is not who may call.
        case(
            &[WAYPOINT],
            "GET egress.api /v1/x",
            named(&format!("URI={PAYMENTS}")),
            "200 allowed egressAuthorization egress egressAuthorization[0]",
        ),
        case(
            &[WAYPOINT],
            "POST egress.api /v1/x",
            named(&format!("URI={BATCH}")),
            "403 source_not_allowed egressAuthorization egress -",
        ),
        // Envoy makes one list of a repeated header: the last element counts.
        case(
            &[WAYPOINT],
            "GET egress.api /v1/x",
            [named(&format!("URI={BATCH}")), named(&format!("URI={PAYMENTS}"))].concat(),
            "200 allowed egressAuthorization egress egressAuthorization[0]",
        ),
        // Other spellings say nothing, and do not go on either.
        case(
            &[BATCH],
            "GET open.api /",
            vec![
                ("x_forwarded_client_cert", format!("URI={PAYMENTS}")),
                ("X-Forwarded_Client-Cert", format!("URI={PAYMENTS}")),
            ],
            "200 allowed egressAuthorization open egressAuthorization[2]",
        ),
    ]
}

#[test]
fn the_workload_behind_a_request_decides_where_it_should() {
    let echo = Echo::start().unwrap();
    let (gateway, envoy, mut clients) = start(gateway(&echo), 2);
    let mut lines = Vec::new();
    let cases = cases();
    for (number, case) in cases.iter().enumerate() {
        let [method, host, path] = case.request.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{}", case.request)
        };
        let id = format!("case-{number}");
        let mut request = Request::new(method, host, path).header("user-agent", &id);
        for (name, value) in &case.headers {
            request = request.header(name, value);
        }
        echo.take_received();
        let response = request.send_as(clients.of(case.peer), envoy.gateway());
        let entry = envoy.access_log(&id).unwrap();
        assert_eq!(summary(&entry), case.answer, "{} from {:?}", case.request, case.peer);
        assert_eq!(response.status.to_string(), case.answer[..3]);
        let arrived = echo.take_received();
        assert_eq!(arrived.len(), usize::from(response.status == 200), "{}", case.request);
        for received in arrived {
            let mut names = received.headers.iter().map(|(name, _)| name.replace('_', "-"));
            assert!(names.all(|name| !name.eq_ignore_ascii_case(XFCC)), "{received:?}");
            assert!(received.header("x-token").is_empty(), "{received:?}");
        }
        let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &case.headers {
            headers.entry(name).or_default().push(value);
        }
        let request = format!("{method} https://{host}{path}");
        let source = case.peer.join(",");
        lines.push(json!({"request": request, "source": source, "headers": headers}).to_string());
    }
    let requests = gateway.file().with_file_name("requests.jsonl");
    std::fs::write(&requests, lines.join("\n")).unwrap();
    let output = program()
        .args(["explain", gateway.file().to_str().unwrap()])
        .args(["--source-identity-header", XFCC, "--trust-source", "infra/waypoint"])
        .args(["--requests", requests.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained = String::from_utf8(output.stdout).unwrap();
    assert_eq!(explained.lines().count(), cases.len());
    for (case, line) in cases.iter().zip(explained.lines()) {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(summary(&entry), case.answer, "{} from {:?}", case.request, case.peer);
    }
}

#[test]
fn without_certificates_nobody_is_known() {
    let echo = Echo::start().unwrap();
    let gateway = gateway(&echo);
    let envoy = gateway.start(1);
    let forged = format!("URI={PAYMENTS}");
    for (host, status) in [("egress.api", 403), ("forwarded.api", 403), ("open.api", 200)] {
        let request = Request::new("GET", host, "/v1/x").header(XFCC, &forged);
        assert_eq!(request.send(envoy.gateway()).status, status, "{host}");
    }
    let output = gateway.compile();
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(warnings.contains("no workload can be recognised"), "{warnings}");
}

#[test]
fn what_is_tried_out_is_logged_and_counted_and_lets_through() {
    let echo = Echo::start().unwrap();
    let shadow = ["--shadow", "egress.api", "--shadow", "both.api"];
    let authentication = ["--shadow-authentication", "token.api"];
    let gateway = gateway(&echo).arguments(shadow).arguments(authentication);
    let (_gateway, envoy, mut clients) = start(gateway, 1);
    let table = [
        ("egress.api", BATCH, None, "200 shadow_no_rule_matched egressAuthorization egress -"),
        ("both.api", BATCH, Some("bob"), "200 shadow_no_rule_matched authorization both -"),
        ("both.api", BATCH, None, "401 missing_token authentication both -"),
        (
            "token.api",
            PAYMENTS,
            None,
            "200 shadow_missing_token authentication token egressAuthorization[0]",
        ),
        ("token.api", BATCH, None, "403 source_not_allowed egressAuthorization token -"),
    ];
    for (number, (host, peer, subject, answer)) in table.into_iter().enumerate() {
        let id = format!("shadow-{number}");
        let mut request = Request::new("GET", host, "/").header("user-agent", &id);
        if let Some(subject) = subject {
            request = request.header("x-token", token(subject));
        }
        request.send_as(clients.of(&[peer]), envoy.gateway());
        assert_eq!(summary(&envoy.access_log(&id).unwrap()), answer, "{host}");
    }
    assert_eq!(echo.take_received().len(), 3);
    let log = envoy.log();
    assert!(log.contains("would deny reason=shadow_no_rule_matched"), "{log}");
    let said = "only tried out, denies nothing: authentication of token (token.api); authorization of \
                both (both.api); egressAuthorization of egress.api";
    let lines: Vec<_> = log.lines().filter(|line| line.contains("only tried out")).collect();
    assert!(lines.iter().all(|line| line.contains("[warning]") && line.ends_with(said)), "{log}");
    // Every VM takes the configuration for itself.
    assert!(!lines.is_empty());
    assert_eq!(lines.len(), log.matches(" in force; signatures").count(), "{log}");
    let counted = crate::support::eventually("counters", || {
        let stats = envoy.admin("/stats/prometheus");
        let line = "egress_auth_requests{server=\"egress\",mechanism=\"egressAuthorization\",\
                    reason=\"shadow_no_rule_matched\"} ";
        stats.lines().find_map(|it| it.strip_prefix(line).map(ToOwned::to_owned))
    });
    assert_eq!(counted, "1");
}
