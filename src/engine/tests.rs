//! `decide` as a whole, natively. What Envoy makes of the decisions is tested with a real Envoy.

use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, ISSUER};
use crate::jwt::{Algorithm, SoftwareVerifier, TokenCache};

const NOW: u64 = 1_700_000_000;

/// A policy with the given JWT rule, one server and one rule; `change` edits it.
pub(super) fn engine(change: impl FnOnce(&mut Value)) -> Engine {
    let jwks = testing::jwks(&[
        testing::with(testing::jwk(Algorithm::Es256), &json!({"kid": "e"})),
        testing::with(testing::jwk(Algorithm::EdDsa), &json!({"kid": "o"})),
    ]);
    let mut policy = json!({
        "version": 1,
        "gateway": "egress/test",
        "jwt_rules": [{
            "issuer": ISSUER,
            "jwks": {"inline": String::from_utf8(jwks).unwrap()},
            "audiences": ["payments"],
            "output_payload_to_header": "x-jwt-payload",
            "output_claim_to_headers": [{"header": "x-sub", "claim": "sub"}],
        }],
        "principals": [{"sub": "alice"}, {"other": {"scope": "write", "realm.roles": "admin"}}],
        "operations": [{"methods": ["GET"], "paths": ["/v1/payments/*"]}],
        "rules": [{"name": "readers", "from": [0], "to": [0]}, {"name": "admins", "from": [1]}],
        "servers": [
            {"name": "api", "hostname": "api.test",
             "authentication": {"jwt": [0]}, "authorization": {"rules": [0, 1]}},
            {"name": "any-token", "hostname": "any.test", "authentication": {"jwt": [0]}},
            {"name": "optional", "hostname": "optional.test",
             "authentication": {"jwt": [0], "required": false}},
            {"name": "closed", "hostname": "closed.test", "authorization": {"rules": []}},
            {"name": "ingress", "hostname": "ingress.test", "passthrough": true},
            {"name": "bare", "hostname": "bare.test"},
        ],
    });
    change(&mut policy);
    Engine::from_json(policy.to_string().as_bytes()).unwrap()
}

pub(super) fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": "payments", "exp": NOW + 600})
}

pub(super) fn bearer(claims: &Value) -> String {
    format!("Bearer {}", testing::token(Algorithm::Es256, claims))
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    bearer(&claims)
}

/// Decides `METHOD host path` with more headers, without a cache from earlier calls.
pub(super) fn decide<'e>(engine: &'e Engine, line: &str, headers: &[(&str, &str)]) -> Decision<'e> {
    match verdict(engine, line, headers, &KeyRing::default()) {
        Verdict::Decided(decision) => decision,
        Verdict::AwaitKeys(wait) => panic!("waits for {wait:?}"),
    }
}

fn verdict<'e>(
    engine: &'e Engine,
    line: &str,
    headers: &[(&str, &str)],
    keys: &KeyRing,
) -> Verdict<'e> {
    let mut cache = TokenCache::new(10, 100_000, 1);
    verdict_at(engine, line, headers, keys, &mut cache, NOW)
}

fn verdict_at<'e>(
    engine: &'e Engine,
    line: &str,
    headers: &[(&str, &str)],
    keys: &KeyRing,
    cache: &mut TokenCache<std::rc::Rc<Verified>>,
    now: u64,
) -> Verdict<'e> {
    let mut parts = line.split(' ');
    let names = [":method", ":authority", ":path"];
    let mut all: Vec<(&[u8], &[u8])> = vec![(b":scheme", b"https")];
    all.extend(names.iter().map(|n| n.as_bytes()).zip(parts.by_ref().map(str::as_bytes)));
    all.extend(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let request = Request { headers: all, claims: None };
    let mut context =
        Context { now, keys, verifier: &SoftwareVerifier, peer: &NoPeerCertificate, cache };
    engine.decide(&request, &mut context, &mut NoTrace)
}

pub(super) fn status(decision: &Decision<'_>) -> u16 {
    match &decision.outcome {
        Outcome::Allow(_) => 200,
        Outcome::Deny(denial) => denial.status,
    }
}

