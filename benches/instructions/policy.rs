//! A policy of any number of hosts, a token that it admits, and a request to decide.

use std::hint::black_box;

use egress_auth::engine::{Context, Engine, KeyRing, NoPeerCertificate, NoTrace, Request};
use egress_auth::jwt::{SignatureVerifier, TokenCache};
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair};
use serde_json::json;

/// When the token is valid, in seconds since the Unix epoch.
pub const NOW: u64 = 1_700_000_000;

fn key() -> ES256KeyPair {
    // Any fixed secret: the same policy in every run.
    ES256KeyPair::from_bytes(&[7; 32]).unwrap().with_key_id("k")
}

/// The value of `authorization` with a token that every host admits.
pub fn token() -> String {
    let mut claims = Claims::create(Duration::from_hours(1))
        .with_issuer("https://auth.example.com")
        .with_subject("payments-service@example.com");
    claims.issued_at = None;
    claims.invalid_before = None;
    claims.expires_at = Some(Duration::from_secs(NOW + 3_600));
    format!("Bearer {}", key().sign(claims).unwrap())
}

/// What the filter reads.
pub fn policy(hosts: usize) -> Vec<u8> {
    let jwk: serde_json::Value = serde_json::from_str(&key().public_key().to_jwk()).unwrap();
    let server = |n: usize| {
        json!({
            "name": format!("server-{n}"),
            "hostname": format!("api-{n}.example.com"),
            "authentication": {"jwt": [0]},
            "authorization": {"rules": [0]},
        })
    };
    let policy = json!({
        "version": 1,
        "gateway": "egress/bench",
        "jwt_rules": [{
            "issuer": "https://auth.example.com",
            "jwks": {"inline": json!({"keys": [jwk]}).to_string()},
            "output_payload_to_header": "x-jwt-payload",
        }],
        "principals": [{"sub": "payments-service@example.com"}],
        "operations": [{"methods": ["GET", "POST"], "paths": ["/v1/payments/*"]}],
        "rules": [{"name": "payments-service-only", "from": [0], "to": [0]}],
        "servers": (0..hosts).map(server).collect::<Vec<_>>(),
    });
    policy.to_string().into_bytes()
}

/// Hands `run` what decides one request to the last of so many hosts, each time it is called.
pub fn with_decision(
    hosts: usize,
    path: &str,
    authorization: &str,
    cached_tokens: usize,
    verifier: &dyn SignatureVerifier,
    run: impl FnOnce(&mut dyn FnMut()),
) {
    let engine = Engine::from_json(&policy(hosts)).unwrap();
    let host = format!("api-{}.example.com", hosts - 1);
    let headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", &host),
        (":path", path),
        ("user-agent", "bench"),
        ("authorization", authorization),
    ];
    let request = Request {
        headers: headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
        claims: None,
    };
    let keys = KeyRing::default();
    let mut cache = TokenCache::new(cached_tokens, cached_tokens * 16 * 1024, 7);
    run(&mut || {
        let mut context = Context {
            now: NOW,
            keys: &keys,
            verifier,
            peer: &NoPeerCertificate,
            cache: &mut cache,
        };
        black_box(engine.decide(black_box(&request), &mut context, &mut NoTrace));
    });
}
