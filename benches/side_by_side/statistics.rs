//! Medians, spread, and ratios with their confidence.

use serde::{Deserialize, Serialize};

/// How often rounds are drawn anew for a confidence interval.
const RESAMPLES: usize = 10_000;

/// The middle of some values, and where half of them lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The first quartile.
    pub low: f64,
    /// The third quartile.
    pub high: f64,
}

/// An estimate and the interval in which it lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The median of the rounds' ratios.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The value below which a share of the values lies, interpolated; 0 without values.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let at = |index: usize| sorted.get(index.min(last)).copied().unwrap_or_default();
    // Truncation is the point: the value before the place.
    let (before, rest) = (place as usize, place.fract());
    at(before) * (1.0 - rest) + at(before + 1) * rest
}

/// The middle of some values.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Median and quartiles.
pub fn spread(values: &[f64]) -> Spread {
    let at = |share| quantile(values, share);
    Spread { median: at(0.5), low: at(0.25), high: at(0.75) }
}

/// The ratio of two lanes that were measured in the same rounds: the median of the ratios of each
/// round, so that what slows a whole round down does not count, with the percentile bootstrap
/// interval over rounds. The same values always give the same interval.
pub fn ratio(over: &[f64], under: &[f64]) -> Estimate {
    let ratios: Vec<f64> = over.iter().zip(under).map(|(over, under)| over / under).collect();
    let mut random = fastrand::Rng::with_seed(95);
    let mut drawn = Vec::with_capacity(ratios.len());
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.clear();
            drawn.extend(ratios.iter().filter_map(|_| random.choice(&ratios)));
            median(&drawn)
        })
        .collect();
    Estimate {
        value: median(&ratios),
        low: quantile(&medians, 0.025),
        high: quantile(&medians, 0.975),
    }
}
