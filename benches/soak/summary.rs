//! The result in words: `README.md`, written whole from what was measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;

use super::sample::Sample;
use super::shared::machine::Machine;

const MEBIBYTE: f64 = 1_048_576.0;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Soak {
    /// The command that leads to the same run.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// Requests to send.
    pub requests: u64,
    /// How often the policy changed.
    pub updates: usize,
    /// How often the keys did.
    pub rotations: usize,
    /// What arrived at the upstream, and what of it should not have.
    pub arrived: (u64, u64),
    /// Before, between the parts, and after.
    pub samples: Vec<Sample>,
    /// The filter's metrics after the first part and after the last.
    pub metrics: [BTreeMap<String, u64>; 2],
}

impl Soak {
    /// The document. The picture is beside it.
    pub fn document(&self, picture: &str) -> anyhow::Result<String> {
        let mut text =
            String::from("# Soak\n\nThis file and its plot are written by `make soak`.\n\n");
        let [.., last] = self.samples.as_slice() else { anyhow::bail!("no samples") };
        let warm = self.samples.get(1).context("one sample only")?;
        writeln!(
            text,
            "{} requests in {:.0} s through one worker of a real Envoy: good ones with known and \
             unknown tokens, denied ones, some without a token, some with a forged one. Meanwhile \
             the policy changed {} times and the issuer's key {} times. The status of every \
             answer was compared with the right one, and the run ends at the first that differs. \
             {} requests arrived at the upstream; {} of them should not have.\n",
            last.requests,
            last.seconds,
            self.updates,
            self.rotations,
            self.arrived.0,
            self.arrived.1
        )?;
        writeln!(text, "![Memory and file descriptors over the run]({picture})\n")?;
        writeln!(text, "| | before | after {} requests | at the end |", warm.requests)?;
        text.push_str("|---|---|---|---|\n");
        let first = self.samples.first().context("no samples")?;
        let mut row = |name: &str, value: &dyn Fn(&Sample) -> String| {
            writeln!(text, "| {name} | {} | {} | {} |", value(first), value(warm), value(last))
        };
        let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / MEBIBYTE);
        row("resident memory", &|it| mebibytes(it.resident))?;
        row("allocated by Envoy", &|it| mebibytes(it.allocated))?;
        row("linear memory of the VMs", &|it| mebibytes(it.vms))?;
        row("VMs", &|it| it.vm_count.to_string())?;
        row("file descriptors", &|it| it.descriptors.to_string())?;
        writeln!(
            text,
            "\n| metric of the filter | after {} requests | at the end |",
            warm.requests
        )?;
        text.push_str("|---|---|---|\n");
        let [before, after] = &self.metrics;
        for (name, value) in after {
            let before = before.get(name).copied().unwrap_or(0);
            writeln!(text, "| `{name}` | {before} | {value} |")?;
        }
        let machine = &self.machine;
        writeln!(
            text,
            "\n{}, {} cores, {}, Envoy {}, egress-auth {}. Command: `{}`.",
            machine.processor,
            machine.cores,
            machine.kernel,
            machine.envoy,
            machine.version,
            self.command
        )?;
        Ok(text)
    }
}
