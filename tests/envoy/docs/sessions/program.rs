//! A program that goes on running: a gateway, by `egress-auth run` or by Envoy itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use super::shell::lines;
use super::steps::fits;
use crate::support::{LIMIT, envoy::listening, eventually};

/// Where the documentation has the gateway and Envoy's admin interface.
pub const DOCUMENTED: [&str; 2] = ["127.0.0.1:10000", "127.0.0.1:9901"];

/// A running program. It is killed with its handle, and Envoy ends with `egress-auth run`.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    /// Where the gateway and its admin interface listen; known once it runs.
    addresses: Option<[SocketAddr; 2]>,
}

impl Program {
    /// Starts a command of the shell that is one program.
    pub fn start(shell: &mut Command, command: &str) -> Self {
        // Both outputs into one, so that their order is known; the shell becomes the program.
        let mut child = shell
            .args(["-c", &format!("exec 2>&1; exec {command}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(&mut child);
        Self { child, lines, addresses: None }
    }

    /// Waits until it has printed what is shown, or until it is ready where nothing is.
    pub fn prints(&mut self, shown: Option<&[String]>, place: &str) {
        let shown = match shown {
            Some(shown) => shown.to_owned(),
            None => ["...", "Watching for changes; Ctrl-C stops"].map(str::to_owned).to_vec(),
        };
        let began = Instant::now();
        let mut printed: Vec<String> = Vec::new();
        while !fits(&shown, &printed) {
            let left = LIMIT.saturating_sub(began.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.learn_addresses(&line);
                    // What is left out of a document must not hide this.
                    assert!(!line.starts_with("UNEXPECTED"), "{place}: {line}");
                    printed.push(self.documented(&line));
                }
                Err(end @ (RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => panic!(
                    "{place} shows\n{}\nbut before its output ended ({end}) it printed\n{}",
                    shown.join("\n"),
                    printed.join("\n")
                ),
            }
        }
    }

    /// Waits until an Envoy that was given `--admin-address-path` listens.
    pub fn listens(&mut self, address_file: &Path) {
        let (admin, gateway) = eventually("Envoy's ports", || {
            assert_eq!(self.child.try_wait().unwrap(), None, "Envoy ended");
            listening(address_file, &["egress"])
        });
        self.addresses = Some([gateway[0], admin]);
    }

    fn learn_addresses(&mut self, line: &str) {
        if line.starts_with("Gateway on ") {
            let words = line.split([' ', ',']);
            let addresses: Vec<_> = words.filter_map(|word| word.parse().ok()).collect();
            self.addresses = Some([addresses[0], addresses[1]]);
        }
    }

    /// A text of this machine, with the documented addresses.
    pub fn documented(&self, text: &str) -> String {
        self.pairs().fold(text.to_owned(), |text, (documented, real)| {
            text.replace(&real.to_string(), documented)
        })
    }

    /// A text of the documentation, with the addresses of this machine.
    pub fn real(&self, text: &str) -> String {
        self.pairs().fold(text.to_owned(), |text, (documented, real)| {
            text.replace(documented, &real.to_string())
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        DOCUMENTED.into_iter().zip(self.addresses.into_iter().flatten())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
