//! Differences between two policies for people.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::cli::differences::{say_why, word};
use crate::cli::plain::plain;
use crate::diff::{Certainty, Change, Comparison, Difference, Effect, Group, Undecided, Verdict};
use crate::jwt::Thumbprint;
use crate::prove::example::{Answer, Example};
use crate::prove::hosts::Host;

/// Hosts of a group that are named; of more only the number.
const NAMED_HOSTS: usize = 5;
/// Callers and paths of a change that are named.
const NAMED: usize = 8;

/// What became allowed or denied, host by host, and what was compared.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(comparison: &Comparison, now: u64, out: &mut dyn Write) -> io::Result<()> {
    for group in &comparison.groups {
        write_group(group, now, out)?;
    }
    if !comparison.security.is_empty() {
        writeln!(out, "the policy as a whole")?;
        for difference in &comparison.security {
            writeln!(out, "{}", security(difference))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(comparison))
}

/// What a comparison comes to, in a line.
pub fn summary(comparison: &Comparison) -> String {
    let hosts = counted(comparison.hosts, "host");
    let beside = comparison.all_security().count();
    let rewritten = match comparison.rewritten {
        0 => String::new(),
        1 => "; 1 is written otherwise".to_owned(),
        more => format!("; {more} are written otherwise"),
    };
    if comparison.is_empty() {
        return match comparison.rewritten {
            0 => format!("no difference: {} the same rules", all_have(comparison.hosts)),
            _ => format!("no difference: every request to {hosts} is decided alike{rewritten}"),
        };
    }
    let decided = match comparison.verdict {
        Verdict::Equal => format!("every request to {hosts} is decided alike{rewritten}"),
        verdict => {
            let differing = comparison.differing;
            let are = if differing == 1 { "is" } else { "are" };
            format!(
                "{differing} of {hosts} {are} decided otherwise{rewritten}: the new policy is {}",
                say(verdict)
            )
        }
    };
    match beside {
        0 => decided,
        1 => format!("{decided}\n1 thing differs beside decisions"),
        more => format!("{decided}\n{more} things differ beside decisions"),
    }
}

