//! The headers in which clients may say nothing: which they are, and whether a client sent one.

use super::credentials::uses_default_locations;
use super::header_names::{HeaderNames, is_spelling_of};
use super::jwt_rules::JwtRuleIndex;
use super::policy_error::PolicyError;
use crate::policy::JwtRule;
use crate::policy::header::{self, CLIENT_CERTIFICATE, folded};

/// Every output header of every server, and the header in which a peer hands on identities: removed
/// from what goes to upstreams.
#[derive(Debug)]
pub(super) struct ReservedHeaders {
    names: HeaderNames,
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
            if jwt_rules.iter().any(|other| is_token_header(&other.rule, &folded)) {
                return refuse("tokens are read from this header");
            }
            if !names.insert(folded) {
                return refuse("the header is an output header, too");
            }
        }
        Ok(Self { names })
    }

    /// Whether `name`, as a client sent it, is one of these to any upstream.
    ///
    /// What is in [`CLIENT_CERTIFICATE`] Envoy sees to, and it goes on as it is; of the other
    /// spellings Envoy knows nothing.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.names.contains(name)
            || (is_spelling_of(name, CLIENT_CERTIFICATE) && name != CLIENT_CERTIFICATE.as_bytes())
    }

    /// The same for trailers, of which Envoy sees to none.
    pub(super) fn contains_trailer(&self, name: &[u8]) -> bool {
        self.names.contains(name) || is_spelling_of(name, CLIENT_CERTIFICATE)
    }
}

fn checked_names(jwt_rules: &[JwtRuleIndex]) -> Result<HeaderNames, PolicyError> {
    let mut names = HeaderNames::default();
    for (index, JwtRuleIndex { rule, .. }) in jwt_rules.iter().enumerate() {
        let mut own = HeaderNames::default();
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
            if jwt_rules.iter().any(|other| is_token_header(&other.rule, &folded)) {
                return refuse("tokens are read from this header");
            }
            if !own.insert(folded.clone()) {
                return refuse("the header is set twice");
            }
            names.insert(folded);
        }
    }
    Ok(names)
}

fn is_token_header(rule: &JwtRule, output: &str) -> bool {
    rule.from_headers.iter().any(|location| folded(&location.name) == output)
        || (output == "authorization" && uses_default_locations(rule))
}
