//! JWT rules, checked, with the keys that they bring or the documents that their keys are in.

use super::policy_error::PolicyError;
use crate::jwt::{KeyOrigin, KeySet, canonical_type};
use crate::policy::authority::canonical_host;
use crate::policy::{JwksSource, JwtRule, WorkloadBound, header};

/// Largest accepted clock skew in seconds.
pub const MAX_CLOCK_SKEW_SECONDS: u64 = 300;

/// A JWKS document that is fetched through an Envoy cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteJwks {
    /// Absolute URI of the document.
    pub uri: String,
    /// Name of the Envoy cluster.
    pub cluster: String,
}

#[derive(Debug)]
pub(super) struct JwtRuleIndex {
    pub(super) rule: JwtRule,
    pub(super) keys: Keys,
}

/// Where the keys of a rule are.
#[derive(Debug)]
pub(super) enum Keys {
    Inline(KeySet),
    /// Index into the engine's remote documents.
    Remote(usize),
}

impl JwtRuleIndex {
    /// Checks a rule. A document that no rule before it names is added to `remote`.
    pub(super) fn new(
        field: &str,
        rule: JwtRule,
        remote: &mut Vec<RemoteJwks>,
    ) -> Result<Self, PolicyError> {
        if rule.issuer.is_empty() {
            return Err(PolicyError::new(format!("{field}.issuer"), "the issuer is empty"));
        }
        if rule.clock_skew_seconds > MAX_CLOCK_SKEW_SECONDS {
            return Err(PolicyError::new(
                format!("{field}.clock_skew_seconds"),
                format!("at most {MAX_CLOCK_SKEW_SECONDS} seconds"),
            ));
        }
        check_kind(field, &rule)?;
        for location in &rule.from_headers {
            let name = location.name.as_str();
            if !header::can_hold_token(name) {
                return Err(PolicyError::new(
                    format!("{field}.from_headers"),
                    format!("`{name}` is not a lower-case header name in which tokens arrive"),
                ));
            }
        }
        let keys = match &rule.jwks {
            JwksSource::Inline(json) => {
                let keys = KeySet::parse(json.as_bytes(), KeyOrigin::Inline)
                    .map_err(|error| PolicyError::new(format!("{field}.jwks.inline"), error))?;
                Keys::Inline(keys)
            }
            JwksSource::Remote { uri, cluster } => {
                let wanted = RemoteJwks { uri: uri.clone(), cluster: cluster.clone() };
                if wanted.authority_and_path().is_none() || cluster.is_empty() {
                    return Err(PolicyError::new(
                        format!("{field}.jwks.remote"),
                        "`uri` is an absolute http or https URI and `cluster` names an Envoy cluster",
                    ));
                }
                let known = remote.iter().position(|r| *r == wanted).unwrap_or_else(|| {
                    remote.push(wanted);
                    remote.len().saturating_sub(1)
                });
                Keys::Remote(known)
            }
        };
        Ok(Self { rule, keys })
    }
}

/// Checks what a rule asks of the kind and of the holder of a token.
fn check_kind(field: &str, rule: &JwtRule) -> Result<(), PolicyError> {
    let refuse = |name: &str, why: &str| Err(PolicyError::new(format!("{field}.{name}"), why));
    if let Some(types) = &rule.token_types {
        if types.is_empty() {
            return refuse("token_types", "the list is empty");
        }
        if types.iter().any(|name| *name != canonical_type(name)) {
            return refuse("token_types", "types are in lower case and without `application/`");
        }
    }
    if rule.required_claims.iter().any(String::is_empty) {
        return refuse("required_claims", "a claim has no name");
    }
    if rule.workload_bound == Some(WorkloadBound::Spiffe) {
        // JWT-SVID, sections 3.2 and 3.3.
        if rule.audiences.is_empty() {
            return refuse(
                "audiences",
                "tokens that are SVIDs are for an audience: the list is empty",
            );
        }
        if !rule.require_expiration {
            return refuse("require_expiration", "tokens that are SVIDs end: it must be true");
        }
    }
    Ok(())
}

impl RemoteJwks {
    /// Splits the URI into scheme, authority and path with query (RFC 3986, section 3).
    pub fn authority_and_path(&self) -> Option<(&str, &str, &str)> {
        let (scheme, rest) = self.uri.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let rest = rest.split('#').next()?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at)?;
        let path = if path.is_empty() { "/" } else { path };
        canonical_host(authority.as_bytes()).ok()?;
        path.starts_with('/').then_some((scheme, authority, path))
    }
}
