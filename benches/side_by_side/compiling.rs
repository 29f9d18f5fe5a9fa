//! What it costs to compile a large Gateway.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use procfs::process::Process;
use serde::Serialize;
use serde_json::{Value, json};

use super::envoy::PROGRAM;
use super::gateway::Shape;
use super::statistics::{Spread, spread};

/// The most seconds, and the most bytes of memory.
pub const AT_MOST: (f64, u64) = (0.8, 150_000_000);
/// How often memory is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// What was found.
#[derive(Debug, Serialize)]
pub struct Compiling {
    /// Servers, and rules in each.
    pub hosts: usize,
    pub rules: usize,
    /// Size of the document.
    pub document: u64,
    /// Size of the plugin configuration.
    pub policy: u64,
    /// From start to exit.
    pub seconds: Spread,
    /// The most memory that it held.
    pub peak: u64,
}

/// Compiles one document, as YAML in block style, again and again.
pub fn measure(folder: &Path, times: usize) -> anyhow::Result<Compiling> {
    let shape = Shape { hosts: 10_000, rules: 10, ..Shape::PLAIN };
    let (input, output) = (folder.join("large.yaml"), folder.join("large.json"));
    std::fs::write(&input, serde_saphyr::to_string(&with_remote_keys(shape.document("")))?)?;
    let mut command = Command::new(PROGRAM);
    command.arg("compile").arg(&input).arg("-o").arg(&output);
    let peak = peak(&mut command)?;
    let mut seconds = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        ensure!(command.status()?.success(), "a large Gateway does not compile");
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(Compiling {
        hosts: shape.hosts,
        rules: shape.rules,
        document: std::fs::metadata(&input)?.len(),
        policy: std::fs::metadata(&output)?.len(),
        seconds: spread(&seconds),
        peak,
    })
}

/// Keys at a URL: written into every server they would be most of the document.
fn with_remote_keys(mut document: Value) -> Value {
    let servers = document.pointer_mut("/spec/http").and_then(Value::as_array_mut);
    for server in servers.into_iter().flatten() {
        let jwt = server.pointer_mut("/authentication/jwt").and_then(Value::as_object_mut);
        if let Some(jwt) = jwt {
            jwt.remove("jwks");
            jwt.insert("jwksUri".to_owned(), json!("https://issuer.example.com/jwks.json"));
        }
    }
    document
}

/// Runs a command and returns the most memory that it was seen to hold. The kernel keeps the
/// maximum, so what is missed is what the last glance did not see.
fn peak(command: &mut Command) -> anyhow::Result<u64> {
    let mut child = command.spawn()?;
    let process = Process::new(i32::try_from(child.id())?)?;
    let mut peak = 0;
    loop {
        if let Some(exit) = child.try_wait()? {
            ensure!(exit.success(), "a large Gateway does not compile");
            return (peak > 0).then_some(peak).context("the command ended before it was looked at");
        }
        let held = process.status().ok().and_then(|status| status.vmhwm);
        peak = peak.max(held.unwrap_or_default() * 1_024);
        std::thread::sleep(GLANCE);
    }
}
