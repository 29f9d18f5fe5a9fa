//! The files of Kubernetes secrets: a stand-alone Envoy reads none of these itself.

use super::tls::ClientFiles;
use super::{EmitError, Options};
use crate::compile::model::routing::ClientCertificate;
use crate::compile::model::{Deployment, TrustedCa};
use crate::resource::source::Origin;

/// A secret, as PEM files on the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSecret {
    /// Its name in Kubernetes.
    pub name: String,
    /// The folder that it is mounted in, for messages.
    pub folder: String,
    /// Trusted CAs; absent where the folder holds none.
    pub trusted_ca: Option<String>,
    /// Certificate chain; likewise.
    pub certificate: Option<String>,
    /// Its private key; likewise.
    pub private_key: Option<String>,
}

/// Names of the file with the trusted CAs: as Kubernetes and cert-manager have it, and as TSB does.
pub const CA_FILES: [&str; 2] = ["ca.crt", "cacert"];
/// Names of the file with the certificate chain.
pub const CERTIFICATE_FILES: [&str; 2] = ["tls.crt", "cert"];
/// Names of the file with its private key.
pub const KEY_FILES: [&str; 2] = ["tls.key", "key"];

/// The secrets at hand.
pub(super) struct Secrets<'o> {
    pub options: &'o Options,
    /// The namespace that the secrets of the Gateway are in.
    pub namespace: &'o str,
}

impl Secrets<'_> {
    /// The PEM file of the CAs that may have issued the certificate of `host`.
    pub fn trusted_ca(
        &self,
        host: &str,
        trusted: &TrustedCa,
        origin: impl Fn() -> Option<Origin>,
    ) -> Result<String, EmitError> {
        match trusted {
            TrustedCa::File(file) => Ok(file.clone()),
            TrustedCa::System => self
                .options
                .system_ca
                .clone()
                .ok_or_else(|| EmitError::NoTrustedCa { host: host.to_owned(), origin: origin() }),
            TrustedCa::Secret(name) => {
                let secret = self.find(name, &origin)?;
                part(secret, secret.trusted_ca.as_ref(), "ca.crt or cacert", &origin)
            }
        }
    }

    /// The PEM files that the gateway presents.
    pub fn client_certificate(
        &self,
        client: &ClientCertificate,
        origin: impl Fn() -> Option<Origin>,
    ) -> Result<ClientFiles, EmitError> {
        match client {
            ClientCertificate::Files { certificate, private_key } => Ok(ClientFiles {
                certificate: certificate.clone(),
                private_key: private_key.clone(),
            }),
            ClientCertificate::Secret(name) => {
                let secret = self.find(name, &origin)?;
                Ok(ClientFiles {
                    certificate: part(
                        secret,
                        secret.certificate.as_ref(),
                        "tls.crt or cert",
                        &origin,
                    )?,
                    private_key: part(
                        secret,
                        secret.private_key.as_ref(),
                        "tls.key or key",
                        &origin,
                    )?,
                })
            }
        }
    }

    fn find(
        &self,
        name: &str,
        origin: impl Fn() -> Option<Origin>,
    ) -> Result<&TlsSecret, EmitError> {
        let secrets = &self.options.tls_secrets;
        secrets
            .iter()
            .find(|secret| self.bare(&secret.name) == name)
            .ok_or_else(|| EmitError::UnknownSecret { name: name.to_owned(), origin: origin() })
    }

    /// A name without the namespace, where that is the Gateway's own.
    fn bare<'n>(&self, name: &'n str) -> &'n str {
        let below = name.strip_prefix(self.namespace).and_then(|rest| rest.strip_prefix('/'));
        below.unwrap_or(name)
    }

    /// Refuses secrets that the Gateway does not name.
    pub fn check_used(&self, deployment: &Deployment) -> Result<(), EmitError> {
        let of_servers = deployment
            .servers
            .iter()
            .flat_map(|server| server.destinations())
            .filter_map(|destination| Some(&destination.tls.as_ref()?.trusted));
        let used: Vec<_> = of_servers
            .filter_map(|trusted| match trusted {
                TrustedCa::Secret(name) => Some(name.as_str()),
                TrustedCa::System | TrustedCa::File(_) => None,
            })
            .collect();
        let unused =
            self.options.tls_secrets.iter().find(|it| !used.contains(&self.bare(&it.name)));
        match unused {
            Some(unused) => Err(EmitError::UnusedSecret { name: unused.name.clone() }),
            None => Ok(()),
        }
    }
}

/// A file of a secret.
fn part(
    secret: &TlsSecret,
    file: Option<&String>,
    missing: &'static str,
    origin: impl Fn() -> Option<Origin>,
) -> Result<String, EmitError> {
    file.cloned().ok_or_else(|| EmitError::IncompleteSecret {
        name: secret.name.clone(),
        folder: secret.folder.clone(),
        missing,
        origin: origin(),
    })
}
