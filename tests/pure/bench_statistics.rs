//! What the side-by-side benchmark makes of its figures: a claim is only as good as this.

#[path = "../../benches/side_by_side/statistics.rs"]
mod statistics;
#[path = "../../benches/side_by_side/verdict.rs"]
mod verdict;

use statistics::{Estimate, median, quantile, ratio, spread};
use verdict::{Bound, Verdict, verdict};

#[test]
fn quantiles_are_interpolated_in_any_order() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    assert_eq!(quantile(&[10.0, 20.0], 0.0), 10.0);
    assert_eq!(quantile(&[10.0, 20.0], 1.0), 20.0);
    let quartiles = spread(&[5.0, 1.0, 4.0, 2.0, 3.0]);
    assert_eq!((quartiles.low, quartiles.median, quartiles.high), (2.0, 3.0, 4.0));
}

#[test]
fn what_slows_a_whole_round_down_does_not_change_a_ratio() {
    let under = [100.0, 50.0, 80.0, 10.0];
    let over = under.map(|value| value * 1.5);
    let exact = Estimate { value: 1.5, low: 1.5, high: 1.5 };
    assert_eq!(ratio(&over, &under), exact);
}

#[test]
fn the_interval_holds_the_estimate_and_gets_narrower_with_rounds() {
    let noisy = |rounds: usize| {
        let mut random = fastrand::Rng::with_seed(1);
        let over: Vec<f64> = (0..rounds).map(|_| 2.0 + random.f64() * 0.2 - 0.1).collect();
        ratio(&over, &vec![1.0; rounds])
    };
    let (few, many) = (noisy(6), noisy(200));
    for estimate in [few, many] {
        assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
        assert!(estimate.low < 2.0 && 2.0 < estimate.high, "{estimate:?}");
    }
    assert!(many.high - many.low < few.high - few.low, "{few:?} {many:?}");
    assert_eq!(noisy(6), few, "the same rounds, the same interval");
}

#[test]
fn a_verdict_is_beyond_doubt_only_with_the_whole_interval() {
    let estimate = |low, value, high| Estimate { value, low, high };
    for (estimate, at_least, at_most) in [
        (estimate(1.1, 1.2, 1.3), Verdict::Held, Verdict::Missed),
        (estimate(0.9, 1.1, 1.2), Verdict::ProbablyHeld, Verdict::ProbablyMissed),
        (estimate(0.8, 0.9, 1.1), Verdict::ProbablyMissed, Verdict::ProbablyHeld),
        (estimate(0.7, 0.8, 0.9), Verdict::Missed, Verdict::Held),
    ] {
        assert_eq!(verdict(estimate, Bound::AtLeast(1.0)), Some(at_least), "{estimate:?}");
        assert_eq!(verdict(estimate, Bound::AtMost(1.0)), Some(at_most), "{estimate:?}");
        assert_eq!(verdict(estimate, Bound::Shown), None);
    }
}
