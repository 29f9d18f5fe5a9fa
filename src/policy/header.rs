//! Header names: which of them the policy may name, and for what.

/// The header in which Envoy itself hands on the certificates of peers.
pub const CLIENT_CERTIFICATE: &str = "x-forwarded-client-cert";

/// Connection-level headers (RFC 9110, section 7.6.1), which no proxy hands on.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that Envoy writes and reads itself, beside those that start with `x-envoy-`.
const OF_ENVOY: [&str; 6] = [
    CLIENT_CERTIFICATE,
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// Headers of which what a client sends never reaches the filter, beside those that start with
/// `x-envoy-`: Envoy takes it out, or puts its own in its place, or reads it itself.
const KEPT_BY_ENVOY: [&str; 10] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    CLIENT_CERTIFICATE,
    "x-forwarded-proto",
    "x-request-id",
];

/// One byte of a header name as the least careful upstream reads it: a letter in lower case, a
/// digit, or `-` for everything else.
///
/// What follows CGI (RFC 3875, section 4.1.18) takes `-` and `_` for one character. Some of it, such
/// as lighttpd's mod_cgi, does the same with every character that is neither letter nor digit. Each
/// is replaced on its own, so a name keeps its length.
pub fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// A header name with each of its bytes as [`fold`] has it: two names that fold to one reach some
/// upstream as one.
pub fn folded(name: &str) -> String {
    name.bytes().map(fold).map(char::from).collect()
}

/// What a header is for, whatever the policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Connection,
    Host,
    Body,
    Envoy,
    /// It says something of the client or its rights.
    Client,
    /// None that is known.
    Own,
}

/// What the header is for to an upstream that takes it for this folded name.
// Once in the filter: it is asked while a policy is read, and every copy is half a kilobyte.
#[inline(never)]
fn purpose(folded: &str) -> Purpose {
    match folded {
        "host" => Purpose::Host,
        "cookie" | "expect" | "authorization" | "user-agent" => Purpose::Client,
        _ if HOP_BY_HOP.contains(&folded) => Purpose::Connection,
        _ if folded.starts_with("content-") => Purpose::Body,
        _ if folded.starts_with("x-envoy-") || OF_ENVOY.contains(&folded) => Purpose::Envoy,
        _ => Purpose::Own,
    }
}

/// Whether `name` is a header name (RFC 9110, section 5.1) in lower case, as HTTP/2 writes it.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        })
}

/// Why verified claims may not be put into a header, in words that follow "it"; absent when they
/// may. In whatever spelling, it must not be one that carries the request itself, governs the
/// connection, or that Envoy or its peers trust for other reasons.
// Inlined, the filter keeps the question and not the words.
#[inline]
pub fn output_refusal(name: &str) -> Option<&'static str> {
    let folded = folded(name);
    match purpose(&folded) {
        Purpose::Connection => Some("belongs to one connection and is not handed on"),
        Purpose::Host => Some("decides where the request goes"),
        Purpose::Body => Some("describes the request's body"),
        Purpose::Envoy => Some("is Envoy's own"),
        Purpose::Client if matches!(folded.as_str(), "cookie" | "expect") => {
            Some("has a meaning of its own in every request")
        }
        _ if !is_name(name) => Some("is no lower-case header name"),
        _ => None,
    }
}

/// Whether tokens can arrive in a header.
pub fn can_hold_token(name: &str) -> bool {
    is_name(name) && name != "host" && !is_kept_by_envoy(name) && !is_mistakable(name)
}

/// Whether some upstream takes the header for another that has a purpose of its own: what is said of
/// this one would be said of that one, too.
pub fn is_mistakable(name: &str) -> bool {
    let folded = folded(name);
    folded != name && purpose(&folded) != Purpose::Own
}

/// Whether a peer can hand on an identity in a header.
pub fn can_hold_identity(name: &str) -> bool {
    let folded = folded(name);
    match purpose(&folded) {
        Purpose::Own => is_name(name),
        Purpose::Envoy => {
            is_name(name) && (name == CLIENT_CERTIFICATE || !is_kept_by_envoy(&folded))
        }
        _ => false,
    }
}

/// Whether what a client sends in a header never reaches the filter.
pub fn is_kept_by_envoy(name: &str) -> bool {
    name.starts_with("x-envoy-") || KEPT_BY_ENVOY.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_byte_for_byte() {
        for (name, expected) in [
            ("x-jwt-payload", "x-jwt-payload"),
            ("x.jwt.payload", "x-jwt-payload"),
            ("X!jwt~Payload", "x-jwt-payload"),
            // Characters beside each other stay two: nobody takes them for one.
            ("x--jwt", "x--jwt"),
            ("x_-jwt", "x--jwt"),
            ("x2fa", "x2fa"),
        ] {
            assert_eq!(folded(name), expected);
        }
    }

    #[test]
    fn no_spelling_of_a_name_that_matters_carries_claims() {
        for name in ["content-type", "x-envoy-internal", "keep-alive", "x-forwarded-client-cert"] {
            for other in ["_", ".", "!", "~", "|"] {
                let name = name.replace('-', other);
                assert!(output_refusal(&name).is_some(), "{name}");
                assert!(!can_hold_identity(&name), "{name}");
                assert!(!can_hold_token(&name), "{name}");
            }
        }
        for name in ["x-jwt-payload", "x.jwt.payload", "xcontent-type"] {
            assert!(output_refusal(name).is_none(), "{name}");
            assert!(can_hold_identity(name) && can_hold_token(name), "{name}");
        }
        assert!(can_hold_token("authorization") && !can_hold_identity("authorization"));
    }
}
