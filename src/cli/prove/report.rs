//! Results for people and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::guarantees::json::{milliseconds, report};
use crate::cli::guarantees::{Judged, Standing};
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
            Standing::Proved(_) => writeln!(out, "  {word:<9}  {name} ({took} ms)")?,
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

/// What was found about paths for every guarantee that is proved.
///
/// # Errors
/// When `out` cannot be written to.
pub fn certificates(judged: &[Judged], out: &mut dyn Write) -> io::Result<()> {
    let proved = judged.iter().filter_map(|one| match &one.standing {
        Standing::Proved(proofs) => Some(json!({ "name": one.name, "proofs": proofs })),
        Standing::Refuted(_) | Standing::Undecided(_) => None,
    });
    let proved: Vec<Value> = proved.collect();
    writeln!(out, "{:#}", json!({ "guarantees": proved }))
}

/// Every guarantee, and the request that breaks it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(file: &str, judged: &[Judged], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:#}", report(file, judged))
}
