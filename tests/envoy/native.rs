//! `--to envoy-native` in a real Envoy: every output is one that Envoy takes without a warning,
//! answers are those of the policy, and what cannot be said is refused.

use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::jwks::Jwks;
use crate::support::raw::Request;
use crate::support::tls::Authority;
use crate::support::token::Recipe;
use crate::support::{keys, program};
use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

const FORMS: [&[&str]; 2] = [&[], &["--linear"]];
const ISSUER: &str = "https://auth.test";

/// The keys of the first or second issuer.
fn token(issuer: &str, claims: Value) -> String {
    let mut all = json!({"iss": issuer, "sub": "alice"});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    Recipe::of(&all).token("ES256")
}

fn jwt(issuer: &str, more: &str) -> String {
    format!("{{issuer: \"{issuer}\", jwks: '{}'{more}}}", keys::all_keys())
}

fn document(egress: &str, servers: &str) -> String {
    let indented = |text: &str| text.lines().map(|l| format!("    {l}\n")).collect::<String>();
    let egress = match egress {
        "" => String::new(),
        list => format!("  egressAuthorization:\n{}", indented(list)),
    };
    format!(
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: tested}}\n\
         spec:\n  workloadSelector: {{namespace: egress}}\n{egress}  http:\n{}",
        indented(servers)
    )
}

