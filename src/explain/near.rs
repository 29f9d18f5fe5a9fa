//! Why no rule admits a request: what the rules that came nearest ask for, beside what it has.

use serde_json::Value;

use crate::engine::path::without_query;
use crate::engine::source::{SourcePattern, Workload};
use crate::engine::{ClaimPattern, Operation, Request};
use crate::jwt::Claims;
use crate::policy::{self, Policy};

/// The most rules that are shown, and alternatives of one field.
const MAX_RULES: usize = 3;
const MAX_ALTERNATIVES: usize = 5;
/// The longest value that is shown whole, in characters.
const MAX_VALUE: usize = 120;

/// What a rule asks for that the request does not have.
struct Misses<'p> {
    rule: &'p str,
    misses: Vec<String>,
}

/// What the rules of a server ask for. `claims` are those of the verified token, if there is one.
pub fn of_server(
    policy: &Policy,
    server: &str,
    claims: Option<&Claims>,
    request: &Request<'_>,
) -> Vec<String> {
    let server = policy.servers.iter().find(|it| it.name == server);
    let Some(authorization) = server.and_then(|server| server.authorization.as_ref()) else {
        return Vec::new();
    };
    let rules = authorization.rules.iter().filter_map(|index| policy.rule(*index));
    let missed = rules.map(|rule| {
        let mut misses = from(policy, rule.from.as_deref(), claims);
        misses.extend(to(policy, rule.to.as_deref(), request));
        Misses { rule: &rule.name, misses }
    });
    steps(missed.collect())
}

/// What the entries of `egressAuthorization` for a host ask for. `source` is the peer's SPIFFE ID.
pub fn of_host(policy: &Policy, host: &str, source: &str, request: &Request<'_>) -> Vec<String> {
    let domains = &policy.source_identity.trust_domains;
    let workload = Workload::from_spiffe_id(source.as_bytes(), domains);
    let Some(host) = policy.egress.iter().find(|it| it.hostname == host) else {
        return Vec::new();
    };
    let rules = host.rules.iter().filter_map(|index| policy.egress_rule(*index));
    let missed = rules.map(|rule| {
        let mut misses = Vec::new();
        if let Some(from) = &rule.from
            && !is_one_of(from, workload.as_ref())
        {
            misses.push(match from.as_slice() {
                [] => {
                    "no source at all is admitted: what `from` names owns no namespace".to_owned()
                }
                _ => format!("the source must be {}", any_of(from)),
            });
        }
        misses.extend(to(policy, rule.to.as_deref(), request));
        Misses { rule: &rule.name, misses }
    });
    steps(missed.collect())
}

fn is_one_of(from: &[String], workload: Option<&Workload>) -> bool {
    let matches = |text: &String, workload| {
        SourcePattern::parse(text).is_ok_and(|pattern| pattern.matches(workload))
    };
    workload.is_some_and(|workload| from.iter().any(|text| matches(text, workload)))
}

/// One step for each of the rules that lack least, in the order of the document.
fn steps(mut missed: Vec<Misses<'_>>) -> Vec<String> {
    // One without a miss is admitted by somebody else's identity, and says nothing here.
    missed.retain(|it| !it.misses.is_empty());
    missed.sort_by_key(|it| it.misses.len());
    let others = missed.len().saturating_sub(MAX_RULES);
    let shown = missed.iter().take(MAX_RULES);
    let mut steps: Vec<_> =
        shown.map(|it| format!("nearest: `{}`: {}", it.rule, it.misses.join("; "))).collect();
    if others > 0 {
        steps.push(format!("nearest: {others} more ask for something else"));
    }
    steps
}

/// What the principal that came nearest asks for.
fn from(policy: &Policy, from: Option<&[u32]>, claims: Option<&Claims>) -> Vec<String> {
    let Some(from) = from else { return Vec::new() };
    let Some(claims) = claims else { return vec!["there is no verified token".to_owned()] };
    let principals = from.iter().filter_map(|index| policy.principal(*index));
    let missed = principals.map(|principal| claims_missed(principal, claims));
    let nearest = missed.min_by_key(|misses| {
        let nearness: usize = misses.iter().map(|miss| miss.nearness).sum();
        (misses.len(), std::cmp::Reverse(nearness))
    });
    nearest.unwrap_or_default().into_iter().map(|miss| miss.text).collect()
}

