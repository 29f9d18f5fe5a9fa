//! The canonical form of a request's `:authority` (RFC 3986, section 3.2).

use std::borrow::Cow;

/// The authority is not one that a request to a host can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Nothing is left once the port and the trailing dot are removed.
    #[error("the host is empty")]
    Empty,
    /// There is user-info before the host.
    #[error("the authority has user-info")]
    UserInfo,
    /// A control, space, delimiter or non-ASCII byte.
    #[error("the authority holds a byte that no host name has")]
    Byte,
    /// More than one trailing dot.
    #[error("the host ends in more than one dot")]
    Dots,
    /// What follows the host is not a port, or an IPv6 literal is not closed.
    #[error("the port is not a number")]
    Port,
}

/// The host of an authority: lower case, without port and without one trailing dot. IPv6
/// literals keep their brackets.
pub fn canonical_host(authority: &[u8]) -> Result<Cow<'_, str>, AuthorityError> {
    for byte in authority {
        match byte {
            b'@' => return Err(AuthorityError::UserInfo),
            0..=b' ' | 0x7f.. | b'/' | b'\\' | b'?' | b'#' => return Err(AuthorityError::Byte),
            _ => {}
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
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return Err(AuthorityError::Empty);
    }
    // Proxies that take off a dot each would take such a name for different hosts.
    if host.ends_with('.') {
        return Err(AuthorityError::Dots);
    }
    Ok(if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
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
    }

    #[test]
    fn what_is_no_host_is_refused() {
        use AuthorityError::*;
        let table: [(&[u8], AuthorityError); 20] = [
            (b"", Empty),
            (b".", Empty),
            (b":443", Empty),
            (b".:443", Empty),
            (b"[]", Empty),
            (b"api.test..", Dots),
            (b"API.test..:443", Dots),
            (b"..", Dots),
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
            (b"[::1", Port),
            (b"[::1]x", Port),
        ];
        for (authority, error) in table {
            assert_eq!(canonical_host(authority), Err(error), "{authority:?}");
        }
    }
}
