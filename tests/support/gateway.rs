//! A Gateway document, compiled by the real program and started in a real Envoy.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::envoy::{Envoy, Refused};
use super::program;
use super::tls::{Authority, Certificate};

/// A Gateway document in a file of its own, and how to compile it.
pub struct Gateway {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
}

impl Gateway {
    /// A Gateway from documents in YAML.
    pub fn new(yaml: impl AsRef<str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.yaml"), yaml.as_ref()).unwrap();
        // Tests read every decision from the access log.
        let arguments = ["--access-log-fields", "all"].map(ToOwned::to_owned).to_vec();
        Self { folder, arguments, environment: Vec::new() }
    }

    /// Leaves the flags of `compile` at their defaults.
    pub fn by_default(mut self) -> Self {
        self.arguments.clear();
        self
    }

    /// A Gateway with these servers, indented as below `http:` or not at all.
    pub fn of_servers(servers: &str) -> Self {
        let servers = servers.lines().map(|line| format!("    {line}\n")).collect::<String>();
        Self::new(format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: tested}}\n\
             spec:\n  workloadSelector: {{namespace: egress}}\n  http:\n{servers}"
        ))
    }

    /// Sends a host to a local address in plain text.
    pub fn upstream(self, host: &str, address: SocketAddr) -> Self {
        self.arguments(["--upstream", &format!("{host}={address}")])
    }

    /// Further flags of `compile`.
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(ToOwned::to_owned));
        self
    }

    /// Asks clients for certificates of an authority, and presents one of its own.
    pub fn mtls(self, authority: &Authority, server: &Certificate) -> Self {
        let files = [&server.file, &server.key_file, &authority.file()];
        let files = files.map(|path| path.to_str().unwrap().to_owned());
        let flags = ["--mtls-cert", "--mtls-key", "--mtls-ca"];
        self.arguments(flags.iter().zip(&files).flat_map(|(flag, file)| [*flag, file.as_str()]))
    }

    /// A variable in the environment of `compile`.
    pub fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Those flags.
    pub fn flags(&self) -> &[String] {
        &self.arguments
    }

    /// The file that holds the document.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.yaml")
    }

    /// What `compile --to envoy` does with it.
    pub fn compile(&self) -> Output {
        program()
            .arg("compile")
            .arg(self.file())
            .args(["--to", "envoy", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }

    /// The bootstrap that it compiles to.
    pub fn bootstrap(&self) -> Value {
        let output = self.compile();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts an Envoy that enforces it.
    pub fn start(&self, concurrency: usize) -> Envoy {
        match Envoy::start(&self.bootstrap(), concurrency) {
            Ok(envoy) => envoy,
            Err(Refused { log }) => panic!("Envoy did not start:\n{log}"),
        }
    }
}
