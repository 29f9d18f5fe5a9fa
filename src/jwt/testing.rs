//! Keys and signed tokens for tests. Keys are made anew in every test process.
//!
//! Signs raw bytes, so that tests can sign what no JWT library would produce.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair as Ed25519KeyPair, Seed};
use jwt_simple::algorithms::{
    ECDSAP256KeyPairLike as _, ECDSAP256PublicKeyLike as _, ECDSAP384KeyPairLike as _,
    ECDSAP384PublicKeyLike as _, ES256KeyPair, ES384KeyPair, HS256Key, HS384Key, HS512Key,
    MACLike as _,
};
use p256::ecdsa::signature::Signer as _;
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Value, json};

use super::{Algorithm, KeyOrigin, KeySet};
use crate::policy::{JwksSource, JwtRule};

/// The issuer that [`rule`] accepts.
pub const ISSUER: &str = "https://auth.example.com";

/// The shared secret of the HS* algorithms.
pub const SECRET: [u8; 64] = [0x5A; 64];

pub static RSA: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap());
pub static P256: LazyLock<ES256KeyPair> = LazyLock::new(ES256KeyPair::generate);
pub static P384: LazyLock<ES384KeyPair> = LazyLock::new(ES384KeyPair::generate);
pub static P521: LazyLock<p521::ecdsa::SigningKey> = LazyLock::new(|| {
    let mut secret = [0x42; 66];
    secret[0] = 0;
    p521::ecdsa::SigningKey::from_slice(&secret).unwrap()
});
pub static ED25519: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed(Seed::new([0x42; 32])));

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The public JWK (for HS* the secret one) that verifies what [`sign`] signs; no `kid`, no `alg`.
pub fn jwk(algorithm: Algorithm) -> Value {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => rsa_jwk(&RSA),
        Algorithm::Es256 => {
            let point = P256.public_key().public_key().to_bytes_uncompressed();
            json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
        }
        Algorithm::Es384 => {
            let point = P384.public_key().public_key().to_bytes_uncompressed();
            json!({"kty": "EC", "crv": "P-384", "x": base64url(&point[1..49]), "y": base64url(&point[49..])})
        }
        Algorithm::Es512 => {
            let point = P521.verifying_key().to_sec1_point(false);
            let (x, y) = (point.x().unwrap(), point.y().unwrap());
            json!({"kty": "EC", "crv": "P-521", "x": base64url(x), "y": base64url(y)})
        }
        Algorithm::EdDsa => {
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&ED25519.pk[..])})
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            json!({"kty": "oct", "k": base64url(SECRET)})
        }
    }
}

pub fn rsa_jwk(key: &RsaPrivateKey) -> Value {
    let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
    json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)})
}

/// A JWK with further members.
pub fn with(mut jwk: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// A JWKS document.
pub fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

pub fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(&jwks(keys), KeyOrigin::Inline).unwrap()
}

/// Signs bytes with the test key of the algorithm.
pub fn sign(algorithm: Algorithm, input: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Es256 => {
            let signature: p256::ecdsa::Signature = P256.key_pair().as_ref().sign(input);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es384 => {
            let signature: p384::ecdsa::Signature = P384.key_pair().as_ref().sign(input);
            signature.to_bytes().to_vec()
        }
        Algorithm::Es512 => {
            let signature: p521::ecdsa::Signature = P521.sign(input);
            signature.to_bytes().to_vec()
        }
        Algorithm::EdDsa => ED25519.sk.sign(input, None).to_vec(),
        Algorithm::Hs256 => HS256Key::from_bytes(&SECRET).authentication_tag(input),
        Algorithm::Hs384 => HS384Key::from_bytes(&SECRET).authentication_tag(input),
        Algorithm::Hs512 => HS512Key::from_bytes(&SECRET).authentication_tag(input),
        _ => rsa_sign(&RSA, algorithm, input),
    }
}

pub fn rsa_sign(key: &RsaPrivateKey, algorithm: Algorithm, input: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input)),
        Algorithm::Rs384 => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input)),
        Algorithm::Rs512 => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input)),
        Algorithm::Ps256 => {
            key.sign_with_rng(&mut OsRng, Pss::new::<Sha256>(), &Sha256::digest(input))
        }
        Algorithm::Ps384 => {
            key.sign_with_rng(&mut OsRng, Pss::new::<Sha384>(), &Sha384::digest(input))
        }
        Algorithm::Ps512 => {
            key.sign_with_rng(&mut OsRng, Pss::new::<Sha512>(), &Sha512::digest(input))
        }
        _ => panic!("not an RSA algorithm"),
    }
    .unwrap()
}

/// A token over header and payload as they are given, byte for byte.
pub fn raw_token(algorithm: Algorithm, header: &str, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = base64url(sign(algorithm, input.as_bytes()));
    format!("{input}.{signature}")
}

/// A token with the plainest header.
pub fn token(algorithm: Algorithm, payload: &Value) -> String {
    let header = json!({"alg": algorithm.as_str()}).to_string();
    raw_token(algorithm, &header, payload.to_string())
}

/// A JWT rule for [`ISSUER`] with no audiences and no clock skew.
pub fn rule() -> JwtRule {
    let text = json!({"issuer": ISSUER, "jwks": {"inline": ""}, "clock_skew_seconds": 0});
    let rule: JwtRule = serde_json::from_value(text).unwrap();
    assert_eq!(rule.jwks, JwksSource::Inline(String::new()));
    rule
}
