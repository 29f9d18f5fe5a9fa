//! Whole verifications, over every algorithm: form, key, signature and claims together.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::testing::{
    self, ISSUER, base64url, key_set, raw_token, rsa_jwk, rsa_sign, rule, sign, token, with,
};
use super::{
    Algorithm, Claims, Key, KeyOrigin, KeySet, Malformed, SignatureVerifier, SoftwareVerifier,
    Token, TokenError,
};
use crate::policy::JwtRule;

const NOW: u64 = 1_700_000_000;

/// What the engine does with a token, short of its policy.
fn verify(text: &str, keys: &KeySet, rule: &JwtRule) -> Result<Claims, TokenError> {
    let token = Token::parse(text.as_bytes())?;
    let algorithm = token.algorithm()?;
    let candidates = keys.candidates(algorithm, token.key_id());
    if candidates.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    let holds = |key: &&Key| {
        SoftwareVerifier.verify(key, algorithm, token.signing_input(), token.signature())
    };
    if !candidates.iter().any(holds) {
        return Err(TokenError::BadSignature);
    }
    token.claims().judge(rule, NOW)?;
    Ok(token.into_claims())
}

#[test]
fn claims_are_judged_alike_under_every_algorithm() {
    let mut rule = rule();
    rule.audiences = vec!["payments".into()];
    rule.max_lifetime_seconds = Some(3600);
    let base = json!({"iss": ISSUER, "sub": "s", "aud": "payments", "exp": NOW + 60});
    let malformed = |what| Err(TokenError::Malformed(what));
    let table: &[(Value, Result<(), TokenError>)] = &[
        (json!({}), Ok(())),
        (json!({"iat": "yesterday"}), Ok(())),
        (json!({"exp": NOW}), Ok(())),
        (json!({"exp": NOW - 1}), Err(TokenError::Expired)),
        (json!({"exp": 0}), Err(TokenError::Expired)),
        (json!({"exp": -1}), Err(TokenError::Expired)),
        (json!({"exp": NOW as f64 + 0.5}), Ok(())),
        (json!({"exp": NOW as f64 - 0.5}), Err(TokenError::Expired)),
        (json!({"exp": (NOW + 60).to_string()}), malformed(Malformed::Expiration)),
        (json!({"exp": null}), malformed(Malformed::Expiration)),
        (json!({"exp": NOW + 3600}), Ok(())),
        (json!({"exp": NOW + 3601}), Err(TokenError::LifetimeTooLong)),
        (json!({"exp": 1e300}), Err(TokenError::LifetimeTooLong)),
        (json!({"nbf": NOW}), Ok(())),
        (json!({"nbf": NOW as f64 + 0.5}), Err(TokenError::NotYetValid)),
        (json!({"nbf": NOW + 1}), Err(TokenError::NotYetValid)),
        (json!({"nbf": true}), malformed(Malformed::NotBefore)),
        (json!({"sub": 7}), malformed(Malformed::Subject)),
        (json!({"sub": null}), malformed(Malformed::Subject)),
        (json!({"iss": ["a"]}), malformed(Malformed::Issuer)),
        (json!({"aud": ["orders", "payments"]}), Ok(())),
        (json!({"aud": "orders"}), Err(TokenError::WrongAudience)),
        (json!({"aud": []}), Err(TokenError::WrongAudience)),
        (json!({"aud": ["payments", 7]}), malformed(Malformed::Audience)),
        (json!({"aud": {"payments": true}}), malformed(Malformed::Audience)),
        // The earliest reason wins.
        (json!({"exp": 1, "aud": "orders"}), Err(TokenError::Expired)),
        (json!({"exp": 1, "aud": 7}), malformed(Malformed::Audience)),
    ];
    for &algorithm in Algorithm::ALL {
        let keys = key_set(&[testing::jwk(algorithm)]);
        for (claims, expected) in table {
            let text = token(algorithm, &with(base.clone(), claims));
            let result = verify(&text, &keys, &rule).map(|_| ());
            assert_eq!(result, *expected, "{algorithm} {claims}");
        }
    }
}

