//! TLS towards an external host.

use super::Reader;
use crate::compile::hostname::canonical_host;
use crate::compile::model::TrustedCa;
use crate::compile::model::routing::{ClientCertificate, TlsProtocol, UpstreamTls};
use crate::resource::shape::{closest, suggest};
use crate::resource::tree::{Node, Value};

/// Suites of TLS 1.2 with forward secrecy and authenticated encryption, which Envoy's BoringSSL
/// has: as IANA calls them, and as OpenSSL does.
const CIPHER_SUITES: [(&str, &str); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

impl<'a> Reader<'a, '_> {
    /// `tls` of a destination; absent for plain text.
    pub(super) fn tls(&mut self, destination: Node<'a>, as_requested: bool) -> Option<UpstreamTls> {
        let tls = destination.get("tls").filter(|tls| !tls.is_null())?;
        if let Some((key, value)) = tls.entry("insecureSkipVerify")
            && value.value() == Value::Boolean(true)
        {
            self.error(
                key,
                "the certificate of the external host is always verified",
                "remove `insecureSkipVerify`; a private CA is named in `files.caCertificates` or \
                 in a secret, another name in `subjectAltNames`",
            );
        }
        let mutual = match tls.get("mode")?.string()? {
            "DISABLED" => {
                self.plain_text(tls);
                return None;
            }
            "MUTUAL" => true,
            _ => false,
        };
        let (trusted, client_certificate) = self.credentials(tls, mutual);
        let server_name = self.server_name(tls, as_requested);
        Some(UpstreamTls {
            trusted,
            client_certificate,
            server_name,
            subject_alt_names: tls
                .get("subjectAltNames")
                .into_iter()
                .flat_map(Node::items)
                .filter_map(|name| name.string().map(str::to_owned))
                .collect(),
            protocol: self.protocol(tls),
            origin: self.place.origin(tls),
        })
    }

    /// Nothing that is said of TLS does anything without it.
    fn plain_text(&mut self, tls: Node<'a>) {
        for (key, _) in tls.entries() {
            let field = key.scalar_text().unwrap_or_default();
            if !matches!(field, "mode" | "insecureSkipVerify") {
                let message = format!("`{field}` does nothing: `DISABLED` is plain text");
                self.error(key, message, "write `mode: SIMPLE`, or remove the field");
            }
        }
    }

    /// Whom to trust and what to present, from files or from a secret.
    fn credentials(
        &mut self,
        tls: Node<'a>,
        mutual: bool,
    ) -> (TrustedCa, Option<ClientCertificate>) {
        let files = tls.get("files").filter(|files| !files.is_null());
        let secret = tls.entry("secretName");
        if let (Some(files), Some(_)) = (files, secret) {
            self.error(
                files,
                "`files` and `secretName` cannot stand together",
                "keep the one in which the certificates are",
            );
        }
        if let Some((_, name)) = secret {
            // An empty one was reported when the fields were checked.
            let Some(written) = name.string() else { return (TrustedCa::System, None) };
            let own = self.namespace.and_then(|own| written.strip_prefix(own)?.strip_prefix('/'));
            let bare = own.unwrap_or(written);
            if bare.contains('/') {
                let namespace = self.namespace.unwrap_or("its own");
                self.error(
                    name,
                    format!("the secret `{}` is in another namespace", written.escape_debug()),
                    format!("a gateway reads secrets of its own namespace, {namespace}, alone"),
                );
            }
            let client = mutual.then(|| ClientCertificate::Secret(bare.to_owned()));
            return (TrustedCa::Secret(bare.to_owned()), client);
        }
        let file = |name| files.and_then(|files| files.get(name)?.string().map(str::to_owned));
        let (certificate, private_key) = (file("clientCertificate"), file("privateKey"));
        if mutual && (certificate.is_none() || private_key.is_none()) {
            self.error(
                files.unwrap_or(tls),
                "mode MUTUAL needs a client certificate and its key",
                "write `files.clientCertificate` and `files.privateKey`, or a `secretName`",
            );
        }
        if !mutual && (certificate.is_some() || private_key.is_some()) {
            self.error(
                files.unwrap_or(tls),
                "a client certificate is not presented in mode SIMPLE",
                "write `mode: MUTUAL`, or remove the client certificate and its key",
            );
        }
        let client =
            certificate.zip(private_key).filter(|_| mutual).map(|(certificate, private_key)| {
                ClientCertificate::Files { certificate, private_key }
            });
        (file("caCertificates").map_or(TrustedCa::System, TrustedCa::File), client)
    }

    fn server_name(&mut self, tls: Node<'a>, as_requested: bool) -> Option<String> {
        let (key, value) = tls.entry("sni")?;
        let written = value.string()?;
        if as_requested {
            self.error(
                key,
                "the server sends requests to the host that they name, and that host is asked for",
                "remove `sni`",
            );
            return None;
        }
        match canonical_host(written) {
            Ok(name) if name.parse::<std::net::IpAddr>().is_err() && !name.starts_with('[') => {
                Some(name)
            }
            _ => {
                let message = format!("`{}` is not a name to ask for", written.escape_debug());
                self.error(value, message, "write a DNS name: RFC 6066 knows no others here");
                None
            }
        }
    }

    fn protocol(&mut self, tls: Node<'a>) -> TlsProtocol {
        let version = |field| tls.get(field).and_then(Node::string);
        let only_1_3 = version("minProtocolVersion") == Some("TLSV1_3");
        let only_1_2 = version("maxProtocolVersion") == Some("TLSV1_2");
        if only_1_3 && only_1_2 {
            let node = tls.get("maxProtocolVersion").unwrap_or(tls);
            self.error(
                node,
                "no version of TLS is both at least 1.3 and at most 1.2",
                "remove `minProtocolVersion` or `maxProtocolVersion`",
            );
        }
        let mut cipher_suites = Vec::new();
        for node in tls.get("cipherSuites").into_iter().flat_map(Node::items) {
            let Some(written) = node.string() else { continue };
            let known = CIPHER_SUITES.iter().find(|(iana, ours)| [*iana, *ours].contains(&written));
            match known {
                Some((_, suite)) => cipher_suites.push((*suite).to_owned()),
                None => {
                    let message =
                        format!("the cipher suite `{}` is not spoken", written.escape_debug());
                    let (iana, ours) =
                        (CIPHER_SUITES.iter().map(|it| it.0), CIPHER_SUITES.iter().map(|it| it.1));
                    let hint = match closest(written, iana.chain(ours.clone())) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => suggest(written, ours),
                    };
                    self.error(node, message, hint);
                }
            }
        }
        TlsProtocol { only_1_3, only_1_2, cipher_suites }
    }
}
