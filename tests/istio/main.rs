//! The outputs for Istio through the real thing: what `compile` writes is applied to a real API
//! server of Kubernetes, a stock istiod reads it there, and a stock agent runs an Envoy with it. Only
//! the pods are missing: the agents run beside the test, in a network namespace of its own.
//!
//! | module | what lives there |
//! |---|---|
//! | `process` | programs that go on running |
//! | `cluster` | etcd, kube-apiserver and kubectl |
//! | `mesh` | istiod, and agents with an Envoy each |
//! | `outside` | external hosts, an issuer and a web server with the module |
//! | `world` | all of it together, with an output applied |
//! | `requests` | requests of workloads, and the table of what becomes of them |
//! | `cases` | what is shown, for each output |
//!
//! `make test-istio` runs it. It needs programs that are built for it, so `cargo test` alone leaves
//! it out.
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

mod cases;
mod cluster;
mod mesh;
mod outside;
mod process;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use cases::CASES;
use world::{Output, World};

fn main() -> ExitCode {
    let chosen = std::env::var("CASES").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split_whitespace().collect();
    let unknown = chosen.iter().find(|name| CASES.iter().all(|case| case.name != **name));
    assert_eq!(unknown, None, "no such case; there are {:?}", CASES.map(|case| case.name));
    let began = Instant::now();
    let mut world = World::start();
    println!("ready after {:.0} s", began.elapsed().as_secs_f64());
    let (mut passed, mut failed) = (0, 0);
    let mut rows = Vec::new();
    for output in Output::ALL {
        world.turn_to(output);
        for case in CASES.iter().filter(|case| case.is_for(output)) {
            if !chosen.is_empty() && !chosen.contains(&case.name) {
                continue;
            }
            let began = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| (case.run)(&mut world)));
            let took = began.elapsed().as_secs_f64();
            let outcome = if result.is_ok() { "ok" } else { "FAILED" };
            println!("{:<14} {:<22} {outcome} ({took:.1} s)", output.name(), case.name);
            rows.push(format!("| {} | {} | {outcome} | {took:.1} s |", case.name, output.name()));
            if result.is_ok() {
                passed += 1;
            } else {
                failed += 1;
                println!("{}", world.logs());
                world.turn_to(output);
            }
        }
    }
    println!("\n| case | output | | |\n|---|---|---|---|\n{}\n", rows.join("\n"));
    println!("{passed} passed, {failed} failed");
    assert!(passed + failed > 0, "no case was run");
    ExitCode::from(u8::from(failed > 0))
}
