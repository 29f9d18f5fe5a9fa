//! A verified token, as it is remembered.

use std::ops::RangeInclusive;

use crate::jwt::{Claims, Confirmation, OutputHeaders, TokenError, TokenType};

/// A token whose signature holds: all that later requests with it need.
#[derive(Debug)]
pub struct Verified {
    pub(super) claims: Claims,
    pub(super) headers: OutputHeaders,
    /// When the claims satisfy the rule, in Unix seconds.
    pub(super) holds: Option<RangeInclusive<u64>>,
    /// Whether the rule takes tokens of its kind.
    pub(super) kind: Result<(), TokenError>,
    /// The header's `typ`.
    pub(super) token_type: TokenType,
    /// The certificate that it is bound to. Who sends it is judged on every use.
    pub(super) confirmation: Confirmation,
    /// Index into the engine's JWT rules.
    pub(super) rule: usize,
    /// Position of the rule in the server's list.
    pub(super) position: usize,
    /// Generation of the keys that verified it.
    pub(super) generation: u64,
}

impl Verified {
    /// The claims of the token.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Index of its JWT rule in the engine.
    pub(super) fn rule(&self) -> usize {
        self.rule
    }

    /// The headers that carry its content upstream.
    pub fn headers(&self) -> &OutputHeaders {
        &self.headers
    }
}
