//! The headers in which clients may say nothing: which they are, and whether a client sent one.

use std::collections::HashSet;

use super::credentials::uses_default_locations;
use super::jwt_rules::JwtRuleIndex;
use super::policy_error::PolicyError;
use crate::policy::JwtRule;
use crate::policy::header::{self, folded};

/// Every output header of every server, and the header in which a peer hands on identities: removed
/// from what goes to upstreams.
#[derive(Debug)]
pub(super) struct ReservedHeaders {
    /// With `-` for `_`.
    names: Vec<String>,
    /// One bit for each length of a name, 63 for all that are longer: nearly every header of a
    /// request is told by its length not to be one of these.
    lengths: u64,
}

impl ReservedHeaders {
    /// Collects them, and refuses a policy in which one is set twice for one token or carries
    /// tokens.
    pub(super) fn new(
        jwt_rules: &[JwtRuleIndex],
        identity: Option<&str>,
    ) -> Result<Self, PolicyError> {
        let mut names = checked_names(jwt_rules)?;
        if let Some(identity) = identity {
            let folded = folded(identity);
            let refuse =
                |message| Err(PolicyError::new("source_identity.propagated.header", message));
            if !header::can_hold_identity(identity) {
                return refuse("not a lower-case header name that a peer may set");
            }
            if names.contains(&folded) {
                return refuse("the header is an output header, too");
            }
            if jwt_rules.iter().any(|other| is_token_header(&other.rule, &folded)) {
                return refuse("tokens are read from this header");
            }
            names.push(folded);
        }
        let lengths = names.iter().fold(0, |lengths, name| lengths | length_bit(name.len()));
        Ok(Self { names, lengths })
    }

    /// Whether `name`, as a client sent it, is one of these, or one of them to an upstream that
    /// takes `_` and `-` for one character.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        let folded = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        self.lengths & length_bit(name.len()) != 0
            && self.names.iter().any(|output| {
                output.len() == name.len() && output.bytes().eq(name.iter().map(folded))
            })
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn checked_names(jwt_rules: &[JwtRuleIndex]) -> Result<Vec<String>, PolicyError> {
    let mut headers: Vec<String> = Vec::new();
    for (index, JwtRuleIndex { rule, .. }) in jwt_rules.iter().enumerate() {
        let mut own = HashSet::new();
        let claims = rule.output_claim_to_headers.iter().map(|output| &output.header);
        for name in claims.chain(&rule.output_payload_to_header) {
            let refuse = |message: &str| {
                let field = format!("jwt_rules[{index}] (output header `{name}`)");
                Err(PolicyError::new(field, message))
            };
            let folded = folded(name);
            if header::output_refusal(name).is_some() {
                return refuse("not a lower-case header name that a filter may set");
            }
            if !own.insert(folded.clone()) {
                return refuse("the header is set twice");
            }
            if jwt_rules.iter().any(|other| is_token_header(&other.rule, &folded)) {
                return refuse("tokens are read from this header");
            }
            if !headers.contains(&folded) {
                headers.push(folded);
            }
        }
    }
    Ok(headers)
}

fn is_token_header(rule: &JwtRule, output: &str) -> bool {
    rule.from_headers.iter().any(|location| folded(&location.name) == output)
        || (output == "authorization" && uses_default_locations(rule))
}
