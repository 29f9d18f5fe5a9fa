//! The same requests under the same policies, decided by the engine natively, by the filter in
//! Envoy, and by Envoy's own filters (`--to envoy-native`) in the same Envoy.
//!
//! The engine and the filter have to agree in everything. Where Envoy's own filters answer
//! otherwise, the difference has to be one of those in `docs/conformance.md`; any other fails.
//!
//! | module | what lives there |
//! |---|---|
//! | `policies` | generated Gateways |
//! | `requests` | generated requests: hosts, paths, client certificates |
//! | `tokens` | generated tokens |
//! | `run` | one Gateway and its requests, decided three times |
//! | `changes` | one Gateway for another: what only one of them allows, `diff` has to show |
//! | `differences` | the differences that are known, each with its reason |
//!
//! `make conformance` runs a set that a seed fixes; `make conformance FULL=1` at least 20,000
//! pairs of a policy and a request. `SEED` chooses another set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

mod changes;
mod differences;
mod policies;
mod requests;
mod run;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use differences::KINDS;
use indicatif::{ProgressBar, ProgressStyle};
use run::Bench;

/// Requests under each policy.
const REQUESTS: usize = 260;
/// Policies in the set that always runs.
const POLICIES: usize = 4;
/// Policies in the full set.
const ALL_POLICIES: usize = 80;

/// What was found.
#[derive(Default)]
struct Tally {
    pairs: usize,
    allowed: usize,
    agreements: usize,
    /// Refused by Envoy before any filter saw them.
    by_envoy_itself: usize,
    differences: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.allowed += other.allowed;
        self.agreements += other.agreements;
        self.by_envoy_itself += other.by_envoy_itself;
        for (kind, count) in other.differences {
            *self.differences.entry(kind).or_default() += count;
        }
        self.unexplained.extend(other.unexplained);
    }
}

fn main() -> ExitCode {
    differences::check_document();
    let full = std::env::var("FULL").is_ok_and(|full| full == "1");
    let seed =
        std::env::var("SEED").ok().map_or(1, |seed| seed.parse::<u64>().expect("SEED is a number"));
    let policies = if full { ALL_POLICIES } else { POLICIES };
    let bar = ProgressBar::new((policies * REQUESTS) as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} pairs, {elapsed} of {duration}")
            .unwrap(),
    );
    let bench = Bench::new();
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(policies);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= policies {
                        break;
                    }
                    // The same policies and requests however many work on them.
                    let mut random = fastrand::Rng::with_seed(seed * 1_000_000 + index as u64);
                    let found = bench.run(&mut random, REQUESTS, &bar);
                    tally.lock().unwrap().add(found);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    bar.finish_and_clear();

    println!(
        "{} pairs of {policies} policies and {REQUESTS} requests each (seed {seed})",
        tally.pairs
    );
    println!("  allowed by the filter: {}", tally.allowed);
    println!("  refused by Envoy before any filter: {}", tally.by_envoy_itself);
    println!("  all three agree: {}", tally.agreements);
    for kind in KINDS {
        let count = tally.differences.get(kind.name).copied().unwrap_or_default();
        println!("  {} ({}): {count}\n    {}", kind.name, differences::effects(kind), kind.reason);
    }
    println!("  unexplained: {}", tally.unexplained.len());
    for text in tally.unexplained.iter().take(20) {
        println!("{text}\n");
    }
    let changes = changes::Changes::of(&bench, seed, policies, REQUESTS);
    println!(
        "{} pairs of a request and two policies: {} decided otherwise, all of them shown by `diff` but \
         {} that it cannot tell, and {} that it does not know",
        changes.pairs,
        changes.differing,
        changes.undecided,
        changes.wrong.len()
    );
    for text in changes.wrong.iter().take(20) {
        println!("{text}\n");
    }
    // A set in which nothing is allowed or denied would show nothing.
    let both = tally.allowed > 0 && tally.allowed < tally.pairs && changes.differing > 0;
    match tally.unexplained.is_empty() && changes.wrong.is_empty() && both {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
