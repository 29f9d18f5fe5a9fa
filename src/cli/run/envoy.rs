//! The Envoy process, from start to end.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::exec;
use crate::cli::events::Events;

/// How long Envoy may take to end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of its log that are shown when it fails.
const LAST_LINES: usize = 15;

/// A running Envoy. It ends with its handle.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    log: PathBuf,
    /// Hands the access log on.
    access_log: Option<JoinHandle<()>>,
}

impl Envoy {
    /// Starts Envoy with a bootstrap file; its log goes to `folder`, its access log to
    /// `events`. Has to be called from the main thread: it is the end of the calling *thread* that
    /// ends Envoy, see [`exec`].
    ///
    /// # Errors
    /// When it cannot be started. What is wrong with the configuration shows in its end.
    pub fn start(
        program: &Path,
        bootstrap: &Path,
        folder: &Path,
        concurrency: u16,
        events: &Events,
    ) -> anyhow::Result<Self> {
        let log = folder.join("envoy.log");
        let stderr = File::create(&log).context("cannot write Envoy's log")?;
        let ourselves = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(ourselves)
            .args([exec::NAME, "--parent", &std::process::id().to_string(), "--"])
            .arg(program)
            .arg("--config-path")
            .arg(bootstrap)
            .args(["--concurrency", &concurrency.to_string()])
            // Several Envoys may run on one machine; none of them restarts hot.
            .arg("--disable-hot-restart")
            .args(["--file-flush-interval-msec", "20"])
            // Denials are shown from the access log.
            .args(["--component-log-level", "wasm:warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Ctrl-C in a terminal goes to us alone; we then end Envoy in good order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take();
        let mut envoy = Self { child, log, access_log: None };
        if let Some(stdout) = stdout {
            let access_log = events.access_log();
            let thread = std::thread::Builder::new().name("access-log".to_owned());
            envoy.access_log = Some(thread.spawn(move || {
                for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if !access_log.take(line) {
                        break;
                    }
                }
            })?);
        }
        Ok(envoy)
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The bytes that its log has now.
    pub fn log_length(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len())
    }

    /// What it logged after the first `length` bytes.
    pub fn log_since(&self, length: u64) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let new = usize::try_from(length).ok().and_then(|length| log.get(length..));
        String::from_utf8_lossy(new.unwrap_or_default()).into_owned()
    }

    /// The end of its log.
    pub fn last_lines(&self) -> String {
        let log = self.log_since(0);
        let lines: Vec<_> = log.lines().collect();
        let from = lines.len().saturating_sub(LAST_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    /// Ends it: asks first, kills after a while, and returns once it is gone and all that it wrote
    /// to its access log has been handed on.
    pub fn stop(&mut self) {
        self.end();
        let _ = self.access_log.take().map(JoinHandle::join);
    }

    fn end(&mut self) {
        if self.ended().is_some() {
            return;
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended in between, which is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
        let start = Instant::now();
        while self.ended().is_none() {
            if start.elapsed() > STOP_TIMEOUT {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop();
    }
}
