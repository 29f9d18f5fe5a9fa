//! A request as the engine sees it: header bytes exactly as they arrived.

use crate::jwt::{Claims, TokenType};

/// One request. Header names are lower case, as HTTP/2 has them; values are raw bytes.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// Every header in order of arrival, pseudo-headers included; repeated headers stand
    /// repeatedly.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
    /// Verified claims to judge instead of a token in the headers. Only `explain --claims` has
    /// them: what arrives over the network is always a token.
    pub claims: Option<Asserted<'a>>,
}

/// What stands for a token whose signature holds.
#[derive(Debug, Clone, Copy)]
pub struct Asserted<'a> {
    /// Its payload.
    pub claims: &'a Claims,
    /// Its type.
    pub token_type: &'a TokenType,
}

impl<'a> Request<'a> {
    /// The first value of a header, or the empty slice.
    pub fn header(&self, name: &str) -> &'a [u8] {
        self.values(name).next().unwrap_or_default()
    }

    /// Every value of a header.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(candidate, _)| *candidate == name.as_bytes())
            .map(|(_, value)| *value)
    }

    /// `:authority`, the host that the request is for.
    pub fn authority(&self) -> &'a [u8] {
        self.header(":authority")
    }

    /// `:method`.
    pub fn method(&self) -> &'a [u8] {
        self.header(":method")
    }

    /// `:path` with its query; empty for CONNECT.
    pub fn path(&self) -> &'a [u8] {
        self.header(":path")
    }
}
