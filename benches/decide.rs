//! What one decision costs, by the number of hosts that the Gateway has.
//!
//! `make bench-micro`: the warm figures should be flat from 1 to 10,000 hosts.
#![allow(missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects)]

use divan::Bencher;
use egress_auth::engine::Engine;
use egress_auth::jwt::SoftwareVerifier;

use policy::{policy, token, with_decision};

#[path = "instructions/policy.rs"]
mod policy;

const HOSTS: &[usize] = &[1, 100, 10_000];

fn main() {
    divan::main();
}

fn decide(bencher: Bencher<'_, '_>, hosts: usize, authorization: &str, cached_tokens: usize) {
    with_decision(
        hosts,
        "/v1/payments/42",
        authorization,
        cached_tokens,
        &SoftwareVerifier,
        |once| bencher.bench_local(once),
    );
}

/// A token that was verified before.
#[divan::bench(args = HOSTS)]
fn warm(bencher: Bencher<'_, '_>, hosts: usize) {
    decide(bencher, hosts, &token(), 100);
}

/// No token: denied with 401.
#[divan::bench(args = HOSTS)]
fn missing_token(bencher: Bencher<'_, '_>, hosts: usize) {
    decide(bencher, hosts, "Basic none", 100);
}

/// Every request verifies its ES256 signature in pure Rust.
#[divan::bench(args = [1])]
fn cold(bencher: Bencher<'_, '_>, hosts: usize) {
    decide(bencher, hosts, &token(), 0);
}

/// Reading and indexing the policy.
#[divan::bench(args = HOSTS)]
fn load(bencher: Bencher<'_, '_>, hosts: usize) {
    let json = policy(hosts);
    bencher.bench_local(|| Engine::from_json(divan::black_box(&json)).unwrap());
}
