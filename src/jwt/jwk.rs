//! One JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2), read for verification.
//!
//! A key decides which algorithms it serves: its `kty` and `crv` always, its `alg` where it has
//! one. Private members are ignored; only the public part of a key is kept.

use std::fmt;

use ed25519_dalek::VerifyingKey as Ed25519PublicKey;
use p256::elliptic_curve::point::AffineCoordinates as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Map, Value};

use super::token::decode;
use super::{Algorithm, KeyOrigin, p521, roca, spki};

/// Accepted sizes of an RSA modulus, in bits. RFC 7518 section 3.3 sets the lower bound; the
/// upper one bounds what a signature check can cost.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that can verify signatures.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    spki_der: Option<Vec<u8>>,
    material: Material,
}

/// The key itself, parsed and checked once.
#[derive(Clone)]
pub(super) enum Material {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::PublicKey),
    Ed25519(Ed25519PublicKey),
    Secret(Vec<u8>),
}

/// Why one key of a JWKS document cannot be used, in a few words that do not quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwkError {
    /// It is not an object.
    #[error("it is not an object")]
    NotAnObject,
    /// A member that it needs is not there.
    #[error("it has no \"{0}\"")]
    Missing(&'static str),
    /// A member is not a string.
    #[error("its \"{0}\" is not a string")]
    NotText(&'static str),
    /// A member is not base64url (RFC 4648 section 5).
    #[error("its \"{0}\" is not base64url")]
    NotBase64(&'static str),
    /// A member is in the other base64 (RFC 4648 section 4), or padded.
    #[error(
        "its \"{0}\" is base64 and not base64url, which has `-` for `+`, `_` for `/` and no `=`"
    )]
    StandardBase64(&'static str),
    /// Its type or curve is none of those that are supported.
    #[error("its \"{0}\" is not supported")]
    Unsupported(&'static str),
    /// `use` is something that nobody has registered.
    #[error("\"use\" is not \"sig\"")]
    NotForSignatures,
    /// It says that it is for something else than tokens: for encryption, or for certificates.
    #[error("it is not for signatures of tokens")]
    ForOtherPurpose,
    /// `key_ops` is not an array.
    #[error("its \"key_ops\" is not an array")]
    OperationsNotListed,
    /// `key_ops` does not hold `verify`.
    #[error("its \"key_ops\" leaves out \"verify\"")]
    NotForVerification,
    /// `alg` is unknown, or of no signature.
    #[error("its \"alg\" is not a supported algorithm")]
    UnknownAlgorithm,
    /// `alg` is for keys of another kind.
    #[error("its \"alg\" does not fit its type, curve or size")]
    AlgorithmDoesNotFit,
    /// Its modulus is too short or too long; carries its bits.
    #[error("its RSA modulus has {0} bits, not {start} to {end}", start = RSA_BITS.start(), end = RSA_BITS.end())]
    RsaSize(usize),
    /// Its modulus or exponent is even, or its exponent too small or too large.
    #[error("its RSA modulus or exponent is not valid")]
    RsaNumbers,
    /// Its modulus was made by a library whose primes can be found.
    #[error("its RSA modulus can be factored: it is of the kind of CVE-2017-15361")]
    Roca,
    /// Its coordinates are shorter or longer than RFC 7518 section 6.2.1.2 wants them.
    #[error("its coordinates do not have the length of its curve")]
    Coordinates,
    /// Its coordinates are of no point of the curve.
    #[error("its point is not on its curve")]
    NotOnCurve,
    /// Its `x` encodes no point of a large order, or in another way than RFC 8032 asks.
    #[error("its \"x\" is not a valid Ed25519 public key")]
    Ed25519,
    /// A shared secret that was fetched: whoever can fetch it can sign with it.
    #[error("shared secrets (oct) are accepted in inline key sets only")]
    RemoteSecret,
    /// Shorter than the shortest hash.
    #[error("its secret is shorter than 32 bytes")]
    ShortSecret,
}

impl JwkError {
    /// Whether nothing is wrong with the key: it is published for others.
    pub(super) fn is_expected(self) -> bool {
        self == Self::ForOtherPurpose
    }
}

impl Key {
    /// The key's `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The public key as a DER SubjectPublicKeyInfo (RFC 5280 section 4.1), which is what
    /// BoringSSL reads; `None` where the host is never asked: for Ed25519 and shared secrets.
    pub fn spki_der(&self) -> Option<&[u8]> {
        self.spki_der.as_deref()
    }

    /// Whether a signature by `algorithm` may be checked with this key.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let by_type = match &self.material {
            Material::Rsa(_) => matches!(
                algorithm,
                Algorithm::Rs256
                    | Algorithm::Rs384
                    | Algorithm::Rs512
                    | Algorithm::Ps256
                    | Algorithm::Ps384
                    | Algorithm::Ps512
            ),
            Material::P256(_) => algorithm == Algorithm::Es256,
            Material::P384(_) => algorithm == Algorithm::Es384,
            Material::P521(_) => algorithm == Algorithm::Es512,
            Material::Ed25519(_) => algorithm == Algorithm::EdDsa,
            Material::Secret(secret) => {
                hash_bytes(algorithm).is_some_and(|needed| secret.len() >= needed)
            }
        };
        by_type && self.algorithm.is_none_or(|own| own == algorithm)
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }

    /// Reads one element of `keys`.
    pub(super) fn from_jwk(jwk: &Map<String, Value>, origin: KeyOrigin) -> Result<Self, JwkError> {
        let id = text(jwk, "kid")?.map(str::to_owned);
        match text(jwk, "use")? {
            // SPIFFE's name for keys of tokens, which its bundles have in place of the registered
            // one (SPIFFE Trust Domain and Bundle, section 4.2.2).
            None | Some("sig" | "jwt-svid") => {}
            Some("enc" | "x509-svid") => return Err(JwkError::ForOtherPurpose),
            Some(_) => return Err(JwkError::NotForSignatures),
        }
        check_operations(jwk)?;
        let algorithm = match text(jwk, "alg")? {
            None => None,
            Some(name) if is_of_encryption(name) => return Err(JwkError::ForOtherPurpose),
            Some(name) => Some(Algorithm::parse(name).ok_or(JwkError::UnknownAlgorithm)?),
        };
        let (material, spki_der) = match text(jwk, "kty")? {
            Some("RSA") => rsa(jwk)?,
            Some("EC") => elliptic(jwk)?,
            Some("OKP") => octet_pair(jwk)?,
            Some("oct") => secret(jwk, origin)?,
            Some(_) => return Err(JwkError::Unsupported("kty")),
            None => return Err(JwkError::Missing("kty")),
        };
        let key = Self { id, algorithm, spki_der, material };
        if algorithm.is_some_and(|algorithm| !key.fits(algorithm)) {
            return Err(JwkError::AlgorithmDoesNotFit);
        }
        Ok(key)
    }
}

