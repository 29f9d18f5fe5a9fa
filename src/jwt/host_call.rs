//! The argument and the result of Envoy's foreign function `verify_signature`.
//!
//! The function takes a serialized `VerifySignatureArguments` (hash_function = 1, public_key = 2,
//! signature = 3, text = 4) and returns a `VerifySignatureResult` (result = 1, error = 2). Two
//! flat messages are written here by hand rather than with a protobuf library. Pure functions:
//! the call itself is the filter's.

use super::der::{SEQUENCE, element, integer};
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
        Algorithm::Es512 => {
            ecdsa_der = ecdsa_to_der(signature, 66)?;
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
        Algorithm::Rs512 | Algorithm::Es512 => Some("sha512"),
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
    if [r, s].iter().any(|number| number.iter().all(|byte| *byte == 0)) {
        return None;
    }
    Some(element(SEQUENCE, &[&integer(r), &integer(s)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{self, key_set};
    use super::*;

    fn read_varint(bytes: &mut &[u8]) -> usize {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    /// Fields of a message whose fields are all length-delimited: (number, content).
    fn fields(mut message: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let mut fields = Vec::new();
        while !message.is_empty() {
            let tag = read_varint(&mut message);
            assert_eq!(tag & 7, 2, "wire type");
            let len = read_varint(&mut message);
            fields.push((tag >> 3, message[..len].to_vec()));
            message = &message[len..];
        }
        fields
    }

    #[test]
    fn the_argument_holds_hash_key_signature_and_text() {
        let keys = key_set(&[testing::jwk(Algorithm::Rs384)]);
        let key = keys.candidates(Algorithm::Rs384, None)[0];
        let text = vec![b'x'; 700];
        let message = encode(key, Algorithm::Rs384, &text, &[9; 256]).unwrap();
        let expected = [
            (1, b"sha384".to_vec()),
            (2, key.spki_der().unwrap().to_vec()),
            (3, vec![9; 256]),
            (4, text),
        ];
        assert_eq!(fields(&message), expected);
    }

    #[test]
    fn only_what_the_function_knows_is_sent() {
        for &algorithm in Algorithm::ALL {
            let keys = key_set(&[testing::jwk(algorithm)]);
            let key = keys.candidates(algorithm, None)[0];
            let signature = testing::sign(algorithm, b"text");
            let sent = encode(key, algorithm, b"text", &signature).is_some();
            assert_eq!(sent, supports(algorithm), "{algorithm}");
            let known =
                algorithm.as_str().starts_with("RS") || algorithm.as_str().starts_with("ES");
            assert_eq!(supports(algorithm), known, "{algorithm}");
        }
        let keys = key_set(&[testing::jwk(Algorithm::Es256)]);
        let key = keys.candidates(Algorithm::Es256, None)[0];
        assert_eq!(encode(key, Algorithm::Rs256, b"text", &[1; 64]), None);
    }

    #[test]
    fn ecdsa_signatures_become_der() {
        for _ in 0..50 {
            // A new text each time, so that leading zeros and high bits come up.
            let text = testing::base64url(rand_bytes());
            let raw = testing::sign(Algorithm::Es256, text.as_bytes());
            let signature = p256::ecdsa::Signature::from_slice(&raw).unwrap();
            assert_eq!(ecdsa_to_der(&raw, 32).unwrap(), signature.to_der().as_bytes());
            let raw = testing::sign(Algorithm::Es384, text.as_bytes());
            let signature = p384::ecdsa::Signature::from_slice(&raw).unwrap();
            assert_eq!(ecdsa_to_der(&raw, 48).unwrap(), signature.to_der().as_bytes());
        }
        let small = [[0; 31].as_slice(), &[5], &[0; 31], &[0x80]].concat();
        assert_eq!(ecdsa_to_der(&small, 32).unwrap(), [0x30, 7, 2, 1, 5, 2, 2, 0, 0x80]);
    }

    fn rand_bytes() -> [u8; 16] {
        use rsa::rand_core::RngCore as _;
        let mut bytes = [0; 16];
        rsa::rand_core::OsRng.fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn what_is_no_ecdsa_signature_is_not_sent() {
        let half = [7; 32];
        for signature in [
            vec![],
            vec![7; 63],
            vec![7; 65],
            vec![7; 96],
            [[0; 32], half].concat(),
            [half, [0; 32]].concat(),
        ] {
            assert_eq!(ecdsa_to_der(&signature, 32), None, "{signature:?}");
        }
    }

    #[test]
    fn only_a_plain_yes_is_a_yes() {
        assert!(decode(&[0x08, 0x01]));
        let others: [&[u8]; 10] = [
            &[],
            &[0x08],
            &[0x08, 0x00],
            &[0x08, 0x02],
            &[0x08, 0x81, 0x00],
            &[0x08, 0x01, 0x08, 0x00],
            &[0x08, 0x01, 0x12, 0x01, b'x'],
            &[0x12, 0x01, b'x'],
            &[0x0A, 0x01],
            b"true",
        ];
        for result in others {
            assert!(!decode(result), "{result:?}");
        }
    }

    proptest! {
        #[test]
        fn no_signature_makes_encoding_panic(signature: Vec<u8>, text: Vec<u8>) {
            let keys = key_set(&[testing::jwk(Algorithm::Es256)]);
            let key = keys.candidates(Algorithm::Es256, None)[0];
            let sent = encode(key, Algorithm::Es256, &text, &signature);
            prop_assert!(sent.is_none() || signature.len() == 64);
        }
    }
}
