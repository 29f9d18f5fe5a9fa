//! `--discover`: where issuers keep their keys, asked of the issuers themselves (OpenID Connect
//! Discovery 1.0, section 4).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig};

use crate::compile::Discovered;
use crate::resource::gateway::{Gateway, Server};

/// Largest accepted document.
const MAX_BYTES: u64 = 256 * 1024;
/// How long one issuer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What an issuer says about itself, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Asks every issuer whose JWT rule names no keys.
pub fn discover(gateways: &[Gateway<'_>]) -> Discovered {
    let rules = gateways
        .iter()
        .flat_map(|gateway| gateway.servers())
        .filter_map(Server::authentication)
        .flat_map(|authentication| authentication.jwt_rules());
    let without_keys = rules.filter(|rule| rule.jwks_uri().is_none() && rule.jwks().is_none());
    let mut found = BTreeMap::new();
    for issuer in without_keys.filter_map(|rule| rule.issuer()) {
        if !found.contains_key(issuer.text) {
            let answer = ask(issuer.text).map_err(|error| format!("{error:#}"));
            found.insert(issuer.text.to_owned(), answer);
        }
    }
    found
}

fn ask(issuer: &str) -> anyhow::Result<String> {
    anyhow::ensure!(issuer.starts_with("https://"), "only https issuers can be asked");
    // The system's CAs, or those of SSL_CERT_FILE. A redirect could lead to another issuer.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .max_redirects(0)
        .max_redirects_will_error(true)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let mut response = agent.get(&url).call()?;
    let body = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec()?;
    let metadata: Metadata = serde_json::from_slice(&body)?;
    anyhow::ensure!(
        metadata.issuer == issuer,
        "it says that it is the issuer `{}`",
        metadata.issuer.escape_debug()
    );
    Ok(metadata.jwks_uri)
}