/// A claim that does not match.
struct Miss {
    text: String,
    /// How much of the pattern the value has.
    nearness: usize,
}

fn claims_missed(principal: &policy::Principal, claims: &Claims) -> Vec<Miss> {
    let fixed = [("iss", &principal.iss), ("sub", &principal.sub)];
    let fixed = fixed.into_iter().filter_map(|(name, pattern)| Some((name, pattern.as_deref()?)));
    let other = principal.other.iter().map(|(name, pattern)| (name.as_str(), pattern.as_str()));
    fixed.chain(other).filter_map(|(name, pattern)| claim_missed(name, pattern, claims)).collect()
}

fn claim_missed(name: &str, pattern: &str, claims: &Claims) -> Option<Miss> {
    let claim = ClaimPattern::new(name, pattern);
    if claim.matches(claims) {
        return None;
    }
    let must = match pattern.starts_with('*') || pattern.ends_with('*') {
        true => format!("match `{pattern}`"),
        false => format!("be `{pattern}`"),
    };
    Some(match claim.path.find(claims) {
        None => Miss { text: format!("the token has no `{name}`, which must {must}"), nearness: 0 },
        Some(value) => {
            let which = if value.is_array() { "one of which" } else { "which" };
            let shown = match value {
                Value::String(text) => shortened(text),
                other => shortened(&other.to_string()),
            };
            let words = match value {
                Value::String(text) if !claim.words && text.split(' ').any(|it| it == pattern) => {
                    "; it holds several words, and only `scope`, `scp`, `permission` and \
                     `oracle.oauth.scope` are read word by word"
                }
                _ => "",
            };
            let text = format!("`{name}` is `{shown}`, {which} must {must}{words}");
            Miss { text, nearness: nearness(value, pattern) }
        }
    })
}

/// How many bytes a value and a pattern begin with in common.
fn nearness(value: &Value, pattern: &str) -> usize {
    let pattern = pattern.trim_matches('*').bytes();
    let of = |text: &str| text.bytes().zip(pattern.clone()).take_while(|(a, b)| a == b).count();
    match value {
        Value::String(text) => of(text),
        Value::Array(elements) => {
            elements.iter().filter_map(Value::as_str).map(of).max().unwrap_or(0)
        }
        other => of(&other.to_string()),
    }
}

/// What the operation that came nearest asks for.
fn to(policy: &Policy, to: Option<&[u32]>, request: &Request<'_>) -> Vec<String> {
    let Some(to) = to else { return Vec::new() };
    let operations = to.iter().filter_map(|index| policy.operation(*index));
    let missed = operations.map(|operation| operation_missed(operation, request));
    missed.min_by_key(Vec::len).unwrap_or_default()
}

fn operation_missed(operation: &policy::Operation, request: &Request<'_>) -> Vec<String> {
    let Ok(compiled) = Operation::new("", operation) else { return Vec::new() };
    let path = String::from_utf8_lossy(without_query(request.path()));
    let mut misses = Vec::new();
    if let Some(methods) = &operation.methods
        && !compiled.admits_method(request.method())
    {
        let method = String::from_utf8_lossy(request.method());
        misses.push(format!("the method is `{method}`, which must be {}", any_of(methods)));
    }
    if let Some(paths) = &operation.paths
        && !compiled.admits_path(Some(&path))
    {
        misses.push(format!("the path must match {}", any_of(paths)));
    }
    misses
}

/// Alternatives in words.
fn any_of(texts: &[String]) -> String {
    let shown: Vec<_> =
        texts.iter().take(MAX_ALTERNATIVES).map(|text| format!("`{text}`")).collect();
    match texts.len().saturating_sub(MAX_ALTERNATIVES) {
        0 => shown.join(" or "),
        others => format!("{} or {others} others", shown.join(", ")),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
