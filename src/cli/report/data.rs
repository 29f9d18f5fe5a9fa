//! What the page is given: policies, findings, differences, and what is there to be asked about.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::secrets;
use crate::cli::diagnostics;
use crate::cli::differences::Differences;
use crate::cli::input::Loaded;
use crate::compile::Compiled;
use crate::diff::compare;
use crate::explain::{Explainer, Explanation, Query};
use crate::outline::{Caller, HostOutline, Outline};
use crate::policy::Policy;

/// Requests that both the command and the page decide, to see that their engines agree.
const SAMPLES: usize = 64;

/// Everything that a page shows.
#[derive(Debug, Serialize)]
pub struct Data {
    /// Version of this program.
    version: &'static str,
    /// Unix seconds.
    made_at: u64,
    new: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Side>,
    outline: Outline,
    /// As `check --output json` prints them.
    diagnostics: Box<RawValue>,
    /// As `diff --output json` prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Differences>,
    /// As `prove --output json` prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    guarantees: Option<Value>,
    samples: Vec<Sample>,
}

/// A policy as the page's engine takes it.
#[derive(Debug, Serialize)]
struct Side {
    policy: Policy,
    silenced: BTreeMap<String, Vec<usize>>,
}

/// A request, and how this program decides it.
#[derive(Debug, Serialize)]
struct Sample {
    query: Value,
    expected: Explanation,
}

impl Side {
    fn new(compiled: &Compiled) -> Self {
        Self { policy: secrets::without(&compiled.policy), silenced: compiled.silenced.clone() }
    }
}

/// Puts together what the page of a Gateway shows at `now` (Unix seconds).
///
/// # Errors
/// When a policy is not sound.
pub fn data(
    loaded: &Loaded,
    new: &Compiled,
    old: Option<&Compiled>,
    guarantees: Option<Value>,
    now: u64,
) -> anyhow::Result<Data> {
    let findings = diagnostics::json(&loaded.sources, &loaded.diagnostics)?;
    let diff = match old {
        Some(old) => Some(Differences::new(&compare(&old.policy, &new.policy, now)?)),
        None => None,
    };
    let outline = Outline::new(&new.policy, old.map(|old| &old.policy));
    let new = Side::new(new);
    let samples = samples(&new, &outline, now)?;
    Ok(Data {
        version: env!("CARGO_PKG_VERSION"),
        made_at: now,
        new,
        old: old.map(Side::new),
        diagnostics: RawValue::from_string(findings)?,
        diff,
        guarantees,
        outline,
        samples,
    })
}

/// Requests across all hosts and callers, decided.
fn samples(side: &Side, outline: &Outline, now: u64) -> anyhow::Result<Vec<Sample>> {
    let explainer = Explainer::new(side.policy.clone(), side.silenced.clone())?;
    // All hosts in turn, or some of many, each time with the next caller, method and path.
    let step = outline.hosts.len().div_ceil(SAMPLES).max(1);
    let hosts = outline.hosts.iter().step_by(step).cycle();
    let callers = outline.callers.iter().cycle();
    let mut samples = Vec::with_capacity(SAMPLES);
    for (number, (host, caller)) in hosts.zip(callers).take(SAMPLES).enumerate() {
        let query = sample(outline, host, caller, number, now);
        let expected = explainer.explain(&Query::from_json(&query.to_string())?, now)?;
        samples.push(Sample { query, expected });
    }
    Ok(samples)
}

fn sample(
    outline: &Outline,
    host: &HostOutline,
    caller: &Caller,
    number: usize,
    now: u64,
) -> Value {
    let probe = outline.probes.get(host.probe);
    let pick = |list: Option<&Vec<String>>, or: &str| {
        let chosen = list.and_then(|list| list.iter().cycle().nth(number));
        chosen.map_or_else(|| or.to_owned(), Clone::clone)
    };
    let method = pick(probe.map(|probe| &probe.methods), "GET");
    let path = pick(probe.map(|probe| &probe.paths), "/");
    let request = json!(format!("{method} https://{}{path}", host.example));
    let mut query = Map::from_iter([("request".to_owned(), request)]);
    if let Some(claims) = &caller.claims {
        let mut claims = claims.clone();
        if let Some(seconds) = caller.expires_in_seconds {
            claims.insert("exp".to_owned(), json!(now.saturating_add(seconds)));
        }
        query.insert("claims".to_owned(), Value::Object(claims));
    }
    if let Some(source) = &caller.source {
        query.insert("source".to_owned(), json!(source));
    }
    Value::Object(query)
}
