//! JSON Web Tokens: form, keys, signatures, claims, and the memory of verified tokens.
//!
//! Everything of token validation that needs no host lives here, natively and in wasm alike; the
//! caller passes the time. Where in a request a token is looked for and which JWT rule it falls
//! under is [`crate::engine`]'s matter; fetching keys and calling the host's signature check is
//! the filter's.
//!
//! The order of a verification is the order of the calls: [`Token::parse`], the rule by
//! [`Claims::issuer`], [`KeySet::candidates`], [`SignatureVerifier::verify`], [`Claims::judge`],
//! [`judge_kind`], [`output_headers`]. Nothing that a token claims, but its issuer, is looked at before its
//! signature holds.

mod algorithm;
mod cache;
mod claim_path;
mod claims;
mod confirmation;
mod der;
mod error;
pub mod host_call;
mod jwk;
mod key_set;
mod kind;
mod output;
mod p521;
mod roca;
mod spki;
mod strict_json;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod token;
mod verify;

pub use algorithm::Algorithm;
pub use cache::TokenCache;
pub use claim_path::ClaimPath;
pub use claims::Claims;
pub use confirmation::{Confirmation, Thumbprint};
pub use error::{JwksError, Malformed, TokenError};
pub use jwk::Key;
pub use key_set::{KeyOrigin, KeySet, MAX_CANDIDATES, MAX_JWKS_BYTES, MAX_KEYS};
pub(crate) use kind::missing_claim;
pub use kind::{TokenType, canonical_type, judge_kind};
pub use output::{OutputHeader, OutputHeaders, output_headers};
pub use token::Token;
pub use verify::{SignatureVerifier, SoftwareVerifier};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
