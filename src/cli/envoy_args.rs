//! Flags that every command with an Envoy output shares.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::module;
use crate::compile::{Compiled, hostname};
use crate::emit::envoy::secret::{CA_FILES, CERTIFICATE_FILES, KEY_FILES};
use crate::emit::envoy::{
    DownstreamTls, LogNames, Options, TlsSecret, Upstream, UpstreamError, system_ca,
};
use crate::policy::{CertificateBound, JwtRule};
use crate::resource::diagnostic::Diagnostic;

/// File name of the filter's module.
pub const MODULE: &str = "egress_auth.wasm";

/// Flags of the Envoy outputs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Envoy")]
pub struct EnvoyArgs {
    /// The filter's module; default: egress_auth.wasm in $EGRESS_AUTH_MODULES, else beside this
    /// program, else in dist/
    #[arg(long, value_name = "FILE")]
    pub wasm: Option<PathBuf>,
    /// Address on which the gateway listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000", value_parser = address)]
    pub listen: SocketAddr,
    /// Address of Envoy's admin interface
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9901", value_parser = address)]
    pub admin: SocketAddr,
    /// Send a hostname, that of a JWKS included, to a local address in plain text; repeatable
    #[arg(long = "upstream", value_name = "HOST=ADDR[:PORT]", value_parser = upstream)]
    pub upstreams: Vec<Upstream>,
    /// The folder with the files of a Kubernetes secret that the Gateway names in `secretName`:
    /// ca.crt and, for a client certificate, tls.crt and tls.key (or cacert, cert and key);
    /// repeatable
    #[arg(long = "tls-secret", value_name = "NAME=DIR", value_parser = tls_secret)]
    pub tls_secrets: Vec<TlsSecret>,
    /// PEM certificate chain that the listener presents (downstream mTLS)
    #[arg(long, value_name = "FILE", requires_all = ["mtls_key", "mtls_ca"])]
    pub mtls_cert: Option<PathBuf>,
    /// PEM private key of --mtls-cert
    #[arg(long, value_name = "FILE", requires_all = ["mtls_cert", "mtls_ca"])]
    pub mtls_key: Option<PathBuf>,
    /// PEM file of the CAs that may sign client certificates
    #[arg(long, value_name = "FILE", requires_all = ["mtls_cert", "mtls_key"])]
    pub mtls_ca: Option<PathBuf>,
}

/// Reads an IP address with a port.
///
/// # Errors
/// When the text is something else, with what may be meant.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.strip_prefix(':').unwrap_or(text);
        let port = text.strip_prefix("localhost:").unwrap_or(port);
        match port.parse::<u16>() {
            Ok(port) => format!("expected an IP address with a port: write 127.0.0.1:{port}"),
            Err(_) => "expected an IP address with a port, such as 127.0.0.1:10000".to_owned(),
        }
    })
}

/// Reads `--upstream`, with the host in the form in which Gateways have it.
///
/// # Errors
/// When the host is not a hostname, or what it is sent to is not an address.
fn upstream(text: &str) -> Result<Upstream, String> {
    let read: Upstream = text.parse().map_err(|error: UpstreamError| error.to_string())?;
    let host = hostname::canonical(&read.host)
        .map_err(|error| format!("the host `{}` {error}", read.host.escape_debug()))?;
    Ok(Upstream { host, ..read })
}

/// Reads `--tls-secret`. A folder that is not there may be one of another machine: its files are
/// taken to have the names that Kubernetes gives them.
///
/// # Errors
/// When the text is not a name and a folder, or the path is not UTF-8.
fn tls_secret(text: &str) -> Result<TlsSecret, String> {
    let (name, folder) = text
        .split_once('=')
        .filter(|(name, folder)| !name.is_empty() && !folder.is_empty())
        .ok_or("expected NAME=DIR, such as partner-ca=/etc/secrets/partner-ca")?;
    let path = Path::new(folder);
    let there = path.is_dir();
    let file = |names: [&str; 2]| {
        let found = names.into_iter().find(|name| path.join(name).is_file());
        let name = if there { found } else { names.first().copied() };
        name.map(|name| path.join(name).display().to_string())
    };
    Ok(TlsSecret {
        name: name.to_owned(),
        folder: folder.to_owned(),
        trusted_ca: file(CA_FILES),
        certificate: file(CERTIFICATE_FILES),
        private_key: file(KEY_FILES),
    })
}

