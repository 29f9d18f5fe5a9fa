//! A JSON Web Key Set (RFC 7517 section 5) and the choice of keys for a token.

use serde_json::{Map, Value};

use super::Algorithm;
use super::error::JwksError;
use super::jwk::{JwkError, Key};
use super::strict_json::{self, JsonError};

/// The longest JWKS document that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;

/// The most usable keys a JWKS document may hold.
pub const MAX_KEYS: usize = 100;

/// The most keys that are tried for one token.
pub const MAX_CANDIDATES: usize = 32;

/// How many skipped keys are described one by one.
const MAX_SKIP_REASONS: usize = 20;

/// Where a key set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Written in the configuration. The only place for shared secrets (`kty` `oct`).
    Inline,
    /// Fetched from a URI.
    Remote,
}

/// The usable keys of one issuer.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<String>,
    /// `kid`s that only unusable keys have: a token that names one is not tried with others.
    skipped_ids: Vec<String>,
}

impl KeySet {
    /// Reads a JWKS document.
    ///
    /// Keys that cannot verify a supported signature are left out, as RFC 7517 section 5 asks;
    /// [`KeySet::skipped`] says which and why, but for those that are published for others. It is
    /// an error when none is left, and when the document is over [`MAX_JWKS_BYTES`] or has over
    /// [`MAX_KEYS`] usable keys.
    ///
    /// # Errors
    /// See [`JwksError`]: a key that cannot be used is an error only where there is no other.
    pub fn parse(json: &[u8], origin: KeyOrigin) -> Result<Self, JwksError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(JwksError::TooLarge);
        }
        let document = strict_json::parse_object(json).map_err(|error| match error {
            JsonError::Invalid => what_else(json),
            JsonError::Duplicate => JwksError::Duplicate,
            JsonError::Nesting => JwksError::Nesting,
        })?;
        let Some(Value::Array(listed)) = document.get("keys") else {
            return Err(what_other_object(&document));
        };

        let mut set = Self { keys: Vec::new(), skipped: Vec::new(), skipped_ids: Vec::new() };
        let (mut unusable, mut of_others) = (LeftOut::default(), LeftOut::default());
        for (index, jwk) in listed.iter().enumerate() {
            let key = match jwk {
                Value::Object(jwk) => Key::from_jwk(jwk, origin),
                _ => Err(JwkError::NotAnObject),
            };
            match key {
                Ok(_) if set.keys.len() == MAX_KEYS => return Err(JwksError::TooManyKeys),
                Ok(key) => set.keys.push(key),
                Err(reason) => {
                    let left_out =
                        if reason.is_expected() { &mut of_others } else { &mut unusable };
                    left_out.push(index, reason);
                    if let Some(Value::String(id)) = jwk.get("kid") {
                        set.skipped_ids.push(id.clone());
                    }
                }
            }
        }
        set.skipped = unusable.described();
        if set.keys.is_empty() {
            return Err(JwksError::NoUsableKey([set.skipped, of_others.described()].concat()));
        }
        Ok(set)
    }

    /// The number of usable keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key. A parsed set always has one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Why keys of the document were left out; at most 20 one by one.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// An algorithm by which a token without `kid` has more keys to be tried with than are tried,
    /// and how many these are.
    pub fn crowded(&self) -> Option<(Algorithm, usize)> {
        let fitting = |algorithm: &Algorithm| self.candidates(*algorithm, None).len();
        let counted = Algorithm::ALL.iter().map(|algorithm| (*algorithm, fitting(algorithm)));
        counted.into_iter().find(|(_, fitting)| *fitting > MAX_CANDIDATES)
    }

    /// The keys that may have signed a token, in the document's order; the first [`MAX_CANDIDATES`]
    /// are tried.
    ///
    /// Those whose `kid` is the token's; if there are none, those without a `kid`; for a token
    /// without `kid`, all. Of these, the ones that fit the algorithm. Empty: no key is known.
    pub fn candidates(&self, algorithm: Algorithm, key_id: Option<&str>) -> Vec<&Key> {
        let is_named = key_id.is_some_and(|id| {
            self.skipped_ids.iter().any(|skipped| skipped == id)
                || self.keys.iter().any(|key| key.id() == Some(id))
        });
        self.keys
            .iter()
            .filter(|key| match key_id {
                None => true,
                Some(_) if is_named => key.id() == key_id,
                Some(_) => key.id().is_none(),
            })
            .filter(|key| key.fits(algorithm))
            .collect()
    }
}

/// Descriptions of keys that were left out, the first of them one by one.
#[derive(Default)]
struct LeftOut {
    one_by_one: Vec<String>,
    others: usize,
}

