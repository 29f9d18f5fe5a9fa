//! Signature checks: the interface.

use super::Algorithm;
use super::jwk::Key;

/// Something that checks signatures: [`SoftwareVerifier`], or the host Envoy.
pub trait SignatureVerifier {
    /// Whether `signature` (in JWS form, RFC 7518 section 3) is `key`'s over `signing_input`.
    /// `false` for everything that is not certain, a key that does not fit included.
    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> bool;
}

/// Checks every algorithm in pure Rust, natively and in wasm.
#[derive(Debug, Clone, Copy, Default)]
pub struct SoftwareVerifier;

impl SignatureVerifier for SoftwareVerifier {
    /// Accepts nothing until the cryptography is in place.
    fn verify(&self, _: &Key, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}
