//! Differences between two policies for the comment of a change.

use std::io::{self, Write};

use super::text::{answer, host, such_as, summary};
use crate::cli::differences::{say_why, word};
use crate::diff::{Comparison, Difference, Group};

/// Hosts of a group that are named.
const NAMED_HOSTS: usize = 5;
/// Groups that are shown: a comment has an end.
const MOST_GROUPS: usize = 40;

/// Headings, tables and what they come to.
pub fn write(comparison: &Comparison, now: u64, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "### Egress policy: {}\n", comparison.verdict.as_str())?;
    for line in summary(comparison).lines() {
        writeln!(out, "{}\n", cell(line))?;
    }
    for group in comparison.groups.iter().take(MOST_GROUPS) {
        write_group(group, now, out)?;
    }
    match comparison.groups.len().saturating_sub(MOST_GROUPS) {
        0 => {}
        more => writeln!(out, "{more} more groups of hosts differ.\n")?,
    }
    if !comparison.security.is_empty() {
        writeln!(out, "#### The policy as a whole\n")?;
        write_security(&comparison.security, out)?;
    }
    Ok(())
}

fn write_group(group: &Group, now: u64, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<_> = group.hosts.iter().take(NAMED_HOSTS).map(|it| code(&host(it))).collect();
    let more = match group.hosts.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    writeln!(out, "#### {}{more}: {}\n", named.join(", "), group.verdict.as_str())?;
    if !group.changes.is_empty() || !group.undecided.is_empty() {
        writeln!(out, "| | who | methods | paths | such as | now | before |")?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
    }
    for change in &group.changes {
        let sign = if change.allowed { '+' } else { '−' };
        let list = |texts: Vec<&str>| -> String {
            texts.into_iter().map(code).collect::<Vec<_>>().join("<br>")
        };
        writeln!(
            out,
            "| {sign} {} | {} | {} | {} | {} | {} | {} |",
            word(change.allowed),
            list(change.callers.iter().map(String::as_str).collect()),
            cell(&change.say_methods()),
            list(change.say_paths()),
            code(&such_as(change, now)),
            cell(&answer(&change.after)),
            cell(&answer(&change.before)),
        )?;
    }
    for undecided in &group.undecided {
        let what = if undecided.gained { "? may be allowed" } else { "? may be denied" };
        writeln!(
            out,
            "| {what} | {} | {} | {} | {} | | |",
            code(&undecided.who),
            cell(undecided.method.as_deref().unwrap_or("any method")),
            code(undecided.pattern.as_deref().unwrap_or("any path")),
            say_why(undecided.why),
        )?;
    }
    writeln!(out)?;
    if group.security.is_empty() { Ok(()) } else { write_security(&group.security, out) }
}

fn write_security(differences: &[Difference], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| beside decisions | issuer | now | before | |\n|---|---|---|---|---|")?;
    for difference in differences {
        writeln!(
            out,
            "| {} ({}) | {} | {} | {} | {} |",
            cell(difference.what),
            difference.effect.as_str(),
            code(difference.issuer.as_deref().unwrap_or_default()),
            code(&difference.after),
            code(&difference.before),
            cell(difference.consequence),
        )?;
    }
    writeln!(out)
}

/// A text of others in a cell of a table: it begins no markup and ends no cell.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '@' | '!' | '~' | '&' => {
                out.push_str(&format!("&#{};", u32::from(character)));
            }
            character if character.is_control() => out.extend(character.escape_debug()),
            character => out.push(character),
        }
    }
    out
}

/// The same as code.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", cell(text)) }
}