#[test]
fn a_changed_token_fails_its_signature_before_its_claims_are_judged() {
    for &algorithm in Algorithm::ALL {
        let keys = key_set(&[testing::jwk(algorithm)]);
        let signed = token(algorithm, &json!({"iss": ISSUER, "exp": 1}));
        let (input, signature) = signed.rsplit_once('.').unwrap();
        let (header, _) = input.split_once('.').unwrap();
        let forged = base64url(json!({"iss": ISSUER, "exp": 1, "sub": 7}).to_string());
        let mut flipped = sign(algorithm, input.as_bytes());
        flipped[5] ^= 1;
        let (longer, shorter) = ([&flipped[..], &[0]].concat(), &flipped[1..]);
        for text in [
            format!("{header}.{forged}.{signature}"),
            format!("{input}.{}", base64url(&flipped)),
            format!("{input}.{}", base64url(longer)),
            format!("{input}.{}", base64url(shorter)),
            format!("{input}.{}", base64url([0; 64])),
            format!("{input}."),
        ] {
            assert_eq!(verify(&text, &keys, &rule()), Err(TokenError::BadSignature), "{algorithm}");
        }
    }
}

#[test]
fn no_algorithm_is_accepted_with_the_key_of_another() {
    let payload = json!({"iss": ISSUER});
    for &signed_with in Algorithm::ALL {
        let header = json!({"alg": signed_with.as_str()}).to_string();
        let text = raw_token(signed_with, &header, payload.to_string());
        for &bound in Algorithm::ALL {
            let key = with(testing::jwk(bound), &json!({"alg": bound.as_str()}));
            let result = verify(&text, &key_set(&[key]), &rule());
            if bound == signed_with {
                assert!(result.is_ok(), "{signed_with}");
            } else {
                assert_eq!(result, Err(TokenError::UnknownKey), "{signed_with} with {bound}");
            }
        }
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    use jwt_simple::algorithms::{HS256Key, MACLike as _};
    let keys = key_set(&[testing::jwk(Algorithm::Rs256)]);
    let spki = keys.candidates(Algorithm::Rs256, None)[0].spki_der().unwrap().to_vec();
    let input = format!("{}.{}", base64url(r#"{"alg":"HS256"}"#), base64url(r#"{"iss":"i"}"#));
    let tag = HS256Key::from_bytes(&spki).authentication_tag(input.as_bytes());
    let text = format!("{input}.{}", base64url(tag));
    assert_eq!(verify(&text, &keys, &rule()), Err(TokenError::UnknownKey));
    // And when the header claims RS256, an HMAC is not an RSA signature.
    let key = keys.candidates(Algorithm::Rs256, None)[0];
    assert!(!SoftwareVerifier.verify(key, Algorithm::Rs256, input.as_bytes(), &[7; 32]));
    assert!(!SoftwareVerifier.verify(key, Algorithm::Hs256, input.as_bytes(), &[7; 32]));
}

#[test]
fn none_is_no_algorithm_however_it_is_written() {
    let keys = key_set(&[testing::jwk(Algorithm::Rs256)]);
    for name in
        ["none", "None", "NONE", "nOnE", "", "rs256", "ed25519", "Ed448", "ES256K", "ES521", "HS1"]
    {
        let header = json!({ "alg": name }).to_string();
        let payload = json!({"iss": ISSUER}).to_string();
        let unsigned = format!("{}.{}.", base64url(&header), base64url(&payload));
        let signed = raw_token(Algorithm::Rs256, &header, &payload);
        for text in [unsigned, signed] {
            let result = verify(&text, &keys, &rule());
            assert_eq!(result, Err(TokenError::UnsupportedAlgorithm), "{name}");
        }
    }
}

#[test]
fn keys_in_the_token_are_ignored() {
    let own = testing::jwk(Algorithm::Es256);
    let header = json!({
        "alg": "ES256", "typ": "anything", "jwk": own, "x5c": [7], "jku": 1, "x5u": {}, "cty": "x",
    });
    let text = raw_token(Algorithm::Es256, &header.to_string(), json!({"iss": "i"}).to_string());
    assert!(verify(&text, &key_set(&[own]), &rule()).is_ok());
    let other = key_set(&[testing::jwk(Algorithm::Es384)]);
    assert_eq!(verify(&text, &other, &rule()), Err(TokenError::UnknownKey));
}

#[test]
fn an_rsa_key_of_8192_bits_verifies() {
    use rsa::rand_core::OsRng;
    use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
    // Many small primes are quick to find; to a verifier only the modulus shows.
    let mut primes = Vec::new();
    while primes.len() < 16 {
        primes.extend_from_slice(rsa::RsaPrivateKey::new(&mut OsRng, 1024).unwrap().primes());
    }
    let key = rsa::RsaPrivateKey::from_primes(primes, 65537_u32.into()).unwrap();
    assert!(key.n().bits() > 8180);
    let keys = key_set(&[rsa_jwk(&key)]);
    for algorithm in [Algorithm::Rs256, Algorithm::Ps512] {
        let candidate = keys.candidates(algorithm, None)[0];
        let signature = rsa_sign(&key, algorithm, b"text");
        assert!(SoftwareVerifier.verify(candidate, algorithm, b"text", &signature));
        assert!(!SoftwareVerifier.verify(candidate, algorithm, b"other", &signature));
    }
}

/// The examples of RFCs 7515, 7517 and 8037. Those of RFC 7520 are among Project Wycheproof's.
fn published() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/rfc-examples.json")).unwrap()
}

#[test]
fn published_signatures_verify() {
    let published = published();
    let examples = published["verified"].as_array().unwrap();
    let algorithms =
        [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::Es512, Algorithm::EdDsa];
    assert_eq!(examples.len(), algorithms.len());
    for (example, algorithm) in examples.iter().zip(algorithms) {
        let keys = key_set(&[example["jwk"].clone()]);
        let key = keys.candidates(algorithm, None)[0];
        let text = example["jws"].as_str().unwrap();
        let (input, signature) = text.rsplit_once('.').unwrap();
        let signature = super::token::decode(signature.as_bytes()).unwrap();
        let holds = SoftwareVerifier.verify(key, algorithm, input.as_bytes(), &signature);
        assert!(holds, "{}", example["name"]);
        if !matches!(algorithm, Algorithm::Es512 | Algorithm::EdDsa) {
            let token = Token::parse(text.as_bytes()).unwrap();
            assert_eq!(token.claims().issuer(), Some("joe"));
            assert_eq!(token.algorithm(), Ok(algorithm));
        } else {
            // The RFC's payload is plain text: a signature that holds, but no JWT.
            let error = Token::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, Malformed::PayloadJson.into());
        }
    }
}

#[test]
fn what_is_published_but_no_token_here_is_refused() {
    for example in published()["refused"].as_array().unwrap() {
        let keys = KeySet::parse(&testing::jwks(&[example["jwk"].clone()]), KeyOrigin::Inline);
        match (&keys, example["key_error"].as_str()) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => assert!(error.to_string().contains(expected)),
            (outcome, expected) => panic!("{}: {outcome:?}, {expected:?}", example["name"]),
        }
        let token = Token::parse(example["jws"].as_str().unwrap().as_bytes());
        let error = token.and_then(|token| token.algorithm()).unwrap_err();
        assert_eq!(error.to_string(), example["token_error"].as_str().unwrap());
    }
}

