//! What of a policy must not be in a page that is handed around: keys that sign.
//!
//! Inline keys may be shared secrets (`oct`), and people put private keys among them by mistake.
//! The page never needs either: claims are judged without keys.

use serde_json::{Map, Value, json};

use crate::jwt::{KeyOrigin, KeySet};
use crate::policy::{JwksSource, Policy};

/// Members of a JWK that are public (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).
const PUBLIC: [&str; 12] =
    ["kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5t", "x5t#S256"];

/// The policy with public keys only. An issuer of which none is left counts as one whose keys are
/// fetched, from nowhere.
pub fn without(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for rule in &mut policy.jwt_rules {
        if let JwksSource::Inline(text) = &rule.jwks {
            rule.jwks = match public(text) {
                Some(text) => JwksSource::Inline(text),
                None => JwksSource::Remote {
                    uri: "https://left-out.invalid/".to_owned(),
                    cluster: "left-out".to_owned(),
                },
            };
        }
    }
    policy
}

fn public(text: &str) -> Option<String> {
    let set: Value = serde_json::from_str(text).ok()?;
    let keys = set.get("keys")?.as_array()?.iter().filter_map(Value::as_object);
    let keys = keys.filter(|key| key.get("kty").is_some_and(|kty| kty != "oct"));
    let keys: Vec<Map<String, Value>> = keys
        .map(|key| {
            let members = key.iter().filter(|(name, _)| PUBLIC.contains(&name.as_str()));
            members.map(|(name, value)| (name.clone(), value.clone())).collect()
        })
        .collect();
    let text = json!({ "keys": keys }).to_string();
    KeySet::parse(text.as_bytes(), KeyOrigin::Inline).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_members_of_public_keys_are_left() {
        let point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let public_key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": point});
        let mut private_key = public_key.clone();
        private_key["d"] = json!("c2VjcmV0");
        let shared = json!({"kty": "oct", "kid": "b", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"});
        let left = public(&json!({"keys": [shared, private_key]}).to_string()).unwrap();
        let expected = json!({ "keys": [public_key] });
        assert_eq!(serde_json::from_str::<Value>(&left).unwrap(), expected);
        // Of these no key is left that the engine could use.
        let unusable = json!({"kty": "EC", "crv": "P-192", "x": "AA", "y": "AA"});
        for keys in [json!([shared]), json!([shared, unusable])] {
            assert_eq!(public(&json!({ "keys": keys }).to_string()), None);
        }
    }
}
