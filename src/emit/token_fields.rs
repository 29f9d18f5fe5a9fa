//! What a JWT rule says of tokens that no filter of Envoy's own judges.

use crate::policy::{CertificateBound, JwtRule};

/// The fields of the Gateway in which a JWT rule asks for a kind of token, or for its holder.
pub fn token_fields(rule: &JwtRule) -> impl Iterator<Item = &'static str> {
    let certificate = rule.certificate_bound != CertificateBound::Ignored;
    [
        (rule.token_types.is_some(), "tokenTypes"),
        (!rule.required_claims.is_empty(), "requiredClaims"),
        (certificate, "certificateBound"),
        (rule.workload_bound.is_some(), "workloadBound"),
    ]
    .into_iter()
    .filter_map(|(is_written, field)| is_written.then_some(field))
}
