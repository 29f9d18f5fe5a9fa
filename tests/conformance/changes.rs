//! What is said of a change of policies, beside what is decided: a request that only one of two
//! policies allows must be among what `diff` shows for its host.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::Value;

use super::requests::Asked;
use super::run::{Bench, Policy, engine};
use super::support::program;

/// What was found.
#[derive(Default)]
pub struct Changes {
    pub pairs: usize,
    /// Decided otherwise by the one policy than by the other.
    pub differing: usize,
    /// Of those, at hosts of which `diff` cannot tell.
    pub undecided: usize,
    pub wrong: Vec<String>,
}

impl Changes {
    /// Takes each policy of a set for the new version of the one before it.
    pub fn of(bench: &Bench, seed: u64, policies: usize, requests: usize) -> Self {
        let mut changes = Self::default();
        let mut before: Option<(Policy, Vec<Asked>)> = None;
        for index in 0..policies {
            let mut random = Rng::with_seed(seed * 1_000_000 + index as u64);
            let policy = bench.policy(&mut random);
            let gateway = serde_json::from_str(&policy.document).unwrap();
            let asked: Vec<_> =
                (0..requests).map(|_| Asked::generate(&mut random, &gateway)).collect();
            if let Some((old, of_old)) = &before {
                changes.add([old, &policy], of_old.iter().chain(&asked));
            }
            before = Some((policy, asked));
        }
        changes
    }

    fn add<'a>(&mut self, policies: [&Policy; 2], asked: impl Iterator<Item = &'a Asked>) {
        let asked: Vec<&Asked> = asked.collect();
        let lines: String = asked
            .iter()
            .map(|asked| {
                let path = asked.target.split('?').next().unwrap_or_default();
                format!("{}\n", asked.line(if path.starts_with('/') { path } else { "/" }))
            })
            .collect();
        let answers = policies.map(|policy| engine(policy, &lines));
        let said = said(policies);
        for (index, asked) in asked.iter().enumerate() {
            self.pairs += 1;
            let allowed = answers.each_ref().map(|answers| answers[index]["decision"] == "allow");
            let direction = match allowed {
                [false, true] => "gained",
                [true, false] => "lost",
                _ => continue,
            };
            self.differing += 1;
            match said.of(&asked.host, direction) {
                "yes" => {}
                "undecided" => self.undecided += 1,
                other => self.wrong.push(format!(
                    "{} {} {:?}: {direction}, and `diff` says {other}\n  under {}\n  and {}",
                    asked.method,
                    asked.host,
                    asked.target,
                    policies[0].document,
                    policies[1].document
                )),
            }
        }
    }
}

/// What `diff` says, by the names of hosts: every name that a policy has, and what is said of it.
struct Said(BTreeMap<Option<String>, Option<Value>>);

fn said(policies: [&Policy; 2]) -> Said {
    let output = program()
        .arg("diff")
        .args(policies.map(|policy| policy.gateway.file()))
        .args(["--output", "json"])
        .output()
        .unwrap();
    // 1 says that they differ.
    assert!(output.status.code() <= Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut by_name = BTreeMap::new();
    for policy in policies {
        let gateway: Value = serde_json::from_str(&policy.document).unwrap();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let servers = list(&gateway["spec"]["http"]);
        let entries = list(&gateway["spec"]["egressAuthorization"]);
        let named = servers.into_iter().map(|mut server| server["hostname"].take());
        let named = named.chain(
            entries.iter().flat_map(|entry| list(&entry["to"])).map(|mut to| to["host"].take()),
        );
        by_name.extend(named.map(|name| (name.as_str().map(str::to_ascii_lowercase), None)));
    }
    for group in report["differences"].as_array().unwrap() {
        for host in group["hosts"].as_array().unwrap() {
            by_name.insert(host["name"].as_str().map(str::to_owned), Some(group.clone()));
        }
    }
    Said(by_name)
}

impl Said {
    /// What is said of the host of an authority that both policies take. Where nothing is said of the
    /// narrowest name that covers it, it is said to be decided alike.
    fn of(&self, authority: &str, direction: &str) -> &str {
        let host = authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        let suffixes = host.match_indices('.').map(|(at, _)| format!("*{}", &host[at..]));
        let names = [host.to_owned()].into_iter().chain(suffixes).chain(["*".to_owned()]);
        let found = names.map(Some).chain([None]).find_map(|name| self.0.get(&name));
        found.and_then(|group| group.as_ref()?[direction].as_str()).unwrap_or("no")
    }
}
