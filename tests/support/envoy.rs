//! The Envoy process: started with a bootstrap, asked for its ports, read, and ended.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use egress_auth::demo::server::client;
use serde_json::Value;

use super::{eventually, program, within};

/// How long an access-log entry may take: much longer than Envoy's flush interval.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// A running Envoy. It is killed with its handle.
pub struct Envoy {
    child: Child,
    folder: tempfile::TempDir,
    access_log: Arc<Mutex<Vec<Value>>>,
    listeners: Vec<SocketAddr>,
    admin: SocketAddr,
}

/// The end of an Envoy that did not start.
#[derive(Debug)]
pub struct Refused {
    /// What it logged.
    pub log: String,
}

impl Envoy {
    /// Starts Envoy with a bootstrap whose listeners and admin interface are on port 0, and
    /// returns once it listens.
    pub fn start(bootstrap: &Value, concurrency: usize) -> Result<Self, Refused> {
        let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
        let names: Vec<&str> = listeners.iter().map(|it| it["name"].as_str().unwrap()).collect();
        Self::start_with(bootstrap, &names, concurrency)
    }

    /// The same with listeners of these names, wherever Envoy has them from.
    pub fn start_with(
        bootstrap: &Value,
        listeners: &[&str],
        concurrency: usize,
    ) -> Result<Self, Refused> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("envoy.json");
        std::fs::write(&config, bootstrap.to_string()).unwrap();
        let address_file = folder.path().join("admin");
        let log = File::create(folder.path().join("log")).unwrap();
        // The program makes Envoy end with the thread that starts it, however that ends: a test
        // that is killed leaves nothing behind.
        let mut child = program()
            .args(["exec-in-lockstep", "--parent", &std::process::id().to_string(), "--"])
            .arg(path())
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&address_file)
            .args(["--concurrency", &concurrency.to_string()])
            .args(["--disable-hot-restart", "--file-flush-interval-msec", "20"])
            .args(["--component-log-level", "wasm:info"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let access_log = Arc::<Mutex<Vec<Value>>>::default();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let sink = Arc::clone(&access_log);
        std::thread::spawn(move || {
            for line in lines.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                // Whatever else Envoy says there is not ours.
                if let Ok(entry) = serde_json::from_str(&line) {
                    sink.lock().unwrap().push(entry);
                }
            }
        });
        let admin = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self { child, folder, access_log, listeners: Vec::new(), admin };
        let ports = eventually("Envoy's ports", || match envoy.ended() {
            Some(_) => Some(None),
            None => listening(&address_file, listeners).map(Some),
        });
        match ports {
            Some((admin, listeners)) => {
                (envoy.admin, envoy.listeners) = (admin, listeners);
                Ok(envoy)
            }
            None => Err(Refused { log: envoy.log() }),
        }
    }

    /// Where the gateway listens.
    pub fn gateway(&self) -> SocketAddr {
        self.listeners[0]
    }

    /// Where the listeners listen, in the order of the bootstrap.
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// Where its admin interface listens.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What its admin interface answers to a GET.
    pub fn admin(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.admin);
        client().get(url).call().unwrap().body_mut().read_to_string().unwrap()
    }

    /// Sets the log level of a component from now on.
    pub fn set_log_level(&self, component: &str, level: &str) {
        let url = format!("http://{}/logging?{component}={level}", self.admin);
        assert_eq!(client().post(url).send_empty().unwrap().status(), 200);
    }

    /// The value of one counter or gauge; none when there is no such statistic yet.
    pub fn stat(&self, name: &str) -> Option<u64> {
        let all = self.admin("/stats");
        let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(|value| value.parse().unwrap())
    }

    /// The whole access log so far.
    pub fn whole_access_log(&self) -> String {
        let entries = self.access_log.lock().unwrap();
        entries.iter().map(|entry| format!("{entry}\n")).collect()
    }

    /// The access-log entry of the request that carried this `user-agent`. Entries are written
    /// after the response, so it may take a moment.
    pub fn access_log(&self, user_agent: &str) -> Option<Value> {
        self.logged("user_agent", user_agent)
    }

    /// The same for the first entry with this value of a field.
    pub fn logged(&self, field: &str, value: &str) -> Option<Value> {
        within(LOG_LIMIT, || {
            let entries = self.access_log.lock().unwrap();
            entries.iter().find(|entry| entry[field] == value).cloned()
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(40);
            eprintln!("the last lines of Envoy's log:\n{}", lines[last..].join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Envoy's executable. A test that needs it fails where there is none.
pub fn path() -> PathBuf {
    let path = std::env::var_os("ENVOY_PATH").filter(|path| !path.is_empty());
    path.expect("set ENVOY_PATH to an Envoy, as `make test` does").into()
}

/// Addresses of the admin interface and of the listeners, once all take connections.
pub fn listening(address_file: &Path, listeners: &[&str]) -> Option<(SocketAddr, Vec<SocketAddr>)> {
    let admin: SocketAddr = std::fs::read_to_string(address_file).ok()?.trim().parse().ok()?;
    let asked = |path: &str| {
        let url = format!("http://{admin}{path}");
        client().get(url).call().ok()?.body_mut().read_to_string().ok()
    };
    // Ports are known before keys are there, and before workers listen on them.
    asked("/stats?filter=workers_started$").filter(|text| text.trim().ends_with(": 1"))?;
    let known: Value = serde_json::from_str(&asked("/listeners?format=json")?).ok()?;
    let known = known["listener_statuses"].as_array()?;
    let address = |name: &&str| {
        let status = known.iter().find(|status| status["name"] == **name)?;
        let address = &status["local_address"]["socket_address"];
        let port = u16::try_from(address["port_value"].as_u64()?).ok().filter(|port| *port != 0)?;
        Some(SocketAddr::new(address["address"].as_str()?.parse().ok()?, port))
    };
    Some((admin, listeners.iter().map(address).collect::<Option<_>>()?))
}
