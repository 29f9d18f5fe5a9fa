//! A vector of JSON Web Signature with claims for a payload, so that a filter judges it.
//!
//! The published private keys make that possible: what is right is signed anew, and what is wrong
//! is made wrong in the same way. A padding that is not PKCS #1's stays what it is around the new
//! hash, a byte of PSS that was changed is changed, a character that is no base64url stands in
//! the new text, and a signature that is a number of its own, such as zero, is left alone.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use egress_auth::jwt::{Algorithm, KeyOrigin, KeySet, SignatureVerifier as _, SoftwareVerifier};
use jwt_simple::algorithms::{HS256Key, HS384Key, HS512Key, MACLike as _};
use p256::ecdsa::signature::Signer as _;
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Value, json};

use super::json_web::{Group, Vector};
use crate::support::keys::base64url;

/// Bytes that a signature may differ in from a right one to be that one, changed.
const FEW: usize = 4;

/// Reads base64url with stray bits and padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `vector` with `claims` where its payload was, and `others` where another payload was put in.
/// Both are JSON.
pub fn carry(group: &Group, vector: &Vector, claims: &str, others: &str) -> String {
    let key = Signing::of(group, vector);
    let model = model(group, vector);
    let [claims, others] = [claims, others].map(base64url);
    let right = |input: &str| base64url(key.sign(key.algorithm, input.as_bytes()));
    let sections: Vec<&str> = vector.jws.split('.').collect();
    let [header, payload, signature] = sections[..] else {
        // Sections are missing or too many, or it is all JSON: the parts are exchanged.
        let fresh = right(&format!("{}.{claims}", model[0]));
        return vector.jws.replace(model[1], &claims).replace(model[2], &fresh);
    };
    let is_of_model = signature == model[2];
    let new_payload = match payload {
        "" if !vector.good => String::new(),
        payload if is_of_model && payload != model[1] => others,
        payload => spoil(&claims, payload),
    };
    if signature.is_empty() {
        return format!("{header}.{new_payload}.");
    }
    if is_of_model {
        return format!("{header}.{new_payload}.{}", right(&format!("{}.{claims}", model[0])));
    }
    let old = decode(signature);
    let (old_input, new_input) = (format!("{header}.{payload}"), format!("{header}.{new_payload}"));
    let new = match key.algorithm_of(old_input.as_bytes(), &old) {
        Some(algorithm) => key.sign(algorithm, new_input.as_bytes()),
        None => {
            let model_input = format!("{}.{claims}", model[0]);
            let fresh = key.sign(key.algorithm, model_input.as_bytes());
            like(&decode(model[2]), &old, &fresh)
                .or_else(|| key.rsa_like(old_input.as_bytes(), &old, new_input.as_bytes()))
                .unwrap_or(old)
        }
    };
    format!("{header}.{new_payload}.{}", spoil(&base64url(new), signature))
}

