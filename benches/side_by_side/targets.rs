//! What has to hold: the ratios that matter, each against one comparator by name.

use serde::Serialize;

use super::scenario::{Scenario, spread, warm};
use super::variant::Variant::{self, Filter, Native, NativeLinear, NativeUncached};
use super::verdict::Bound;

/// One lane: a scenario and a variant.
pub type Lane = (String, Variant);

/// The figure that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Responses a second.
    Throughput,
    /// 99th percentile of the latency.
    P99,
}

/// A ratio.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is compared, in words.
    pub what: String,
    /// Of which figure.
    pub measure: Measure,
    /// What is divided.
    pub over: Lane,
    /// By what.
    pub under: Lane,
    /// What it has to be.
    pub bound: Bound,
}

/// All ratios of these scenarios, in the order in which they are shown.
pub fn targets(groups: &[Vec<Scenario>]) -> Vec<Target> {
    let beside = groups.iter().flatten().map(|scenario| Target {
        what: format!("{}, against {}", scenario.name, Variant::OtherModule.name()),
        measure: Measure::Throughput,
        over: (scenario.name.clone(), Filter),
        under: (scenario.name.clone(), Variant::OtherModule),
        bound: Bound::Shown,
    });
    always().into_iter().chain(beside).collect()
}

/// What is compared in every run.
fn always() -> Vec<Target> {
    use Bound::{AtLeast, AtMost, Shown};
    // The filter over a comparator in the same scenario, by throughput.
    let against = |what: &str, scenario: &str, other: Variant, bound| Target {
        what: format!("{what}, against {}", other.name()),
        measure: Measure::Throughput,
        over: (scenario.to_owned(), Filter),
        under: (scenario.to_owned(), other),
        bound,
    };
    let lane = |scenario: &str, variant| (scenario.to_owned(), variant);
    vec![
        against("warm, 1 host", "warm", Native, AtLeast(1.0)),
        against("warm, 100 hosts", &warm(100), Native, Shown),
        against("warm, 1,000 hosts", &warm(1_000), Native, AtLeast(1.0)),
        against("warm, 10,000 hosts", &warm(10_000), Native, AtLeast(1.0)),
        against("warm, all of 1,000 hosts", &spread(1_000), Native, Shown),
        against("warm, all of 10,000 hosts", &spread(10_000), Native, Shown),
        against("warm, 1 host", "warm", NativeLinear, Shown),
        against("warm, 100 hosts", &warm(100), NativeLinear, AtLeast(1.1)),
        against("warm, 1,000 hosts", &warm(1_000), NativeLinear, AtLeast(3.3)),
        against("warm, 10,000 hosts", &warm(10_000), NativeLinear, AtLeast(40.0)),
        against("warm, all of 1,000 hosts", &spread(1_000), NativeLinear, Shown),
        against("warm, all of 10,000 hosts", &spread(10_000), NativeLinear, Shown),
        against("warm, 1 host", "warm", NativeUncached, AtLeast(1.9)),
        Target {
            what: "egress-auth with 10,000 hosts over egress-auth with 1".to_owned(),
            measure: Measure::Throughput,
            over: lane(&warm(10_000), Filter),
            under: lane("warm", Filter),
            bound: AtLeast(0.97),
        },
        Target {
            what: "the same, with requests to all of the 10,000".to_owned(),
            measure: Measure::Throughput,
            over: lane(&spread(10_000), Filter),
            under: lane("warm", Filter),
            bound: Shown,
        },
        against("cold RS256, 1 host", "cold-rs256", Native, AtLeast(1.0)),
        against("cold ES256, 1 host", "cold-es256", Native, AtLeast(0.97)),
        against("cold EdDSA, 1 host", "cold-eddsa", Native, AtLeast(0.6)),
        against("denied, 403", "denied", Native, AtLeast(1.0)),
        against("denied, 403", "denied", NativeLinear, Shown),
        against("missing token, 401", "missing", Native, AtLeast(1.0)),
        Target {
            what: format!(
                "99th percentile of good requests in a flood of forged tokens, against {}",
                Native.name()
            ),
            measure: Measure::P99,
            over: lane("flood", Filter),
            under: lane("flood", Native),
            bound: AtMost(1.1),
        },
        against("all requests of that flood", "flood", Native, Shown),
        against("warm over mTLS with egressAuthorization", "mtls", Native, AtLeast(1.0)),
        against("warm over mTLS with egressAuthorization", "mtls", NativeLinear, Shown),
        Target {
            what: "warm over mTLS, certificate bound, over warm over mTLS".to_owned(),
            measure: Measure::Throughput,
            over: lane("mtls-bound", Filter),
            under: lane("mtls-token", Filter),
            bound: AtLeast(0.97),
        },
        against("warm, 1,000 tokens", "warm-1000-tokens", Native, Shown),
        against("warm, 100 rules", "warm-100-rules", Native, Shown),
        against("warm, 100 rules", "warm-100-rules", NativeLinear, Shown),
        against("warm, no output header", "warm-no-output-header", Native, Shown),
        against("warm, 20 further headers", "warm-20-headers", Native, Shown),
        Target {
            what: "the price: no filter over egress-auth, warm, 1 host".to_owned(),
            measure: Measure::Throughput,
            over: lane("warm", Variant::None),
            under: lane("warm", Filter),
            bound: AtMost(1.18),
        },
    ]
}

/// The most bytes that the module may have.
pub const MODULE_BYTES: u64 = 550_000;
/// The most bytes of linear memory that a VM may hold: with 1 host, and with 10,000.
pub const VM_BYTES: [(usize, u64); 2] = [(1, 4 << 20), (10_000, 24 << 20)];
