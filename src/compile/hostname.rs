//! Hostnames in the form in which the filter compares them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Compiler;
use crate::policy::authority;
use crate::resource::gateway::Server;

/// Why a hostname is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// A port, a scheme, a path or user-info stands in it.
    #[error("holds more than a hostname: leave out scheme, port and path")]
    MoreThanAHostname,
    /// A byte outside ASCII.
    #[error("is not ASCII: write an internationalized name in its `xn--` form")]
    NotAscii,
    /// A `*` anywhere but alone or in front, where a wildcard may stand.
    #[error("has a `*` where none can stand: write `*.example.com`, or `*` alone for any host")]
    WildcardInside,
    /// A `*` where one host must be named.
    #[error("has a `*`, and stands where one host must be named")]
    Wildcard,
    /// Anything else that cannot be a name.
    #[error(
        "is not a DNS name: labels of letters, digits, `-` and `_` with dots between them, at \
         most 63 characters each and 253 in all, the last no number"
    )]
    NotAName,
}

/// The canonical form of a server's hostname: ASCII lower case, without a trailing dot; `*` may
/// stand alone or in front as `*.`.
///
/// # Errors
/// See [`HostnameError`].
pub fn canonical(written: &str) -> Result<String, HostnameError> {
    if written == "*" {
        return Ok(written.to_owned());
    }
    let name = match written.strip_prefix("*.") {
        Some(suffix) if suffix.parse::<Ipv4Addr>().is_err() => {
            canonical_name(suffix).map(|name| format!("*.{name}"))
        }
        _ => canonical_host(written),
    };
    name.map_err(|error| match error {
        HostnameError::Wildcard => HostnameError::WildcardInside,
        other => other,
    })
}

/// The hostname that someone meant who wrote more than it: without scheme, user-info, port, path
/// and query.
pub fn without_the_rest(written: &str) -> Option<String> {
    let authority = written.split_once("://").map_or(written, |(_, rest)| rest);
    // A namespace before the host, as `serviceDestination` has it.
    let authority = match authority.split_once('/') {
        Some((namespace, host)) if authority == written && !namespace.contains(['.', ':']) => host,
        _ => authority,
    };
    let authority = authority.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.parse::<Ipv6Addr>().is_ok() {
        return canonical(&format!("[{host}]")).ok();
    }
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    canonical(host).ok().filter(|host| host != written)
}

/// The canonical form of one host: a DNS name, an IPv4 address, or an IPv6 address in brackets.
///
/// # Errors
/// See [`HostnameError`].
pub fn canonical_host(written: &str) -> Result<String, HostnameError> {
    if let Some(address) = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| HostnameError::NotAName)?;
        return Ok(format!("[{address}]"));
    }
    canonical_name(written)
}

fn canonical_name(written: &str) -> Result<String, HostnameError> {
    if !written.is_ascii() {
        return Err(HostnameError::NotAscii);
    }
    if written.contains('*') {
        return Err(HostnameError::Wildcard);
    }
    if written.contains([':', '/', '@', '?', '#']) {
        return Err(HostnameError::MoreThanAHostname);
    }
    let name = written.strip_suffix('.').unwrap_or(written).to_ascii_lowercase();
    let labels_are_good = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    // Names that resolvers read as addresses are refused in requests too.
    let is_host = authority::canonical_host(name.as_bytes()).is_ok();
    match labels_are_good && is_host && name.len() <= 253 {
        true => Ok(name),
        false => Err(HostnameError::NotAName),
    }
}

impl<'a> Compiler<'a, '_> {
    /// The canonical hostname of a server.
    pub(super) fn hostname(&mut self, server: Server<'a>) -> Option<String> {
        let written = server.hostname().filter(|hostname| !hostname.text.is_empty())?;
        match canonical(written.text) {
            Ok(hostname) => {
                if server.traffic_mode().is_egress() {
                    self.warn_of_broad_wildcard(written.node, &hostname);
                }
                Some(hostname)
            }
            Err(error) => {
                let hint = match without_the_rest(written.text) {
                    Some(meant) => format!("write `{meant}`"),
                    None => {
                        "write the name as clients send it, such as `api.example.com`".to_owned()
                    }
                };
                let message = format!("the hostname `{}` {error}", written.text.escape_debug());
                self.error(written.node, message, hint);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames_take_one_form() {
        for (written, form) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("*.Example.com", "*.example.com"),
            ("*", "*"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("_a.b-c.test", "_a.b-c.test"),
        ] {
            assert_eq!(canonical(written).as_deref(), Ok(form));
            let mut table = crate::policy::hosts::HostTable::with_capacity(1);
            assert_eq!(table.insert(form, ()), Ok(()), "the filter must take {form}");
        }
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        use HostnameError::*;
        for (written, error) in [
            ("a.test:443", MoreThanAHostname),
            ("https://a.test", MoreThanAHostname),
            ("a.test/x", MoreThanAHostname),
            ("u@a.test", MoreThanAHostname),
            ("bücher.test", NotAscii),
            ("a.*.test", WildcardInside),
            ("*a.test", WildcardInside),
            ("**.test", WildcardInside),
            ("*.*.test", WildcardInside),
            ("", NotAName),
            (".", NotAName),
            ("*.", NotAName),
            ("a..test", NotAName),
            (".a.test", NotAName),
            ("a b.test", NotAName),
            ("-a.test", NotAName),
            ("a.test..", NotAName),
            ("[::1", MoreThanAHostname),
            ("[nope]", NotAName),
            ("127.1", NotAName),
            ("*.0x7f", NotAName),
        ] {
            assert_eq!(canonical(written), Err(error), "{written}");
        }
        assert_eq!(canonical(&"a".repeat(64)), Err(NotAName));
    }

    #[test]
    fn what_is_written_besides_a_hostname_can_be_left_out() {
        for (written, meant) in [
            ("https://API.example.com/v1?a#b", Some("api.example.com")),
            ("user:pw@a.test:8443", Some("a.test")),
            ("a.test:443", Some("a.test")),
            ("*.a.test:443", Some("*.a.test")),
            ("[::1]:443", Some("[::1]")),
            ("::1", Some("[::1]")),
            ("a.test", None),
            ("a b", None),
            ("https://", None),
        ] {
            assert_eq!(without_the_rest(written).as_deref(), meant, "{written}");
        }
    }
}
