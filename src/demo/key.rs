//! The demo issuer's signing key, and tokens signed with it.
//!
//! The key is made on first use and kept in the user's state folder, so that `run` and `token`
//! share it and no key is ever part of the source. It protects nothing but local experiments.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use jwt_simple::prelude::{Claims, Duration, HeaderOptions, RS256KeyPair, RSAKeyPairLike};
use serde_json::{Map, Value};

/// The type that most issuers give their tokens.
pub const USUAL_TYPE: &str = "JWT";

/// Size of the key in bits.
const MODULUS_BITS: usize = 2048;

/// Why the demo key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no folder to keep it in.
    #[error("no folder for the demo issuer's key: set XDG_STATE_HOME or HOME")]
    NoStateFolder,
    /// Reading or writing it failed.
    #[error("cannot use the demo issuer's key in {path}: {source}")]
    Io {
        /// The key file.
        path: PathBuf,
        /// What failed.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} holds no RSA key; remove the file and a new key will be made")]
    NotAKey {
        /// The key file.
        path: PathBuf,
    },
    /// Making a key or signing failed.
    #[error("cannot sign with the demo issuer's key")]
    Crypto,
}

/// An RS256 key pair whose key ID is its thumbprint (RFC 7638).
#[derive(Debug, Clone)]
pub struct DemoKey {
    pair: RS256KeyPair,
}

impl DemoKey {
    /// Makes a new key; takes a second or so.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn generate() -> Result<Self, KeyError> {
        let pair = RS256KeyPair::generate(MODULUS_BITS).map_err(|_| KeyError::Crypto)?;
        let key_id = pair.jwk_thumbprint();
        Ok(Self { pair: pair.with_key_id(&key_id) })
    }

    /// The user's key: `egress-auth/demo-issuer.jwk` below `$XDG_STATE_HOME`, or below
    /// `~/.local/state`. It is made, readable by its owner only, when there is none.
    ///
    /// # Errors
    /// Every kind of [`KeyError`].
    pub fn of_user() -> Result<Self, KeyError> {
        Self::load_or_create(&user_key_path()?)
    }

    /// The user's key, if there is one that can be read.
    pub fn of_user_if_any() -> Option<Self> {
        let path = user_key_path().ok()?;
        Self::parse(&path, &fs::read_to_string(&path).ok()?).ok()
    }

    /// Its key ID, as in the header of tokens.
    pub fn id(&self) -> String {
        self.pair.jwk_thumbprint()
    }

    /// The key in `path`, which is made when there is none. Safe against several processes that
    /// do this at once: they all end up with the same key.
    ///
    /// # Errors
    /// Every kind of [`KeyError`] but [`KeyError::NoStateFolder`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(jwk) => return Self::parse(path, &jwk),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        create_private_folder(folder).map_err(io)?;
        let key = Self::generate()?;
        // Complete before it is visible, and never over a key that another process put there.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        file.write_all(key.pair.to_jwk().as_bytes()).map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(key),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                Self::parse(path, &fs::read_to_string(path).map_err(io)?)
            }
            Err(error) => Err(io(error.error)),
        }
    }

    fn parse(path: &Path, jwk: &str) -> Result<Self, KeyError> {
        let pair =
            RS256KeyPair::from_jwk(jwk).map_err(|_| KeyError::NotAKey { path: path.to_owned() })?;
        let key_id = pair.jwk_thumbprint();
        Ok(Self { pair: pair.with_key_id(&key_id) })
    }

    /// Signs a token with exactly these claims, of this type.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn sign(&self, claims: Map<String, Value>, typ: &str) -> Result<String, KeyError> {
        // The library would add `iat`, `nbf` and `exp` of its own.
        let mut token = Claims::with_custom_claims(claims, Duration::from_secs(0));
        token.issued_at = None;
        token.invalid_before = None;
        token.expires_at = None;
        let options =
            HeaderOptions { signature_type: Some(typ.to_owned()), ..HeaderOptions::default() };
        self.pair.sign_with_options(token, &options).map_err(|_| KeyError::Crypto)
    }

    /// The public key as a JWKS document (RFC 7517).
    pub fn jwks(&self) -> String {
        format!("{{\"keys\":[{}]}}\n", self.pair.public_key().to_jwk())
    }
}

/// Where the user's key is kept.
fn user_key_path() -> Result<PathBuf, KeyError> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("egress-auth/demo-issuer.jwk"))
        .ok_or(KeyError::NoStateFolder)
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "nobody else reads these files")]
mod tests {
    use jwt_simple::prelude::{NoCustomClaims, RS256PublicKey, RSAPublicKeyLike};

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/egress-auth/demo-issuer.jwk");
        let first = DemoKey::load_or_create(&path).unwrap();
        let second = DemoKey::load_or_create(&path).unwrap();
        assert_eq!(first.jwks(), second.jwks());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_key_file_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo-issuer.jwk");
        fs::write(&path, "not a key").unwrap();
        let error = DemoKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("demo-issuer.jwk"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn tokens_verify_with_the_published_key_and_carry_exactly_the_claims() {
        let key = DemoKey::generate().unwrap();
        let jwks: Value = serde_json::from_str(&key.jwks()).unwrap();
        let public = RS256PublicKey::from_jwk(&jwks["keys"][0].to_string()).unwrap();
        let claims =
            serde_json::json!({"iss": "https://issuer.test", "exp": 4_000_000_000_u64, "n": [1]});
        let token = key.sign(claims.as_object().unwrap().clone(), "at+jwt").unwrap();
        public.verify_token::<NoCustomClaims>(&token, None).unwrap();

        use base64::Engine as _;
        let decode = |part: &str| {
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice::<Value>(&bytes).unwrap()
        };
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(decode(parts[0])["kid"], jwks["keys"][0]["kid"]);
        assert_eq!(decode(parts[0])["typ"], "at+jwt");
        assert_eq!(decode(parts[1]), claims);
    }
}
