//! Keys of every algorithm, made anew in every test process, and signatures over raw bytes: what
//! no JWT library would produce can be signed, too.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair as Ed25519KeyPair, Seed};
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike as _, ECDSAP256PublicKeyLike as _, ECDSAP384KeyPairLike as _,
    ECDSAP384PublicKeyLike as _, ES256KeyPair, ES384KeyPair, HS256Key, MACLike as _,
};
use p256::ecdsa::signature::Signer as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Value, json};

/// The issuer's RSA key.
static RSA: LazyLock<RsaPrivateKey> = LazyLock::new(rsa_key);
/// An RSA key that no key server of these tests publishes unless told to.
static OTHER_RSA: LazyLock<RsaPrivateKey> = LazyLock::new(rsa_key);
static P256: LazyLock<ES256KeyPair> = LazyLock::new(ES256KeyPair::generate);
static P384: LazyLock<ES384KeyPair> = LazyLock::new(ES384KeyPair::generate);
static P521: LazyLock<p521::ecdsa::SigningKey> = LazyLock::new(|| {
    let mut secret = [0x42; 66];
    secret[0] = 0;
    p521::ecdsa::SigningKey::from_slice(&secret).unwrap()
});
static ED25519: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed(Seed::new([0x42; 32])));

fn rsa_key() -> RsaPrivateKey {
    RsaPrivateKey::new(&mut OsRng, 2048).unwrap()
}

/// The algorithms with a key pair, by the names that tokens have; Ed25519 has two.
pub const ALGORITHMS: [&str; 7] = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];

/// Base64url without padding (RFC 4648, section 5).
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What signs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The issuer's key for the algorithm.
    Issuer,
    /// Another RSA key.
    Other,
    /// HMAC-SHA256 with the issuer's public RSA key, in PEM, as the secret.
    PublicKeyAsSecret,
    /// Nothing: the signature is empty.
    Nobody,
}

/// The public key for an algorithm as a JWK, its `kid` that of [`key_id`].
pub fn jwk(signer: Signer, algorithm: &str) -> Value {
    let mut jwk = match algorithm {
        "ES256" => {
            let point = P256.public_key().public_key().to_bytes_uncompressed();
            let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
        }
        "ES384" => {
            let point = P384.public_key().public_key().to_bytes_uncompressed();
            let (x, y) = (base64url(&point[1..49]), base64url(&point[49..]));
            json!({"kty": "EC", "crv": "P-384", "x": x, "y": y})
        }
        "ES512" => {
            let point = P521.verifying_key().to_sec1_point(false);
            let (x, y) = (base64url(point.x().unwrap()), base64url(point.y().unwrap()));
            json!({"kty": "EC", "crv": "P-521", "x": x, "y": y})
        }
        "EdDSA" | "Ed25519" => {
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&ED25519.pk[..])})
        }
        _ => {
            let key = rsa(signer);
            let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
            json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)})
        }
    };
    jwk["kid"] = key_id(signer, algorithm).into();
    jwk["alg"] = algorithm.into();
    jwk
}

/// The key ID of the key that signs with an algorithm.
pub fn key_id(signer: Signer, algorithm: &str) -> String {
    let owner = if signer == Signer::Other { "other" } else { "issuer" };
    format!("{owner}-{algorithm}")
}

/// A JWKS document (RFC 7517).
pub fn jwks(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

/// The issuer's keys of all algorithms.
pub fn all_keys() -> String {
    jwks(&ALGORITHMS.map(|algorithm| jwk(Signer::Issuer, algorithm)))
}

/// Signs bytes.
pub fn sign(signer: Signer, algorithm: &str, input: &[u8]) -> Vec<u8> {
    match (signer, algorithm) {
        (Signer::Nobody, _) => Vec::new(),
        (Signer::PublicKeyAsSecret, _) => {
            HS256Key::from_bytes(public_pem().as_bytes()).authentication_tag(input)
        }
        (_, "ES256") => {
            let signature: p256::ecdsa::Signature = P256.key_pair().as_ref().sign(input);
            signature.to_bytes().to_vec()
        }
        (_, "ES384") => {
            let signature: p384::ecdsa::Signature = P384.key_pair().as_ref().sign(input);
            signature.to_bytes().to_vec()
        }
        (_, "ES512") => {
            let signature: p521::ecdsa::Signature = P521.sign(input);
            signature.to_bytes().to_vec()
        }
        (_, "EdDSA" | "Ed25519") => ED25519.sk.sign(input, None).to_vec(),
        (signer, algorithm) => rsa_sign(rsa(signer), algorithm, input),
    }
}

/// The issuer's public RSA key in PEM.
pub fn public_pem() -> String {
    RSA.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
}

/// A key that says nothing of its algorithm.
pub fn without_algorithm(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk
}

/// Algorithms that do not exist are signed as RS256.
fn rsa_sign(key: &RsaPrivateKey, algorithm: &str, input: &[u8]) -> Vec<u8> {
    let signature = match algorithm {
        "RS384" => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input)),
        "RS512" => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input)),
        "PS256" => key.sign_with_rng(&mut OsRng, Pss::new::<Sha256>(), &Sha256::digest(input)),
        "PS384" => key.sign_with_rng(&mut OsRng, Pss::new::<Sha384>(), &Sha384::digest(input)),
        "PS512" => key.sign_with_rng(&mut OsRng, Pss::new::<Sha512>(), &Sha512::digest(input)),
        _ => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input)),
    };
    signature.unwrap()
}

fn rsa(signer: Signer) -> &'static RsaPrivateKey {
    match signer {
        Signer::Other => &OTHER_RSA,
        _ => &RSA,
    }
}
