//! One request: from flags, from a line of a requests file, or from a test case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::shown::shown_unread;
use crate::jwt::{Claims, Thumbprint, TokenError, TokenType};
use crate::policy::header;

/// A request as a user describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// `METHOD scheme://authority/path?query`.
    pub request: String,
    /// The token, sent as `Authorization: Bearer`.
    #[serde(default)]
    pub token: Option<String>,
    /// Claims that stand for a token which is valid but for what they say themselves.
    #[serde(default)]
    pub claims: Option<Box<RawValue>>,
    /// The type of the token that the claims stand for, as its header would have it.
    #[serde(default)]
    pub typ: Option<String>,
    /// SPIFFE ID of the workload that sends the request.
    #[serde(default)]
    pub source: Option<String>,
    /// SHA-256 of the client certificate, as hexadecimal digits or as `x5t#S256` writes it.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Request headers by name; a list of values repeats the header.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
}

/// Why a request cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The request line is none.
    #[error("`{0}` is not a request; write `GET https://api.example.com/v1/items`")]
    NotARequest(String),
    /// The request line is that of a message of HTTP/1.
    #[error("`{line}` ends in a version of HTTP; write `{without}`, without `{version}`")]
    Version {
        /// What was written.
        line: String,
        /// The same without the version.
        without: String,
        /// The version.
        version: String,
    },
    /// The request is about a server as a whole, and does not say which.
    #[error("`{0} *` names no host; write `{0} https://api.example.com *`")]
    NoHost(String),
    /// A header says what the request line says.
    #[error("`{0}` is not a header here: {hint}", hint = SAY_IT_ONCE)]
    InRequestLine(String),
    /// A name that no header has.
    #[error("`{0}` is not the name of a header")]
    NotAHeader(String),
    /// The claims are no object, or hold a member twice.
    #[error("the claims cannot be read: {0}")]
    Claims(TokenError),
    /// A token says itself of which type it is.
    #[error("`typ` goes with claims only: a token has a type of its own")]
    TypeOfToken,
    /// Something else than the SHA-256 of a certificate.
    #[error(
        "the certificate is the SHA-256 of it: 64 hexadecimal digits, or the 43 letters of an \
         `x5t#S256`"
    )]
    Certificate,
    /// Claims stand for a token.
    #[error("give a token or claims, not both")]
    TokenAndClaims,
    /// Claims stand for the token in this place.
    #[error("the token in {0} is not looked at beside claims: give one or the other")]
    UnreadToken(String),
}

/// One value of a header, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// The header is there once.
    One(String),
    /// The header is repeated.
    Many(Vec<String>),
}

impl Values {
    /// Every value.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }
}

impl Query {
    /// What the method may be taken for, where only its case differs: methods are case-sensitive
    /// (RFC 9110, section 9.1).
    pub fn meant_method(&self) -> Option<(&str, String)> {
        const KNOWN: [&str; 9] =
            ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
        let (method, _) = self.request.trim().split_once(' ')?;
        let upper = method.to_ascii_uppercase();
        (upper != method && KNOWN.contains(&upper.as_str())).then_some((method, upper))
    }

    /// Reads one line of a requests file.
    ///
    /// # Errors
    /// When the line is not a JSON object of the known fields.
    pub fn from_json(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }

    /// The headers that Envoy would hand to the filter, pseudo-headers first.
    ///
    /// # Errors
    /// When the request line is not one.
    pub fn headers(&self) -> Result<Vec<(String, String)>, QueryError> {
        let line = RequestLine::parse(&self.request)?;
        let mut headers = vec![
            (":method".to_owned(), line.method.to_owned()),
            (":scheme".to_owned(), line.scheme.to_owned()),
            (":authority".to_owned(), line.authority.to_owned()),
        ];
        if let Some(path) = line.path {
            headers.push((":path".to_owned(), path));
        }
        for (name, values) in &self.headers {
            let name = name.to_ascii_lowercase();
            check_header(&name)?;
            let values = values.iter().as_slice();
            if name == header::CLIENT_CERTIFICATE && values.len() > 1 {
                // Envoy makes one list of this one when it is repeated.
                headers.push((name, values.join(",")));
            } else {
                headers.extend(values.iter().map(|value| (name.clone(), value.clone())));
            }
        }
        if let Some(token) = &self.token {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        Ok(headers)
    }

    /// The claims, read as strictly as a token's payload.
    ///
    /// # Errors
    /// When they are not an object, or hold a member twice, or there is a token as well.
    pub fn claims(&self) -> Result<Option<Claims>, QueryError> {
        let Some(json) = &self.claims else { return Ok(None) };
        if self.token.is_some() {
            return Err(QueryError::TokenAndClaims);
        }
        Claims::from_json(json.get().as_bytes()).map(Some).map_err(QueryError::Claims)
    }

    /// The type of the token that the claims stand for.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn token_type(&self) -> Result<TokenType, QueryError> {
        match &self.typ {
            None => Ok(TokenType::Absent),
            Some(_) if self.claims.is_none() => Err(QueryError::TypeOfToken),
            Some(typ) => Ok(TokenType::named(typ)),
        }
    }

