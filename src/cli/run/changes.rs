//! What differs between two policies, server by server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::policy::{DefaultAction, Policy, Server};

/// One line for each server that came, went or changed, and for the default action.
pub fn changes(old: &Policy, new: &Policy) -> Vec<String> {
    let before: BTreeMap<_, _> = old.servers.iter().map(|s| (s.name.as_str(), s)).collect();
    let after: BTreeMap<_, _> = new.servers.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut lines = Vec::new();
    if old.default_action != new.default_action {
        let word = |action| match action {
            DefaultAction::Allow => "allow",
            DefaultAction::Deny => "deny",
        };
        lines.push(format!("~ default action: {}", word(new.default_action)));
    }
    for (name, server) in &before {
        if !after.contains_key(name) {
            lines.push(format!("- server {name} ({})", server.hostname));
        }
    }
    for (name, server) in &after {
        match before.get(name) {
            None => lines.push(format!("+ server {name} ({})", server.hostname)),
            Some(earlier) => {
                let changed = changed_parts(old, earlier, new, server);
                if !changed.is_empty() {
                    lines.push(format!("~ server {name}: {}", changed.join(", ")));
                }
            }
        }
    }
    lines
}

fn changed_parts(old: &Policy, before: &Server, new: &Policy, after: &Server) -> Vec<String> {
    let mut parts = Vec::new();
    if before.hostname != after.hostname {
        parts.push(format!("hostname {} is now {}", before.hostname, after.hostname));
    }
    if authentication(old, before) != authentication(new, after) {
        parts.push("authentication changed".to_owned());
    }
    if authorization(old, before) != authorization(new, after) {
        parts.push("authorization changed".to_owned());
    }
    if before.passthrough != after.passthrough {
        parts.push("traffic mode changed".to_owned());
    }
    parts
}

/// The authentication of a server with everything it refers to written out.
fn authentication(policy: &Policy, server: &Server) -> Value {
    server.authentication.as_ref().map_or(Value::Null, |authentication| {
        json!({
            "required": authentication.required,
            "jwt": written(&authentication.jwt, |index| policy.jwt_rule(index)),
        })
    })
}

/// The authorization of a server with everything it refers to written out.
fn authorization(policy: &Policy, server: &Server) -> Value {
    server.authorization.as_ref().map_or(Value::Null, |authorization| {
        let rules = authorization.rules.iter().filter_map(|index| policy.rule(*index));
        rules
            .map(|rule| {
                json!({
                    "name": rule.name,
                    "from": rule.from.as_ref().map(|it| written(it, |at| policy.principal(at))),
                    "to": rule.to.as_ref().map(|it| written(it, |at| policy.operation(at))),
                })
            })
            .collect()
    })
}

/// What indices refer to.
fn written<'p, T>(indices: &[u32], find: impl Fn(u32) -> Option<&'p T>) -> Vec<Value>
where
    T: serde::Serialize + 'p,
{
    let found = indices.iter().filter_map(|index| find(*index));
    found.map(|item| serde_json::to_value(item).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(value: Value) -> Policy {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn servers_that_come_go_and_change_are_named() {
        let old = policy(json!({
            "version": 1, "gateway": "a/b",
            "operations": [{"methods": ["GET"]}],
            "rules": [{"name": "r", "to": [0]}],
            "servers": [
                {"name": "changed", "hostname": "a.test", "authorization": {"rules": [0]}},
                {"name": "gone", "hostname": "b.test"},
                {"name": "same", "hostname": "c.test", "authorization": {"rules": [0]}},
            ],
        }));
        // `same` refers to the same rule by another index.
        let new = policy(json!({
            "version": 1, "gateway": "a/b", "default_action": "allow",
            "operations": [{"methods": ["PUT"]}, {"methods": ["GET"]}],
            "rules": [{"name": "r", "to": [0]}, {"name": "r", "to": [1]}],
            "servers": [
                {"name": "changed", "hostname": "a2.test", "authorization": {"rules": [0]}},
                {"name": "new", "hostname": "d.test"},
                {"name": "same", "hostname": "c.test", "authorization": {"rules": [1]}},
            ],
        }));
        assert_eq!(
            changes(&old, &new),
            [
                "~ default action: allow",
                "- server gone (b.test)",
                "~ server changed: hostname a.test is now a2.test, authorization changed",
                "+ server new (d.test)",
            ]
        );
        assert!(changes(&old, &old).is_empty());
    }
}
