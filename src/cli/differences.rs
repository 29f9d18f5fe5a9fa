//! Differences between two policies for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::diff::{Answer, Change, Comparison, Group, Host, Sender, Token};

/// Writes one JSON object.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:#}", value(comparison))
}

/// What differs, with every request.
pub fn value(comparison: &Comparison) -> Value {
    let groups = comparison.groups.iter();
    json!({
        "hosts": comparison.hosts,
        "differing_hosts": comparison.differing,
        "requests": comparison.requests,
        "requests_left_out": comparison.left_out,
        "differences": groups.map(group).collect::<Vec<_>>(),
    })
}

fn group(group: &Group) -> Value {
    let mut differs = Vec::new();
    differs.extend(group.authentication.then_some("authentication"));
    differs.extend(group.authorization.then_some("authorization"));
    json!({
        "hosts": group.hosts.iter().map(host).collect::<Vec<_>>(),
        "differs": differs,
        "requests_left_out": group.left_out,
        "changes": group.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn host(host: &Host) -> Value {
    json!({ "name": host.name, "example": host.example })
}

fn change(change: &Change) -> Value {
    let claims = change.tokens().map(Token::as_map).collect::<Vec<_>>();
    let sources = change.senders().map(sender).collect::<Vec<_>>();
    json!({
        "change": word(&change.after),
        "before": answer(&change.before),
        "after": answer(&change.after),
        "claims": claims,
        "sources": sources,
        "methods": change.methods().collect::<Vec<_>>(),
        "paths": change.paths().collect::<Vec<_>>(),
    })
}

fn sender(sender: &Sender) -> Value {
    match &sender.behind {
        None => json!(sender.peer),
        Some((_, behind)) => json!({ "peer": sender.peer, "behind": behind }),
    }
}

/// What a request became.
pub fn word(after: &Answer) -> &'static str {
    if after.allowed { "allowed" } else { "denied" }
}

/// An answer as `explain` has it.
pub fn answer(answer: &Answer) -> Value {
    let decision = if answer.allowed { "allow" } else { "deny" };
    json!({ "decision": decision, "status": answer.status, "reason": answer.reason })
}
