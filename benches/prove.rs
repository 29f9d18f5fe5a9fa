//! What a proof costs: policies compared over all requests, in both directions.
//!
//! `make bench-micro`. `max alloc` is what a comparison holds at once beyond the two policies.
#![allow(missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects)]

use divan::{AllocProfiler, Bencher};
use egress_auth::policy::Policy;
use egress_auth::prove::compare::{Comparison, Verdict, compare};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NOW: u64 = 1_700_000_000;
const RULES: usize = 10;

fn main() {
    divan::main();
}

/// A policy of hosts that each have rules of their own; those of the last `changed` hosts admit one
/// method more.
fn policy(hosts: usize, changed: usize) -> Policy {
    let rule = |number: usize, host: usize| json!({ "name": format!("r{number}"), "from": [number], "to": [host * RULES + number] });
    let operation = |host: usize, number: usize| {
        let methods = match host + changed >= hosts {
            true => json!(["GET", "POST"]),
            false => json!(["GET"]),
        };
        let paths = [format!("/v1/h{host}/r{number}/*"), format!("/v1/h{host}/{{*}}/r{number}")];
        json!({ "methods": methods, "paths": paths })
    };
    let server = |host: usize| {
        let rules: Vec<_> = (0..RULES).map(|number| host * RULES + number).collect();
        json!({
            "name": format!("h{host}"),
            "hostname": format!("h{host}.test"),
            "authentication": { "jwt": [0] },
            "authorization": { "rules": rules },
        })
    };
    let all = |each: &dyn Fn(usize, usize) -> Value| -> Vec<Value> {
        (0..hosts).flat_map(|host| (0..RULES).map(move |number| each(host, number))).collect()
    };
    let principals: Vec<_> =
        (0..RULES).map(|number| json!({ "sub": format!("service-{number}@*") })).collect();
    read(json!({
        "version": egress_auth::policy::VERSION,
        "gateway": "egress/bench",
        "jwt_rules": [{ "issuer": "https://i.test", "jwks": { "remote": { "uri": "https://i.test/keys", "cluster": "i" } } }],
        "principals": principals,
        "operations": all(&operation),
        "rules": all(&|host, number| rule(number, host)),
        "servers": (0..hosts).map(server).collect::<Vec<_>>(),
    }))
}

/// A policy of one host with rules for these operations.
fn one_host(operations: &[Value]) -> Policy {
    let numbers = || 0..operations.len();
    let rules: Vec<_> =
        numbers().map(|number| json!({ "name": format!("r{number}"), "to": [number] })).collect();
    read(json!({
        "version": egress_auth::policy::VERSION,
        "gateway": "egress/bench",
        "operations": operations,
        "rules": rules,
        "servers": [{
            "name": "a",
            "hostname": "a.test",
            "authorization": { "rules": numbers().collect::<Vec<_>>() },
        }],
    }))
}

fn read(policy: Value) -> Policy {
    serde_json::from_value(policy).unwrap()
}

fn compared(bencher: Bencher<'_, '_>, policies: &[Policy; 2], verdict: Option<Verdict>) {
    let [old, new] = policies;
    let judge = |comparison: &Comparison<'_>| {
        let mut verdicts = comparison.groups.iter().map(|group| group.verdict());
        assert!(verdict.is_none_or(|wanted| verdicts.all(|it| it == wanted)));
    };
    judge(&compare([old, new], NOW).unwrap());
    bencher.bench_local(|| compare(divan::black_box([old, new]), NOW).unwrap().groups.len());
}

/// 10,000 hosts of 10 rules, of which some were changed.
#[divan::bench(args = [100, 10_000], sample_count = 5)]
fn changed_of_10000_hosts(bencher: Bencher<'_, '_>, changed: usize) {
    let policies = [policy(10_000, 0), policy(10_000, changed)];
    compared(bencher, &policies, Some(Verdict::Wider));
}

/// A host of 1,000 rules, the other way round and with a rule for each path.
#[divan::bench(sample_count = 5)]
fn reordered_and_split(bencher: Bencher<'_, '_>) {
    let paths = |number: usize| [format!("/v1/r{number}/*"), format!("/v1/{{*}}/r{number}")];
    let old: Vec<_> =
        (0..1_000).map(|number| json!({ "methods": ["GET"], "paths": paths(number) })).collect();
    let new: Vec<_> = (0..1_000)
        .rev()
        .flat_map(paths)
        .map(|path| json!({ "methods": ["GET"], "paths": [path] }))
        .collect();
    compared(bencher, &[one_host(&old), one_host(&new)], Some(Verdict::Equal));
}

/// Patterns that make the search as large as it may get.
#[divan::bench(args = ["stars", "segments", "depths"], sample_count = 3)]
fn adversarial(bencher: Bencher<'_, '_>, kind: &str) {
    let letters = || (b'a'..).map(char::from).take(20);
    let [old, new]: [Vec<String>; 2] = match kind {
        "stars" => [
            letters().map(|letter| format!("*{letter}{letter}*")).collect(),
            vec![format!("/{}", "*x".repeat(16))],
        ],
        "segments" => {
            [(1..=16).map(|depth| "/{*}".repeat(depth)).collect(), vec!["/{**}".to_owned()]]
        }
        _ => [
            (0..16)
                .map(|at| format!("/{}x/{}*", "{*}/".repeat(at), "{*}/".repeat(15 - at)))
                .collect(),
            vec![format!("/{}*", "{*}/".repeat(16))],
        ],
    };
    let of = |paths: Vec<String>| one_host(&[json!({ "paths": paths })]);
    compared(bencher, &[of(old), of(new)], None);
}
