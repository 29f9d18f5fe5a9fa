//! The argument and the result of Envoy's foreign function `verify_signature`.
//!
//! The function takes a serialized `VerifySignatureArguments` (hash_function = 1, public_key = 2,
//! signature = 3, text = 4) and returns a `VerifySignatureResult` (result = 1, error = 2). Two
//! flat messages are written here by hand rather than with a protobuf library. Pure functions:
//! the call itself is the filter's.

use super::{Algorithm, Key};

/// The name under which Envoy registers the function.
pub const FUNCTION: &str = "verify_signature";

/// Whether the function can check this algorithm. It knows neither PSS nor Ed25519 nor HMAC.
pub fn supports(algorithm: Algorithm) -> bool {
    hash_name(algorithm).is_some()
}

/// Builds the argument. `None` when the function cannot check this, or when the signature cannot
/// be one: an ECDSA signature that is not r||s of the curve's length, both above zero.
pub fn encode(
    key: &Key,
    algorithm: Algorithm,
    signing_input: &[u8],
    signature: &[u8],
) -> Option<Vec<u8>> {
    if !key.fits(algorithm) {
        return None;
    }
    let hash = hash_name(algorithm)?;
    let public_key = key.spki_der()?;
    let ecdsa_der;
    let signature = match algorithm {
        Algorithm::Es256 => {
            ecdsa_der = ecdsa_to_der(signature, 32)?;
            ecdsa_der.as_slice()
        }
        Algorithm::Es384 => {
            ecdsa_der = ecdsa_to_der(signature, 48)?;
            ecdsa_der.as_slice()
        }
        _ => signature,
    };
    let fields = [hash.as_bytes(), public_key, signature, signing_input];
    let total: usize = fields.iter().map(|field| field.len().saturating_add(6)).sum();
    let mut message = Vec::with_capacity(total);
    for (tag, field) in [0x0A, 0x12, 0x1A, 0x22].into_iter().zip(fields) {
        message.push(tag);
        push_varint(&mut message, field.len());
        message.extend_from_slice(field);
    }
    Some(message)
}

/// Reads the result: `true` for a message that says so and nothing else.
///
/// A successful result is the two bytes of `result: true`, which have one canonical spelling. An
/// error text, an unknown field or a longer spelling all come from a host that is not understood.
pub fn decode(result: &[u8]) -> bool {
    result == [0x08, 0x01]
}

fn hash_name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => Some("sha256"),
        Algorithm::Rs384 | Algorithm::Es384 => Some("sha384"),
        Algorithm::Rs512 => Some("sha512"),
        _ => None,
    }
}

fn push_varint(message: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            message.push(low);
            return;
        }
        message.push(low | 0x80);
    }
}

/// r||s (RFC 7518 section 3.4) as the DER `ECDSA-Sig-Value` of RFC 3279 section 2.2.3.
fn ecdsa_to_der(signature: &[u8], scalar_bytes: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(scalar_bytes)?;
    if s.len() != scalar_bytes {
        return None;
    }
    let mut body = Vec::with_capacity(signature.len().saturating_add(6));
    push_integer(&mut body, r)?;
    push_integer(&mut body, s)?;
    // At most 2 * (48 + 3) bytes: the short form of a length always does.
    let length = u8::try_from(body.len()).ok().filter(|length| *length < 0x80)?;
    let mut der = vec![0x30, length];
    der.append(&mut body);
    Some(der)
}

fn push_integer(body: &mut Vec<u8>, scalar: &[u8]) -> Option<()> {
    let start = scalar.iter().position(|byte| *byte != 0)?;
    let digits = scalar.get(start..)?;
    // A leading zero keeps the number positive.
    let is_high = digits.first().is_some_and(|byte| *byte >= 0x80);
    let length = digits.len().saturating_add(usize::from(is_high));
    body.push(0x02);
    body.push(u8::try_from(length).ok()?);
    if is_high {
        body.push(0);
    }
    body.extend_from_slice(digits);
    Some(())
}
