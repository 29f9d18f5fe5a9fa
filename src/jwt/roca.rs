//! RSA keys that anybody can take apart: those of the faulty library of CVE-2017-15361 ("ROCA").
//!
//! The primes that it makes are powers of 65537 modulo the product of the first primes, so the
//! modulus is one, too, modulo each of them (Nemec et al., "The Return of Coppersmith's Attack",
//! section 2). A modulus made in any other way passes for such a one once in some 200 million.

/// The odd primes up to 167, which the library uses for its smallest keys and all larger ones.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const GENERATOR: u32 = 65537;

/// Whether a modulus, big-endian, has the mark of that library.
pub(super) fn is_marked(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest: u32, byte| {
            rest.wrapping_mul(256).wrapping_add(u32::from(*byte)).checked_rem(*prime).unwrap_or(0)
        });
        is_power(rest, *prime)
    })
}

/// Whether a number is a power of the generator modulo a prime below 168.
fn is_power(number: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == number {
            return true;
        }
        power = power.wrapping_mul(GENERATOR).checked_rem(prime).unwrap_or(0);
    }
    false
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use rsa::traits::PublicKeyParts as _;
    use rsa::{BigUint, RsaPrivateKey};

    use super::*;

    /// Smaller than those of the library, and made as it makes them.
    fn marked() -> BigUint {
        let product = PRIMES.iter().fold(BigUint::from(2_u8), |product, prime| product * *prime);
        let power =
            |exponent: u32| BigUint::from(GENERATOR).modpow(&BigUint::from(exponent), &product);
        (power(123_457) + BigUint::from(5_u8) * &product)
            * (power(765_431) + BigUint::from(9_u8) * &product)
    }

    #[test]
    fn moduli_of_the_faulty_library_are_known_by_their_mark() {
        let marked = marked();
        assert!(is_marked(&marked.to_bytes_be()));
        assert!(is_marked(&[&[0; 3][..], &marked.to_bytes_be()].concat()), "leading zeros");
        assert!(!is_marked(&(marked + BigUint::from(2_u8)).to_bytes_be()));
    }

    #[test]
    fn other_moduli_are_not() {
        for _ in 0..10 {
            let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 512).unwrap();
            assert!(!is_marked(&key.n().to_bytes_be()));
        }
        assert!(!is_marked(&[]));
    }
}
