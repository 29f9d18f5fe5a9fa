//! Tokens by the ten thousand, signed once and kept in the target folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::signer::{Algorithm, Signer};

/// Who issues all of them.
pub const ISSUER: &str = "https://auth.example.com";
/// Whom all of them are for.
pub const AUDIENCE: &str = "egress";

/// 2100-01-01: a kept token stays valid.
const EXPIRES: u64 = 4_102_444_800;

/// The subject of the tokens that the last rule admits.
pub fn subject(rule: usize) -> String {
    format!("service-{rule:03}@example.com")
}

/// Tokens of every algorithm, made as they are asked for.
pub struct Tokens {
    folder: PathBuf,
    signers: BTreeMap<Algorithm, Signer>,
}

impl Tokens {
    /// Tokens that are kept in `folder`.
    pub fn kept_in(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), signers: BTreeMap::new() })
    }

    /// The JWKS of the issuer that signs with this algorithm.
    pub fn jwks(&mut self, algorithm: Algorithm) -> anyhow::Result<String> {
        Ok(self.signer(algorithm)?.jwks())
    }

    /// So many distinct valid tokens of one subject.
    pub fn valid(
        &mut self,
        algorithm: Algorithm,
        subject: &str,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let file = self.folder.join(format!("{}-{subject}-{count}.tokens", algorithm.name()));
        if let Ok(kept) = fs::read_to_string(&file) {
            let tokens: Vec<String> = kept.lines().map(ToOwned::to_owned).collect();
            if tokens.len() == count {
                return Ok(tokens);
            }
        }
        let tokens = sign_all(self.signer(algorithm)?, subject, count, None)?;
        fs::write(&file, tokens.join("\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(tokens)
    }

    /// The same, bound to a certificate. They are not kept: the certificate is new in every run.
    pub fn bound(
        &mut self,
        algorithm: Algorithm,
        subject: &str,
        count: usize,
        holder: &str,
    ) -> anyhow::Result<Vec<String>> {
        sign_all(self.signer(algorithm)?, subject, count, Some(holder))
    }

    fn signer(&mut self, algorithm: Algorithm) -> anyhow::Result<&Signer> {
        use std::collections::btree_map::Entry;
        Ok(match self.signers.entry(algorithm) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let file = self.folder.join(format!("{}.pk8", algorithm.name()));
                entry.insert(Signer::load_or_create(algorithm, &file)?)
            }
        })
    }
}

fn sign_all(
    signer: &Signer,
    subject: &str,
    count: usize,
    holder: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    let token = |number: usize| {
        let mut claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": 1_700_000_000_u64,
            "exp": EXPIRES,
            "jti": format!("{number:08}"),
            "scope": "payments:read payments:write",
        });
        if let (Some(holder), Some(claims)) = (holder, claims.as_object_mut()) {
            claims.insert("cnf".to_owned(), json!({ "x5t#S256": holder }));
        }
        signer.token(&claims)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1);
    let parts = thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .step_by(share)
            .map(|from| {
                scope.spawn(move || {
                    (from..count.min(from + share)).map(token).collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow!("signing failed"))?)
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(parts.concat())
}

/// The token with one bit of its signature changed. Checking it costs as much as checking a good
/// one: nothing but the result of the arithmetic tells them apart.
pub fn forge(token: &str) -> anyhow::Result<String> {
    let (signed, signature) = token.rsplit_once('.').context("no token")?;
    let mut signature = URL_SAFE_NO_PAD.decode(signature)?;
    let middle = signature.len() / 2;
    *signature.get_mut(middle).context("no signature")? ^= 1;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
