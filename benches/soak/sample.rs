//! What is looked at between two parts of the run.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Serialize;

use super::shared::envoy::Envoy;

/// The state of an Envoy.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Answered requests so far.
    pub requests: u64,
    /// Seconds since the start.
    pub seconds: f64,
    /// Resident bytes of the process.
    pub resident: u64,
    /// Bytes of linear memory of all VMs.
    pub vms: u64,
    /// How many VMs there are.
    pub vm_count: usize,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Bytes that Envoy's allocator has given out, JavaScript engine and VMs left out.
    pub allocated: u64,
}

impl Sample {
    /// Looks now.
    pub fn take(envoy: &Envoy, requests: u64, seconds: f64) -> anyhow::Result<Self> {
        let memory = envoy.memory()?;
        let allocated = envoy.ask("stats?filter=^server.memory_allocated$")?;
        let allocated = allocated.trim().rsplit(' ').next().context("no statistic")?.parse()?;
        Ok(Self {
            requests,
            seconds,
            resident: memory.resident,
            vms: memory.vms.iter().sum(),
            vm_count: memory.vms.len(),
            descriptors: envoy.process()?.fd_count()?,
            allocated,
        })
    }
}

/// What the filter counts; Envoy counts other things by its name.
const METRICS: [&str; 6] =
    ["requests{", "token_cache{", "verify{", "jwks_", "policy_info{", "vm_reload"];

/// The filter's metrics, by what they count.
pub fn metrics(envoy: &Envoy) -> anyhow::Result<BTreeMap<String, u64>> {
    let text = envoy.ask("stats/prometheus?filter=egress_auth")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        let (_, name) = name.split_once("egress_auth_")?;
        let is_ours = METRICS.iter().any(|metric| name.starts_with(metric));
        is_ours.then(|| Some((name.to_owned(), value.parse().ok()?)))?
    });
    Ok(parsed.collect())
}