/// The three sections of the group's first right vector, or of this one.
fn model<'v>(group: &'v Group, vector: &'v Vector) -> [&'v str; 3] {
    let right = group.vectors.iter().find(|it| it.good).unwrap_or(vector);
    right.jws.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// `fresh` with what distinguishes `old` from `model`: a start or an end more or less, or a few
/// other bytes.
fn like(model: &[u8], old: &[u8], fresh: &[u8]) -> Option<Vec<u8>> {
    if let Some(end) = old.strip_prefix(model) {
        return Some([fresh, end].concat());
    }
    if let Some(start) = old.strip_suffix(model) {
        return Some([start, fresh].concat());
    }
    if model.starts_with(old) {
        return Some(fresh[..old.len()].to_vec());
    }
    let difference = xor(model, old);
    let few = difference.iter().filter(|byte| **byte != 0).count() <= FEW;
    (model.len() == old.len() && few).then(|| xor(fresh, &difference))
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

/// Bytes of a text that may be wrong in every way that [`spoil`] makes.
fn decode(text: &str) -> Vec<u8> {
    let clean: String = text.chars().filter(is_base64url).collect();
    LENIENT.decode(clean).unwrap_or_default()
}

fn is_base64url(character: &char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// `text` made wrong as base64url in the way in which `like` is: with the same characters that are
/// no base64url in it, or with bits set that belong to no byte.
fn spoil(text: &str, like: &str) -> String {
    let foreign: Vec<(usize, char)> =
        like.chars().enumerate().filter(|(_, it)| !is_base64url(it)).collect();
    let mut spoilt: Vec<char> = text.chars().collect();
    for (at, character) in foreign {
        // What stood at the end stands at the end.
        let at = if at + 1 == like.chars().count() { spoilt.len() } else { at };
        spoilt.insert(at.min(spoilt.len()), character);
    }
    let strays = base64url(decode(like)) != like.chars().filter(is_base64url).collect::<String>();
    if strays && let Some(last) = spoilt.last_mut() {
        let alphabet = URL_SAFE.as_str();
        let index = alphabet.find(*last).unwrap();
        *last = alphabet[index + 1..].chars().next().unwrap();
    }
    spoilt.into_iter().collect()
}

/// A key that signs.
struct Signing<'k> {
    jwk: &'k Value,
    /// What it signs by.
    algorithm: Algorithm,
}

impl<'k> Signing<'k> {
    /// The key of the group that the vector names, or the first.
    fn of(group: &'k Group, vector: &Vector) -> Self {
        let header = vector.jws.split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&decode(header)).unwrap_or_default();
        let named = group.private_keys.iter().find(|key| key["kid"] == header["kid"]);
        let jwk = named.unwrap_or(&group.private_keys[0]);
        let algorithm = [&jwk["alg"], &header["alg"]]
            .into_iter()
            .find_map(|name| Algorithm::parse(name.as_str()?))
            .unwrap_or(Algorithm::Rs256);
        Self { jwk, algorithm }
    }

    fn bytes(&self, member: &str) -> Vec<u8> {
        decode(self.jwk[member].as_str().unwrap())
    }

    fn number(&self, member: &str) -> BigUint {
        BigUint::from_bytes_be(&self.bytes(member))
    }

    /// The algorithm of the key's type by which `signature` is right for `input`.
    fn algorithm_of(&self, input: &[u8], signature: &[u8]) -> Option<Algorithm> {
        let mut bare = json!({});
        for member in ["kty", "crv", "x", "y", "n", "e", "k"] {
            if let Some(value) = self.jwk.get(member) {
                bare[member] = value.clone();
            }
        }
        let jwks = json!({ "keys": [bare] }).to_string();
        let keys = KeySet::parse(jwks.as_bytes(), KeyOrigin::Inline).ok()?;
        Algorithm::ALL.iter().copied().find(|algorithm| {
            keys.candidates(*algorithm, None)
                .iter()
                .any(|key| SoftwareVerifier.verify(key, *algorithm, input, signature))
        })
    }

    /// Signs; nothing comes of what this key cannot sign.
    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Vec<u8> {
        use Algorithm::{Es256, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let pkcs1 = |padding: Pkcs1v15Sign, hash: &[u8]| self.rsa().sign(padding, hash).unwrap();
        let pss = |padding: Pss, hash: &[u8]| {
            self.rsa().sign_with_rng(&mut OsRng, padding, hash).unwrap()
        };
        match algorithm {
            Hs256 => HS256Key::from_bytes(&self.bytes("k")).authentication_tag(input),
            Hs384 => HS384Key::from_bytes(&self.bytes("k")).authentication_tag(input),
            Hs512 => HS512Key::from_bytes(&self.bytes("k")).authentication_tag(input),
            Es256 => {
                let key = p256::ecdsa::SigningKey::from_slice(&self.bytes("d")).unwrap();
                let signature: p256::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            Rs256 => pkcs1(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input)),
            Rs384 => pkcs1(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input)),
            Rs512 => pkcs1(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input)),
            Ps256 => pss(Pss::new::<Sha256>(), &Sha256::digest(input)),
            Ps384 => pss(Pss::new::<Sha384>(), &Sha384::digest(input)),
            Ps512 => pss(Pss::new::<Sha512>(), &Sha512::digest(input)),
            _ => Vec::new(),
        }
    }

    fn rsa(&self) -> RsaPrivateKey {
        let primes = vec![self.number("p"), self.number("q")];
        let (n, e, d) = (self.number("n"), self.number("e"), self.number("d"));
        RsaPrivateKey::from_components(n, e, d, primes).unwrap()
    }

    /// An RSA signature over `new` that is wrong as `signature` is over `old`: the encoded message
    /// (RFC 8017, sections 9.1 and 9.2) is taken out, its hash exchanged, and all signed again.
    /// `None` for other keys, and for what no encoded message is in.
    fn rsa_like(&self, old: &[u8], signature: &[u8], new: &[u8]) -> Option<Vec<u8>> {
        self.jwk.get("n")?;
        let (n, e, d) = (self.number("n"), self.number("e"), self.number("d"));
        let length = n.to_bytes_be().len();
        // Zeros that were appended are no part of the number.
        let (signature, tail) = match signature.split_at_checked(length) {
            Some((number, tail)) if tail.iter().all(|byte| *byte == 0) => (number, tail),
            _ => (signature, &[][..]),
        };
        let number = BigUint::from_bytes_be(signature);
        let surplus = &number / &n;
        let message = fixed(&number.modpow(&e, &n), length)?;
        let message = match self.algorithm {
            Algorithm::Ps256 => pss_like::<Sha256>(&message, old, new)?,
            Algorithm::Ps384 => pss_like::<Sha384>(&message, old, new)?,
            Algorithm::Ps512 => pss_like::<Sha512>(&message, old, new)?,
            _ => pkcs1_like(&message, &Sha256::digest(old), &Sha256::digest(new)),
        };
        let number = BigUint::from_bytes_be(&message).modpow(&d, &n) + surplus * &n;
        Some([&fixed(&number, signature.len())?, tail].concat())
    }
}