#[test]
fn published_keys_are_used_for_what_they_are_for() {
    for example in published()["key_sets"].as_array().unwrap() {
        let keys = example["jwks"].to_string();
        let keys = KeySet::parse(keys.as_bytes(), KeyOrigin::Inline).unwrap();
        let ids = Algorithm::ALL.iter().flat_map(|algorithm| keys.candidates(*algorithm, None));
        let ids: BTreeSet<_> = ids.filter_map(Key::id).collect();
        assert_eq!(json!(ids), example["usable"], "{}", example["name"]);
        assert_eq!(json!(keys.skipped()), example["skipped"], "{}", example["name"]);
    }
}

#[test]
fn tokens_of_jwt_simple_verify() {
    use jwt_simple::prelude::*;
    let claims = jwt_simple::claims::Claims::create(Duration::from_secs(600))
        .with_issuer(ISSUER)
        .with_subject("payments-service@example.com");
    let key = ES256KeyPair::generate().with_key_id("k1");
    let point = key.public_key().public_key().to_bytes_uncompressed();
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1",
        "x": base64url(&point[1..33]), "y": base64url(&point[33..])});
    let now = claims.issued_at.unwrap().as_secs();
    let text = key.sign(claims).unwrap();
    let token = super::Token::parse(text.as_bytes()).unwrap();
    let keys = key_set(&[jwk]);
    let candidates = keys.candidates(token.algorithm().unwrap(), token.key_id());
    assert!(SoftwareVerifier.verify(
        candidates[0],
        Algorithm::Es256,
        token.signing_input(),
        token.signature()
    ));
    assert_eq!(token.claims().judge(&rule(), now), Ok(()));
    assert_eq!(token.claims().judge(&rule(), now + 601), Err(TokenError::Expired));
}
