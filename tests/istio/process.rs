//! Programs that go on running, each with its log in a file. They end with their handle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{eventually, program};

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a folder, in which its log is.
    pub fn start(
        name: &str,
        executable: &Path,
        folder: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let mut command: Command = program();
        command
            .args(["exec-in-lockstep", "--parent", &std::process::id().to_string(), "--"])
            .arg(executable)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Self { name: name.to_owned(), child: command.spawn().unwrap(), log }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(25);
        format!("--- {}\n{}\n", self.name, lines[last..].join("\n"))
    }

    /// Waits for something that it has to do, unless it ends before.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        eventually(&format!("{what} of {}", self.name), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended ({status}):\n{}", self.name, self.tail());
            }
            look()
        })
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let ended = crate::support::within(std::time::Duration::from_secs(20), || {
            self.child.try_wait().unwrap()
        });
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}
