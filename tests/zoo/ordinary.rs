//! Ordinary paths of ordinary APIs keep their answers: `ordinary.yaml`.
//!
//! A filter that refuses all that is odd would let no server be wrong, too. What is refused here
//! has a server that makes it necessary, and a policy that admits it.

use serde::Deserialize;

use super::client::{Client, get};
use super::front::Front;
use super::policies::Policy;
use super::process::Servers;

/// An API and its policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Api {
    api: String,
    paths: Vec<String>,
    #[serde(default)]
    admitted: Vec<String>,
    #[serde(default)]
    refused: Vec<Refused>,
}

/// A path that is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    path: String,
    /// The server that reads it as something else.
    server: String,
    /// What it reads.
    reads: String,
    /// A policy that admits it.
    instead: Vec<String>,
}

/// What was found.
#[derive(Default)]
pub struct Answers {
    /// Paths that have to be admitted.
    pub admitted: usize,
    /// Paths that have to be refused.
    pub refused: usize,
    /// Those of which the server that makes it necessary was asked.
    pub asked: usize,
    /// What is not as the table says.
    pub failures: Vec<String>,
}

/// All of them, each policy at a host of its own.
pub struct Ordinary {
    /// An API, its policy, and the policies that admit what that one refuses.
    apis: Vec<(Api, Policy, Vec<Policy>)>,
}

impl Ordinary {
    /// Reads the table.
    pub fn read() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zoo/ordinary.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let apis: Vec<Api> = serde_saphyr::from_str(&text).unwrap();
        let with_policies = |(index, api): (usize, Api)| {
            let policy = Policy::new(format!("ordinary-{index}.test"), api.paths.clone());
            let others = api.refused.iter().enumerate();
            let others = others.map(|(other, refused)| {
                let host = format!("ordinary-{index}-{other}.test");
                Policy::new(host, refused.instead.clone())
            });
            let others = others.collect();
            (api, policy, others)
        };
        Self { apis: apis.into_iter().enumerate().map(with_policies).collect() }
    }

    /// Their policies.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.apis.iter().flat_map(|(_, policy, others)| [policy].into_iter().chain(others))
    }

    /// What is refused: the API, its policy, the path, the setting that makes it necessary and what
    /// that reads, and what admits it.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &[String], &str, &str, &str, &[String])> {
        self.apis.iter().flat_map(|(api, ..)| {
            api.refused.iter().map(|it| {
                let Refused { path, server, reads, instead } = it;
                (&*api.api, &*api.paths, &**path, &**server, &**reads, &**instead)
            })
        })
    }

    /// Asks the gateway, and the servers that are named.
    pub fn run(&self, front: &Front, servers: &Servers) -> Answers {
        let mut gateway = front.judge(false);
        let mut answer =
            |policy: &Policy, path: &str| gateway.send(&get(&policy.host, path.as_bytes())).status;
        let mut found = Answers::default();
        for (api, policy, others) in &self.apis {
            for path in &api.admitted {
                found.admitted += 1;
                let status = answer(policy, path);
                if status != 200 {
                    let text = format!("{}: {path} gets {status} under {:?}", api.api, api.paths);
                    found.failures.push(text);
                }
            }
            for (refusal, other) in api.refused.iter().zip(others) {
                let Refused { path, server, reads, instead } = refusal;
                found.refused += 1;
                let failures = &mut found.failures;
                let mut say = |what: String| failures.push(format!("{}: {path} {what}", api.api));
                let status = answer(policy, path);
                if status != 400 {
                    say(format!("gets {status} under {:?}, not 400", api.paths));
                }
                let status = answer(other, path);
                if status != 200 {
                    say(format!("gets {status} under {instead:?}"));
                }
                // Whoever chose other servers has nobody to ask.
                if !servers.ports.contains_key(server.as_str()) {
                    continue;
                }
                found.asked += 1;
                let target = get(&policy.host, path.as_bytes());
                let seen = Client::new(servers.address(server)).send(&target);
                let read = seen.seen().map(|seen| String::from_utf8_lossy(seen.path).into_owned());
                if read.as_ref() != Some(reads) || policy.admits(reads.as_bytes()) {
                    say(format!("is {read:?} to {server}, which makes no 400 necessary"));
                }
            }
        }
        found
    }
}
