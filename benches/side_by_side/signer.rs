//! Issuers' keys, and signatures made by a fast native library: pure Rust would need a minute for
//! twenty thousand RS256 tokens.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How tokens are signed (RFC 7518).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, 2,048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The value of `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// An issuer's key pair.
pub struct Signer {
    algorithm: Algorithm,
    pair: Pair,
    random: SystemRandom,
}

impl Signer {
    /// The key pair in `path`, made when there is none.
    pub fn load_or_create(algorithm: Algorithm, path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            fs::write(path, generate(algorithm)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let pkcs8 = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let random = SystemRandom::new();
        let rejected = |error| anyhow!("{}: no {} key: {error}", path.display(), algorithm.name());
        let pair = match algorithm {
            Algorithm::Rs256 => {
                Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8).map_err(rejected)?))
            }
            Algorithm::Es256 => {
                let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(scheme, &pkcs8, &random).map_err(rejected)?)
            }
            Algorithm::EdDsa => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(rejected)?)
            }
        };
        Ok(Self { algorithm, pair, random })
    }

    /// The public key as a JWKS document (RFC 7517).
    pub fn jwks(&self) -> String {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({
                    "kty": "RSA",
                    "n": URL_SAFE_NO_PAD.encode(key.n),
                    "e": URL_SAFE_NO_PAD.encode(key.e),
                })
            }
            Pair::Ecdsa(pair) => {
                // SEC 1, section 2.3.3: 0x04, then both coordinates.
                let (_, point) = pair.public_key().as_ref().split_at(1);
                let (x, y) = point.split_at(point.len() / 2);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key())})
            }
        };
        if let Value::Object(fields) = &mut jwk {
            fields.insert("kid".to_owned(), self.key_id().into());
            fields.insert("alg".to_owned(), self.algorithm.name().into());
            fields.insert("use".to_owned(), "sig".into());
        }
        json!({"keys": [jwk]}).to_string()
    }

    /// A signed token (RFC 7519) with these claims.
    pub fn token(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({"alg": self.algorithm.name(), "kid": self.key_id(), "typ": "JWT"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut token = format!("{}.{}", part(&header), part(claims));
        let signature = self.sign(token.as_bytes()).map_err(|_| anyhow!("cannot sign"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        Ok(match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)?;
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&self.random, message)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }

    fn key_id(&self) -> String {
        format!("bench-{}", self.algorithm.name())
    }
}

/// A new key as PKCS #8 (RFC 5958).
fn generate(algorithm: Algorithm) -> anyhow::Result<Vec<u8>> {
    let random = SystemRandom::new();
    let failed = |_| anyhow!("cannot make a key");
    Ok(match algorithm {
        Algorithm::Rs256 => {
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2_048)?;
            key.to_pkcs8_der()?.as_bytes().to_vec()
        }
        Algorithm::Es256 => {
            let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
            EcdsaKeyPair::generate_pkcs8(scheme, &random).map_err(failed)?.as_ref().to_vec()
        }
        Algorithm::EdDsa => {
            Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?.as_ref().to_vec()
        }
    })
}
