//! What: hosts, methods and paths, as `rbac` matches them.

use serde_json::{Value, json};

use super::{Form, paths};
use crate::emit::findings::Findings;
use crate::emit::re2;
use crate::policy::{Operation, Policy};
use crate::resource::source::Origin;

/// The permissions of a rule, any of them; none when nothing can match.
pub(super) fn operations(
    policy: &Policy,
    to: Option<&[u32]>,
    rule: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Vec<Value> {
    let Some(to) = to else { return nothing() };
    let operations = to.iter().filter_map(|index| policy.operation(*index));
    operations.filter_map(|it| operation(it, rule, origin, findings)).collect()
}

fn operation(
    operation: &Operation,
    rule: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Option<Value> {
    let mut matchers = Vec::new();
    if let Some(methods) = &operation.methods {
        if methods.is_empty() {
            return None;
        }
        matchers.push(any(methods.iter().map(
            |method| json!({"header": {"name": ":method", "string_match": {"exact": method}}}),
        )));
    }
    if let Some(patterns) = &operation.paths {
        let mut written = Vec::new();
        for pattern in patterns {
            match paths::matching(pattern) {
                Some(matcher) => written.push(matcher),
                None => {
                    let message = format!(
                        "the path `{}` of the rule `{rule}` is one that servers read in \
                         different ways, and Envoy judges only one of them",
                        pattern.escape_debug()
                    );
                    findings.narrow(origin, message, "nothing matches it");
                }
            }
        }
        if written.is_empty() {
            return None;
        }
        matchers.push(any(written));
    }
    Some(all(matchers))
}

/// Nothing that restricts what.
pub(super) fn nothing() -> Vec<Value> {
    vec![json!({"any": true})]
}

/// What the authority of a request to a virtual host must be like. Envoy's virtual hosts take
/// more than host names below wildcards.
pub(super) fn authority(hostname: &str, form: Form) -> Option<Value> {
    // In the linear form each policy names its host itself.
    let unsure = form == Form::PerHost && hostname.starts_with('*');
    unsure.then(|| host(hostname, true))
}

/// Any authority that is one.
pub(super) fn valid_authority() -> Value {
    header(re2::authority("*"))
}

/// A hostname in any case, with or without a port. `exact` also sees to what only looks like a
/// port, which matters where something else may govern it.
pub(super) fn host(hostname: &str, exact: bool) -> Value {
    if exact || hostname.starts_with('*') {
        return header(re2::authority(hostname));
    }
    let matching = |value| json!({"header": {"name": ":authority", "string_match": value}});
    any([
        matching(json!({"exact": hostname, "ignore_case": true})),
        matching(json!({"prefix": format!("{hostname}:"), "ignore_case": true})),
    ])
}

fn header(regex: String) -> Value {
    json!({"header": {"name": ":authority", "string_match": {"safe_regex": {"regex": regex}}}})
}

/// A permission that any of these gives.
pub(super) fn any(permissions: impl IntoIterator<Item = Value>) -> Value {
    joined("or_rules", "rules", permissions)
}

/// A permission that all of these give together.
pub(super) fn all(permissions: impl IntoIterator<Item = Value>) -> Value {
    let unrestricted = json!({"any": true});
    match joined("and_rules", "rules", permissions.into_iter().filter(|it| *it != unrestricted)) {
        Value::Null => unrestricted,
        permission => permission,
    }
}

/// One alone, or a set; nothing for none.
pub(super) fn joined(kind: &str, list: &str, items: impl IntoIterator<Item = Value>) -> Value {
    let mut items: Vec<_> = items.into_iter().collect();
    match items.len() {
        0 | 1 => items.pop().unwrap_or_default(),
        _ => json!({kind: {list: items}}),
    }
}
