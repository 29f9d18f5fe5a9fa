//! The compact form of a JWS (RFC 7515 section 3.1), taken apart but not judged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::error::{Malformed, TokenError};
use super::strict_json::{self, JsonError};
use super::{Algorithm, MAX_TOKEN_BYTES};

/// A token whose form is right. Nothing it says can be trusted before its signature is verified.
///
/// `jku`, `jwk`, `x5u`, `x5c` and every other header parameter but `alg`, `kid`, `crit` and `b64`
/// are ignored: keys come from the configuration alone.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
    claims: Claims,
    payload_base64: &'a str,
    signing_input: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a compact JWS apart.
    ///
    /// Judges the form only: three sections, strict base64url, strict JSON (no duplicate member
    /// names, nesting of at most 32), a header with a string `alg`, a string `kid` if any, no
    /// `crit`, no `b64` but `true`, a payload object with a string `iss` if any. Signature, time
    /// and the types of the other claims come later.
    pub fn parse(text: &'a [u8]) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let (signing_input, signature) = cut_last(text).ok_or(Malformed::Form)?;
        let (header, payload) = cut_last(signing_input).ok_or(Malformed::Form)?;
        if header.contains(&b'.') {
            return Err(Malformed::Form.into());
        }

        let header = decode(header).ok_or(Malformed::HeaderBase64)?;
        let header = strict_json::parse_object(&header).map_err(|error| match error {
            JsonError::Invalid => Malformed::HeaderJson,
            JsonError::Duplicate => Malformed::HeaderDuplicate,
            JsonError::Nesting => Malformed::HeaderNesting,
        })?;
        let (algorithm, key_id) = read_header(header)?;

        let payload_json = decode(payload).ok_or(Malformed::PayloadBase64)?;
        let claims = Claims::from_json(&payload_json)?;
        let payload_base64 = std::str::from_utf8(payload).map_err(|_| Malformed::PayloadBase64)?;
        let signature = decode(signature).ok_or(Malformed::SignatureBase64)?;
        Ok(Self { algorithm, key_id, claims, payload_base64, signing_input, signature })
    }

    /// The algorithm the header names, if it is one that can be accepted at all.
    pub fn algorithm(&self) -> Result<Algorithm, TokenError> {
        self.algorithm.ok_or(TokenError::UnsupportedAlgorithm)
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The payload.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The payload, owned.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// The payload as it stands in the token, base64url without padding.
    pub fn payload_base64(&self) -> &'a str {
        self.payload_base64
    }

    /// What the signature covers: header and payload as they stand in the token.
    pub fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// The signature, decoded. Empty where the section is.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// What lies before and after the last dot.
fn cut_last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = text.iter().rposition(|byte| *byte == b'.')?;
    let (before, rest) = text.split_at_checked(dot)?;
    Some((before, rest.get(1..)?))
}

/// Decodes base64url as RFC 7515 section 2 wants it: no padding, no whitespace, and no bits set
/// beyond the last byte, so that one byte string has one spelling.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn read_header(
    mut header: Map<String, Value>,
) -> Result<(Option<Algorithm>, Option<String>), Malformed> {
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => Algorithm::parse(name),
        _ => return Err(Malformed::HeaderAlg),
    };
    if header.contains_key("crit") {
        return Err(Malformed::HeaderCrit);
    }
    // `b64` may be false only together with `crit` (RFC 7797 section 6), but a sender that
    // forgets `crit` still signed something else than the encoded payload.
    if header.get("b64").is_some_and(|value| *value != Value::Bool(true)) {
        return Err(Malformed::HeaderB64);
    }
    let key_id = match header.remove("kid") {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err(Malformed::HeaderKid),
    };
    Ok((algorithm, key_id))
}
