//! Local servers that take the place of hosts.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// `HOST=ADDR[:PORT]`: where a hostname is sent in plain text instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Hostname in lower case, or the wildcard hostname of a server.
    pub host: String,
    /// The address to connect to instead.
    pub address: IpAddr,
    /// The port to connect to instead; absent: the destination's own.
    pub port: Option<u16>,
}

/// The text does not say where a host is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It is not of that form.
    #[error(
        "expected HOST=ADDR or HOST=ADDR:PORT with an IP address, such as \
         httpbin.org=127.0.0.1:8080"
    )]
    Form,
    /// The port is 0.
    #[error("nothing listens on port 0; leave the port out to keep that of the host")]
    Port,
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let (host, target) = text.split_once('=').ok_or(UpstreamError::Form)?;
        if host.is_empty() {
            return Err(UpstreamError::Form);
        }
        let host = host.to_ascii_lowercase();
        if let Ok(socket) = target.parse::<SocketAddr>() {
            if socket.port() == 0 {
                return Err(UpstreamError::Port);
            }
            return Ok(Self { host, address: socket.ip(), port: Some(socket.port()) });
        }
        let bare =
            target.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(target);
        let address = bare.parse().map_err(|_| UpstreamError::Form)?;
        Ok(Self { host, address, port: None })
    }
}

/// Local servers, in plain text, that take the place of the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIns {
    /// Takes the requests of every server.
    pub servers: SocketAddr,
    /// Answers every JWKS fetch.
    pub jwks: SocketAddr,
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
        for wrong in [
            "",
            "a.test",
            "=127.0.0.1",
            "a.test=localhost",
            "a.test=127.0.0.1:99999",
            "a.test=[::1]:0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
