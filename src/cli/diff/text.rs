//! Differences between two policies for people.

use std::collections::BTreeSet;
use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::cli::differences::word;
use crate::cli::plain::plain;
use crate::diff::{Answer, Change, Comparison, Group, Host, Sender, Token};

/// Hosts of a group that are named; of more only the number.
const NAMED_HOSTS: usize = 5;

/// What became allowed or denied, host by host, and what was compared.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(comparison: &Comparison, now: u64, out: &mut dyn Write) -> io::Result<()> {
    for group in &comparison.groups {
        write_group(group, now, out)?;
    }
    let hosts = comparison.hosts;
    if comparison.is_empty() {
        return writeln!(out, "no difference: all {hosts} hosts have the same rules");
    }
    let counted = |allowed| {
        let changes = comparison.groups.iter().flat_map(|group| &group.changes);
        changes.filter(|it| it.after.allowed == allowed).map(Change::count).sum::<usize>()
    };
    writeln!(
        out,
        "{} of {hosts} hosts have other rules: of {} requests made from their patterns, {} became \
         allowed and {} denied",
        comparison.differing,
        comparison.requests,
        counted(true),
        counted(false),
    )?;
    match comparison.left_out {
        0 => Ok(()),
        more => writeln!(
            out,
            "not all of them were made: {more} more would have taken too long, so there may be \
             more changes; compare logged traffic with --requests FILE"
        ),
    }
}

fn write_group(group: &Group, now: u64, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<_> = group.hosts.iter().take(NAMED_HOSTS).map(host).collect();
    write!(out, "{}", plain(&named.join(", ")))?;
    match group.hosts.len().saturating_sub(named.len()) {
        0 => writeln!(out)?,
        more => writeln!(out, " and {more} more with the same rules")?,
    }
    if group.changes.is_empty() {
        let what = match (group.authentication, group.authorization) {
            (true, false) => "authentication differs",
            (false, _) => "authorization differs",
            (true, true) => "authentication and authorization differ",
        };
        writeln!(out, "  ~ {what}, but no request made from the patterns shows it")?;
        return left_out(group, out);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    // What is opened first: that is what must not be overlooked.
    let (opened, closed): (Vec<_>, Vec<_>) =
        group.changes.iter().partition(|change| change.after.allowed);
    for change in opened.into_iter().chain(closed) {
        let sign = if change.after.allowed { '+' } else { '-' };
        table.add_row([
            format!("{sign} {}", word(&change.after)),
            who(change, now),
            methods(change),
            paths(change),
            format!("{}, was {}", answer(&change.after), answer(&change.before)),
        ]);
    }
    for line in table.to_string().lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    left_out(group, out)
}

/// Whether there may be more, and the empty line that ends a group.
fn left_out(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    match group.left_out {
        0 => {}
        more => writeln!(out, "  ? {more} more requests from the patterns were not made")?,
    }
    writeln!(out)
}

fn host(host: &Host) -> String {
    match &host.name {
        None => format!("any other host (as {})", host.example),
        Some(name) if *name == host.example => name.clone(),
        Some(name) => format!("{name} (as {})", host.example),
    }
}

fn answer(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.reason)
}

/// Tokens and workloads, one a line; only where the host looks at them.
fn who(change: &Change, now: u64) -> String {
    let requests = &change.requests;
    let mut lines = Vec::new();
    if requests.tokens_matter {
        match requests.whole && change.tokens().eq(&requests.tokens) {
            true => lines.push("any token or none".to_owned()),
            false => lines.extend(change.tokens().map(|it| plain(&token(it, now)).into_owned())),
        }
    }
    if requests.senders_matter {
        match requests.whole && change.senders().eq(&requests.senders) {
            true => lines.push("from any workload".to_owned()),
            false => lines.extend(change.senders().map(|it| plain(&sender(it)).into_owned())),
        }
    }
    if lines.is_empty() { "anyone".to_owned() } else { lines.join("\n") }
}

/// Claims, those that say who first.
fn token(token: &Token, now: u64) -> String {
    let Some(claims) = token.as_map() else { return "no token".to_owned() };
    let mut claims: Vec<_> = claims.iter().collect();
    claims.sort_by_key(|(name, _)| match name.as_str() {
        "sub" => 0,
        "iss" => 1,
        _ => 2,
    });
    let claims = claims.into_iter().map(|(name, value)| match (name.as_str(), value) {
        ("exp", value) => {
            let seconds = value.as_u64().unwrap_or_default().saturating_sub(now);
            format!("exp in {seconds} s")
        }
        (name, Value::String(text)) => format!("{name}={text}"),
        (name, value) => match value.as_array().map(Vec::as_slice) {
            Some([Value::String(only)]) => format!("{name}={only}"),
            _ => format!("{name}={value}"),
        },
    });
    claims.collect::<Vec<_>>().join(" ")
}

fn sender(sender: &Sender) -> String {
    let workload = |id: &str| match id.split_once("/ns/").and_then(|(_, it)| it.split_once("/sa/"))
    {
        Some((namespace, account)) => format!("{namespace}/{account}"),
        None => id.to_owned(),
    };
    match (&sender.peer, &sender.behind) {
        (None, _) => "from no known workload".to_owned(),
        (Some(peer), None) => format!("from {}", workload(peer)),
        (Some(peer), Some((_, id))) => format!("from {} behind {}", workload(id), workload(peer)),
    }
}

fn methods(change: &Change) -> String {
    let requests = &change.requests;
    let methods: Vec<_> = change.methods().collect();
    if !requests.whole || !methods.contains(&requests.other_method.as_str()) {
        return methods.join(", ");
    }
    let all = requests.methods.iter().map(String::as_str);
    let but: Vec<_> = all.filter(|method| !methods.contains(method)).collect();
    match but.is_empty() {
        true => "any method".to_owned(),
        false => format!("any but {}", but.join(", ")),
    }
}

/// Paths; a pattern where all that were made from it are among them.
fn paths(change: &Change) -> String {
    let requests = &change.requests;
    if requests.whole && change.paths.len() == requests.paths.len() {
        return "any path".to_owned();
    }
    let mut patterns: Vec<_> = requests.patterns.iter().collect();
    patterns.sort_by_key(|(_, paths)| std::cmp::Reverse(paths.len()));
    let mut left = change.paths.clone();
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for (pattern, paths) in patterns {
        if paths.is_subset(&change.paths) && !paths.is_disjoint(&left) {
            left.retain(|path| !paths.contains(path));
            said.insert(pattern);
        }
    }
    let left = left.iter().filter_map(|at| requests.paths.get(*at).map(String::as_str));
    // Patterns may hold what would steer a terminal, or look like a line of ours.
    said.into_iter().chain(left).map(plain).collect::<Vec<_>>().join("\n")
}
