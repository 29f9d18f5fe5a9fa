//! The local replies: status, body and headers of everything that is not forwarded.
//!
//! Bodies are Envoy's where Envoy has one, and never quote the request.

use super::decision::Denial;
use super::path::without_query;
use super::request::Request;
use crate::jwt::TokenError;

/// Longest part of the path that a challenge repeats, as Envoy's `jwt_authn` limits it.
const MAX_REALM_PATH_BYTES: usize = 256;

/// The `Bearer realm="..."` challenge for a request (RFC 6750, section 3): scheme, authority and
/// path without the query, which may hold a token.
pub fn realm(request: &Request<'_>) -> String {
    let mut out = String::from("Bearer realm=\"");
    let path = without_query(request.path());
    let path = path.get(..MAX_REALM_PATH_BYTES).unwrap_or(path);
    let parts = [request.header(":scheme"), b"://", request.authority(), path];
    for byte in parts.concat() {
        match byte {
            // A quoted string (RFC 9110, section 5.6.4); what it cannot hold is left out.
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {}
        }
    }
    out.push('"');
    out
}

/// 401: a token is required and the request has none.
pub fn missing(challenge: String) -> Denial {
    unauthorized("Jwt is missing", challenge)
}

/// 401: the request has more than one token.
pub fn multiple(challenge: String) -> Denial {
    unauthorized("Multiple Jwts in the request", invalid_token(challenge))
}

/// 401 or, for a wrong audience, 403: the request's token is not accepted.
pub fn token(error: &TokenError, challenge: String) -> Denial {
    let mut denial = unauthorized(error.body(), invalid_token(challenge));
    if *error == TokenError::WrongAudience {
        denial.status = 403;
    }
    denial
}

/// 503: the issuer's keys cannot be had.
pub fn jwks_unavailable() -> Denial {
    let headers = vec![("retry-after", "1".to_owned())];
    Denial { status: 503, body: "JWKS is not available", headers }
}

/// 403: no rule admits the request, or nothing governs the host.
pub fn forbidden() -> Denial {
    Denial { status: 403, body: "RBAC: access denied", headers: Vec::new() }
}

/// 403: no rule admits the request, and the token lacks nothing but scopes (RFC 6750, section 3.1).
pub fn insufficient_scope(request: &Request<'_>, scopes: &str) -> Denial {
    let challenge = realm(request) + ", error=\"insufficient_scope\", scope=\"" + scopes + "\"";
    Denial { headers: vec![("www-authenticate", challenge)], ..forbidden() }
}

/// 400: the request cannot be judged.
pub fn bad_request(body: &'static str) -> Denial {
    Denial { status: 400, body, headers: Vec::new() }
}

fn unauthorized(body: &'static str, challenge: String) -> Denial {
    Denial { status: 401, body, headers: vec![("www-authenticate", challenge)] }
}

fn invalid_token(challenge: String) -> String {
    challenge + ", error=\"invalid_token\""
}
