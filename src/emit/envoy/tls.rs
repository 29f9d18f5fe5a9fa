//! TLS contexts. Envoy verifies nothing unless told, so a context towards a peer cannot be made
//! here without a trusted CA, and always names whom the certificate must be for.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::set;
use crate::compile::model::routing::TlsProtocol;

/// Where systems keep their bundle of trusted CAs.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // newer Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/ssl/cert.pem",                  // macOS, BSD
    "/usr/local/share/certs/ca-root-nss.crt", // FreeBSD
];

/// The PEM file of the CAs that the system trusts: `ssl_cert_file` (the variable
/// `SSL_CERT_FILE`), else the first of the usual places that exists.
pub fn system_ca(ssl_cert_file: Option<OsString>) -> Option<String> {
    if let Some(file) = ssl_cert_file.filter(|file| !file.is_empty()) {
        return file.into_string().ok();
    }
    SYSTEM_BUNDLES.iter().find(|path| Path::new(path).is_file()).map(|path| (*path).to_owned())
}

/// PEM files for TLS with clients, whose certificate is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownstreamTls {
    /// Certificate chain that the listener presents.
    pub certificate: String,
    /// Its private key.
    pub private_key: String,
    /// The CAs that may sign client certificates.
    pub trusted_ca: String,
}

impl DownstreamTls {
    /// The listener's transport socket.
    pub(super) fn transport_socket(&self) -> Value {
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": true,
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_params": tls_params(&TlsProtocol::default()),
                    "tls_certificates": [certificate(&self.certificate, &self.private_key)],
                    "validation_context": {"trusted_ca": {"filename": self.trusted_ca}},
                },
            },
        })
    }
}

/// What the gateway presents to a peer: PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientFiles {
    /// Certificate chain.
    pub certificate: String,
    /// Private key of the chain's first certificate.
    pub private_key: String,
}

/// TLS towards a peer.
#[derive(Debug)]
pub(super) struct PeerTls {
    /// The name that is asked for: its SNI and, without `subject_alt_names`, the name its
    /// certificate must hold. Absent: the host that the request names, which
    /// [`super::cluster`] then asks Envoy to verify.
    pub host: Option<String>,
    /// PEM file of trusted CAs.
    pub trusted_ca: String,
    /// Names of which the certificate must hold one; empty: the host.
    pub subject_alt_names: Vec<String>,
    /// What the gateway presents itself.
    pub client_certificate: Option<ClientFiles>,
    /// What is spoken.
    pub protocol: TlsProtocol,
}

impl PeerTls {
    /// TLS with whomever these CAs vouch for, so far without a name.
    pub fn trusting(trusted_ca: String) -> Self {
        Self {
            host: None,
            trusted_ca,
            subject_alt_names: Vec::new(),
            client_certificate: None,
            protocol: TlsProtocol::default(),
        }
    }

    /// A cluster's transport socket.
    pub fn transport_socket(&self) -> Value {
        let mut validation = json!({"trusted_ca": {"filename": self.trusted_ca}});
        let names: Vec<_> = match (self.subject_alt_names.as_slice(), &self.host) {
            ([], Some(host)) => vec![subject_alt_name(host)],
            (names, _) => names.iter().map(|name| subject_alt_name(name)).collect(),
        };
        if !names.is_empty() {
            set(&mut validation, "match_typed_subject_alt_names", names);
        }
        let params = tls_params(&self.protocol);
        let mut common = json!({"tls_params": params, "validation_context": validation});
        if let Some(client) = &self.client_certificate {
            set(
                &mut common,
                "tls_certificates",
                json!([certificate(&client.certificate, &client.private_key)]),
            );
        }
        let mut context = json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
        });
        // RFC 6066, section 3: SNI holds no IP addresses.
        if let Some(host) = self.host.as_ref().filter(|host| host.parse::<IpAddr>().is_err()) {
            set(&mut context, "sni", host.as_str());
        }
        json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
    }
}

/// A matcher for one name. Envoy lets a wildcard certificate match an exact DNS name.
fn subject_alt_name(name: &str) -> Value {
    let san_type = match name {
        name if name.parse::<IpAddr>().is_ok() => "IP_ADDRESS",
        name if name.contains("://") => "URI",
        _ => "DNS",
    };
    json!({"san_type": san_type, "matcher": {"exact": name}})
}

fn certificate(chain: &str, key: &str) -> Value {
    json!({"certificate_chain": {"filename": chain}, "private_key": {"filename": key}})
}

fn tls_params(protocol: &TlsProtocol) -> Value {
    let mut params = json!({
        "tls_minimum_protocol_version": if protocol.only_1_3 { "TLSv1_3" } else { "TLSv1_2" },
        "tls_maximum_protocol_version": if protocol.only_1_2 { "TLSv1_2" } else { "TLSv1_3" },
    });
    if !protocol.cipher_suites.is_empty() {
        set(&mut params, "cipher_suites", json!(protocol.cipher_suites));
    }
    params
}
