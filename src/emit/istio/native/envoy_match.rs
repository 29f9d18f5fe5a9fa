//! Hosts, paths, workloads and claims as Envoy's RBAC filter matches them. Its regular expressions
//! (RE2, over the whole value) can say every pattern exactly.

use serde_json::{Value, json};

use super::claims::Tokens;
use crate::emit::istio::Version;
use crate::emit::re2;
use crate::policy::{Operation, SourceIdentity};

/// A hostname in any form that stands for it: in any case, with a port, with a trailing dot.
pub(super) fn host(hostname: &str) -> Value {
    let regex = re2::authority(hostname);
    json!({"header": {"name": ":authority", "string_match": {"safe_regex": {"regex": regex}}}})
}

/// Methods and paths; absent lists match anything.
pub(super) fn operation(operation: &Operation) -> Value {
    let methods = operation.methods.iter().map(|methods| {
        any(methods.iter().map(
            |method| json!({"header": {"name": ":method", "string_match": {"exact": method}}}),
        ))
    });
    let paths = operation
        .paths
        .iter()
        .map(|paths| any(paths.iter().map(|pattern| json!({"url_path": {"path": path(pattern)}}))));
    all(methods.chain(paths))
}

/// A path pattern, over the path without its query.
fn path(pattern: &str) -> Value {
    if !pattern.contains(['*', '{']) {
        return json!({"exact": pattern});
    }
    match pattern.strip_suffix('*') {
        Some(prefix) if !prefix.is_empty() && !prefix.contains(['*', '{']) => {
            json!({"prefix": prefix})
        }
        _ => json!({"safe_regex": {"regex": re2::path(pattern)}}),
    }
}

/// Workloads, as patterns over the SPIFFE ID in the peer's certificate.
pub(super) fn source(pattern: &str, identity: &SourceIdentity) -> Value {
    let regex = re2::workloads(pattern, &identity.trust_domains);
    json!({"authenticated": {"principal_name": {"safe_regex": {"regex": regex}}}})
}

/// Any of these tokens, as Istio's JWT filter leaves their claims behind.
pub(super) fn tokens(tokens: &Tokens<'_>, version: Version) -> Value {
    let mut claims = vec![claim(
        "iss",
        any_value(tokens.issuers.iter().map(|issuer| json!({"exact": issuer}))),
        version,
    )];
    if !tokens.audiences.is_empty() {
        let value = any_value(tokens.audiences.iter().map(|audience| json!({"exact": audience})));
        let in_list = json!({"list_match": {"one_of": value}});
        let value = json!({"or_match": {"value_matchers": [in_list, value]}});
        claims.push(claim("aud", value, version));
    }
    all_ids(claims)
}

/// No token at all.
pub(super) fn no_token(version: Version) -> Value {
    let present = json!({"string_match": {"safe_regex": {"regex": "(?s).+"}}});
    json!({"not_id": claim("iss", present, version)})
}

fn claim(name: &str, value: Value, version: Version) -> Value {
    let matcher = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "payload"}, {"key": name}],
        "value": value,
    });
    match version >= Version::SOURCED_METADATA {
        true => json!({"sourced_metadata": {"metadata_matcher": matcher}}),
        false => json!({"metadata": matcher}),
    }
}

fn any_value(matchers: impl Iterator<Item = Value>) -> Value {
    let mut matchers: Vec<_> = matchers.map(|matcher| json!({"string_match": matcher})).collect();
    match matchers.len() {
        1 => matchers.pop().unwrap_or_default(),
        _ => json!({"or_match": {"value_matchers": matchers}}),
    }
}

/// A permission that any of these gives.
pub(super) fn any(permissions: impl IntoIterator<Item = Value>) -> Value {
    joined("or_rules", "rules", permissions)
}

/// A permission that all of these give together.
pub(super) fn all(permissions: impl IntoIterator<Item = Value>) -> Value {
    joined("and_rules", "rules", permissions)
}

/// A principal that all of these describe.
pub(super) fn all_ids(principals: impl IntoIterator<Item = Value>) -> Value {
    joined("and_ids", "ids", principals)
}

/// One alone, or a set.
fn joined(kind: &str, list: &str, items: impl IntoIterator<Item = Value>) -> Value {
    let mut items: Vec<_> = items.into_iter().collect();
    match items.len() {
        1 => items.pop().unwrap_or_default(),
        _ => json!({kind: {list: items}}),
    }
}