/// The output, or what stands in its way.
fn compile(gateway: &Gateway, flags: &[&str]) -> Result<Value, String> {
    let output = program()
        .arg("compile")
        .arg(gateway.file())
        .args(["--to", "envoy-native", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(gateway.flags())
        .args(flags)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn start(gateway: &Gateway, flags: &[&str]) -> Envoy {
    let bootstrap = compile(gateway, flags).unwrap();
    match Envoy::start(&bootstrap, 1) {
        Ok(envoy) => {
            let log = envoy.log();
            for word in ["deprecated", "[error]", "[critical]", "unknown field"] {
                assert!(!log.contains(word), "{log}");
            }
            envoy
        }
        Err(refused) => panic!("Envoy did not start:\n{}", refused.log),
    }
}

#[test]
fn tokens_rules_and_paths_decide_in_both_forms() {
    let echo = Echo::start().unwrap();
    let rules = "local: {rules: [{name: alice, from: [{jwt: {sub: alice, other: {scope: read}}}], \
                 to: [{methods: [GET], paths: [\"/v1/*\", \"/exact\", \"/a/{*}/b\"]}]}]}";
    let servers = format!(
        "- {{name: rules, hostname: rules.api, authentication: {{jwt: {}}}, authorization: {{{rules}}}}}\n\
         - {{name: token, hostname: token.api, authentication: {{jwt: {}}}}}\n\
         - {{name: wild, hostname: \"*.wild.api\", authentication: {{jwt: {}}}}}\n\
         - {{name: none, hostname: none.api}}\n",
        jwt(ISSUER, ", outputPayloadToHeader: x-jwt-payload, audiences: [api]"),
        jwt("https://other.test", ""),
        jwt("https://other.test", ""),
    );
    let mut gateway = Gateway::new(document("", &servers));
    for host in ["rules.api", "token.api", "*.wild.api", "none.api"] {
        gateway = gateway.upstream(host, echo.address());
    }
    let good = token(ISSUER, json!({"scope": "write read", "aud": "api"}));
    let unscoped = token(ISSUER, json!({"scope": "write", "aud": "api"}));
    let other = token("https://other.test", json!({}));
    let strange = token("https://strange.test", json!({}));
    for form in FORMS {
        let envoy = start(&gateway, form);
        let linear = !form.is_empty();
        let table = [
            ("GET", "rules.api", "/v1/x?q=1", &*good, 200),
            ("GET", "RULES.api:443", "/exact", &good, 200),
            ("GET", "rules.api", "/a/x/b", &good, 200),
            ("GET", "rules.api", "/a/x/y/b", &good, 403),
            ("GET", "rules.api", "/v1", &good, 403),
            ("GET", "rules.api", "/v1/../admin", &good, 403),
            ("GET", "rules.api", "/v1/..%2fadmin", &good, 403),
            ("GET", "rules.api", "/v1/..;/admin", &good, 403),
            ("GET", "rules.api", "/v1/%252e%252e/admin", &good, 403),
            ("GET", "rules.api", "/v1/a%20b", &good, 200),
            ("POST", "rules.api", "/v1/x", &good, 403),
            ("GET", "rules.api", "/v1/x", &unscoped, 403),
            ("GET", "rules.api", "/v1/x", &strange, 401),
            ("GET", "rules.api", "/v1/x", &other, if linear { 403 } else { 401 }),
            ("GET", "rules.api", "/v1/x", "", if linear { 403 } else { 401 }),
            ("GET", "rules.api", "/v1/x", "not a token", 401),
            ("PUT", "token.api", "/any", &other, 200),
            ("PUT", "token.api", "/any", &good, if linear { 403 } else { 401 }),
            ("GET", "a.wild.api", "/", &other, 200),
            ("GET", "a..wild.api", "/", &other, 403),
            ("GET", "a.wild.api..", "/", &other, 403),
            ("GET", "wild.api", "/", &other, 403),
            ("GET", "none.api", "/", "", 403),
            ("GET", "elsewhere.api", "/", "", 403),
        ];
        for (method, host, path, token, status) in table {
            let mut request = Request::new(method, host, path)
                .header("x-jwt-payload", "forged")
                .header("x_jwt_payload", "forged");
            if !token.is_empty() {
                request = request.bearer(token);
            }
            let answer = request.send(envoy.gateway());
            assert_eq!(answer.status, status, "{method} {host} {path} {form:?}");
            if status == 200 {
                assert!(!answer.body.contains("forged"), "{}", answer.body);
                assert!(!answer.body.contains(token), "{}", answer.body);
                assert_eq!(
                    answer.body.contains("x-jwt-payload"),
                    host.eq_ignore_ascii_case("rules.api") || host.starts_with("RULES")
                );
            }
        }
    }
}

#[test]
fn workloads_are_known_by_their_certificates() {
    let echo = Echo::start().unwrap();
    let authority = Authority::new();
    let server = authority.issue(&["gateway.test"]);
    let egress = "- {from: {serviceAccounts: [payments/api, \"batch/*\"]}, to: [{host: {exact: egress.api}, paths: [\"/v1/*\"]}, {host: {exact: sub.wild.api}}]}\n\
                  - {to: [{host: {exact: open.api}}]}";
    let servers = "- {name: egress, hostname: egress.api}\n- {name: open, hostname: open.api}\n\
                   - {name: wild, hostname: \"*.wild.api\"}\n";
    let mut gateway = Gateway::new(document(egress, servers)).mtls(&authority, &server);
    for host in ["egress.api", "open.api", "*.wild.api"] {
        gateway = gateway.upstream(host, echo.address());
    }
    let clients: Vec<(&[&str], bool)> = vec![
        (&["spiffe://cluster.local/ns/payments/sa/api"], true),
        (&["spiffe://cluster.local/ns/batch/sa/any"], true),
        (&["spiffe://cluster.local/ns/payments/sa/other"], false),
        (&["spiffe://other.example/ns/payments/sa/api"], false),
        (&["spiffe://cluster.local/ns/payments/sa/api", "spiffe://cluster.local/ns/a/sa/b"], false),
        (&["client.test"], false),
    ];
    for form in FORMS {
        let envoy = start(&gateway, form);
        for (names, known) in &clients {
            let client = authority.issue(names).client(&authority);
            let status = |host: &str, path: &str| {
                Request::new("GET", host, path).send_as(&client, envoy.gateway()).status
            };
            let expected = if *known { 200 } else { 403 };
            assert_eq!(status("egress.api", "/v1/x"), expected, "{names:?} {form:?}");
            assert_eq!(status("egress.api", "/v2/x"), 403, "{names:?} {form:?}");
            assert_eq!(status("sub.wild.api", "/"), expected, "{names:?} {form:?}");
            assert_eq!(status("other.wild.api", "/"), 403, "{names:?} {form:?}");
            assert_eq!(status("open.api", "/"), 200, "{names:?} {form:?}");
        }
    }
}

#[test]
fn keys_are_fetched_and_every_option_is_one_that_envoy_takes() {
    let (echo, issuer) = (Echo::start().unwrap(), Jwks::start());
    let options = "audiences: [api], fromHeaders: [{name: x-token, prefix: \"JWT \"}], \
                   fromCookies: [sid], fromParams: [tok], forwardOriginalToken: true, \
                   outputPayloadToHeader: x-jwt-payload, outputClaimToHeaders: [{header: x-sub, \
                   claim: sub}], clockSkewSeconds: 5, requireExpiration: true, \
                   maxLifetimeSeconds: 7200";
    let servers = format!(
        "- {{name: s, hostname: s.api, authentication: {{jwt: {{issuer: {ISSUER}, jwksUri: \
         \"https://keys.test/jwks.json\", {options}}}, requireJwt: false}}, authorization: \
         {{local: {{rules: [{{name: r, from: [{{jwt: {{}}}}]}}]}}}}}}\n\
         - {{name: open, hostname: open.api}}\n"
    );
    let gateway = Gateway::new(document("", &servers))
        .upstream("s.api", echo.address())
        .upstream("open.api", echo.address())
        .upstream("keys.test", issuer.address())
        .arguments(["--default-action", "allow"]);
    let token = token(ISSUER, json!({"aud": ["x", "api"]}));
    for form in FORMS {
        let envoy = start(&gateway, form);
        let request = |host| Request::new("GET", host, "/");
        let good = request("s.api").header("x-token", format!("JWT {token}"));
        let answer = good.send(envoy.gateway());
        assert_eq!(answer.status, 200, "{form:?}");
        assert!(answer.body.contains("x-sub") && answer.body.contains("alice"), "{}", answer.body);
        assert_eq!(request("s.api").send(envoy.gateway()).status, 403, "{form:?}");
        assert_eq!(request("open.api").send(envoy.gateway()).status, 200, "{form:?}");
    }
    assert!(issuer.asked() > 0);
}

#[test]
fn one_issuer_may_have_other_keys_at_another_server() {
    let echo = Echo::start().unwrap();
    let by = |signer| {
        format!("{{issuer: {ISSUER}, jwks: '{}'}}", keys::jwks(&[keys::jwk(signer, "RS256")]))
    };
    let servers = format!(
        "- {{name: a, hostname: a.api, authentication: {{jwt: {}}}}}\n\
         - {{name: b, hostname: b.api, authentication: {{jwt: {}}}}}\n",
        by(keys::Signer::Issuer),
        by(keys::Signer::Other),
    );
    let gateway = Gateway::new(document("", &servers))
        .upstream("a.api", echo.address())
        .upstream("b.api", echo.address());
    let error = compile(&gateway, &["--linear"]).unwrap_err();
    assert!(error.contains("different JWT rules for the issuer"), "{error}");
    for form in [&[][..], &["--linear", "--allow-narrower"]] {
        let envoy = start(&gateway, form);
        let token = Recipe::of(&json!({"iss": ISSUER})).token("RS256");
        let status =
            |host| Request::new("GET", host, "/").bearer(&token).send(envoy.gateway()).status;
        assert_eq!(status("a.api"), 200);
        assert_ne!(status("b.api"), 200);
    }
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let server = |jwt_more: &str, rule: &str| {
        format!(
            "- {{name: s, hostname: s.api, authentication: {{jwt: {}}}, authorization: {{local: {{rules: [{rule}]}}}}}}\n",
            jwt(ISSUER, jwt_more)
        )
    };
    let who = |claims: &str| format!("{{name: r, from: [{{jwt: {{{claims}}}}}]}}");
    let path = |path: &str| format!("{{name: r, to: [{{paths: [\"{path}\"]}}]}}");
    let anyone = "{name: r}";
    // The text in the error, and whether there is a narrower form.
    let table = [
        (server(", clockSkewSeconds: 0", anyone), "clockSkewSeconds", false),
        (server(", fromCookies: [sid]", anyone), "fromCookies", false),
        (server("", &who("other: {level: \"3\"}")), "`3` for the claim `level`", true),
        (server("", &who("other: {level: \"*\"}")), "`*` for the claim `level`", true),
        (server("", &who("other: {a.b: x}")), "`a.b`", true),
        (server("", &path("/a;b/*")), "`/a;b/*`", true),
        (server("", &path("/@scope%2fx")), "`/@scope%2fx`", true),
    ];
    for (servers, text, narrower) in table {
        let gateway = Gateway::new(document("", &servers));
        for form in FORMS {
            let error = compile(&gateway, form).unwrap_err();
            assert!(error.contains(text) && error.contains("gateway.yaml:"), "{text}: {error}");
            let flags: Vec<_> = form.iter().copied().chain(["--allow-narrower"]).collect();
            assert_eq!(compile(&gateway, &flags).is_ok(), narrower, "{text}");
        }
    }
    let shadow = Gateway::new(document("", &server("", anyone))).arguments(["--shadow", "s.api"]);
    let error = compile(&shadow, &["--allow-narrower"]).unwrap_err();
    assert!(error.contains("only tried out"), "{error}");
}

#[test]
fn linear_goes_with_native_filters_only() {
    let gateway = Gateway::new(document("", "- {name: s, hostname: s.api}"));
    let output = program().arg("compile").arg(gateway.file()).args(["--linear"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
