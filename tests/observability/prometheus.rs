//! The Prometheus process and its API.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use egress_auth::demo::server::client;
use serde_json::{Value, json};

use crate::support::{LIMIT, eventually, program};

/// Where the configuration is.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/prometheus")
}

/// Has promtool look at files of the configuration, and panics with what it says if it objects.
pub fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool").args(arguments).current_dir(folder()).output();
    let output = output.expect("promtool on PATH (Debian's package prometheus)");
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert!(output.status.success(), "promtool {arguments:?}: {}", said.join("\n"));
}

/// A running Prometheus. It is killed with its handle.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts with a committed configuration, but for whom it scrapes and how often.
    pub fn start(config: &str, target: SocketAddr) -> Self {
        let text = std::fs::read_to_string(folder().join(config)).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        config["global"] = json!({"scrape_interval": "1s", "evaluation_interval": "1s"});
        config["rule_files"] = json!([folder().join(config["rule_files"][0].as_str().unwrap())]);
        let job = config["scrape_configs"][0].as_object_mut().unwrap();
        // Finding pods needs a cluster.
        job.retain(|field, _| !["kubernetes_sd_configs", "relabel_configs"].contains(&&**field));
        job.insert("static_configs".to_owned(), json!([{"targets": [target.to_string()]}]));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.json");
        std::fs::write(&file, config.to_string()).unwrap();

        let mut child = program()
            .args(["exec-in-lockstep", "--parent", &std::process::id().to_string(), "--"])
            .arg("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            // Read to the end, so that it never waits for a reader.
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut log = Vec::new();
        let address = loop {
            let Ok(line) = lines.recv_timeout(LIMIT) else {
                panic!("Prometheus did not start:\n{}", log.join("\n"));
            };
            let listens = line.contains("Listening on");
            let address = line.split_once(" address=").map(|(_, rest)| rest.trim().to_owned());
            match address.filter(|_| listens) {
                Some(address) => break address.parse().unwrap(),
                None => log.push(line),
            }
        };
        let prometheus = Self { child, address, _folder: folder };
        eventually("Prometheus", || {
            let url = format!("http://{address}/-/ready");
            (client().get(url).call().ok()?.status() == 200).then_some(())
        });
        prometheus
    }

    /// The series that an instant query gives.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.get("query", Some(query));
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// The alerting rules and their state.
    pub fn rules(&self) -> Vec<Value> {
        self.get("rules", None)["data"]["groups"][0]["rules"].as_array().unwrap().clone()
    }

    /// One of them.
    pub fn rule(&self, name: &str) -> Value {
        let rules = self.rules();
        rules.into_iter().find(|rule| rule["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn get(&self, what: &str, query: Option<&str>) -> Value {
        let request = client().get(format!("http://{}/api/v1/{what}", self.address));
        let request = query.into_iter().fold(request, |request, it| request.query("query", it));
        let text = request.call().unwrap().body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["status"], "success", "{query:?}: {answer}");
        answer
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
