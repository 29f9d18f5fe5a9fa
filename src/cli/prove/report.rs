//! Results for people and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::differences::say_why;
use crate::cli::guarantees::{Broken, Judged, Standing};
use crate::cli::plain::plain;

/// One line a guarantee, why it does not hold, and a count.
///
/// # Errors
/// When `out` cannot be written to.
pub fn text(file: &str, judged: &[Judged], out: &mut dyn Write) -> io::Result<()> {
    let file = plain(file);
    writeln!(out, "{file}")?;
    for one in judged {
        // Names may hold what would steer a terminal.
        let (name, took) = (plain(&one.name), milliseconds(one.took));
        let word = one.standing.as_str();
        match &one.standing {
            Standing::Proved => writeln!(out, "  {word:<9}  {name} ({took} ms)")?,
            _ => writeln!(out, "  {:<9}  {name} ({file}:{})", word.to_ascii_uppercase(), one.line)?,
        }
        for line in one.reasons() {
            writeln!(out, "             {}", plain(&line))?;
        }
    }
    writeln!(out, "\n{}", summary(judged))
}

/// How many are proved, and how many are not.
fn summary(judged: &[Judged]) -> String {
    let count = |word: &str| judged.iter().filter(|one| one.standing.as_str() == word).count();
    let counted = ["proved", "refuted", "undecided"].map(|word| format!("{} {word}", count(word)));
    counted.join(", ")
}

fn milliseconds(took: Duration) -> u128 {
    // What takes less than a millisecond took some time.
    took.as_millis().max(1)
}

/// Every guarantee, and the request that breaks it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(file: &str, judged: &[Judged], out: &mut dyn Write) -> io::Result<()> {
    let count = |word: &str| judged.iter().filter(|one| one.standing.as_str() == word).count();
    let guarantees: Vec<Value> = judged.iter().map(one).collect();
    let report = json!({
        "file": file,
        "proved": count("proved"),
        "refuted": count("refuted"),
        "undecided": count("undecided"),
        "guarantees": guarantees,
    });
    writeln!(out, "{report:#}")
}

fn one(judged: &Judged) -> Value {
    let mut value = json!({
        "name": judged.name,
        "line": judged.line,
        "verdict": judged.standing.as_str(),
        "milliseconds": u64::try_from(milliseconds(judged.took)).unwrap_or(u64::MAX),
    });
    match &judged.standing {
        Standing::Proved => {}
        Standing::Refuted(broken) => set(&mut value, "counterexample", counterexample(broken)),
        Standing::Undecided(doubts) => {
            let doubts = doubts.iter().map(|doubt| {
                json!({ "host": doubt.host, "method": doubt.method, "why": say_why(doubt.why) })
            });
            set(&mut value, "doubts", doubts.collect());
        }
    }
    value
}

fn counterexample(broken: &Broken) -> Value {
    let answer = &broken.refutation.answer;
    json!({
        "query": broken.refutation.example.query(),
        "decision": if answer.allowed { "allow" } else { "deny" },
        "status": answer.status,
        "reason": answer.reason,
        "server": answer.server,
        "rule": answer.rule,
        "place": broken.place,
        "command": broken.command,
    })
}

fn set(value: &mut Value, name: &str, member: Value) {
    if let Value::Object(members) = value {
        members.insert(name.to_owned(), member);
    }
}