// By hand: a shared secret must not reach a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.material {
            Material::Rsa(_) => "RSA",
            Material::P256(_) => "P-256",
            Material::P384(_) => "P-384",
            Material::P521(_) => "P-521",
            Material::Ed25519(_) => "Ed25519",
            Material::Secret(_) => "oct",
        };
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("kind", &kind)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

type Parsed = (Material, Option<Vec<u8>>);

fn rsa(jwk: &Map<String, Value>) -> Result<Parsed, JwkError> {
    let modulus = BigUint::from_bytes_be(&bytes(jwk, "n")?);
    let exponent = BigUint::from_bytes_be(&bytes(jwk, "e")?);
    let bits = modulus.bits();
    if !RSA_BITS.contains(&bits) {
        return Err(JwkError::RsaSize(bits));
    }
    // Refuses even moduli, even exponents, and exponents below 3 or over 33 bits.
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, *RSA_BITS.end())
        .ok()
        .filter(|key| *key.e() > BigUint::from(2_u8))
        .ok_or(JwkError::RsaNumbers)?;
    let modulus = key.n().to_bytes_be();
    if roca::is_marked(&modulus) {
        return Err(JwkError::Roca);
    }
    let spki = spki::rsa(&modulus, &key.e().to_bytes_be());
    Ok((Material::Rsa(key), Some(spki)))
}

