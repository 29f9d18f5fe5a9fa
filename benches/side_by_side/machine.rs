//! Where a run took place.

use std::process::Command;

use anyhow::{Context as _, ensure};
use procfs::Current as _;
use rustix::thread::{CpuSet, sched_getaffinity};
use serde::Serialize;

use super::envoy::executable;

/// What figures depend on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// The core of Envoy, and that of the load generator.
    pub used_cores: [usize; 2],
    /// Bytes of memory.
    pub memory: u64,
    /// The kernel.
    pub kernel: String,
    /// How many processes ran or wanted to in the minute before. It should be near 0.
    pub load_before: f32,
    /// Envoy.
    pub envoy: String,
    /// This project.
    pub version: String,
}

impl Machine {
    /// This machine.
    pub fn this() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let [first, second, ..] = cores.as_slice() else {
            anyhow::bail!("Envoy and the load generator need a core each, and there is only one")
        };
        let kernel = procfs::sys::kernel::Version::current()?;
        let output = Command::new(executable()?).arg("--version").output()?;
        ensure!(output.status.success(), "Envoy does not tell its version");
        let envoy = String::from_utf8(output.stdout)?;
        let processor = procfs::CpuInfo::current()?;
        Ok(Self {
            processor: processor.model_name(0).unwrap_or("unknown").to_owned(),
            cores: cores.len(),
            used_cores: [*first, *second],
            memory: procfs::Meminfo::current()?.mem_total,
            kernel: format!("Linux {}.{}.{}", kernel.major, kernel.minor, kernel.patch),
            load_before: procfs::LoadAverage::current()?.one,
            // `<path>  version: <commit>/<version>/Clean/RELEASE/BoringSSL`
            envoy: envoy
                .split_once("version: ")
                .map(|(_, version)| version.trim().to_owned())
                .context("Envoy does not tell its version")?,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}
