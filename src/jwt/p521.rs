//! Keys on P-521 (SP 800-186, section 3.2.1.5), by which ES512 is verified.
//!
//! The command line has the crate `p521` for their signatures. The module has no room for it, so
//! there Envoy alone checks them. Which keys are accepted is the same in both.

use rsa::BigUint;

/// The length of a coordinate.
pub(super) const COORDINATE_BYTES: usize = 66;

/// The coefficient b of the curve.
const B: &[u8] =
    b"0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e\
937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00";

/// A point of the curve.
#[derive(Clone)]
pub(super) struct PublicKey {
    #[cfg(not(target_arch = "wasm32"))]
    key: ::p521::ecdsa::VerifyingKey,
}

impl PublicKey {
    /// The point with these coordinates, if it is one of the curve.
    pub(super) fn from_coordinates(x: &[u8], y: &[u8]) -> Option<Self> {
        if !is_on_curve(x, y)? {
            return None;
        }
        Some(Self {
            #[cfg(not(target_arch = "wasm32"))]
            key: ::p521::ecdsa::VerifyingKey::from_sec1_bytes(&[&[0x04], x, y].concat()).ok()?,
        })
    }

    /// Whether r||s is a signature over `input` with SHA-512.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
        use rsa::sha2::{Digest as _, Sha512};

        ::p521::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|it| self.key.verify_prehash(&Sha512::digest(input), &it).is_ok())
    }

    /// Nothing in the module can tell.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn verify(&self, _input: &[u8], _signature: &[u8]) -> bool {
        false
    }
}

/// Whether y² = x³ - 3x + b modulo p = 2⁵²¹ - 1, for coordinates below p.
#[expect(clippy::arithmetic_side_effects, reason = "numbers of any size, and p is not zero")]
fn is_on_curve(x: &[u8], y: &[u8]) -> Option<bool> {
    let b = BigUint::parse_bytes(B, 16)?;
    let p = (BigUint::from(1_u8) << 521_usize) - 1_u8;
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    let left = (&y * &y + &x * 3_u8) % &p;
    let right = (&x * &x * &x + b) % &p;
    Some(x < p && y < p && left == right)
}

#[cfg(test)]
mod tests {
    use ::p521::ecdsa::SigningKey;

    use super::*;

    fn point(secret: u8) -> ([u8; COORDINATE_BYTES], [u8; COORDINATE_BYTES]) {
        let mut bytes = [secret; COORDINATE_BYTES];
        bytes[0] = 0;
        let key = SigningKey::from_slice(&bytes).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        (x.as_slice().try_into().unwrap(), y.as_slice().try_into().unwrap())
    }

    #[test]
    fn the_points_of_the_curve_are_those_of_another_implementation() {
        for secret in 1..=40 {
            let (x, y) = point(secret);
            assert!(PublicKey::from_coordinates(&x, &y).is_some(), "{secret}");
            for at in [0, 1, 30, 65] {
                let mut other = y;
                other[at] ^= 1;
                assert!(PublicKey::from_coordinates(&x, &other).is_none(), "{secret} {at}");
                let sec1 = [&[4_u8][..], &x, &other].concat();
                assert!(::p521::ecdsa::VerifyingKey::from_sec1_bytes(&sec1).is_err());
            }
            assert!(PublicKey::from_coordinates(&y, &x).is_none(), "{secret}");
        }
    }

    /// A coordinate has one spelling: p more would fit into its bytes, too.
    #[test]
    fn coordinates_are_below_p() {
        let p = (BigUint::from(1_u8) << 521_usize) - 1_u8;
        let (x, y) = point(7);
        let mut more = (BigUint::from_bytes_be(&x) + &p).to_bytes_be();
        more.splice(0..0, vec![0; COORDINATE_BYTES - more.len()]);
        assert!(PublicKey::from_coordinates(&more, &y).is_none());
        assert!(PublicKey::from_coordinates(&[0; 66], &[0; 66]).is_none());
    }
}
