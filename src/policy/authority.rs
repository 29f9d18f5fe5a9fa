//! The canonical form of a request's `:authority` (RFC 3986, section 3.2).
//!
//! Whatever two parts of a gateway could take for different hosts is refused: Envoy chooses the
//! virtual host by the text of the authority, and a resolver reads `127.1` and `[0::1]` as
//! addresses that rules name otherwise.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The authority is not one that a request to a host can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Nothing is left once the port and the trailing dot are removed.
    #[error("the host is empty")]
    Empty,
    /// There is user-info before the host.
    #[error("the authority has user-info")]
    UserInfo,
    /// A byte that stands in no DNS name and no address.
    #[error("the authority holds a byte that no host name has")]
    Byte,
    /// A label of no bytes: a dot in front, two in a row, or more than one at the end.
    #[error("the host has an empty label")]
    EmptyLabel,
    /// An IP address in a form other than the usual one (RFC 5952, or four decimal numbers).
    #[error("the address is not in its canonical form")]
    Address,
    /// What follows the host is not a port, or an IPv6 literal is not closed.
    #[error("the port is not a number")]
    Port,
}

/// The host of an authority: lower case, without port and without one trailing dot. IPv6
/// literals keep their brackets.
///
/// # Errors
/// See [`AuthorityError`].
pub fn canonical_host(authority: &[u8]) -> Result<Cow<'_, str>, AuthorityError> {
    for byte in authority {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' | b'[' | b']' => {}
            b'@' => return Err(AuthorityError::UserInfo),
            _ => return Err(AuthorityError::Byte),
        }
    }
    let text = std::str::from_utf8(authority).map_err(|_| AuthorityError::Byte)?;
    let (host, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let (inside, after) = literal.split_once(']').ok_or(AuthorityError::Port)?;
            if inside.is_empty() {
                return Err(AuthorityError::Empty);
            }
            let host = text.strip_suffix(after).ok_or(AuthorityError::Port)?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    if !port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(AuthorityError::Port);
    }
    let host = match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let canonical = inside.parse().is_ok_and(|it: Ipv6Addr| it.to_string() == inside);
        return if canonical { Ok(host) } else { Err(AuthorityError::Address) };
    }
    let host = match host {
        Cow::Borrowed(host) => Cow::Borrowed(host.strip_suffix('.').unwrap_or(host)),
        Cow::Owned(mut host) => {
            host.truncate(host.strip_suffix('.').unwrap_or(&host).len());
            Cow::Owned(host)
        }
    };
    if host.is_empty() {
        return Err(AuthorityError::Empty);
    }
    let mut last = "";
    for label in host.split('.') {
        match label {
            "" => return Err(AuthorityError::EmptyLabel),
            _ if label.contains(['[', ']']) => return Err(AuthorityError::Byte),
            _ => last = label,
        }
    }
    if is_number(last) && host.parse::<Ipv4Addr>().is_err() {
        return Err(AuthorityError::Address);
    }
    Ok(host)
}

/// Whether resolvers take a name that ends in this label for an IPv4 address (WHATWG URL, "ends
/// in a number").
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_are_one() {
        for spelling in
            ["api.test", "API.Test", "api.test:443", "api.test.", "API.TEST.:8443", "api.test:"]
        {
            assert_eq!(canonical_host(spelling.as_bytes()).unwrap(), "api.test", "{spelling}");
        }
        for spelling in ["[::1]", "[::1]:443", "[::1]:"] {
            assert_eq!(canonical_host(spelling.as_bytes()).unwrap(), "[::1]", "{spelling}");
        }
        for spelling in
            ["[2001:DB8::a]", "192.0.2.1.:80", "3com.test", "a.7z", "_a.0x1g", "1.1.1.a"]
        {
            assert!(canonical_host(spelling.as_bytes()).is_ok(), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        use AuthorityError::*;
        let table: &[(&[u8], AuthorityError)] = &[
            (b"", Empty),
            (b".", Empty),
            (b":443", Empty),
            (b".:443", Empty),
            (b"[]", Empty),
            (b"api.test..", EmptyLabel),
            (b"API.test..:443", EmptyLabel),
            (b"..", EmptyLabel),
            (b".api.test", EmptyLabel),
            (b"a..api.test", EmptyLabel),
            (b"user@api.test", UserInfo),
            (b"api.test:443@evil.test", UserInfo),
            (b"api.test\0", Byte),
            (b"api.test\r\n", Byte),
            (b"api test", Byte),
            ("\u{e9}.test".as_bytes(), Byte),
            (b"\xff", Byte),
            (b"api.test/evil", Byte),
            (b"api.test:x", Port),
            (b"a:b:443", Port),
            (b"x[.api.test", Byte),
            (b"x].api.test", Byte),
            (b"api%2etest", Byte),
            (b"a.test,b.test", Byte),
            (b"*.api.test", Byte),
            (b"[0::1]", Address),
            (b"[::0001]", Address),
            (b"[0:0:0:0:0:0:0:1]", Address),
            (b"[::ffff:7f00:1]", Address),
            (b"[nope]", Address),
            (b"[fe80::1]x", Port),
            (b"[beef]", Address),
            (b"127.1", Address),
            (b"2130706433", Address),
            (b"0x7f.0.0.1", Address),
            (b"0177.0.0.1", Address),
            (b"127.0.0.0x1", Address),
            (b"a.0x", Address),
            (b"[::1", Port),
            (b"[::1]x", Port),
        ];
        for (authority, error) in table {
            assert_eq!(canonical_host(authority), Err(*error), "{authority:?}");
        }
    }
}
