//! mTLS: an authority, Envoy's certificate, and a client certificate that names a workload.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::gateway::WORKLOAD;

/// Everything that mTLS takes, made anew for a run.
pub struct Certificates {
    folder: tempfile::TempDir,
    /// The client's side.
    pub client: Arc<ClientConfig>,
    /// SHA-256 of the client's certificate, as `x5t#S256` has it.
    pub thumbprint: String,
}

impl Certificates {
    /// An authority, and a certificate of it for either side.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = named("authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let issue = |name| -> anyhow::Result<_> {
            let mut params = named("end entity")?;
            params.subject_alt_names = vec![name];
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &issuer)?, key))
        };
        let (server, server_key) = issue(SanType::IpAddress([127, 0, 0, 1].into()))?;
        let (client, client_key) = issue(SanType::URI(WORKLOAD.try_into()?))?;

        let folder = tempfile::tempdir()?;
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", server.pem()),
            ("server.key", server_key.serialize_pem()),
        ] {
            std::fs::write(folder.path().join(name), text)?;
        }
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(client_key.serialize_der()));
        let digest = ring::digest::digest(&ring::digest::SHA256, client.der());
        let thumbprint = URL_SAFE_NO_PAD.encode(digest);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![client.der().clone()], key)?;
        Ok(Self { folder, client: Arc::new(client), thumbprint })
    }

    /// Flags of `compile`.
    pub fn flags(&self) -> anyhow::Result<Vec<String>> {
        let file = |name| -> anyhow::Result<String> {
            let path: PathBuf = self.folder.path().join(name);
            Ok(path.to_str().context("the temporary folder is not UTF-8")?.to_owned())
        };
        let mut flags = Vec::new();
        for (flag, name) in
            [("--mtls-cert", "server.pem"), ("--mtls-key", "server.key"), ("--mtls-ca", "ca.pem")]
        {
            flags.extend([flag.to_owned(), file(name)?]);
        }
        Ok(flags)
    }
}

/// A certificate whose subject is that of its issuer would count as self-signed.
fn named(subject: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, subject);
    Ok(params)
}
