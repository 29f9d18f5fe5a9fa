//! Why a guarantee does not hold, for people.

use super::{Broken, Judged, Standing};
use crate::cli::differences::say_why;

/// Doubts that are named; of more only the number.
const NAMED: usize = 3;

impl Standing {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::Refuted(_) => "refuted",
            Self::Undecided(_) => "undecided",
        }
    }
}

impl Judged {
    /// Whether it was proved.
    pub fn holds(&self) -> bool {
        matches!(self.standing, Standing::Proved(_))
    }

    /// What stands in the way, a line each; nothing where it was proved.
    pub fn reasons(&self) -> Vec<String> {
        match &self.standing {
            Standing::Proved(_) => Vec::new(),
            Standing::Refuted(broken) => broken.lines(),
            Standing::Undecided(doubts) => {
                let mut lines: Vec<_> = doubts
                    .iter()
                    .take(NAMED)
                    .map(|doubt| {
                        let method = doubt.method.as_deref().unwrap_or("any method");
                        format!("{} {method}: {}", doubt.host, say_why(doubt.why))
                    })
                    .collect();
                let more = doubts.len().saturating_sub(NAMED);
                if more > 0 {
                    lines.push(format!("and {more} more"));
                }
                lines
            }
        }
    }
}

impl Broken {
    fn lines(&self) -> Vec<String> {
        let answer = &self.refutation.answer;
        let by = match (&answer.rule, &self.place) {
            (None, _) => String::new(),
            (Some(rule), None) => format!(" by `{rule}`"),
            (Some(rule), Some(place)) => format!(" by `{rule}` ({place})"),
        };
        vec![
            self.refutation.example.request(),
            format!("{} {}{by}", answer.status, answer.reason),
            self.command.clone(),
        ]
    }
}
