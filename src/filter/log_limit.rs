//! How many lines a worker writes about denied requests: whoever sends bad requests would otherwise
//! decide how much is written, and bury what happens elsewhere.
//!
//! Lines are limited by kind, which is a server and a reason, and in all. The first line of a kind
//! is always written, whatever is going on at other servers; lines that are held back are counted,
//! and the counts written, so that the log still adds up.

use std::collections::{HashMap, VecDeque};

use crate::engine::{Decision, Outcome};
use crate::signals::{Mechanism, Reason};

/// The most lines of one kind in a second.
const MAX_OF_A_KIND: u32 = 10;
/// The most lines in a second, but for first ones.
const MAX_IN_ALL: u32 = 100;
/// A line is the first of its kind after as many seconds without one.
const FORGOTTEN_AFTER_SECONDS: u64 = 60;
/// The most counts that are written at once; the next ones follow with the next.
const MAX_COUNTS: usize = 20;

/// The lines of one worker. It knows as many kinds as there are servers and reasons.
#[derive(Debug, Default)]
pub struct LogLimit {
    kinds: HashMap<Kind, Lines>,
    /// Kinds of which lines were held back, in the order in which that began.
    owing: VecDeque<Kind>,
    /// The second in which lines were written last, in Unix time, and how many.
    second: u64,
    written: u32,
}

/// A kind of decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    /// Of the server.
    position: Option<usize>,
    mechanism: Mechanism,
    reason: Reason,
    shadow: bool,
}

/// The lines of one kind.
#[derive(Debug)]
struct Lines {
    /// What a count says, but for the number.
    name: String,
    /// The second in which lines were written last, and how many.
    second: u64,
    written: u32,
    held_back: u64,
}

impl LogLimit {
    /// Whether the line of a decision may be written now, in milliseconds since the Unix epoch. One
    /// that may not is counted.
    pub fn admits(&mut self, decision: &Decision<'_>, now: u64) -> bool {
        let second = now / 1_000;
        if self.second != second {
            (self.second, self.written) = (second, 0);
        }
        let kind = Kind {
            position: decision.position,
            mechanism: decision.mechanism,
            reason: decision.reason,
            shadow: decision.shadow,
        };
        let mut first = false;
        let lines = self.kinds.entry(kind).or_insert_with(|| {
            first = true;
            Lines { name: name(decision), second, written: 0, held_back: 0 }
        });
        if lines.second != second {
            first = lines.second.abs_diff(second) >= FORGOTTEN_AFTER_SECONDS;
            lines.written = 0;
        }
        if first || (lines.written < MAX_OF_A_KIND && self.written < MAX_IN_ALL) {
            lines.second = second;
            lines.written = lines.written.saturating_add(1);
            self.written = self.written.saturating_add(1);
            return true;
        }
        if lines.held_back == 0 {
            self.owing.push_back(kind);
        }
        lines.held_back = lines.held_back.saturating_add(1);
        false
    }

    /// Hands over what was held back since the last time: one line for each kind, the longest
    /// waiting first, and at most [`MAX_COUNTS`].
    pub fn counts(&mut self) -> Vec<String> {
        let due = self.owing.len().min(MAX_COUNTS);
        self.counts_of(due)
    }

    /// Hands over all of it: there is no next time.
    pub fn last_counts(&mut self) -> Vec<String> {
        self.counts_of(self.owing.len())
    }

    fn counts_of(&mut self, due: usize) -> Vec<String> {
        let kinds = self.owing.drain(..due);
        let lines = kinds.filter_map(|kind| {
            let lines = self.kinds.get_mut(&kind)?;
            let held_back = std::mem::take(&mut lines.held_back);
            Some(format!("not logged: {held_back} more {}", lines.name))
        });
        lines.collect()
    }
}