/// One of the hosts stands for all that neither policy names.
fn all_have(hosts: usize) -> String {
    match hosts.saturating_sub(1) {
        0 => "every host has".to_owned(),
        1 => "the host and every other have".to_owned(),
        more => format!("all {more} hosts and every other have"),
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A verdict with what it means.
fn say(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "equal",
        Verdict::Narrower => "narrower, it allows nothing more",
        Verdict::Wider => "wider, it denies nothing more",
        Verdict::Crossing => "neither wider nor narrower (crossing)",
        Verdict::Undecided => "not fully comparable (undecided)",
    }
}

fn write_group(group: &Group, now: u64, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<_> = group.hosts.iter().take(NAMED_HOSTS).map(host).collect();
    write!(out, "{}", plain(&named.join(", ")))?;
    match group.hosts.len().saturating_sub(named.len()) {
        0 => {}
        more => write!(out, " and {more} more with the same rules")?,
    }
    writeln!(out, ": {}", group.verdict.as_str())?;
    // What is opened comes first: that is what must not be overlooked.
    for change in &group.changes {
        write_change(change, now, out)?;
    }
    for undecided in &group.undecided {
        writeln!(out, "{}", say_undecided(undecided))?;
    }
    for difference in &group.security {
        writeln!(out, "{}", security(difference))?;
    }
    match (group.gained, group.lost) {
        (Certainty::Yes, Certainty::Undecided) => {
            writeln!(out, "  ? whether anything became denied could not be told")?;
        }
        (Certainty::Undecided, Certainty::Yes) => {
            writeln!(out, "  ? whether anything became allowed could not be told")?;
        }
        _ => {}
    }
    writeln!(out)
}

fn write_change(change: &Change, now: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let sign = if change.allowed { '+' } else { '-' };
    table.add_row([
        format!("{sign} {}", word(change.allowed)),
        few(change.callers.iter().map(String::as_str)),
        change.say_methods(),
        few(change.say_paths().into_iter()),
    ]);
    for line in table.to_string().lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    let (after, before) = (answer(&change.after), answer(&change.before));
    writeln!(out, "      {}", plain(&such_as(change, now)))?;
    writeln!(out, "      {after}, was {before}")
}

/// Some of a list, one a line. Patterns may hold what would steer a terminal, or look like a line
/// of ours.
fn few<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = texts.len().saturating_sub(NAMED);
    let mut lines: Vec<_> = texts.take(NAMED).map(|text| plain(text).into_owned()).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// A host, and the one that stands for it.
pub fn host(host: &Host) -> String {
    match &host.name {
        None => format!("any other host (as {})", host.example),
        Some(name) if *name == host.example => name.clone(),
        Some(name) => format!("{name} (as {})", host.example),
    }
}

/// An answer in short.
pub fn answer(answer: &Answer) -> String {
    let rule = match &answer.rule {
        None => String::new(),
        Some(rule) => format!(" by `{}`", plain(rule)),
    };
    format!("{} {}{rule}", answer.status, answer.reason)
}

/// The requests that show a change, in a line: a shortest one, and one that says more.
pub fn such_as(change: &Change, now: u64) -> String {
    let also = change.examples.get(1).and_then(|also| also.path.as_deref());
    change.examples.first().map(|first| example(first, also, now)).unwrap_or_default()
}

/// A request in a line: method, address, perhaps another path, and who makes it.
fn example(example: &Example, also: Option<&str>, now: u64) -> String {
    let mut parts = vec![example.request()];
    parts.extend(also.map(|path| format!("and {path}")));
    if let Some(claims) = example.token.as_map() {
        parts.push(format!("with {}", token(claims, now)));
        parts.extend(example.token.type_name().map(|name| format!("typ={name}")));
    }
    let workload = |id: &str| match id.split_once("/ns/").and_then(|(_, it)| it.split_once("/sa/"))
    {
        Some((namespace, account)) => format!("{namespace}/{account}"),
        None => id.to_owned(),
    };
    match (&example.sender.peer, &example.sender.behind) {
        (None, _) => {}
        (Some(peer), None) => parts.push(format!("from {}", workload(peer))),
        (Some(peer), Some((_, id))) => {
            parts.push(format!("from {} behind {}", workload(id), workload(peer)));
        }
    }
    let certificate = example.sender.certificate.as_ref();
    let certificate = certificate.and_then(|it| Thumbprint::from_hex(it.as_bytes()));
    parts.extend(certificate.map(|it| format!("with the certificate {}", it.short())));
    parts.join(" ")
}

/// Claims, those that say who first.
fn token(claims: &serde_json::Map<String, Value>, now: u64) -> String {
    let mut claims: Vec<_> = claims.iter().collect();
    claims.sort_by_key(|(name, _)| match name.as_str() {
        "sub" => 0,
        "iss" => 1,
        _ => 2,
    });
    let in_seconds = |name: &str, value: &Value| {
        let date = value.as_f64().filter(|_| matches!(name, "exp" | "nbf"))?;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let seconds = (date - now as f64) as i64;
        Some(match seconds {
            0.. => format!("{name} in {seconds} s"),
            past => format!("{name} {} s ago", past.unsigned_abs()),
        })
    };
    let claims = claims.into_iter().map(|(name, value)| {
        in_seconds(name, value).unwrap_or_else(|| match value {
            Value::String(text) => format!("{name}={text}"),
            Value::Object(_) if name == "cnf" => match cnf(value) {
                Some(thumbprint) => format!("cnf={}", thumbprint.short()),
                None => format!("{name}={value}"),
            },
            value => match value.as_array().map(Vec::as_slice) {
                Some([Value::String(only)]) => format!("{name}={only}"),
                _ => format!("{name}={value}"),
            },
        })
    });
    claims.collect::<Vec<_>>().join(" ")
}

/// The certificate that a token is bound to.
fn cnf(value: &Value) -> Option<Thumbprint> {
    Thumbprint::from_base64url(value.get("x5t#S256")?.as_str()?)
}

fn say_undecided(undecided: &Undecided) -> String {
    let method = undecided.method.as_deref().unwrap_or("any method");
    let pattern = undecided.pattern.as_deref().unwrap_or("any path");
    let what = format!("{}  {method}  {pattern}", undecided.who);
    format!(
        "  ? undecided whether {}  {}\n      {}",
        if undecided.gained { "more is allowed" } else { "more is denied" },
        plain(&what),
        say_why(undecided.why)
    )
}

/// Something beside decisions, in two lines.
fn security(difference: &Difference) -> String {
    let sign = match difference.effect {
        Effect::Wider => '+',
        Effect::Narrower => '-',
        Effect::Other => '~',
    };
    let issuer = match &difference.issuer {
        None => String::new(),
        Some(issuer) => format!(" of {issuer}"),
    };
    let said =
        format!("{}{issuer}: {}, was {}", difference.what, difference.after, difference.before);
    format!("  {sign} {}\n      {}", plain(&said), difference.consequence)
}
