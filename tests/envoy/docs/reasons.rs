//! The table of reasons lists every code of the engine, with what the engine answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use egress_auth::engine::{
    Context, Decision, Engine, KeyRing, NoTrace, Outcome, Reason, Request, Verdict,
};
use egress_auth::jwt::{SoftwareVerifier, TokenCache};
use jwt_simple::prelude::{HS256Key, MACLike as _};
use serde_json::{Value, json};

use crate::docs::markdown::Document;

const NOW: u64 = 1_700_000_000;
const SECRET: [u8; 32] = [7; 32];
const PEER: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn engine() -> Engine {
    let jwk = json!({"kty": "oct", "kid": "k", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    let policy = json!({
        "version": 1,
        "gateway": "egress/docs",
        "jwt_rules": [
            {"issuer": "inline", "jwks": {"inline": json!({"keys": [jwk]}).to_string()},
             "audiences": ["api"], "require_expiration": true},
            {"issuer": "remote",
             "jwks": {"remote": {"uri": "https://auth.test/jwks", "cluster": "jwks"}}},
            {"issuer": "bound", "jwks": {"inline": json!({"keys": [jwk]}).to_string()},
             "token_types": ["jwt"], "required_claims": ["jti"], "certificate_bound": "required"},
        ],
        "principals": [{"iss": "inline"}],
        "operations": [{"methods": ["GET"], "paths": ["/v1/*"]}],
        "rules": [{"name": "readers", "from": [0], "to": [0]}],
        "servers": [
            {"name": "api", "hostname": "api.test", "authentication": {"jwt": [0, 1, 2]},
             "authorization": {"rules": [0]}},
            {"name": "in", "hostname": "in.test", "passthrough": true},
        ],
        "egress_rules": [{"name": "batch", "from": ["batch/*"]}],
        "egress": [{"hostname": "egress.test", "rules": [0]}],
    });
    Engine::from_json(policy.to_string().as_bytes()).unwrap()
}

/// A token of the inline issuer with one header member and one claim changed; null removes it.
fn token(header: (&str, Value), claim: (&str, Value)) -> String {
    let mut head = json!({"alg": "HS256", "kid": "k"});
    let mut claims = json!({"iss": "inline", "sub": "me", "aud": "api", "exp": NOW + 600});
    for (part, (name, value)) in [(&mut head, header), (&mut claims, claim)] {
        part[name] = value;
        part.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    signed(&head, &claims)
}

fn signed(head: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let input = format!("{}.{}", encode(head), encode(claims));
    let signature = HS256Key::from_bytes(&SECRET).authentication_tag(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn with_claim(name: &str, value: Value) -> String {
    token(("typ", json!("JWT")), (name, value))
}

fn with_header(name: &str, value: Value) -> String {
    token((name, value), ("sub", json!("me")))
}

/// A request for each reason: `METHOD host path`, the tokens that it carries, its peer.
fn requests() -> Vec<(&'static str, Vec<String>, &'static str)> {
    let api = "GET api.test /v1/x";
    let good = || with_claim("sub", json!("me"));
    let mut forged = good();
    forged.truncate(forged.len() - 4);
    forged.push_str("AAAA");
    let remote = token(("alg", json!("RS256")), ("iss", json!("remote")));
    let bound = |typ: &str, jti: Value| {
        let payload = json!({"iss": "bound", "jti": jti});
        signed(&json!({"alg": "HS256", "kid": "k", "typ": typ}), &payload)
    };
    vec![
        (api, vec![good()], ""),
        ("GET in.test /", vec![], ""),
        ("GET me@api.test /v1/x", vec![], ""),
        ("GET other.test /", vec![], ""),
        (api, vec![], ""),
        (api, vec![good(), good()], ""),
        (api, vec!["x".repeat(16 * 1024 + 1)], ""),
        (api, vec!["not-a-token".to_owned()], ""),
        (api, vec![with_claim("iss", json!("nobody"))], ""),
        (api, vec![with_header("alg", json!("none"))], ""),
        (api, vec![with_header("kid", json!("other"))], ""),
        (api, vec![forged], ""),
        (api, vec![with_claim("exp", json!(NOW - 61))], ""),
        (api, vec![with_claim("nbf", json!(NOW + 61))], ""),
        (api, vec![with_claim("exp", Value::Null)], ""),
        (api, vec![with_claim("aud", json!("another"))], ""),
        (api, vec![bound("at+jwt", json!("1"))], ""),
        (api, vec![bound("JWT", Value::Null)], ""),
        (api, vec![bound("JWT", json!("1"))], PEER),
        (api, vec![remote], ""),
        ("GET api.test /v1/%00", vec![good()], ""),
        ("GET api.test /v1/..%2fx", vec![good()], ""),
        ("DELETE api.test /v1/x", vec![good()], ""),
        ("GET egress.test /", vec![], ""),
        ("GET egress.test /", vec![], PEER),
    ]
}

fn decide<'e>(engine: &'e Engine, line: &str, tokens: &[String], peer: &str) -> Decision<'e> {
    let values: Vec<String> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
    let names = [":method", ":authority", ":path"];
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b":scheme", b"https")];
    headers.extend(names.iter().map(|it| it.as_bytes()).zip(line.split(' ').map(str::as_bytes)));
    headers.extend(values.iter().map(|it| (&b"authorization"[..], it.as_bytes())));
    let mut context = Context {
        now: NOW,
        keys: &KeyRing::new(engine.remote_jwks().len()),
        verifier: &SoftwareVerifier,
        peer: &peer,
        cache: &mut TokenCache::new(10, 100_000, 1),
    };
    match engine.decide(&Request { headers, claims: None }, &mut context, &mut NoTrace) {
        Verdict::Decided(decision) => decision,
        // As the filter answers when no keys come.
        Verdict::AwaitKeys(wait) => wait.unavailable(),
    }
}

/// By code: the status, the mechanism and the body with which a request is answered.
pub fn answers() -> BTreeMap<&'static str, [String; 3]> {
    let engine = engine();
    let mut answers = BTreeMap::new();
    for (line, tokens, peer) in requests() {
        let decision = decide(&engine, line, &tokens, peer);
        let (status, body) = match decision.outcome {
            Outcome::Allow(_) => ("–".to_owned(), "–"),
            Outcome::Deny(denial) => (denial.status.to_string(), denial.body),
        };
        let row = [status, decision.mechanism.to_string(), body.to_owned()];
        let before = answers.insert(decision.reason.as_str(), row);
        assert_eq!(before, None, "{line} is answered like another request");
    }
    let provoked: Vec<_> =
        Reason::ALL.iter().filter(|it| answers.contains_key(it.as_str())).collect();
    assert_eq!(provoked.len(), Reason::ALL.len(), "every reason needs a request: {provoked:?}");
    answers
}

#[test]
fn the_table_lists_every_reason_with_its_answer() {
    let answers = answers();
    let mut documented = BTreeMap::new();
    for row in Document::read("docs/semantics.md").table("code") {
        let [code, status, mechanisms, body] = [&row[0], &row[1], &row[2], &row[3]];
        let answer = &answers[code.as_str()];
        // A reason may come from several mechanisms; the request is an example of one.
        let listed = mechanisms.split(", ").any(|mechanism| mechanism == answer[1]);
        assert!(listed, "{code}: {mechanisms} leaves out {}", answer[1]);
        assert_eq!([status, body], [&answer[0], &answer[2]], "{code}");
        assert!(!row[4].is_empty(), "{code}: what is to be done?");
        assert_eq!(documented.insert(code.clone(), ()), None, "{code} is there twice");
    }
    assert!(documented.keys().eq(answers.keys()), "{documented:?}");
}
