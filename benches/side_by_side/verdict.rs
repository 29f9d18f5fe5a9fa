//! Whether a ratio is what it has to be, as far as its confidence allows to say.

use serde::Serialize;

use super::statistics::Estimate;

/// What a ratio must not pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// It may not be less.
    AtLeast(f64),
    /// It may not be more.
    AtMost(f64),
    /// It is shown and nothing is promised.
    Shown,
}

/// Whether something is as it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Beyond doubt: the whole confidence interval is on the right side.
    Held,
    /// The estimate is on the right side, but not the whole interval.
    ProbablyHeld,
    /// The estimate is on the wrong side, but not the whole interval.
    ProbablyMissed,
    /// Beyond doubt not.
    Missed,
}

/// Judges a ratio; nothing is said of one that is only shown.
pub fn verdict(ratio: Estimate, bound: Bound) -> Option<Verdict> {
    let (held, best_doubted, worst_doubted) = match bound {
        Bound::AtLeast(bound) => (ratio.value >= bound, ratio.low < bound, ratio.high >= bound),
        Bound::AtMost(bound) => (ratio.value <= bound, ratio.high > bound, ratio.low <= bound),
        Bound::Shown => return None,
    };
    Some(match (held, best_doubted, worst_doubted) {
        (true, false, _) => Verdict::Held,
        (true, true, _) => Verdict::ProbablyHeld,
        (false, _, true) => Verdict::ProbablyMissed,
        (false, _, false) => Verdict::Missed,
    })
}
