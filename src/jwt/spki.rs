//! Public keys as DER SubjectPublicKeyInfo (RFC 5280 section 4.1), which is what BoringSSL reads.
//!
//! Everything but the key's own numbers is the same for all keys of a kind, so this is written
//! out. `jwt-simple` would write the same for elliptic curves and make the module a seventh larger:
//! its errors bring along what prints a stack trace, its keys the reading of compressed points.

use super::der::{BIT_STRING, SEQUENCE, element, integer};

/// Up to the point of a P-256 key, `04 || x || y` (RFC 5480 section 2).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
    0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// The same for P-384.
const P384_PREFIX: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
];
/// The same for P-521.
const P521_PREFIX: &[u8] = &[
    0x30, 0x81, 0x9B, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05,
    0x2B, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04,
];
/// `rsaEncryption` with its NULL (RFC 3279 section 2.3.1).
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A P-256 key from its coordinates, 32 bytes each.
pub(super) fn p256(x: &[u8], y: &[u8]) -> Vec<u8> {
    [P256_PREFIX, x, y].concat()
}

/// A P-384 key from its coordinates, 48 bytes each.
pub(super) fn p384(x: &[u8], y: &[u8]) -> Vec<u8> {
    [P384_PREFIX, x, y].concat()
}

/// A P-521 key from its coordinates, 66 bytes each.
pub(super) fn p521(x: &[u8], y: &[u8]) -> Vec<u8> {
    [P521_PREFIX, x, y].concat()
}

/// An RSA key from its big-endian modulus and exponent.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[&integer(modulus), &integer(exponent)]);
    element(SEQUENCE, &[RSA_ALGORITHM, &element(BIT_STRING, &[&[0], &key])])
}

#[cfg(test)]
mod tests {
    use jwt_simple::algorithms::{ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _};
    use jwt_simple::algorithms::{ES256KeyPair, ES384KeyPair};
    use rsa::pkcs8::EncodePublicKey as _;
    use rsa::traits::PublicKeyParts as _;
    use rsa::{BigUint, RsaPublicKey};

    use super::*;

    #[test]
    fn keys_are_encoded_as_others_encode_them() {
        for _ in 0..20 {
            let key = ES256KeyPair::generate().public_key();
            let point = key.public_key().to_bytes_uncompressed();
            assert_eq!(p256(&point[1..33], &point[33..]), key.to_der().unwrap());
            let key = ES384KeyPair::generate().public_key();
            let point = key.public_key().to_bytes_uncompressed();
            assert_eq!(p384(&point[1..49], &point[49..]), key.to_der().unwrap());
        }
        for (bits, high) in [(2048, 0xFF), (2048, 0x80), (2056, 0x01), (8192, 0x80), (8184, 0x7F)] {
            let mut modulus = vec![0x55_u8; bits / 8];
            modulus[0] = high;
            for exponent in [3_u32, 17, 65_537, 0x8000_0001] {
                let (n, e) = (BigUint::from_bytes_be(&modulus), BigUint::from(exponent));
                let key = RsaPublicKey::new_with_max_size(n, e, 8192).unwrap();
                let ours = rsa(&key.n().to_bytes_be(), &key.e().to_bytes_be());
                assert_eq!(ours, key.to_public_key_der().unwrap().as_bytes());
            }
        }
    }
}