/// A number in so many bytes.
fn fixed(number: &BigUint, length: usize) -> Option<Vec<u8>> {
    let digits = number.to_bytes_be();
    let zeros = length.checked_sub(digits.len())?;
    Some([&vec![0; zeros][..], &digits].concat())
}

/// A message of PKCS #1 with another hash where the hash is, or where it is but for a few bytes;
/// left alone where there is none.
fn pkcs1_like(message: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    for at in 0..=message.len() - old.len() {
        let there = &message[at..at + old.len()];
        let difference = xor(there, old);
        if difference.iter().filter(|byte| **byte != 0).count() <= FEW {
            let new = xor(new, &difference);
            message[at..at + new.len()].copy_from_slice(&new);
            break;
        }
    }
    message
}

/// A message of PSS whose hash and data block differ from right ones as they did. `None` for what
/// does not end as such a message does.
fn pss_like<H: Digest>(message: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let size = H::digest(old).len();
    let (masked, rest) = message.split_at(message.len() - size - 1);
    let (hash, trailer) = rest.split_at(size);
    if masked[1..].iter().all(|byte| *byte == 0) {
        return None;
    }
    let block = xor(masked, &mask::<H>(hash, masked.len()));
    let salt = &block[block.len() - size..];
    let right = |text: &[u8]| H::digest([&[0; 8][..], &H::digest(text), salt].concat()).to_vec();
    let hash = xor(&right(new), &xor(hash, &right(old)));
    let mut new_masked = xor(&block, &mask::<H>(&hash, block.len()));
    // The highest bit is not masked: a message has to be below the modulus.
    new_masked[0] = (new_masked[0] & 0x7F) | (masked[0] & 0x80);
    Some([&new_masked, &hash, trailer].concat())
}

/// MGF1 (RFC 8017, appendix B.2.1).
fn mask<H: Digest>(seed: &[u8], length: usize) -> Vec<u8> {
    let blocks =
        (0_u32..).flat_map(|counter| H::digest([seed, &counter.to_be_bytes()].concat()).to_vec());
    blocks.take(length).collect()
}
