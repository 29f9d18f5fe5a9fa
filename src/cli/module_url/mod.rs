//! Where a gateway's pods get the module, and whether what they would get is the module.
//!
//! | file | what lives there |
//! |---|---|
//! | `oci` | an image in a registry |

mod oci;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use ureq::tls::{RootCerts, TlsConfig};

use super::plain::plain;
use crate::resource::input::read_file;

/// Most that is read of one answer, in bytes: a hundred times the module.
const MAX_BYTES: u64 = 64 << 20;
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A URL that Istio loads modules from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleUrl {
    /// An image, which the digest of its manifest names.
    Image {
        /// Registry and repository.
        name: String,
        /// SHA-256 in hexadecimal.
        digest: String,
    },
    /// The module itself, on a web server.
    Http(String),
    /// The module itself, in the image of the gateway.
    File(PathBuf),
}

impl ModuleUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is of no kind that Istio loads, or names an image without its digest.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        ensure!(
            url.chars().all(|character| character.is_ascii_graphic()),
            "`{}` is not a URL: write everything but letters, digits and signs of ASCII as %XX",
            url.escape_debug()
        );
        match url.split_once("://") {
            Some(("oci", image)) => {
                let (name, digest) = digest(image).with_context(|| {
                    format!("{url} names no digest: write oci://registry/image@sha256:<64 digits>")
                })?;
                Ok(Self::Image { name: name.to_owned(), digest: digest.to_owned() })
            }
            Some((scheme @ ("https" | "http" | "file"), rest)) => {
                ensure!(!rest.is_empty(), "{url} names nothing");
                Ok(match scheme {
                    "file" => Self::File(PathBuf::from(rest)),
                    _ => Self::Http(url.to_owned()),
                })
            }
            Some(_) => anyhow::bail!("{url} is not an oci, https, http or file URL"),
            None => {
                anyhow::bail!("{url} names no scheme: write oci://{url}, https://..., or another")
            }
        }
    }

    /// The module that is there.
    fn fetch(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Image { name, digest } => oci::module(name, digest),
            Self::Http(url) => {
                let answer = get(url, &[])?;
                ensure!(answer.status == 200, "it answers with status {}", answer.status);
                Ok(answer.body)
            }
            Self::File(path) => Ok(read_file(path)?),
        }
    }
}

/// The parts of `name@sha256:<digest>`.
fn digest(image: &str) -> Option<(&str, &str)> {
    let (name, digest) = image.split_once("@sha256:")?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (!name.is_empty() && digest.len() == 64 && digest.bytes().all(hexadecimal))
        .then_some((name, digest))
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a file that has to be a module.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read_module(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_file(path)?;
    ensure!(bytes.starts_with(b"\0asm"), "{} is not a WebAssembly module", path.display());
    Ok(bytes)
}

/// Fetches what a URL leads to, as a gateway would, and compares it with a module: what it is, for
/// people.
///
/// # Errors
/// When nothing is to be had there, or something else is.
pub fn verify(url: &str, module: &Path) -> anyhow::Result<String> {
    let expected = read_module(module)?;
    let found = ModuleUrl::parse(url)?.fetch().with_context(|| format!("{url} is no module"))?;
    let [expected_sum, found_sum] = [&expected, &found].map(|bytes| sha256(bytes));
    ensure!(
        found_sum == expected_sum,
        "{url} holds {} bytes with the SHA-256 {found_sum}; {} has {} with {expected_sum}: apply \
         nothing before both are one",
        found.len(),
        module.display(),
        expected.len()
    );
    Ok(format!("{url} is {}: {} bytes, SHA-256 {found_sum}", module.display(), found.len()))
}

/// What a server answered.
struct Answer {
    status: u16,
    /// How it wants to be asked, where it refused.
    challenge: Option<String>,
    body: Vec<u8>,
}

fn get(url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    // The system's CAs, or those of SSL_CERT_FILE.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let request =
        headers.iter().fold(agent.get(url), |request, (name, value)| request.header(*name, *value));
    let mut response = request.call()?;
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.and_then(|value| Some(plain(value.to_str().ok()?).into_owned()));
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec()?;
    Ok(Answer { status, challenge, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_of_the_kinds_that_istio_loads() {
        let sum = "0123456789abcdef".repeat(4);
        let image = ModuleUrl::parse(&format!("oci://registry.test/a/b:1@sha256:{sum}")).unwrap();
        let name = "registry.test/a/b:1".to_owned();
        assert_eq!(image, ModuleUrl::Image { name, digest: sum.clone() });
        let file = ModuleUrl::parse("file:///opt/filter.wasm").unwrap();
        assert_eq!(file, ModuleUrl::File(PathBuf::from("/opt/filter.wasm")));
        for wrong in [
            "oci://registry.test/a".to_owned(),
            format!("oci://@sha256:{sum}"),
            format!("oci://a@sha256:{}", sum.to_ascii_uppercase()),
            "ftp://a".to_owned(),
            "https://".to_owned(),
            "a".to_owned(),
            "https://a b".to_owned(),
        ] {
            assert!(ModuleUrl::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
