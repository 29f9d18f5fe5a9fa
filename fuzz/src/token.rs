//! Tokens: form, and signatures by keys that signed a few known texts and no other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use egress_auth::jwt::{
    KeyOrigin, KeySet, MAX_TOKEN_BYTES, SignatureVerifier as _, SoftwareVerifier, Token, host_call,
};
use egress_auth::policy::JwtRule;
use serde_json::{Value, json};

const EXAMPLES: &str = include_str!("../../tests/fixtures/rfc-examples.json");

/// Checks one token.
pub fn check(input: &[u8]) {
    let Ok(token) = Token::parse(input) else { return };
    assert!(input.len() <= MAX_TOKEN_BYTES);
    let signature = URL_SAFE_NO_PAD.encode(token.signature());
    assert_eq!([token.signing_input(), b".", signature.as_bytes()].concat(), input);
    let payload = URL_SAFE_NO_PAD.decode(token.payload_base64()).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("the payload of a token is JSON");
    assert_eq!(token.claims().issuer(), claims.get("iss").and_then(Value::as_str));
    let rule: JwtRule = serde_json::from_value(
        json!({"issuer": "joe", "jwks": {"inline": ""}, "clock_skew_seconds": 0}),
    )
    .expect("a rule");
    // Once expired, always expired.
    let at = |now| token.claims().judge(&rule, now).is_ok();
    if let Some(exp) = claims.get("exp").and_then(Value::as_u64).filter(|exp| *exp < 1 << 50) {
        assert!(!at(exp + 1) && !at(exp + 1_000));
    }
    let _ = at(0) || at(u64::MAX);

    let Ok(algorithm) = token.algorithm() else { return };
    let published: Value = serde_json::from_str(EXAMPLES).expect("the examples");
    let examples = published["verified"].as_array().expect("a list");
    for example in examples {
        let keys = json!({"keys": [example["jwk"]]}).to_string();
        let keys = KeySet::parse(keys.as_bytes(), KeyOrigin::Inline).expect("a key");
        for key in keys.candidates(algorithm, token.key_id()) {
            let (text, signature) = (token.signing_input(), token.signature());
            let _ = host_call::encode(key, algorithm, text, signature);
            if SoftwareVerifier.verify(key, algorithm, text, signature) {
                let signed = |example: &Value| {
                    let signed = example["jws"].as_str().expect("a text");
                    signed.as_bytes().starts_with(&[text, b"."].concat())
                };
                assert!(examples.iter().any(signed), "a forgery verifies");
            }
        }
    }
}
