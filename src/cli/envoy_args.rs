//! Flags that every command with an Envoy output shares.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Flags of the Envoy outputs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Envoy")]
pub struct EnvoyArgs {
    /// The filter's module; default: egress_auth.wasm beside this program, then
    /// dist/egress_auth.wasm
    #[arg(long, value_name = "FILE")]
    pub wasm: Option<PathBuf>,
    /// Address on which the gateway listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000")]
    pub listen: SocketAddr,
    /// Address of Envoy's admin interface
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9901")]
    pub admin: SocketAddr,
    /// Send a hostname, that of a JWKS included, to a local address in plain text; repeatable
    #[arg(long = "upstream", value_name = "HOST=ADDR[:PORT]")]
    pub upstreams: Vec<Upstream>,
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

/// `HOST=ADDR[:PORT]`: where a hostname is sent in plain text instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Hostname in lower case.
    pub host: String,
    /// The address to connect to instead.
    pub address: IpAddr,
    /// The port to connect to instead; absent: the destination's own.
    pub port: Option<u16>,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || {
            "expected HOST=ADDR or HOST=ADDR:PORT with an IP address, \
             such as httpbin.org=127.0.0.1:8080"
                .to_owned()
        };
        let (host, target) = text.split_once('=').ok_or_else(malformed)?;
        if host.is_empty() {
            return Err(malformed());
        }
        let host = host.to_ascii_lowercase();
        if let Ok(socket) = target.parse::<SocketAddr>() {
            return Ok(Self { host, address: socket.ip(), port: Some(socket.port()) });
        }
        let bare =
            target.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(target);
        let address = bare.parse().map_err(|_| malformed())?;
        Ok(Self { host, address, port: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_name_a_host_and_an_address() {
        let parse = |text: &str| text.parse::<Upstream>();
        let upstream = parse("HttpBin.org=127.0.0.1:8080").unwrap();
        assert_eq!((upstream.host.as_str(), upstream.port), ("httpbin.org", Some(8080)));
        assert_eq!(parse("a.test=127.0.0.1").unwrap().port, None);
        assert_eq!(parse("a.test=[::1]").unwrap().address, "::1".parse::<IpAddr>().unwrap());
        assert_eq!(parse("a.test=[::1]:81").unwrap().port, Some(81));
        for wrong in ["", "a.test", "=127.0.0.1", "a.test=localhost", "a.test=127.0.0.1:99999"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
