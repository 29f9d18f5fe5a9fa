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

/// A header name as upstreams that follow CGI (RFC 3875, section 4.1.18) read it: `_` as `-`.
pub fn folded(name: &str) -> String {
    name.replace('_', "-")
}

/// Whether `name` is a header name (RFC 9110, section 5.1) in lower case, as HTTP/2 writes it.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        })
}

/// Why verified claims may not be put into a header, in words that follow "it"; absent when they
/// may. Whatever its spelling with `_`, it must not be one that carries the request itself, governs
/// the connection, or that Envoy or its peers trust for other reasons.
// Inlined, the filter keeps the question and not the words.
#[inline]
pub fn output_refusal(name: &str) -> Option<&'static str> {
    let name = folded(name);
    match name.as_str() {
        name if HOP_BY_HOP.contains(&name) => {
            Some("belongs to one connection and is not handed on")
        }
        "host" => Some("decides where the request goes"),
        name if name.starts_with("content-") => Some("describes the request's body"),
        name if name.starts_with("x-envoy-") || OF_ENVOY.contains(&name) => Some("is Envoy's own"),
        "cookie" | "expect" => Some("has a meaning of its own in every request"),
        name if !is_name(name) => Some("is no lower-case header name"),
        _ => None,
    }
}

/// Whether tokens can arrive in a header.
pub fn can_hold_token(name: &str) -> bool {
    is_name(name) && name != "host" && !is_kept_by_envoy(name)
}

/// Whether a peer can hand on an identity in a header.
pub fn can_hold_identity(name: &str) -> bool {
    is_name(name)
        && name != "host"
        && (name == CLIENT_CERTIFICATE || !is_kept_by_envoy(&folded(name)))
}

/// Whether what a client sends in a header never reaches the filter.
pub fn is_kept_by_envoy(name: &str) -> bool {
    name.starts_with("x-envoy-") || KEPT_BY_ENVOY.contains(&name)
}
