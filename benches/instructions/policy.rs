//! A policy of any number of hosts, and a token that it admits.

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