pub(super) fn allowed(decision: Decision<'_>) -> Mutations<'_> {
    match decision.outcome {
        Outcome::Allow(mutations) => mutations,
        Outcome::Deny(denial) => panic!("denied: {denial:?}"),
    }
}

#[test]
fn what_governs_the_host_decides() {
    let engine = engine(|_| {});
    let good = bearer(&claims());
    let table = [
        ("GET api.test /v1/payments/1", "200 allowed authorization readers"),
        ("GET API.test.:443 /v1/payments/1", "200 allowed authorization readers"),
        ("POST api.test /v1/payments/1", "403 no_rule_matched authorization -"),
        ("GET api.test /v1/payments", "403 no_rule_matched authorization -"),
        ("GET api.test /v1/payments/..%2fadmin", "400 ambiguous_path authorization -"),
        ("GET api.test /v1/payments/%00", "400 bad_path authorization -"),
        ("GET api.test /v1/payments/a%20b", "200 allowed authorization readers"),
        ("GET any.test /%00", "200 allowed authentication -"),
        ("GET closed.test /", "403 no_rule_matched authorization -"),
        ("GET ingress.test /", "200 passthrough passthrough -"),
        ("GET bare.test /", "403 unlisted_host none -"),
        ("GET other.test /", "403 unlisted_host none -"),
        ("GET u@api.test /v1/payments/1", "400 bad_authority none -"),
        ("GET", "400 bad_authority none -"),
    ];
    for (line, expected) in table {
        let decision = decide(&engine, line, &[("authorization", &good)]);
        let got = format!(
            "{} {} {} {}",
            status(&decision),
            decision.reason,
            decision.mechanism,
            decision.rule.unwrap_or("-")
        );
        assert_eq!(got, expected, "{line}");
    }
}

#[test]
fn an_ungoverned_host_follows_the_default_action() {
    let engine = engine(|policy| policy["default_action"] = json!("allow"));
    for (line, server) in [("GET other.test /", None), ("GET bare.test /", Some("bare"))] {
        let decision = decide(&engine, line, &[("x-jwt-payload", "forged")]);
        assert_eq!((decision.reason, decision.server), (Reason::Passthrough, server));
        assert_eq!(allowed(decision).remove, ["x-jwt-payload"]);
    }
    // What is governed stays governed.
    assert_eq!(status(&decide(&engine, "GET any.test /", &[])), 401);
}

#[test]
fn tokens_are_judged_in_the_order_of_the_contract() {
    let engine = engine(|_| {});
    let swap = |token: &str, signature: &str| {
        let (input, _) = token.rsplit_once('.').unwrap();
        format!("{input}.{signature}")
    };
    let bad = |claims: &Value| swap(&bearer(claims), &"A".repeat(86));
    let unsigned = testing::raw_token(Algorithm::Es256, r#"{"alg":"none"}"#, claims().to_string());
    let mut expired = claims();
    expired["exp"] = json!(NOW - 61);
    let mut foreign = expired.clone();
    foreign["iss"] = json!("https://other.example.com");
    let mut odd = claims();
    odd["exp"] = json!("soon");
    let table = [
        (None, "401 missing_token Jwt is missing"),
        (
            Some("Bearer x".to_owned()),
            "401 malformed_token Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        ),
        (Some(format!("Bearer {}", "a".repeat(16_385))), "401 token_too_large -"),
        (Some(bad(&foreign)), "401 unknown_issuer Jwt issuer is not configured"),
        (Some(format!("Bearer {unsigned}")), "401 unsupported_algorithm -"),
        (Some(bad(&expired)), "401 bad_signature Jwt verification fails"),
        (Some(bad(&odd)), "401 bad_signature Jwt verification fails"),
        (Some(bearer(&odd)), "401 malformed_token -"),
        (Some(bearer(&expired)), "401 expired Jwt is expired"),
        (Some(with("exp", json!(NOW - 60))), "200 allowed -"),
        (Some(with("nbf", json!(NOW + 61))), "401 not_yet_valid Jwt not yet valid"),
        (Some(with("aud", json!(["x", "payments"]))), "200 allowed -"),
        (Some(with("aud", json!("x"))), "403 wrong_audience Audiences in Jwt are not allowed"),
    ];
    for (token, expected) in table {
        let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
        let decision = decide(&engine, "GET any.test /p?q=1", &headers);
        let (start, body) = expected.split_at(
            expected.rfind("  ").unwrap_or_else(|| expected.match_indices(' ').nth(1).unwrap().0),
        );
        assert_eq!(format!("{} {}", status(&decision), decision.reason), start);
        if let Outcome::Deny(denial) = &decision.outcome {
            if body.trim() != "-" {
                assert_eq!(denial.body, body.trim());
            }
            let challenge = match token {
                None => r#"Bearer realm="https://any.test/p""#,
                Some(_) => r#"Bearer realm="https://any.test/p", error="invalid_token""#,
            };
            assert_eq!(denial.headers, [("www-authenticate", challenge.to_owned())]);
        }
    }
}

#[test]
fn an_optional_token_may_be_absent_but_not_wrong() {
    let engine = engine(|_| {});
    assert_eq!(status(&decide(&engine, "GET optional.test /", &[])), 200);
    assert_eq!(
        status(&decide(&engine, "GET optional.test /", &[("authorization", "Basic x")])),
        200
    );
    assert_eq!(
        status(&decide(&engine, "GET optional.test /", &[("authorization", "Bearer x")])),
        401
    );
}

#[test]
fn principals_match_words_and_nested_claims() {
    let engine = engine(|_| {});
    let grant = json!({"iss": ISSUER, "aud": "payments", "sub": "bob",
        "scope": "read write", "realm": {"roles": ["user", "admin"]}});
    let mut refused = grant.clone();
    refused["scope"] = json!("read writer");
    let decision = decide(&engine, "PUT api.test /any", &[("authorization", &bearer(&grant))]);
    assert_eq!(decision.rule, Some("admins"));
    let decision = decide(&engine, "PUT api.test /any", &[("authorization", &bearer(&refused))]);
    assert_eq!(decision.reason, Reason::NoRuleMatched);
}

#[test]
fn verified_content_replaces_what_the_client_sent() {
    let engine = engine(|_| {});
    let good = bearer(&claims());
    let payload = good.split('.').nth(1).unwrap().as_bytes().to_vec();
    let headers = [
        ("x-jwt-payload", "forged"),
        ("x-jwt-payload", "forged again"),
        ("x_jwt_payload", "forged"),
        ("x-sub", "root"),
        ("x-subject", "kept"),
        ("authorization", &good),
    ];
    let mutations = allowed(decide(&engine, "GET any.test /", &headers));
    assert_eq!(mutations.remove, ["x-jwt-payload", "x_jwt_payload", "x-sub", "authorization"]);
    assert_eq!(mutations.set, [("x-jwt-payload", payload.into()), ("x-sub", b"alice"[..].into())]);
    // An underscore is a hyphen to some upstreams, in the names that are set as well.
    let spelt = self::engine(|policy| {
        policy["jwt_rules"][0]["output_claim_to_headers"][0]["header"] = json!("x_sub");
    });
    let headers = [("x-sub", "root"), ("x_sub", "root"), ("authorization", good.as_str())];
    let mutations = allowed(decide(&spelt, "GET any.test /", &headers));
    assert_eq!(mutations.remove, ["x-sub", "x_sub", "authorization"]);
    // A claim that no header can carry leaves the forged header out all the same.
    let odd = with("sub", json!("a\r\nx-admin: 1"));
    let headers = [("x-sub", "root"), ("authorization", odd.as_str())];
    let mutations = allowed(decide(&engine, "GET any.test /", &headers));
    assert!(mutations.remove.contains(&"x-sub".into()));
    assert!(!mutations.set.iter().any(|(name, _)| *name == "x-sub"));
}

#[test]
fn the_token_is_forwarded_only_when_asked() {
    let engine = engine(|policy| policy["jwt_rules"][0]["forward_original_token"] = json!(true));
    let good = bearer(&claims());
    let mutations = allowed(decide(&engine, "GET any.test /", &[("authorization", &good)]));
    assert!(mutations.remove.is_empty());
}

fn remote() -> Engine {
    engine(|policy| {
        policy["jwt_rules"][0]["jwks"] =
            json!({"remote": {"uri": "https://auth.example.com/jwks", "cluster": "jwks"}});
    })
}

fn ring(keys: &[Value]) -> KeyRing {
    let mut ring = KeyRing::new(1);
    ring.replace(0, testing::key_set(keys).into());
    ring
}

#[test]
fn keys_that_are_not_there_are_waited_for() {
    let engine = remote();
    let good = bearer(&claims());
    let headers = [("authorization", good.as_str())];
    let Verdict::AwaitKeys(wait) = verdict(&engine, "GET any.test /", &headers, &KeyRing::new(1))
    else {
        panic!("decided without keys")
    };
    assert!(!wait.unknown_key);
    let decision = wait.unavailable();
    assert_eq!((status(&decision), decision.reason), (503, Reason::JwksUnavailable));

    let other = ring(&[testing::jwk(Algorithm::EdDsa)]);
    let Verdict::AwaitKeys(wait) = verdict(&engine, "GET any.test /", &headers, &other) else {
        panic!("decided without the key")
    };
    assert!(wait.unknown_key);
    let decision = wait.unknown_key();
    assert_eq!((status(&decision), decision.reason), (401, Reason::UnknownKey));
}

#[test]
fn a_remembered_token_never_outlives_its_time_or_its_keys() {
    let engine = remote();
    let good = bearer(&claims());
    let headers = [("authorization", good.as_str())];
    let mut cache = TokenCache::new(10, 100_000, 1);
    let mut keys = ring(&[testing::jwk(Algorithm::Es256)]);
    let mut at = |keys: &KeyRing, now: u64| match verdict_at(
        &engine,
        "GET any.test /",
        &headers,
        keys,
        &mut cache,
        now,
    ) {
        Verdict::Decided(decision) => decision.reason.as_str(),
        Verdict::AwaitKeys(_) => "waits",
    };
    assert_eq!(at(&keys, NOW), "allowed");
    assert_eq!(at(&keys, NOW + 660), "allowed");
    assert_eq!(at(&keys, NOW + 661), "expired");
    assert_eq!(at(&keys, NOW), "allowed");
    // The issuer withdraws the key: what it verified before does not count any more.
    keys.replace(0, testing::key_set(&[testing::jwk(Algorithm::EdDsa)]).into());
    assert_eq!(at(&keys, NOW), "waits");
    keys.replace(0, testing::key_set(&[testing::jwk(Algorithm::Es256)]).into());
    assert_eq!(at(&keys, NOW), "allowed");
}

#[test]
fn a_remembered_token_is_worth_nothing_at_another_host_or_place() {
    let engine = engine(|policy| {
        let mut rule = policy["jwt_rules"][0].clone();
        rule["issuer"] = json!("https://other.example.com");
        rule["from_headers"] = json!([{"name": "x-token"}]);
        policy["jwt_rules"].as_array_mut().unwrap().push(rule);
        let servers = policy["servers"].as_array_mut().unwrap();
        servers.push(json!({"name": "b", "hostname": "b.test", "authentication": {"jwt": [1]}}));
        servers.push(json!({"name": "c", "hostname": "c.test", "authentication": {"jwt": [0, 1]}}));
    });
    let mut cache = TokenCache::new(10, 100_000, 1);
    let token = testing::token(Algorithm::Es256, &claims());
    let good = format!("Bearer {token}");
    let mut at = |line: &str, name: &str, value: &str| {
        let keys = KeyRing::default();
        match verdict_at(&engine, line, &[(name, value)], &keys, &mut cache, NOW) {
            Verdict::Decided(decision) => decision.reason.as_str(),
            Verdict::AwaitKeys(_) => "waits",
        }
    };
    assert_eq!(at("GET any.test /", "authorization", &good), "allowed");
    assert_eq!(at("GET b.test /", "x-token", &token), "unknown_issuer");
    assert_eq!(at("GET c.test /", "authorization", &good), "allowed");
    assert_eq!(at("GET c.test /", "x-token", &token), "unknown_issuer");
}

#[test]
fn a_policy_that_is_not_sound_is_refused_by_field() {
    let table: [(&str, Value, &str); 16] = [
        ("/version", json!(2), "version"),
        ("/servers/0/hostname", json!("API.test"), "servers[0].hostname"),
        ("/servers/1/hostname", json!("api.test"), "servers[1].hostname"),
        ("/servers/1/name", json!("api"), "servers[1].name"),
        ("/servers/0/authentication/jwt", json!([]), "servers[0].authentication.jwt"),
        ("/servers/0/authentication/jwt", json!([9]), "servers[0].authentication.jwt"),
        ("/servers/0/authentication/jwt", json!([0, 0]), "servers[0].authentication.jwt"),
        ("/servers/0/authorization/rules", json!([7]), "servers[0].authorization.rules"),
        ("/rules/0/from", json!([]), "rules[0].from"),
        ("/rules/0/to", json!([5]), "rules[0].to"),
        ("/operations/0/paths", json!([]), "operations[0].paths"),
        ("/operations/0/paths/0", json!("/{*}x"), "operations[0].paths[0]"),
        ("/operations/0", json!({}), "operations[0]"),
        ("/jwt_rules/0/clock_skew_seconds", json!(301), "jwt_rules[0].clock_skew_seconds"),
        ("/jwt_rules/0/jwks/inline", json!("{}"), "jwt_rules[0].jwks.inline"),
        (
            "/jwt_rules/0/output_payload_to_header",
            json!("authorization"),
            "jwt_rules[0] (output header `authorization`)",
        ),
    ];
    for (pointer, value, field) in table {
        let mut policy = Value::Null;
        // The engine of the unchanged policy is only a way to get hold of the policy.
        engine(|original| policy = original.clone());
        match policy.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, member) = pointer.rsplit_once('/').unwrap();
                policy.pointer_mut(parent).unwrap()[member] = value.clone();
            }
        }
        let error = Engine::from_json(policy.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.field, field, "{pointer} = {value}: {error}");
    }
    let unknown =
        br#"{"version":1,"gateway":"g","servers":[{"name":"a","hostname":"a","autorization":{}}]}"#;
    let error = Engine::from_json(unknown).unwrap_err();
    assert!(error.field.starts_with("servers[0]"), "{error}");
    assert!(error.message.contains("autorization"), "{error}");
}
