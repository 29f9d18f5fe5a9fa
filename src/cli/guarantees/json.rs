//! Results as JSON: for programs, and for the page of a policy.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Broken, Judged, Standing};
use crate::cli::differences::say_why;

/// Every guarantee of a file, and the request that breaks it.
pub fn report(file: &str, judged: &[Judged]) -> Value {
    let count = |word: &str| judged.iter().filter(|one| one.standing.as_str() == word).count();
    let guarantees: Vec<Value> = judged.iter().map(one).collect();
    json!({
        "file": file,
        "proved": count("proved"),
        "refuted": count("refuted"),
        "undecided": count("undecided"),
        "guarantees": guarantees,
    })
}

/// How long something took. What takes less than a millisecond took some time.
pub fn milliseconds(took: Duration) -> u128 {
    took.as_millis().max(1)
}

fn one(judged: &Judged) -> Value {
    let mut value = json!({
        "name": judged.name,
        "line": judged.line,
        "verdict": judged.standing.as_str(),
        "milliseconds": u64::try_from(milliseconds(judged.took)).unwrap_or(u64::MAX),
    });
    match &judged.standing {
        Standing::Proved(_) => {}
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
