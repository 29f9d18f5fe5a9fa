//! RequestAuthentication: every JWT rule of every server in one list, for the whole gateway.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Native;
use crate::emit::claim_name::dotted;
use crate::emit::findings::Findings;
use crate::emit::istio::fields;
use crate::emit::token_fields::token_fields;
use crate::policy::{DEFAULT_CLOCK_SKEW_SECONDS, JwksSource, JwtRule};
use crate::resource::source::Origin;

/// Most JWT rules of one RequestAuthentication, by its schema.
const MAX_JWT_RULES: usize = 4_096;
/// Longest `jwksUri`, by the same.
const MAX_JWKS_URI: usize = 2_048;

impl Native<'_> {
    /// The spec, without its selector; nothing when no server looks for tokens.
    pub(super) fn request_authentication(&self, findings: &mut Findings) -> Option<Value> {
        let mut issuers: BTreeMap<&str, JwtRule> = BTreeMap::new();
        for (rule, index) in self.policy.jwt_rules.iter().zip(0u32..) {
            let origin = self.hosts.origin_of_jwt_rule(index);
            check(rule, origin, findings);
            match issuers.get_mut(rule.issuer.as_str()) {
                None => {
                    issuers.insert(&rule.issuer, rule.clone());
                }
                Some(first) => {
                    if let Some(field) = difference(first, rule) {
                        let message = format!(
                            "the issuer `{}` has different `{field}` at different servers, and \
                             Istio takes either at both",
                            rule.issuer
                        );
                        let hint = "write the same at every server of the Gateway";
                        findings.refuse(origin, message, hint);
                    }
                    // The rules for each host say which audiences count there.
                    if first.audiences.is_empty() || rule.audiences.is_empty() {
                        first.audiences.clear();
                    } else {
                        first.audiences.extend(rule.audiences.iter().cloned());
                        first.audiences.sort_unstable();
                        first.audiences.dedup();
                    }
                }
            }
        }
        if issuers.len() > MAX_JWT_RULES {
            let message =
                format!("there are {} issuers, of {MAX_JWT_RULES} that Istio takes", issuers.len());
            findings.refuse(None, message, "divide the servers among several Gateways");
        }
        let words = self.space_delimited_claims();
        let rules: Vec<_> = issuers.values().map(|rule| jwt_rule(rule, &words)).collect();
        (!rules.is_empty()).then(|| json!({"jwtRules": rules}))
    }
}

/// The first field in which two rules of one issuer differ, but for audiences.
fn difference(one: &JwtRule, other: &JwtRule) -> Option<&'static str> {
    [
        (one.jwks != other.jwks, "jwks"),
        (one.from_headers != other.from_headers, "fromHeaders"),
        (one.from_cookies != other.from_cookies, "fromCookies"),
        (one.from_params != other.from_params, "fromParams"),
        (one.output_payload_to_header != other.output_payload_to_header, "outputPayloadToHeader"),
        (one.output_claim_to_headers != other.output_claim_to_headers, "outputClaimToHeaders"),
        (one.forward_original_token != other.forward_original_token, "forwardOriginalToken"),
    ]
    .into_iter()
    .find_map(|(differs, field)| differs.then_some(field))
}

/// What a JWTRule of Istio has no field for, or Envoy does otherwise.
fn check(rule: &JwtRule, origin: Option<&Origin>, findings: &mut Findings) {
    let issuer = &rule.issuer;
    let refused = [
        (rule.require_expiration, "requireExpiration"),
        (rule.max_lifetime_seconds.is_some(), "maxLifetimeSeconds"),
    ];
    let refused = refused.into_iter().filter_map(|(present, field)| present.then_some(field));
    for field in refused.chain(token_fields(rule)) {
        let message = format!("Istio has no `{field}`, which the issuer `{issuer}` has");
        findings.refuse(origin, message, "remove it, or use --to wasm-plugin");
    }
    if let JwksSource::Remote { uri, .. } = &rule.jwks
        && uri.len() > MAX_JWKS_URI
    {
        let message = format!("Istio takes no `jwksUri` over {MAX_JWKS_URI} characters");
        findings.refuse(origin, message, "give the issuer's keys a shorter one");
    }
    let (skew, fixed) = (rule.clock_skew_seconds, DEFAULT_CLOCK_SKEW_SECONDS);
    let message = format!(
        "the issuer `{issuer}` has a `clockSkewSeconds` of {skew}, and Istio always {fixed}"
    );
    if skew < fixed {
        findings.refuse(origin, message, "remove it, or use --to wasm-plugin");
    } else if skew > fixed {
        findings.narrow(origin, message, "tokens are held to the smaller tolerance");
    }
    if !rule.from_cookies.is_empty() && !rule.forward_original_token {
        let message = format!(
            "Envoy does not take tokens out of cookies, so those of the issuer `{issuer}` would \
             go on to external hosts"
        );
        let hint = "use `fromHeaders`, or write `forwardOriginalToken: true` if that is meant";
        findings.refuse(origin, message, hint);
    }
    for output in &rule.output_claim_to_headers {
        let claim = &output.claim;
        if dotted(claim).is_none() {
            let message = format!("Envoy takes the claim `{claim}` for a path, and finds nothing");
            findings.narrow(origin, message, "its header is never set");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !output.header.bytes().all(plain) {
            let message = format!("Istio refuses the header name `{}`", output.header);
            findings.refuse(origin, message, "use letters, digits and `-`");
        }
    }
    for text in std::iter::once(issuer).chain(&rule.audiences) {
        if text.is_empty() || text.starts_with('*') || text.ends_with('*') {
            let message = format!("Istio would take `{}` for a pattern", text.escape_debug());
            findings.refuse(origin, message, "issuers and audiences are compared exactly here");
        }
    }
}

fn jwt_rule(rule: &JwtRule, words: &[String]) -> Value {
    let (jwks_uri, jwks) = match &rule.jwks {
        JwksSource::Remote { uri, .. } => (json!(uri), Value::Null),
        JwksSource::Inline(keys) => (Value::Null, json!(keys)),
    };
    let headers: Vec<_> = rule
        .from_headers
        .iter()
        .map(|location| {
            let prefix = (!location.prefix.is_empty()).then_some(&location.prefix);
            fields([("name", json!(location.name)), ("prefix", json!(prefix))])
        })
        .collect();
    let claims: Vec<_> = rule
        .output_claim_to_headers
        .iter()
        .filter_map(|output| {
            Some(json!({"header": output.header, "claim": dotted(&output.claim)?}))
        })
        .collect();
    fields([
        ("issuer", json!(rule.issuer)),
        ("audiences", json!(rule.audiences)),
        ("jwksUri", jwks_uri),
        ("jwks", jwks),
        ("fromHeaders", json!(headers)),
        ("fromCookies", json!(rule.from_cookies)),
        ("fromParams", json!(rule.from_params)),
        ("outputPayloadToHeader", json!(rule.output_payload_to_header)),
        ("outputClaimToHeaders", json!(claims)),
        ("forwardOriginalToken", json!(rule.forward_original_token)),
        ("spaceDelimitedClaims", json!(words)),
    ])
}