impl LeftOut {
    fn push(&mut self, index: usize, reason: JwkError) {
        if self.one_by_one.len() < MAX_SKIP_REASONS {
            self.one_by_one.push(format!("keys[{index}]: {reason}"));
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    fn described(self) -> Vec<String> {
        let others = (self.others > 0).then(|| format!("and {} other keys", self.others));
        self.one_by_one.into_iter().chain(others).collect()
    }
}

/// What a text is that is no object in JSON.
fn what_else(text: &[u8]) -> JwksError {
    match text.trim_ascii() {
        [0xEF, 0xBB, 0xBF, ..] => JwksError::ByteOrderMark,
        [b'[', .., b']'] => JwksError::List,
        _ => JwksError::Json,
    }
}

/// What an object is that has no list of keys.
fn what_other_object(document: &Map<String, Value>) -> JwksError {
    let is_certificate = |value: &Value| {
        value.as_str().is_some_and(|text| text.starts_with("-----BEGIN CERTIFICATE-----"))
    };
    if document.contains_key("kty") {
        JwksError::OneKey
    } else if document.contains_key("jwks_uri") {
        JwksError::Discovery
    } else if !document.is_empty() && document.values().all(is_certificate) {
        JwksError::Certificates
    } else {
        JwksError::NoKeys
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testing::{jwk, jwks, key_set, with};
    use super::*;

    fn named(algorithm: Algorithm, id: &str) -> Value {
        with(jwk(algorithm), &json!({ "kid": id }))
    }

    fn ids<'k>(keys: &'k KeySet, algorithm: Algorithm, id: Option<&str>) -> Vec<Option<&'k str>> {
        keys.candidates(algorithm, id).into_iter().map(Key::id).collect()
    }

    #[test]
    fn keys_are_chosen_by_kid_then_by_algorithm() {
        use Algorithm::{EdDsa, Es256, Es384};
        let keys = key_set(&[
            named(Es256, "a"),
            named(Es256, "b"),
            jwk(Es256),
            named(Es384, "c"),
            named(Es256, "a"),
        ]);
        assert_eq!(ids(&keys, Es256, Some("b")), [Some("b")]);
        assert_eq!(ids(&keys, Es256, Some("a")), [Some("a"), Some("a")]);
        // An unknown kid: only keys that have none of their own.
        assert_eq!(ids(&keys, Es256, Some("z")), [None]);
        assert_eq!(ids(&keys, Es256, Some("A")), [None]);
        assert_eq!(ids(&keys, Es256, None), [Some("a"), Some("b"), None, Some("a")]);
        // A key of that kid that does not fit is no reason to try others.
        assert!(ids(&keys, Es256, Some("c")).is_empty());
        assert!(ids(&keys, EdDsa, None).is_empty());
    }

    #[test]
    fn a_kid_that_names_an_unusable_key_names_no_other() {
        use Algorithm::Es256;
        let for_encryption = with(named(Es256, "enc"), &json!({"use": "enc"}));
        let keys = key_set(&[for_encryption, jwk(Es256)]);
        assert!(ids(&keys, Es256, Some("enc")).is_empty());
        assert_eq!(ids(&keys, Es256, Some("other")), [None]);
    }

    #[test]
    fn a_set_of_more_keys_than_are_tried_is_crowded() {
        let keys = |count: usize| {
            let listed: Vec<_> =
                (0..count).map(|n| named(Algorithm::EdDsa, &n.to_string())).collect();
            key_set(&listed)
        };
        assert_eq!(keys(MAX_CANDIDATES).crowded(), None);
        let many = keys(MAX_CANDIDATES + 8);
        assert_eq!(many.crowded(), Some((Algorithm::EdDsa, MAX_CANDIDATES + 8)));
        // The `kid` says which it is.
        assert_eq!(ids(&many, Algorithm::EdDsa, Some("39")), [Some("39")]);
    }

    #[test]
    fn keys_for_others_are_left_out_quietly() {
        let rsa = jwk(Algorithm::Rs256);
        let for_others = [
            json!({"use": "enc", "alg": "RSA-OAEP"}),
            json!({"use": "x509-svid"}),
            json!({"alg": "RSA-OAEP-256"}),
            json!({"alg": "ECDH-ES+A256KW"}),
            json!({"key_ops": ["wrapKey", "encrypt"]}),
        ];
        for members in for_others {
            let other = with(with(rsa.clone(), &members), &json!({"kid": "other"}));
            let keys = key_set(&[other.clone(), named(Algorithm::EdDsa, "ours")]);
            assert_eq!((keys.len(), keys.skipped()), (1, &[][..]), "{members}");
            assert!(ids(&keys, Algorithm::Rs256, Some("other")).is_empty(), "{members}");
            let alone = KeySet::parse(&jwks(&[other]), KeyOrigin::Remote).unwrap_err();
            assert!(alone.to_string().contains("not for signatures of tokens"), "{alone}");
        }
        let of_spiffe = with(jwk(Algorithm::Es256), &json!({"use": "jwt-svid"}));
        assert_eq!(ids(&key_set(&[of_spiffe]), Algorithm::Es256, None), [None]);
    }

    #[test]
    fn unusable_keys_are_left_out_and_described() {
        let es256 = jwk(Algorithm::Es256);
        let es512 = jwk(Algorithm::Es512);
        let rsa = jwk(Algorithm::Rs256);
        let n_of = |bytes: usize, last: u8| {
            let mut n = vec![0xFF; bytes];
            n[bytes - 1] = last;
            super::super::testing::base64url(n)
        };
        let table = [
            (json!(7), "it is not an object"),
            (json!({}), "it has no \"kty\""),
            (json!({"kty": "ec"}), "its \"kty\" is not supported"),
            (with(es256.clone(), &json!({"kid": 7})), "its \"kid\" is not a string"),
            (with(es256.clone(), &json!({"use": "tls"})), "\"use\" is not \"sig\""),
            (with(es256.clone(), &json!({"key_ops": ["sign"]})), "leaves out \"verify\""),
            (with(es256.clone(), &json!({"key_ops": "verify"})), "is not an array"),
            (with(es256.clone(), &json!({"alg": "ES256K"})), "not a supported algorithm"),
            (with(es256.clone(), &json!({"alg": "ES512"})), "does not fit"),
            (with(es256.clone(), &json!({"alg": "RS256"})), "does not fit"),
            (with(es256.clone(), &json!({"alg": "HS256"})), "does not fit"),
            (with(es256.clone(), &json!({"crv": "P-384"})), "length of its curve"),
            (with(es256.clone(), &json!({"crv": "P-521"})), "length of its curve"),
            (with(es512.clone(), &json!({"x": es512["y"]})), "not on its curve"),
            (with(es256.clone(), &json!({"crv": "secp256k1"})), "its \"crv\" is not supported"),
            (with(es256.clone(), &json!({"y": es256["x"]})), "not on its curve"),
            (with(es256.clone(), &json!({"x": "A*"})), "its \"x\" is not base64url"),
            (with(es256.clone(), &json!({"x": "AA=="})), "its \"x\" is base64 and not base64url"),
            (with(es256.clone(), &json!({"y": "+/"})), "its \"y\" is base64 and not base64url"),
            (json!({"kty": "EC", "crv": "P-256", "x": es256["x"]}), "it has no \"y\""),
            (json!({"kty": "RSA", "e": "AQAB"}), "it has no \"n\""),
            (with(rsa.clone(), &json!({"n": n_of(128, 1)})), "has 1024 bits, not 2048 to 8192"),
            (with(rsa.clone(), &json!({"n": n_of(1025, 1)})), "has 8200 bits, not 2048 to 8192"),
            (with(rsa.clone(), &json!({"n": n_of(256, 2)})), "modulus or exponent"),
            (with(rsa.clone(), &json!({"e": "AQ"})), "modulus or exponent"),
            (with(rsa.clone(), &json!({"e": "Ag"})), "modulus or exponent"),
            (with(rsa.clone(), &json!({"e": ""})), "modulus or exponent"),
            (with(rsa.clone(), &json!({"e": "_________w"})), "modulus or exponent"),
            (json!({"kty": "OKP", "crv": "Ed448", "x": "AA"}), "its \"crv\" is not supported"),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), "Ed25519 public key"),
            // The point of order one, and an encoding of no point.
            (
                json!({"kty": "OKP", "crv": "Ed25519", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
                "Ed25519 public key",
            ),
            (
                json!({"kty": "OKP", "crv": "Ed25519", "x": "_____________________________________________38"}),
                "Ed25519 public key",
            ),
            (json!({"kty": "oct", "k": ""}), "shorter than 32 bytes"),
            (json!({"kty": "oct", "k": "c2hvcnQ"}), "shorter than 32 bytes"),
            (with(jwk(Algorithm::Hs256), &json!({"k": 7})), "its \"k\" is not a string"),
        ];
        for (bad, reason) in table {
            let keys = key_set(&[bad.clone(), jwk(Algorithm::EdDsa)]);
            assert_eq!(keys.len(), 1, "{bad}");
            let described = keys.skipped();
            assert!(described[0].starts_with("keys[0]: "), "{described:?}");
            assert!(described[0].contains(reason), "{described:?} {reason}");

            let alone = KeySet::parse(&jwks(&[bad]), KeyOrigin::Inline).unwrap_err();
            assert!(alone.to_string().contains(reason), "{alone}");
        }
    }

    #[test]
    fn usable_variants_are_used() {
        use super::super::testing::base64url;
        let private = json!({"d": "AAAA", "p": "AAAA", "x5c": ["x"], "key_ops": ["sign", "verify"],
            "use": "sig", "alg": "ES256"});
        let mut largest = vec![0xFF; 1024];
        largest[0] = 0x80;
        let rsa = |n: &[u8], e: &str| json!({"kty": "RSA", "n": base64url(n), "e": e});
        let keys = key_set(&[
            with(jwk(Algorithm::Es256), &private),
            rsa(&largest, "AQAB"),
            rsa(&[0xFF; 256], "Aw"),
            // A leading zero, as some issuers write it.
            rsa(&[&[0][..], &[0xFF; 256]].concat(), "AAEAAQ"),
        ]);
        assert_eq!((keys.len(), keys.skipped()), (4, &[][..]));
    }

    #[test]
    fn shared_secrets_come_from_the_configuration_only() {
        let listed = jwks(&[jwk(Algorithm::Hs256), jwk(Algorithm::Es256)]);
        let inline = KeySet::parse(&listed, KeyOrigin::Inline).unwrap();
        assert_eq!(inline.candidates(Algorithm::Hs256, None).len(), 1);
        let remote = KeySet::parse(&listed, KeyOrigin::Remote).unwrap();
        assert!(remote.candidates(Algorithm::Hs256, None).is_empty());
        assert!(remote.skipped()[0].contains("inline key sets only"));
    }

    #[test]
    fn a_secret_serves_the_hashes_it_is_long_enough_for() {
        let secret = |bytes: usize| json!({"kty": "oct", "k": super::super::testing::base64url(vec![7; bytes])});
        for (bytes, fitting) in [(32, 1), (47, 1), (48, 2), (63, 2), (64, 3), (200, 3)] {
            let keys = key_set(&[secret(bytes)]);
            let fits = |algorithm| !keys.candidates(algorithm, None).is_empty();
            let all = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
            assert_eq!(all.into_iter().filter(|it| fits(*it)).count(), fitting, "{bytes}");
        }
    }

    #[test]
    fn documents_are_bounded() {
        let listed = |count: usize| jwks(&vec![jwk(Algorithm::EdDsa); count]);
        assert_eq!(KeySet::parse(&listed(100), KeyOrigin::Remote).unwrap().len(), 100);
        let error = KeySet::parse(&listed(101), KeyOrigin::Remote).unwrap_err();
        assert_eq!(error, JwksError::TooManyKeys);

        let mut padded = listed(1);
        padded.resize(MAX_JWKS_BYTES, b' ');
        assert!(KeySet::parse(&padded, KeyOrigin::Remote).is_ok());
        padded.push(b' ');
        let error = KeySet::parse(&padded, KeyOrigin::Remote).unwrap_err();
        assert_eq!(error.to_string(), "the JWKS is over 256 KiB");

        let keys = key_set(&[vec![json!({}); 1000], vec![jwk(Algorithm::EdDsa)]].concat());
        assert_eq!(keys.skipped().len(), 21);
        assert_eq!(keys.skipped()[20], "and 980 other keys");
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for (text, expected) in [
            ("", JwksError::Json),
            ("<html>", JwksError::Json),
            ("[", JwksError::Json),
            ("[]", JwksError::List),
            (" [{\"kty\": \"EC\"}]\n", JwksError::List),
            ("\u{feff}{\"keys\":[]}", JwksError::ByteOrderMark),
            ("{\"kty\":\"EC\"}", JwksError::OneKey),
            ("{\"issuer\":\"i\",\"jwks_uri\":\"u\"}", JwksError::Discovery),
            ("{\"a\":\"-----BEGIN CERTIFICATE-----\\nMII\"}", JwksError::Certificates),
            ("{}", JwksError::NoKeys),
            (r#"{"keys":{}}"#, JwksError::NoKeys),
            (r#"{"keys":null}"#, JwksError::NoKeys),
            (r#"{"keys":[]}"#, JwksError::NoUsableKey(vec![])),
            (r#"{"keys":[],"keys":[]}"#, JwksError::Duplicate),
        ] {
            assert_eq!(KeySet::parse(text.as_bytes(), KeyOrigin::Inline).err(), Some(expected));
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let keys = key_set(&[jwk(Algorithm::Hs256)]);
        let shown = format!("{keys:?}");
        assert!(shown.contains("oct") && !shown.contains("90, 90"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>) {
            let _ = KeySet::parse(&bytes, KeyOrigin::Inline);
        }

        #[test]
        fn no_members_make_parsing_panic(
            kty in "RSA|EC|OKP|oct",
            crv in "P-256|P-384|Ed25519",
            values in proptest::collection::vec("[A-Za-z0-9_-]{0,90}", 5),
        ) {
            let key = json!({"kty": kty, "crv": crv, "n": values[0], "e": values[1],
                "x": values[2], "y": values[3], "k": values[4]});
            let _ = KeySet::parse(&jwks(&[key]), KeyOrigin::Inline);
        }
    }
}
