//! Signature checks: the interface, and the one in pure Rust.
//!
//! `jwt-simple` makes the tags of HS*. Signatures it checks only as part of a whole token, whose
//! header and claims it judges by rules of its own (`typ`, the shape of `jwk`, the type of `iat`),
//! which would refuse tokens that are valid here. So signatures alone are checked, by what
//! `jwt-simple` itself is built on for ECDSA (`p256`, `p384`; `super::p521` is beside them), by
//! `rsa`, as `jwt-simple` stops at 4096 bits and at the exponent 65537, and by `ed25519-dalek`,
//! which takes less than half the time in the module.

use ed25519_dalek::Signature as Ed25519Signature;
use jwt_simple::algorithms::{HS256Key, HS384Key, HS512Key, MACLike as _};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use subtle::ConstantTimeEq as _;

use super::Algorithm;
use super::jwk::{Key, Material};

/// Something that checks signatures: [`SoftwareVerifier`], or the host Envoy.
pub trait SignatureVerifier {
    /// Whether signatures by an algorithm can be checked at all; where not, none of them holds.
    fn supports(&self, algorithm: Algorithm) -> bool;

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

/// Checks every algorithm in pure Rust, natively, and all but ES512 in wasm.
#[derive(Debug, Clone, Copy, Default)]
pub struct SoftwareVerifier;

impl SignatureVerifier for SoftwareVerifier {
    fn supports(&self, algorithm: Algorithm) -> bool {
        cfg!(not(target_arch = "wasm32")) || algorithm != Algorithm::Es512
    }

    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> bool {
        if !key.fits(algorithm) {
            return false;
        }
        match key.material() {
            Material::Rsa(key) => rsa(key, algorithm, signing_input, signature),
            Material::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_prehash(&Sha256::digest(signing_input), &it).is_ok()),
            Material::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_prehash(&Sha384::digest(signing_input), &it).is_ok()),
            Material::P521(key) => key.verify(signing_input, signature),
            Material::Ed25519(key) => Ed25519Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_strict(signing_input, &it).is_ok()),
            Material::Secret(secret) => hmac(secret, algorithm, signing_input, signature),
        }
    }
}

fn rsa(key: &RsaPublicKey, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
    let result = match algorithm {
        Algorithm::Rs256 => {
            key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input), signature)
        }
        Algorithm::Rs384 => {
            key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input), signature)
        }
        Algorithm::Rs512 => {
            key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input), signature)
        }
        // The salt is as long as the hash: RFC 7518 section 3.5.
        Algorithm::Ps256 => key.verify(Pss::new::<Sha256>(), &Sha256::digest(input), signature),
        Algorithm::Ps384 => key.verify(Pss::new::<Sha384>(), &Sha384::digest(input), signature),
        Algorithm::Ps512 => key.verify(Pss::new::<Sha512>(), &Sha512::digest(input), signature),
        _ => return false,
    };
    result.is_ok()
}

fn hmac(secret: &[u8], algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
    let expected = match algorithm {
        Algorithm::Hs256 => HS256Key::from_bytes(secret).authentication_tag(input),
        Algorithm::Hs384 => HS384Key::from_bytes(secret).authentication_tag(input),
        Algorithm::Hs512 => HS512Key::from_bytes(secret).authentication_tag(input),
        _ => return false,
    };
    expected.ct_eq(signature).into()
}
