//! Why a Gateway cannot be turned into an Envoy configuration.

use crate::resource::source::Origin;

/// Why a Gateway cannot be turned into an Envoy configuration.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// TLS cannot be verified.
    #[error(
        "no trusted CAs to verify {host} with: set caCertificates in its serviceDestination.tls, \
         or SSL_CERT_FILE to a PEM file"
    )]
    NoTrustedCa {
        /// The host to connect to.
        host: String,
        /// What needs the CAs.
        origin: Option<Origin>,
    },
    /// Where the requests of an INGRESS or TRANSIT server go is not known.
    #[error(
        "nothing says where the server {server} sends requests: \
         add routing with a serviceDestination, or --upstream {hostname}=ADDR:PORT"
    )]
    NoDestination {
        /// Name of the server.
        server: String,
        /// Its hostname.
        hostname: String,
        /// The server's hostname in the document.
        origin: Origin,
    },
    /// A wildcard server cannot choose the port.
    #[error(
        "the server {server} sends requests to the host that they name, \
         which works on port {expected} only, not {port}"
    )]
    DynamicPort {
        /// Name of the server.
        server: String,
        /// The port in the document.
        port: u16,
        /// The port that works.
        expected: u16,
        /// The destination in the document.
        origin: Origin,
    },
    /// A wildcard server cannot choose the names in certificates.
    #[error(
        "the server {server} sends requests to the host that they name, and that host is the \
         name its certificate must hold: remove subjectAltNames"
    )]
    DynamicSubjectAltNames {
        /// Name of the server.
        server: String,
        /// The TLS settings in the document.
        origin: Origin,
    },
    /// Something that the Gateway asks for is not done here.
    #[error(
        "`{field}` of the server {server} would be missing: {consequence}; remove it, or use an \
         output for Istio, where TSB sees to it"
    )]
    LeftToGateway {
        /// Name of the server.
        server: String,
        /// The field, from the server on.
        field: String,
        /// What follows without it.
        consequence: &'static str,
        /// The field in the document.
        origin: Origin,
    },
    /// A secret of Kubernetes is not at hand.
    #[error(
        "the secret {name} is in Kubernetes, which a stand-alone Envoy does not read: name a \
         folder with its files, as in --tls-secret {name}=DIR"
    )]
    UnknownSecret {
        /// Name of the secret.
        name: String,
        /// What needs it.
        origin: Option<Origin>,
    },
    /// The files of a secret lack one.
    #[error("--tls-secret {name}: {folder} holds no {missing}")]
    IncompleteSecret {
        /// Name of the secret.
        name: String,
        /// The folder.
        folder: String,
        /// Names that the file could have.
        missing: &'static str,
        /// What needs it.
        origin: Option<Origin>,
    },
    /// Tokens are bound to client certificates, and clients present none.
    #[error(
        "`{field}` of the issuer `{issuer}`: without mTLS no token is in the hands of its holder, \
         so none would count: name the gateway's own certificate with --mtls-cert, --mtls-key and \
         --mtls-ca"
    )]
    NoHolders {
        /// The field that binds them.
        field: &'static str,
        /// Whose tokens they are.
        issuer: String,
        /// The server in the document.
        origin: Option<Origin>,
    },
    /// A `--tls-secret` that nothing uses.
    #[error("--tls-secret {name}: the Gateway names no such secret")]
    UnusedSecret {
        /// Name of the secret.
        name: String,
    },
    /// An `--upstream` that nothing uses.
    #[error("--upstream {host}: the Gateway neither serves this host nor fetches keys from it")]
    UnusedUpstream {
        /// The host.
        host: String,
    },
}

impl EmitError {
    /// Where in the document the cause is.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::NoTrustedCa { origin, .. }
            | Self::UnknownSecret { origin, .. }
            | Self::IncompleteSecret { origin, .. }
            | Self::NoHolders { origin, .. } => origin.as_ref(),
            Self::NoDestination { origin, .. }
            | Self::LeftToGateway { origin, .. }
            | Self::DynamicPort { origin, .. }
            | Self::DynamicSubjectAltNames { origin, .. } => Some(origin),
            Self::UnusedSecret { .. } | Self::UnusedUpstream { .. } => None,
        }
    }
}
