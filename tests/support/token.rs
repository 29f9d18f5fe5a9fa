//! Recipes for tokens, good and bad.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::keys::{self, Signer, base64url};
use super::now;

/// The issuer of the payments scenario.
pub const ISSUER: &str = "https://auth.example.com";
/// The workload that the scenario lets in.
pub const PAYMENTS_SERVICE: &str = "payments-service@example.com";

/// How a token is made. What is left out is as it should be.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// The whole token, as it is.
    pub raw: Option<String>,
    /// Claims beside or instead of a good `iss`, `sub` and `exp`; null removes one. In `exp`,
    /// `nbf` and `iat`, a text such as `now-90` is so many seconds from now.
    pub claims: Map<String, Value>,
    /// The length of a claim that nobody looks at.
    pub padding: usize,
    /// The payload, as it is.
    pub payload: Option<String>,
    /// The algorithm: that of the key that signs, and of the header; RS256 unless the table says
    /// otherwise.
    pub alg: Option<String>,
    /// Further members of the header; null removes one.
    pub header: Map<String, Value>,
    /// Who signs.
    pub signer: By,
    /// What is put in place of the signature.
    pub signature: Option<String>,
}

/// Who signs, as tables write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The issuer.
    #[default]
    Issuer,
    /// Somebody else, under the issuer's key ID.
    Other,
    /// Somebody who has only the public key.
    PublicKeyAsSecret,
    /// Nobody.
    Nobody,
}

impl Recipe {
    /// A good token with these claims.
    pub fn of(claims: &Value) -> Self {
        Self { claims: claims.as_object().unwrap().clone(), ..Self::default() }
    }

    /// A good token of the payments service.
    pub fn good() -> Self {
        Self::default()
    }

    /// Whether the token differs from a good one in its claims at most.
    pub fn is_only_claims(&self) -> bool {
        let plain = Self { claims: self.claims.clone(), ..Self::default() };
        *self == plain
    }

    /// The claims.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = json!({"iss": ISSUER, "sub": PAYMENTS_SERVICE, "exp": now() + 3_600});
        if self.padding > 0 {
            claims["padding"] = "x".repeat(self.padding).into();
        }
        merge(claims.as_object_mut().unwrap(), &self.claims);
        for (name, value) in claims.as_object_mut().unwrap() {
            let seconds = value.as_str().and_then(|text| text.strip_prefix("now"));
            if let (Some(seconds), "exp" | "nbf" | "iat") = (seconds, name.as_str()) {
                let seconds: i64 = seconds.parse().unwrap();
                *value = now().saturating_add_signed(seconds).into();
            }
        }
        claims.as_object().unwrap().clone()
    }

    /// The token, signed with `algorithm` unless the recipe names one.
    pub fn token(&self, algorithm: &str) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let algorithm = self.alg.as_deref().unwrap_or(algorithm);
        let signer = match self.signer {
            By::Issuer => Signer::Issuer,
            By::Other => Signer::Other,
            By::PublicKeyAsSecret => Signer::PublicKeyAsSecret,
            By::Nobody => Signer::Nobody,
        };
        let mut header = json!({"alg": algorithm, "kid": keys::key_id(Signer::Issuer, algorithm)});
        merge(header.as_object_mut().unwrap(), &self.header);
        let payload = match &self.payload {
            Some(payload) => payload.clone(),
            None => Value::from(self.claims()).to_string(),
        };
        let input = format!("{}.{}", base64url(header.to_string()), base64url(payload));
        let signature = match &self.signature {
            Some(signature) => signature.clone(),
            None => base64url(keys::sign(signer, algorithm, input.as_bytes())),
        };
        format!("{input}.{signature}")
    }
}

/// The payload of a token as it stands in it: base64url.
pub fn payload(token: &str) -> &str {
    token.split('.').nth(1).unwrap_or_default()
}

fn merge(into: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match value {
            Value::Null => into.remove(name),
            value => into.insert(name.clone(), value.clone()),
        };
    }
}