/// What lines of one kind have in common.
fn name(decision: &Decision<'_>) -> String {
    let verb = match decision.outcome {
        Outcome::Deny(_) => "denied",
        Outcome::Allow(_) => "that it would deny",
    };
    let (reason, mechanism) = (decision.code(), decision.mechanism);
    format!(
        "{verb} reason={reason} mechanism={mechanism} server={}",
        decision.server.unwrap_or("-")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Denial, Mutations};

    const SECOND: u64 = 1_000;
    const NOW: u64 = 1_700_000_000 * SECOND;

    fn denied(position: usize, reason: Reason) -> Decision<'static> {
        Decision {
            outcome: Outcome::Deny(Denial { status: 401, body: "", headers: vec![] }),
            reason,
            mechanism: Mechanism::Authentication,
            server: Some(["a", "b", "c"].get(position).copied().unwrap_or("many")),
            position: Some(position),
            rule: None,
            shadow: false,
        }
    }

    fn admitted(limit: &mut LogLimit, decision: &Decision<'_>, times: usize, now: u64) -> usize {
        (0..times).filter(|_| limit.admits(decision, now)).count()
    }

    #[test]
    fn ten_lines_a_second_are_written_of_a_kind_and_the_rest_is_counted() {
        let mut limit = LogLimit::default();
        let flood = denied(0, Reason::Expired);
        assert_eq!(admitted(&mut limit, &flood, 500, NOW), 10);
        assert_eq!(admitted(&mut limit, &flood, 500, NOW + 999), 0);
        assert_eq!(admitted(&mut limit, &flood, 500, NOW + SECOND), 10);
        assert_eq!(
            limit.counts(),
            ["not logged: 1480 more denied reason=expired mechanism=authentication server=a"]
        );
        assert_eq!(limit.counts(), [""; 0], "a count is written once");
        assert_eq!(admitted(&mut limit, &flood, 10, NOW + 2 * SECOND), 10);
        assert_eq!(limit.counts(), [""; 0], "nothing was held back");
    }

    #[test]
    fn a_flood_hides_nothing_elsewhere() {
        let mut limit = LogLimit::default();
        // So many servers that the lines in all are used up.
        let lines: usize = (10..40)
            .map(|position| {
                admitted(&mut limit, &denied(position, Reason::MissingToken), 1_000, NOW)
            })
            .sum();
        assert_eq!(lines, 100 + 20, "and the first line of each server that came later");
        for reason in [Reason::Expired, Reason::BadSignature] {
            assert_eq!(admitted(&mut limit, &denied(1, reason), 2, NOW), 1, "the first line");
        }
        // A second later there is room for others.
        assert_eq!(admitted(&mut limit, &denied(1, Reason::Expired), 1, NOW + SECOND), 1);
        let mut counts = limit.counts();
        assert_eq!(counts.len(), MAX_COUNTS);
        counts.extend(limit.counts());
        assert_eq!(counts.len(), 32, "one for each kind");
        assert_eq!(
            counts[30],
            "not logged: 1 more denied reason=expired mechanism=authentication server=b"
        );
    }

    #[test]
    fn after_a_while_a_line_is_a_first_one_again() {
        let mut limit = LogLimit::default();
        let (flood, rare) =
            (|position| denied(position, Reason::Expired), denied(0, Reason::Expired));
        assert!(limit.admits(&rare, NOW));
        for (later, expected) in [(59, 0), (60, 1)] {
            let now = NOW + later * SECOND;
            (100..200).for_each(|position| assert!(limit.admits(&flood(position), now)));
            assert_eq!(admitted(&mut limit, &rare, 5, now), expected, "after {later} s");
        }
        // A clock that was set back stops nothing.
        assert!(limit.admits(&rare, NOW - 3_600 * SECOND));
    }

    #[test]
    fn what_is_only_tried_out_is_a_kind_of_its_own_and_nothing_is_lost_at_the_end() {
        let mut limit = LogLimit::default();
        let tried_out = Decision {
            outcome: Outcome::Allow(Mutations::default()),
            shadow: true,
            ..denied(2, Reason::MissingToken)
        };
        for position in 0..30 {
            admitted(&mut limit, &denied(position, Reason::MissingToken), 11, NOW);
        }
        assert_eq!(admitted(&mut limit, &tried_out, 11, NOW), 1);
        let counts = limit.last_counts();
        assert_eq!(counts.len(), 31);
        assert_eq!(
            counts[30],
            "not logged: 10 more that it would deny reason=shadow_missing_token \
             mechanism=authentication server=c"
        );
        assert_eq!(limit.last_counts(), [""; 0]);
    }
}
