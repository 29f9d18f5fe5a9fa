//! One Gateway and its requests, decided three times.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use egress_auth::demo::echo::Echo;
use fastrand::Rng;
use indicatif::ProgressBar;
use serde_json::Value;

use super::Tally;
use super::differences::{self, Pair};
use super::policies::{self, HOSTNAMES};
use super::requests::{Asked, SOURCES};
use super::support::envoy::Envoy;
use super::support::gateway::Gateway;
use super::support::program;
use super::support::tls::{Authority, Certificate, Client};

/// How often a generated Gateway may fail to compile before that is an error of its own.
const ATTEMPTS: usize = 1_000;
/// What the engine and the filter have to agree on.
const FIELDS: [&str; 5] = ["status", "reason", "mechanism", "server", "rule"];

/// What every Gateway is run with.
pub struct Bench {
    echo: Echo,
    authority: Authority,
    server: Certificate,
    clients: Vec<Client>,
}

/// A Gateway in both outputs.
pub struct Policy {
    pub gateway: Gateway,
    pub document: String,
    filter: Value,
    native: Value,
    /// What the native output had to make narrower.
    narrowed: bool,
}

impl Bench {
    pub fn new() -> Self {
        let authority = Authority::new();
        let server = authority.issue(&["gateway.test"]);
        let clients = SOURCES.iter().map(|names| authority.issue(names).client(&authority));
        let clients = clients.collect();
        Self { echo: Echo::start().unwrap(), authority, server, clients }
    }

    /// Generates a Gateway and requests, and counts what becomes of them.
    pub fn run(&self, random: &mut Rng, requests: usize, bar: &ProgressBar) -> Tally {
        let mut tally = Tally::default();
        let policy = self.policy(random);
        let mut bootstrap = policy.filter.clone();
        let mut listener = policy.native["static_resources"]["listeners"][0].clone();
        listener["name"] = "native".into();
        bootstrap["static_resources"]["listeners"].as_array_mut().unwrap().push(listener);
        bootstrap["layered_runtime"] = policy.native["layered_runtime"].clone();
        let envoy = Envoy::start(&bootstrap, 1).unwrap_or_else(|refused| {
            panic!("Envoy did not start with\n{}\n{}", policy.document, refused.log)
        });
        let gateway = serde_json::from_str(&policy.document).unwrap();
        let asked: Vec<_> = (0..requests).map(|_| Asked::generate(random, &gateway)).collect();
        for (index, asked) in asked.iter().enumerate() {
            for (listener, address) in envoy.listeners().iter().enumerate() {
                let request = asked.request(&agent(listener, index));
                request.send_as(&self.clients[asked.source], *address);
            }
            bar.inc(1);
        }
        let entries: Vec<[Value; 2]> = (0..requests)
            .map(|index| {
                [0, 1].map(|listener| {
                    let agent = agent(listener, index);
                    envoy.access_log(&agent).unwrap_or_else(|| panic!("no log of {agent}"))
                })
            })
            .collect();
        let engine = engine(&policy, &lines(&asked, &entries));
        for ((asked, [filter, native]), engine) in asked.iter().zip(&entries).zip(&engine) {
            tally.pairs += 1;
            let decided = !filter["reason"].is_null();
            tally.by_envoy_itself += usize::from(!decided);
            tally.allowed += usize::from(filter["decision"] == "allow");
            let mut wrong = String::new();
            // Envoy's own answers to what it takes for no request at all are none of the filter's.
            if decided && !same(engine, filter) {
                write!(wrong, "the engine said {}\n  ", summary(engine)).unwrap();
            }
            let pair = Pair { asked, filter, native, narrowed: policy.narrowed };
            match differences::kind(&pair) {
                Ok(None) if wrong.is_empty() => tally.agreements += 1,
                Ok(Some(kind)) if wrong.is_empty() => {
                    *tally.differences.entry(kind.name).or_default() += 1;
                }
                _ => tally.unexplained.push(format!(
                    "{} {} {:?} from {:?}, token {:?}\n  {wrong}the filter said {}\n  \
                     Envoy's own filters said {} {}\n  under {}",
                    asked.method,
                    asked.host,
                    asked.target,
                    SOURCES[asked.source],
                    asked.token,
                    summary(filter),
                    native["status"],
                    native["details"],
                    policy.document,
                )),
            }
        }
        tally
    }

    /// A Gateway that both outputs can say, perhaps after making it narrower.
    pub fn policy(&self, random: &mut Rng) -> Policy {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let document = policies::document(random);
            let mut gateway = Gateway::new(&document).mtls(&self.authority, &self.server);
            for hostname in HOSTNAMES {
                if document.contains(&format!("\"hostname\":\"{hostname}\"")) {
                    gateway = gateway.upstream(hostname, self.echo.address());
                }
            }
            let filter = compile(&gateway, &["envoy"]);
            let native = compile(&gateway, &["envoy-native", "--allow-narrower"]);
            match (filter, native) {
                (Ok(filter), Ok(native)) => {
                    let narrowed = compile(&gateway, &["envoy-native"]).is_err();
                    return Policy { gateway, document, filter, native, narrowed };
                }
                (Err(error), _) | (_, Err(error)) => last = error,
            }
        }
        panic!("no generated Gateway compiles; the last: {last}");
    }
}

/// Each request for `explain`, with the path that Envoy hands on.
fn lines(asked: &[Asked], entries: &[[Value; 2]]) -> String {
    let line = |(asked, [filter, _]): (&Asked, &[Value; 2])| {
        // Nothing is handed on of what Envoy refuses itself.
        let path = filter["path"].as_str().unwrap_or("/");
        format!("{}\n", asked.line(path))
    };
    asked.iter().zip(entries).map(line).collect()
}

/// What the engine says to these requests, one on each line.
pub fn engine(policy: &Policy, lines: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests");
    std::fs::write(&file, lines).unwrap();
    let output = program()
        .arg("explain")
        .arg(policy.gateway.file())
        .arg("--requests")
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn agent(listener: usize, index: usize) -> String {
    format!("{listener}-{index}")
}

fn compile(gateway: &Gateway, to: &[&str]) -> Result<Value, String> {
    let output = program()
        .args(["compile", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .arg(gateway.file())
        .args(gateway.flags())
        .arg("--to")
        .args(to)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// An answer by fields that may be missing or a dash.
fn fields(entry: &Value) -> BTreeMap<&'static str, String> {
    let text = |field: &str| match &entry[field] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    FIELDS.into_iter().map(|field| (field, text(field))).collect()
}

fn same(engine: &Value, filter: &Value) -> bool {
    let (mut engine, mut filter) = (fields(engine), fields(filter));
    // What the upstream, or the lack of one, answers to what was allowed.
    if filter["reason"] == "allowed" || filter["reason"] == "passthrough" {
        engine.remove("status");
        filter.remove("status");
    }
    engine == filter
}

fn summary(entry: &Value) -> String {
    fields(entry).into_values().collect::<Vec<_>>().join(" ")
}
