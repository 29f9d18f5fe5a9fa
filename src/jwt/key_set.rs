//! A JSON Web Key Set (RFC 7517 section 5) and the choice of keys for a token.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Algorithm;
use super::error::JwksError;
use super::jwk::Key;
use super::strict_json::{self, JsonError};

/// The longest JWKS document that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;

/// The most usable keys a JWKS document may hold.
pub const MAX_KEYS: usize = 100;

/// The most keys that are tried for one token.
pub const MAX_CANDIDATES: usize = 8;

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
    skipped_ids: BTreeSet<String>,
}

impl KeySet {
    /// Reads a JWKS document.
    ///
    /// Keys that cannot verify a supported signature are left out, as RFC 7517 section 5 asks;
    /// [`KeySet::skipped`] says which and why. It is an error when none is left, and when the
    /// document is over [`MAX_JWKS_BYTES`] or has over [`MAX_KEYS`] usable keys.
    pub fn parse(json: &[u8], origin: KeyOrigin) -> Result<Self, JwksError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(JwksError::TooLarge);
        }
        let document = strict_json::parse_object(json).map_err(|error| match error {
            JsonError::Invalid => JwksError::Json,
            JsonError::Duplicate => JwksError::Duplicate,
            JsonError::Nesting => JwksError::Nesting,
        })?;
        let Some(Value::Array(listed)) = document.get("keys") else {
            return Err(JwksError::NoKeys);
        };

        let mut set = Self { keys: Vec::new(), skipped: Vec::new(), skipped_ids: BTreeSet::new() };
        let mut skipped: usize = 0;
        for (index, jwk) in listed.iter().enumerate() {
            let key = match jwk {
                Value::Object(jwk) => Key::from_jwk(jwk, origin),
                _ => Err("it is not an object".to_owned()),
            };
            match key {
                Ok(_) if set.keys.len() == MAX_KEYS => return Err(JwksError::TooManyKeys),
                Ok(key) => set.keys.push(key),
                Err(reason) => {
                    skipped = skipped.saturating_add(1);
                    if skipped <= MAX_SKIP_REASONS {
                        set.skipped.push(format!("keys[{index}]: {reason}"));
                    }
                    if let Some(Value::String(id)) = jwk.get("kid") {
                        set.skipped_ids.insert(id.clone());
                    }
                }
            }
        }
        if skipped > MAX_SKIP_REASONS {
            let others = skipped.saturating_sub(MAX_SKIP_REASONS);
            set.skipped.push(format!("and {others} other keys"));
        }
        if set.keys.is_empty() {
            return Err(JwksError::NoUsableKey(set.skipped));
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

    /// The keys to try for a token, at most [`MAX_CANDIDATES`], in the document's order.
    ///
    /// Those whose `kid` is the token's; if there are none, those without a `kid`; for a token
    /// without `kid`, all. Of these, the ones that fit the algorithm. Empty: no key is known.
    pub fn candidates(&self, algorithm: Algorithm, key_id: Option<&str>) -> Vec<&Key> {
        let is_named = key_id.is_some_and(|id| {
            self.skipped_ids.contains(id) || self.keys.iter().any(|key| key.id() == Some(id))
        });
        self.keys
            .iter()
            .filter(|key| match key_id {
                None => true,
                Some(_) if is_named => key.id() == key_id,
                Some(_) => key.id().is_none(),
            })
            .filter(|key| key.fits(algorithm))
            .take(MAX_CANDIDATES)
            .collect()
    }
}