fn elliptic(jwk: &Map<String, Value>) -> Result<Parsed, JwkError> {
    match text(jwk, "crv")? {
        Some("P-256") => {
            let (x, y) = coordinates(jwk, 32)?;
            let read =
                |bytes: &[u8]| p256::FieldBytes::try_from(bytes).map_err(|_| JwkError::NotOnCurve);
            let point = p256::AffinePoint::from_coordinates(&read(&x)?, &read(&y)?).into_option();
            let key = point.and_then(|it| p256::ecdsa::VerifyingKey::from_affine(it).ok());
            Ok((Material::P256(key.ok_or(JwkError::NotOnCurve)?), Some(spki::p256(&x, &y))))
        }
        Some("P-384") => {
            let (x, y) = coordinates(jwk, 48)?;
            let read =
                |bytes: &[u8]| p384::FieldBytes::try_from(bytes).map_err(|_| JwkError::NotOnCurve);
            let point = p384::AffinePoint::from_coordinates(&read(&x)?, &read(&y)?).into_option();
            let key = point.and_then(|it| p384::ecdsa::VerifyingKey::from_affine(it).ok());
            Ok((Material::P384(key.ok_or(JwkError::NotOnCurve)?), Some(spki::p384(&x, &y))))
        }
        Some("P-521") => {
            let (x, y) = coordinates(jwk, p521::COORDINATE_BYTES)?;
            let key = p521::PublicKey::from_coordinates(&x, &y).ok_or(JwkError::NotOnCurve)?;
            Ok((Material::P521(key), Some(spki::p521(&x, &y))))
        }
        Some(_) => Err(JwkError::Unsupported("crv")),
        None => Err(JwkError::Missing("crv")),
    }
}

/// A key in the encoding of RFC 8032 section 5.1.2: the only one of its point, which has to be of a
/// large order.
fn ed25519_key(bytes: &[u8]) -> Option<Ed25519PublicKey> {
    let key = Ed25519PublicKey::try_from(bytes).ok()?;
    let canonical = key.to_edwards().compress();
    (canonical.as_bytes() == bytes && !key.is_weak()).then_some(key)
}

fn octet_pair(jwk: &Map<String, Value>) -> Result<Parsed, JwkError> {
    match text(jwk, "crv")? {
        Some("Ed25519") => {
            let key = ed25519_key(&bytes(jwk, "x")?).ok_or(JwkError::Ed25519)?;
            Ok((Material::Ed25519(key), None))
        }
        Some(_) => Err(JwkError::Unsupported("crv")),
        None => Err(JwkError::Missing("crv")),
    }
}

fn secret(jwk: &Map<String, Value>, origin: KeyOrigin) -> Result<Parsed, JwkError> {
    // Whoever can fetch a shared secret can sign with it.
    if origin == KeyOrigin::Remote {
        return Err(JwkError::RemoteSecret);
    }
    let secret = bytes(jwk, "k")?;
    // RFC 7518 section 3.2: at least as long as the hash.
    if secret.len() < 32 {
        return Err(JwkError::ShortSecret);
    }
    Ok((Material::Secret(secret), None))
}

/// The coordinates of a point, which RFC 7518 section 6.2.1.2 wants at full length.
fn coordinates(
    jwk: &Map<String, Value>,
    bytes_each: usize,
) -> Result<(Vec<u8>, Vec<u8>), JwkError> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != bytes_each || y.len() != bytes_each {
        return Err(JwkError::Coordinates);
    }
    Ok((x, y))
}

fn check_operations(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|it| it == "verify") => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|it| it == "sign") => {
            Err(JwkError::NotForVerification)
        }
        Some(Value::Array(operations)) if !operations.is_empty() => Err(JwkError::ForOtherPurpose),
        Some(Value::Array(_)) => Err(JwkError::NotForVerification),
        Some(_) => Err(JwkError::OperationsNotListed),
    }
}

/// Whether an `alg` is one by which keys are encrypted or agreed upon (RFC 7518, section 4.1).
fn is_of_encryption(name: &str) -> bool {
    let families = ["RSA1_5", "RSA-OAEP", "ECDH-ES", "A128", "A192", "A256", "PBES2", "dir"];
    families.iter().any(|family| name.starts_with(family))
}

/// The least length of a shared secret: that of the hash. `None` for other algorithms.
fn hash_bytes(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Hs256 => Some(32),
        Algorithm::Hs384 => Some(48),
        Algorithm::Hs512 => Some(64),
        _ => None,
    }
}

fn text<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<Option<&'j str>, JwkError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(JwkError::NotText(name)),
    }
}

fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let value = text(jwk, name)?.ok_or(JwkError::Missing(name))?;
    decode(value.as_bytes()).ok_or_else(|| match value.contains(['+', '/', '=']) {
        true => JwkError::StandardBase64(name),
        false => JwkError::NotBase64(name),
    })
}
