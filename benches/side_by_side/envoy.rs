//! The Envoy process: one worker on one core, what it costs and what it holds in memory.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use procfs::process::{MMPermissions, Process};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use egress_auth::demo::server::client;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_egress-auth");
/// Ten thousand hosts take a while on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(180);
/// V8 keeps this much address space behind the memory of a VM, so that no index can leave it.
const GUARD_BYTES: u64 = 1 << 31;

/// Where Envoy notes down the address of its admin interface.
const ADMIN_FILE: &str = "admin";

/// A running Envoy. It is killed with its handle.
pub struct Envoy {
    child: Child,
    folder: tempfile::TempDir,
    gateway: SocketAddr,
}

/// What an Envoy holds in memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    /// Resident bytes of the process.
    pub resident: u64,
    /// Bytes of linear memory of each WebAssembly VM: one of the main thread, one of the worker.
    pub vms: Vec<u64>,
}

/// The executable to measure.
pub fn executable() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("ENVOY_PATH").filter(|path| !path.is_empty());
    Ok(path.context("set ENVOY_PATH to an Envoy, as `make bench` does")?.into())
}

/// Puts the calling thread on one core.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot use core {core}"))
}

impl Envoy {
    /// Starts Envoy on a core and returns once it listens.
    pub fn start(bootstrap: &Value, core: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("envoy.json");
        std::fs::write(&config, serde_json::to_vec(bootstrap)?)?;
        let address_file = folder.path().join(ADMIN_FILE);
        let log = File::create(folder.path().join("log"))?;
        // The program makes Envoy end with this process, however that ends.
        let mut command = Command::new(PROGRAM);
        command
            .args(["exec-in-lockstep", "--parent", &std::process::id().to_string(), "--"])
            .args(["taskset", "--cpu-list", &core.to_string()])
            .arg(executable()?)
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&address_file)
            // The default would write a line for every denial, and measure the disk.
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().context("cannot start Envoy")?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self { child, folder, gateway: nowhere };
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if let Some(status) = envoy.child.try_wait()? {
                bail!("Envoy ended with {status}:\n{}", envoy.log());
            }
            if let Some(gateway) = listening(&address_file) {
                envoy.gateway = gateway;
                return Ok(envoy);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("Envoy does not listen:\n{}", envoy.log())
    }

    /// Where it listens.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// What its admin interface answers to a GET.
    #[allow(dead_code, reason = "comparing needs no statistics, lasting does")]
    pub fn ask(&self, path: &str) -> anyhow::Result<String> {
        let admin = std::fs::read_to_string(self.folder.path().join(ADMIN_FILE))?;
        let url = format!("http://{}/{path}", admin.trim());
        Ok(client().get(url).call()?.body_mut().with_config().limit(1 << 26).read_to_string()?)
    }

    /// Processor time of all its threads so far, in clock ticks (proc_pid_stat(5)).
    pub fn ticks(&self) -> anyhow::Result<u64> {
        let stat = self.process()?.stat()?;
        Ok(stat.utime + stat.stime)
    }

    /// What it holds now.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let process = self.process()?;
        let status = process.status()?;
        let resident = status.vmrss.context("no VmRSS in /proc/<pid>/status")? * 1_024;
        let maps = process.maps()?.0;
        let vms = maps
            .windows(2)
            .filter_map(|pair| {
                let [memory, guard] = pair else { return None };
                let writable = MMPermissions::READ | MMPermissions::WRITE;
                let size = |map: &procfs::process::MemoryMap| map.address.1 - map.address.0;
                let is_memory = memory.perms.contains(writable)
                    && memory.address.1 == guard.address.0
                    && !guard.perms.intersects(writable | MMPermissions::EXECUTE)
                    && size(guard) >= GUARD_BYTES;
                is_memory.then(|| size(memory))
            })
            .collect();
        Ok(Memory { resident, vms })
    }

    /// What it said.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The process.
    pub fn process(&self) -> anyhow::Result<Process> {
        Ok(Process::new(i32::try_from(self.child.id())?)?)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the gateway listens, once it does.
fn listening(address_file: &Path) -> Option<SocketAddr> {
    let admin: SocketAddr = std::fs::read_to_string(address_file).ok()?.trim().parse().ok()?;
    let get = |path: &str| {
        let mut response = client().get(format!("http://{admin}/{path}")).call().ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        (response.status() == 200).then_some(text)
    };
    get("ready")?;
    let known: Value = serde_json::from_str(&get("listeners?format=json")?).ok()?;
    let address = known.pointer("/listener_statuses/0/local_address/socket_address")?;
    let port =
        u16::try_from(address.get("port_value")?.as_u64()?).ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(address.get("address")?.as_str()?.parse().ok()?, port))
}