/// Whether two servers cannot listen on both of these.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let any = |address: SocketAddr| address.ip().is_unspecified();
    let overlap =
        one.ip() == other.ip() || (any(one) || any(other)) && one.is_ipv4() == other.is_ipv4();
    one.port() != 0 && one.port() == other.port() && overlap
}

impl EnvoyArgs {
    /// What the Envoy output takes beside the Gateway. The module and certificates that are named
    /// need not exist here: the configuration may be for another machine.
    ///
    /// # Errors
    /// When no module is named and none is found, and as [`Self::options_without_module`].
    pub fn options(&self) -> anyhow::Result<Options> {
        let wasm = text(&self.module()?)?;
        Ok(Options { wasm, ..self.options_without_module()? })
    }

    /// The same for outputs that need no module.
    ///
    /// # Errors
    /// When a path is not UTF-8, or a host is sent to two addresses.
    pub fn options_without_module(&self) -> anyhow::Result<Options> {
        if collide(self.listen, self.admin) {
            let message = format!(
                "--listen {} and --admin {} are one address; choose another port for one of them\n",
                self.listen, self.admin
            );
            clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, message).exit();
        }
        let mut hosts = HashSet::new();
        if let Some(twice) = self.upstreams.iter().find(|it| !hosts.insert(it.host.as_str())) {
            anyhow::bail!(
                "--upstream names `{}` twice; write one address for it",
                twice.host.escape_debug()
            );
        }
        let mut secrets = HashSet::new();
        if let Some(twice) = self.tls_secrets.iter().find(|it| !secrets.insert(it.name.as_str())) {
            anyhow::bail!(
                "--tls-secret names `{}` twice; write one folder for it",
                twice.name.escape_debug()
            );
        }
        let downstream_tls = match (&self.mtls_cert, &self.mtls_key, &self.mtls_ca) {
            (Some(certificate), Some(private_key), Some(trusted_ca)) => Some(DownstreamTls {
                certificate: text(certificate)?,
                private_key: text(private_key)?,
                trusted_ca: text(trusted_ca)?,
            }),
            _ => None,
        };
        Ok(Options {
            listen: self.listen,
            admin: self.admin,
            wasm: String::new(),
            upstreams: self.upstreams.clone(),
            stand_ins: None,
            downstream_tls,
            log_names: LogNames::Plain,
            system_ca: system_ca(std::env::var_os("SSL_CERT_FILE")),
            tls_secrets: self.tls_secrets.clone(),
        })
    }

    /// What the flags and the Gateway make of each other.
    pub fn findings(&self, compiled: &Compiled) -> impl Iterator<Item = Diagnostic> {
        let policy = &compiled.policy;
        let asks = policy.egress_rules.iter().any(|rule| rule.from.is_some());
        let is_bound = |rule: &JwtRule| rule.certificate_bound == CertificateBound::IfPresent;
        let binds = policy.jwt_rules.iter().any(is_bound);
        let warn = |asked: bool, message: &str| {
            (asked && self.mtls_cert.is_none()).then(|| {
                Diagnostic::warning(message)
                    .hint("name the gateway's own: --mtls-cert, --mtls-key and --mtls-ca")
            })
        };
        let findings = [
            warn(asks, "no workload can be recognised: clients present no certificates"),
            warn(binds, "no token with a `cnf` counts: clients present no certificates"),
        ];
        findings.into_iter().flatten()
    }

    /// The filter's module: the one that is named, else the one that belongs to this program.
    ///
    /// # Errors
    /// When none is named and none is found.
    pub fn module(&self) -> anyhow::Result<PathBuf> {
        module::find(self.wasm.as_deref(), MODULE)
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}
