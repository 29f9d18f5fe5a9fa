//! Measures all lanes of a group in turns, again and again: whatever changes while it runs, the
//! clock of the processor above all, changes for all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use rustix::time::{ClockId, clock_gettime};

use super::certificates::Certificates;
use super::envoy::Envoy;
use super::gateway::{Clients, Shape};
use super::load::{Load, Measured, Until};
use super::requests::{self, Request};
use super::results::{LaneResult, Round, ScenarioResult, Settings};
use super::scenario::Scenario;
use super::tokens::Tokens;
use super::variant::{Variant, module};

/// What every group needs.
pub struct Setup {
    /// The core on which Envoys run.
    pub envoy_core: usize,
    /// The core of the load generator.
    pub load_core: usize,
    /// Tokens.
    pub tokens: Tokens,
    /// The two sides of mTLS.
    pub certificates: Certificates,
    /// The other module, where one is compared.
    pub other_module: Option<PathBuf>,
}

impl Setup {
    /// Starts the Envoy of a variant for a Gateway.
    pub fn start(&mut self, variant: Variant, shape: Shape) -> anyhow::Result<Envoy> {
        let folder = tempfile::tempdir()?;
        let document = shape.document(&self.tokens.jwks(shape.algorithm)?);
        let flags = match shape.clients {
            Clients::Plain => Vec::new(),
            Clients::Mutual | Clients::Bound => self.certificates.flags()?,
        };
        let module = match (variant, &self.other_module) {
            (Variant::OtherModule, Some(other)) => other.clone(),
            _ => module(),
        };
        let bootstrap = variant.bootstrap(&document, &flags, &module, folder.path())?;
        Envoy::start(&bootstrap, self.envoy_core)
    }
}

struct Lane {
    scenario: usize,
    variant: Variant,
    shape: Shape,
    requests: Arc<Vec<Request>>,
    next: usize,
    rounds: Vec<Round>,
}

/// Measures the scenarios of one group.
pub fn measure(
    group: &[Scenario],
    setup: &mut Setup,
    settings: &Settings,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<ScenarioResult>> {
    let mut envoys = BTreeMap::new();
    let mut lanes = Vec::new();
    for (number, scenario) in group.iter().enumerate() {
        let Scenario { traffic, shape, headers, .. } = *scenario;
        let holder = &setup.certificates.thumbprint;
        let requests = requests::build(traffic, shape, headers, &mut setup.tokens, holder)?;
        let requests = Arc::new(requests);
        for &variant in &scenario.variants {
            progress.set_message(format!("starting {}: {}", scenario.name, variant.name()));
            if let std::collections::btree_map::Entry::Vacant(entry) =
                envoys.entry((variant, shape))
            {
                let envoy = setup.start(variant, shape);
                entry.insert(envoy.with_context(|| context(scenario, variant))?);
            }
            let requests = Arc::clone(&requests);
            let rounds = Vec::new();
            lanes.push(Lane { scenario: number, variant, shape, requests, next: 0, rounds });
        }
    }
    for number in 0..settings.rounds {
        // Every other round backwards, so that nobody always comes first.
        let mut order: Vec<&mut Lane> = lanes.iter_mut().collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for lane in order {
            let scenario = group.get(lane.scenario).context("no scenario")?;
            let envoy = envoys.get(&(lane.variant, lane.shape)).context("no Envoy")?;
            progress.set_message(format!("{}: {}", scenario.name, lane.variant.name()));
            let core = setup.load_core;
            let mutual = lane.shape.clients != Clients::Plain;
            let tls = mutual.then_some(&setup.certificates.client);
            let load = Load { to: envoy.gateway(), requests: &lane.requests, tls, core };
            let round = round(&load, &mut lane.next, envoy, settings);
            lane.rounds.push(round.with_context(|| context(scenario, lane.variant))?);
            progress.inc(1);
        }
    }
    let mut results: Vec<ScenarioResult> = group
        .iter()
        .map(|scenario| ScenarioResult {
            name: scenario.name.clone(),
            about: scenario.about.clone(),
            hosts: scenario.shape.hosts,
            lanes: Vec::new(),
        })
        .collect();
    for lane in lanes {
        let envoy = envoys.get(&(lane.variant, lane.shape)).context("no Envoy")?;
        let result = LaneResult::new(lane.variant, lane.rounds, envoy.memory()?);
        results.get_mut(lane.scenario).context("no scenario")?.lanes.push(result);
    }
    Ok(results)
}

fn round(
    load: &Load<'_>,
    next: &mut usize,
    envoy: &Envoy,
    settings: &Settings,
) -> anyhow::Result<Round> {
    let warm_up = Duration::from_secs_f64(settings.warm_up_seconds);
    let until = Until::Elapsed(Duration::from_secs_f64(settings.seconds));
    let measured = load.run(next, warm_up, until, || Ok((envoy.ticks()?, own_time())));
    let Measured { answered, elapsed, latencies, samples } =
        measured.with_context(|| format!("Envoy said:\n{}", envoy.log()))?;
    ensure!(answered > 0 && !latencies.is_empty(), "not one response");
    let [(ticks_before, own_before), (ticks_after, own_after)] = samples;
    let envoy_seconds =
        ticks_after.saturating_sub(ticks_before) as f64 / procfs::ticks_per_second() as f64;
    let seconds = elapsed.as_secs_f64();
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1_000.0;
    Ok(Round {
        responses: answered,
        seconds,
        per_second: answered as f64 / seconds,
        p50_us: microseconds(latencies.value_at_quantile(0.5)),
        p99_us: microseconds(latencies.value_at_quantile(0.99)),
        cpu_us: envoy_seconds * 1e6 / answered as f64,
        generator_busy: own_after.saturating_sub(own_before).as_secs_f64() / seconds,
    })
}

/// Processor time of this thread.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

fn context(scenario: &Scenario, variant: Variant) -> String {
    format!("scenario {}, {}", scenario.name, variant.name())
}