    /// What is known of the client certificate, as Envoy tells it.
    ///
    /// # Errors
    /// When its SHA-256 is none.
    pub fn thumbprint(&self) -> Result<String, QueryError> {
        let Some(text) = &self.certificate else { return Ok(String::new()) };
        Thumbprint::read(text).map(Thumbprint::to_hex).ok_or(QueryError::Certificate)
    }
}

/// Schemes of requests, and what Envoy takes them for: a WebSocket begins with a request of HTTP
/// (RFC 6455, section 3).
const SCHEMES: [(&str, &str); 4] =
    [("http", "http"), ("https", "https"), ("ws", "http"), ("wss", "https")];

/// Where hosts and paths belong.
const SAY_IT_ONCE: &str = "the request has it, as in `GET https://api.example.com/v1/items`";

/// Refuses what is no header, or is said by the request line.
///
/// # Errors
/// With what to write instead.
pub fn check_header(name: &str) -> Result<(), QueryError> {
    match name {
        _ if name == "host" || name.starts_with(':') => {
            Err(QueryError::InRequestLine(name.escape_debug().to_string()))
        }
        _ if !header::is_name(name) => Err(QueryError::NotAHeader(name.escape_debug().to_string())),
        _ => Ok(()),
    }
}

struct RequestLine<'a> {
    method: &'a str,
    scheme: &'a str,
    authority: &'a str,
    /// Absent for CONNECT.
    path: Option<String>,
}

impl<'a> RequestLine<'a> {
    fn parse(text: &'a str) -> Result<Self, QueryError> {
        let shown = |text: &str| shown_unread(text).escape_debug().to_string();
        let none = || QueryError::NotARequest(shown(text));
        let (method, url) = text.trim().split_once(' ').ok_or_else(none)?;
        let url = url.trim_start();
        if let Some((url, version)) = url.rsplit_once(' ').filter(|(_, it)| it.starts_with("HTTP/"))
        {
            return Err(QueryError::Version {
                line: format!("{} {version}", shown(&format!("{method} {}", url.trim_end()))),
                without: shown(&format!("{method} {}", url.trim_end())),
                version: version.escape_debug().to_string(),
            });
        }
        if method == "CONNECT" && !url.contains("://") {
            return Ok(Self { method, scheme: "https", authority: url, path: None });
        }
        if url == "*" {
            return Err(QueryError::NoHost(method.escape_debug().to_string()));
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(none)?;
        // Schemes are compared without regard to case (RFC 3986, section 3.1).
        let known = SCHEMES.into_iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known));
        let (_, scheme) = known.ok_or_else(none)?;
        // About the server as a whole (RFC 9110, section 9.3.7).
        if let Some(authority) = rest.strip_suffix(" *").filter(|_| method == "OPTIONS") {
            let path = Some("*".to_owned());
            return Ok(Self { method, scheme, authority: authority.trim_end(), path });
        }
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at).ok_or_else(none)?;
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{path}"),
        };
        Ok(Self { method, scheme, authority, path: Some(path) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(request: &str) -> Query {
        Query { request: request.to_owned(), ..Query::default() }
    }

    #[test]
    fn a_request_line_becomes_pseudo_headers() {
        let table = [
            ("GET https://a.test/x?y#z", "GET https a.test /x?y#z"),
            ("POST http://a.test:80", "POST http a.test:80 /"),
            ("GET https://a.test?x=1", "GET https a.test /?x=1"),
            ("GET https://user@a.test/..%2f", "GET https user@a.test /..%2f"),
            ("CONNECT a.test:443", "CONNECT https a.test:443"),
            ("GET https:///x", "GET https  /x"),
            ("GET HTTPS://a.test/x", "GET https a.test /x"),
            ("GET wss://a.test/x", "GET https a.test /x"),
            ("GET ws://a.test:80", "GET http a.test:80 /"),
            ("OPTIONS https://a.test *", "OPTIONS https a.test *"),
        ];
        for (request, expected) in table {
            let headers = query(request).headers().unwrap();
            let values: Vec<_> = headers.into_iter().map(|(_, value)| value).collect();
            assert_eq!(values.join(" "), expected);
        }
        for request in [
            "",
            "GET",
            "https://a.test/",
            "GET a.test/x",
            "GET ftp://a.test/",
            "OPTIONS *",
            "GET https://a.test/x HTTP/1.1",
        ] {
            assert!(query(request).headers().is_err(), "{request}");
        }
    }

    /// What is said of a request that is none may end up in the log of a build.
    #[test]
    fn errors_repeat_no_token() {
        for request in [
            "GET https://a.test/x?t=secret HTTP/1.1",
            "https://a.test/x?t=secret",
            "GET ftp://user:secret@a.test/",
            "GET a.test/?access_token=secret",
        ] {
            let error = query(request).headers().unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("a.test"), "{error}");
        }
    }

    #[test]
    fn unknown_fields_and_doubtful_claims_are_refused() {
        assert!(Query::from_json(r#"{"request":"GET https://a.test/","tokn":"x"}"#).is_err());
        let line = r#"{"request":"GET https://a.test/","claims":{"sub":"a","sub":"b"}}"#;
        assert!(Query::from_json(line).unwrap().claims().is_err());
        let line = r#"{"request":"GET https://a.test/","claims":{},"token":"t"}"#;
        assert!(Query::from_json(line).unwrap().claims().is_err());
    }
}
