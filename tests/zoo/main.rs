//! Real servers behind the gateway as its judges: what they make of what the filter lets through.
//!
//! The filter judges paths, hosts and headers by rules of its own about how servers may read them.
//! Here the servers themselves say how they do. Each runs in the ways in which it is really run,
//! behind a real Envoy with the emitted configuration, and answers with the handler that it chose,
//! the path by which it chose it, and the headers that a program sees. Whatever a policy does not
//! admit and a server serves all the same is a failure.
//!
//! | module | what lives there |
//! |---|---|
//! | `settings` | the servers and the ways in which they run |
//! | `program` | the programs, and the commands that start them |
//! | `process` | a program as a process |
//! | `front` | the Envoy in front of them |
//! | `client` | requests on connections that stay open, and answers |
//! | `policies` | what is admitted, host by host |
//! | `grammar` | paths, made from seeds |
//! | `paths` | the paths that are let through, judged by every server |
//! | `ordinary` | ordinary paths, which keep their answers |
//! | `headers` | headers that clients may not say, as programs find them |
//! | `hosts` | hosts that are let through, as virtual hosts are chosen |
//! | `shrink` | the shortest path that still fails |
//! | `report` | what was found, as tables |
//!
//! `make zoo` runs it. It needs the servers, so `cargo test` alone leaves it out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

#[path = "../envoy/security/catalogue/mod.rs"]
#[allow(dead_code)]
mod catalogue;
mod client;
mod front;
mod grammar;
mod headers;
mod hosts;
mod ordinary;
mod paths;
mod policies;
mod process;
mod program;
mod report;
mod settings;
mod shrink;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use fastrand::Rng;
use front::Front;
use ordinary::Ordinary;
use policies::Policy;
use process::Servers;
use report::Report;
use settings::Setting;

/// Paths that are tried where nothing else is asked for.
const PATHS: usize = 20_000;

fn main() -> ExitCode {
    let policies = policies::all();
    let (settings, with_hosts) = settings::chosen(&variable("ZOO_SERVERS"));
    let servers = Servers::start(&[&settings[..], &with_hosts].concat());
    let ordinary = Ordinary::read();
    let all: Vec<&Policy> = policies.iter().chain(ordinary.policies()).collect();
    let front = Front::start(&all, &servers);
    if let Some((host, path)) = variable("ZOO_TRY").split_once(' ') {
        return one(&front, &policies, &settings, host, path.as_bytes());
    }
    let seed = number("ZOO_SEED", 1);
    let count = number("ZOO_PATHS", PATHS as u64) as usize;
    // The other runs are as much shorter as that of the paths.
    let one_in = (PATHS / count.max(1)).max(1);
    let mut random = Rng::with_seed(seed);
    let report = Report {
        seed,
        paths: paths::run(&front, &servers, &policies, &settings, (seed, count)),
        headers: headers::run(&front, &servers, &settings, (&mut random, one_in)),
        hosts: hosts::run(&front, &with_hosts, (&mut random, one_in)),
        ordinary: {
            let answers = ordinary.run(&front, &servers);
            (ordinary, answers)
        },
    };
    println!("{}", report.tables());
    for row in report.rows() {
        row.print();
    }
    if variable("BLESS") == "1" {
        report.bless();
    }
    let failures = report.failures();
    for failure in &failures {
        println!("\n{failure}");
    }
    ExitCode::from(u8::from(!failures.is_empty()))
}

/// What every server makes of one path, and what the filter does.
fn one(
    front: &Front,
    policies: &[Policy],
    settings: &[&Setting],
    host: &str,
    path: &[u8],
) -> ExitCode {
    let policy = policies.iter().find(|policy| policy.host == host);
    let policy = policy.unwrap_or_else(|| panic!("no policy is for {host}"));
    let request = client::get(&policy.host, path);
    let mut wrong = 0;
    for (defaults, manager) in [(false, "as emitted"), (true, "with Envoy's defaults")] {
        let decided = front.judge(defaults).send(&request).status;
        println!("{manager}: the gateway answers {decided}");
        for setting in settings {
            let answer = front.to(setting.name, defaults).send(&request);
            let verdict = paths::verdict(policy, &answer);
            wrong += usize::from(verdict.is_wrong());
            println!("  {}: {}, {verdict}", setting.name, answer.status);
        }
    }
    ExitCode::from(u8::from(wrong > 0))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn number(name: &str, otherwise: u64) -> u64 {
    match variable(name).as_str() {
        "" => otherwise,
        text => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
    }
}
