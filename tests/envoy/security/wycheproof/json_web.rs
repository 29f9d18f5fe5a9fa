//! The sets JSON Web Signature and JSON Web Key, natively. Their payloads are texts and bytes,
//! which makes them no tokens (RFC 7519, section 7.2), so what is judged here is the rest: form,
//! header, key and signature.

use egress_auth::jwt::{KeyOrigin, KeySet, Malformed, SignatureVerifier, Token, TokenError};
use serde_json::{Value, json};

use super::refused::Refused;
use super::verifiers;
use crate::support::tried::Tried;

const FILES: [(&str, &str); 2] = [
    (SIGNATURES, include_str!("../../../fixtures/wycheproof/json_web_signature_test.json")),
    (KEYS, include_str!("../../../fixtures/wycheproof/json_web_key_test.json")),
];
const SIGNATURES: &str = "json_web_signature_test";
const KEYS: &str = "json_web_key_test";

/// What comes out here in another way than it is published, and why.
const OTHERWISE: [(&str, &[usize], &str); 6] = [
    (
        SIGNATURES,
        &[346, 350],
        "refused: the key is for PS256 and the token says PS384 (RFC 7517, section 4.4)",
    ),
    (SIGNATURES, &[347, 351], "refused: no algorithm is called ES521"),
    (
        SIGNATURES,
        &[372, 373],
        "refused: a character that is not of base64url must not be there (RFC 7515, section 2)",
    ),
    (
        SIGNATURES,
        &[367, 370],
        "accepted: letter for letter the token of 357, which is right; their padding was lost",
    ),
    (
        KEYS,
        &[1],
        "accepted: a set may hold keys of several types, and each serves algorithms of its own",
    ),
    (
        KEYS,
        &[4],
        "accepted: keys of one kid are allowed (RFC 7517, section 4.5), and each of them is tried",
    ),
];

/// Vectors that share a key.
pub struct Group {
    /// The file that they are from.
    pub file: &'static str,
    /// What a gateway is given: a JWKS document.
    pub jwks: Value,
    /// The same keys with their private parts.
    pub private_keys: Vec<Value>,
    pub vectors: Vec<Vector>,
}

/// One vector.
pub struct Vector {
    /// Its number in its file.
    pub id: usize,
    pub comment: String,
    pub jws: String,
    /// Whether it is to be accepted: as it is published, but for those in [`OTHERWISE`].
    pub good: bool,
    /// Why it is in [`OTHERWISE`].
    reason: Option<&'static str>,
}

/// All of both files.
pub fn groups() -> Vec<Group> {
    let groups = FILES.iter().flat_map(|(file, text)| {
        let published: Value = serde_json::from_str(text).unwrap();
        published["testGroups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| Group::read(file, group))
            .collect::<Vec<_>>()
    });
    groups.collect()
}

impl Group {
    fn read(file: &'static str, group: &Value) -> Self {
        // A lone key, or a document.
        let keys = |member: &str| match &group[member]["keys"] {
            Value::Array(keys) => keys.clone(),
            _ => group.get(member).into_iter().cloned().collect(),
        };
        let private_keys = keys("private");
        let public_keys = match keys("public") {
            // Shared secrets have no other part.
            none if none.is_empty() => private_keys.clone(),
            keys => keys,
        };
        let vectors = group["tests"].as_array().unwrap();
        let vectors = vectors.iter().map(|test| Vector::read(file, test)).collect();
        Self { file, jwks: json!({ "keys": public_keys }), private_keys, vectors }
    }
}

impl Vector {
    fn read(file: &str, test: &Value) -> Self {
        let id = usize::try_from(test["tcId"].as_u64().unwrap()).unwrap();
        let reason = OTHERWISE.iter().find(|(of, ids, _)| *of == file && ids.contains(&id));
        let text = |member: &str| test[member].as_str().unwrap().to_owned();
        Self {
            id,
            comment: text("comment"),
            jws: text("jws"),
            good: (text("result") == "valid") != reason.is_some(),
            reason: reason.map(|(.., reason)| *reason),
        }
    }
}

/// Whether a JWS holds, whatever its payload is.
fn holds(jws: &str, keys: &KeySet, verifier: &dyn SignatureVerifier) -> bool {
    let no_claims = TokenError::Malformed(Malformed::PayloadJson);
    let with_claims = jws.splitn(3, '.').collect::<Vec<_>>();
    let with_claims = match with_claims[..] {
        [header, _, signature] => format!("{header}.e30.{signature}"),
        _ => jws.to_owned(),
    };
    let token = match Token::parse(jws.as_bytes()) {
        Err(error) if error == no_claims => Token::parse(with_claims.as_bytes()),
        parsed => parsed,
    };
    let Ok(token) = token else { return false };
    let Ok(algorithm) = token.algorithm() else { return false };
    let (input, _) = jws.rsplit_once('.').unwrap();
    keys.candidates(algorithm, token.key_id())
        .iter()
        .any(|key| verifier.verify(key, algorithm, input.as_bytes(), token.signature()))
}

#[test]
fn signatures_and_keys_come_out_right() {
    let (mut tried, mut listed) = (0, Refused::default());
    let (mut wrongly_allowed, mut wrongly_denied) = (Vec::new(), Vec::new());
    for group in groups() {
        let keys = KeySet::parse(group.jwks.to_string().as_bytes(), KeyOrigin::Inline);
        for Vector { id, comment, jws, good, reason } in &group.vectors {
            tried += 1;
            if let Some(reason) = reason {
                listed.add(group.file, *id, reason);
            }
            for (who, verifier) in verifiers::ALL {
                let accepted = keys.as_ref().is_ok_and(|keys| holds(jws, keys, verifier));
                let name = format!("{} {id} ({comment}) by {who}", group.file);
                match (good, accepted) {
                    (false, true) => wrongly_allowed.push(name),
                    (true, false) => wrongly_denied.push(name),
                    _ => {}
                }
            }
        }
    }
    let (count, reasons) = listed.counts();
    Tried {
        what: "vectors of Project Wycheproof for JWS and JWK".to_owned(),
        tried,
        allowed: wrongly_allowed.len(),
        denied: wrongly_denied.len(),
        lost: 0,
        remark: format!("{count} listed with {reasons} reasons"),
    }
    .print();
    listed.assert_listed("json-web.txt");
    assert!(wrongly_allowed.is_empty(), "{}", wrongly_allowed.join("\n"));
    assert!(wrongly_denied.is_empty(), "{}", wrongly_denied.join("\n"));
}
