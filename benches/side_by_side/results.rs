//! Everything that was found, as it goes into `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compiling::Compiling;
use super::envoy::Memory;
use super::machine::Machine;
use super::statistics::{Estimate, Spread, ratio, spread};
use super::targets::{MODULE_BYTES, Measure, Target, VM_BYTES};
use super::variant::Variant;
use super::verdict::{Bound, Verdict, verdict};

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The command that was run.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// How.
    pub settings: Settings,
    /// Ratios with their confidence, and what they had to be.
    pub ratios: Vec<RatioResult>,
    /// Sizes, and what they had to be.
    pub sizes: Vec<SizeResult>,
    /// What a million requests leave behind.
    pub growth: Option<Growth>,
    /// What it costs to compile a large Gateway.
    pub compiling: Option<Compiling>,
    /// What the filter asks of Envoy for one request, by kind of request.
    pub host_calls: BTreeMap<String, Calls>,
    /// The figures.
    pub scenarios: Vec<ScenarioResult>,
}

/// Calls in their order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Calls {
    /// From Envoy into the module; the same several times in a row stands once.
    pub callbacks: Vec<String>,
    /// From the module to Envoy.
    pub calls: Vec<String>,
}

/// How a run measures.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// How often each lane is measured.
    pub rounds: usize,
    /// For how long each time.
    pub seconds: f64,
    /// How long requests are sent before that.
    pub warm_up_seconds: f64,
    /// Connections with a request under way.
    pub connections: usize,
    /// Responses after which the growth of memory is looked at.
    pub growth_requests: [u64; 2],
}

/// One scenario.
#[derive(Debug, Serialize)]
pub struct ScenarioResult {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Servers of the Gateway.
    pub hosts: usize,
    /// Those compared.
    pub lanes: Vec<LaneResult>,
}

/// One variant in one scenario.
#[derive(Debug, Serialize)]
pub struct LaneResult {
    /// What was measured.
    pub variant: Variant,
    /// Responses a second.
    pub per_second: Spread,
    /// Median latency in microseconds.
    pub p50_us: Spread,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: Spread,
    /// Processor time of Envoy for one request in microseconds.
    pub cpu_us: Spread,
    /// The share of its core that the load generator used.
    pub generator_busy: Spread,
    /// What Envoy held after the last round.
    pub memory: Memory,
    /// Every round.
    pub rounds: Vec<Round>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Responses.
    pub responses: u64,
    /// How long it took.
    pub seconds: f64,
    /// Responses a second.
    pub per_second: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
    /// Processor time of Envoy for one request in microseconds.
    pub cpu_us: f64,
    /// The share of its core that the load generator used.
    pub generator_busy: f64,
}

impl LaneResult {
    /// From all rounds.
    pub fn new(variant: Variant, rounds: Vec<Round>, memory: Memory) -> Self {
        let of = |figure: fn(&Round) -> f64| spread(&rounds.iter().map(figure).collect::<Vec<_>>());
        Self {
            variant,
            per_second: of(|round| round.per_second),
            p50_us: of(|round| round.p50_us),
            p99_us: of(|round| round.p99_us),
            cpu_us: of(|round| round.cpu_us),
            generator_busy: of(|round| round.generator_busy),
            memory,
            rounds,
        }
    }
}

/// A ratio and what it had to be.
#[derive(Debug, Serialize)]
pub struct RatioResult {
    /// What is compared.
    pub what: String,
    /// Of which figure.
    pub measure: Measure,
    /// The ratio.
    pub ratio: Estimate,
    /// The least that it had to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The most that it had to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Whether it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// A size and what it had to be.
#[derive(Debug, Serialize)]
pub struct SizeResult {
    /// Of what.
    pub what: String,
    /// How large it is.
    pub bytes: u64,
    /// How large it may be.
    pub at_most: u64,
}

/// What is larger after many requests than after some.
#[derive(Debug, Serialize)]
pub struct Growth {
    /// Responses at both times.
    pub responses: [u64; 2],
    /// What Envoy held at both times.
    pub memory: [Memory; 2],
}

/// The ratios whose lanes were both measured.
pub fn ratios(targets: Vec<Target>, scenarios: &[ScenarioResult]) -> Vec<RatioResult> {
    let rounds = |(scenario, variant): &(String, Variant), measure| {
        let scenario = scenarios.iter().find(|it| it.name == *scenario)?;
        let lane = scenario.lanes.iter().find(|it| it.variant == *variant)?;
        let figure = |round: &Round| match measure {
            Measure::Throughput => round.per_second,
            Measure::P99 => round.p99_us,
        };
        Some(lane.rounds.iter().map(figure).collect::<Vec<_>>())
    };
    let result = |target: Target| {
        let over = rounds(&target.over, target.measure)?;
        let under = rounds(&target.under, target.measure)?;
        let ratio = ratio(&over, &under);
        let (at_least, at_most) = match target.bound {
            Bound::AtLeast(bound) => (Some(bound), None),
            Bound::AtMost(bound) => (None, Some(bound)),
            Bound::Shown => (None, None),
        };
        Some(RatioResult {
            what: target.what,
            measure: target.measure,
            ratio,
            at_least,
            at_most,
            verdict: verdict(ratio, target.bound),
        })
    };
    targets.into_iter().filter_map(result).collect()
}

/// The module, and the largest VM with each number of hosts that was measured.
pub fn sizes(module_bytes: u64, scenarios: &[ScenarioResult]) -> Vec<SizeResult> {
    let module =
        SizeResult { what: "the module".to_owned(), bytes: module_bytes, at_most: MODULE_BYTES };
    let vm = |(hosts, at_most): (usize, u64)| {
        let lanes = scenarios.iter().filter(|it| it.hosts == hosts).flat_map(|it| &it.lanes);
        let filters = lanes.filter(|lane| lane.variant == Variant::Filter);
        let bytes = filters.flat_map(|lane| &lane.memory.vms).max().copied()?;
        let hosts = if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
        Some(SizeResult { what: format!("memory of a VM with {hosts}"), bytes, at_most })
    };
    std::iter::once(module).chain(VM_BYTES.into_iter().filter_map(vm)).collect()
}
