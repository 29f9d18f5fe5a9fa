//! What one decision costs, by the number of hosts that the Gateway has.
//!
//! `make bench-micro`: the warm figures should be flat from 1 to 10,000 hosts.
#![allow(missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects)]

use divan::Bencher;
use egress_auth::engine::{Context, Engine, KeyRing, NoPeerCertificate, NoTrace, Request};
use egress_auth::jwt::{SoftwareVerifier, TokenCache};

use policy::{NOW, policy, token};

#[path = "instructions/policy.rs"]
mod policy;

const HOSTS: &[usize] = &[1, 100, 10_000];

fn main() {
    divan::main();
}

fn decide(bencher: Bencher<'_, '_>, hosts: usize, authorization: &str, cached_tokens: usize) {
    let engine = Engine::from_json(&policy(hosts)).unwrap();
    let host = format!("api-{}.example.com", hosts - 1);
    let headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", &host),
        (":path", "/v1/payments/42"),
        ("user-agent", "bench"),
        ("authorization", authorization),
    ];
    let request = Request {
        headers: headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
        claims: None,
    };
    let keys = KeyRing::default();
    let mut cache = TokenCache::new(cached_tokens, cached_tokens * 16 * 1024, 7);
    bencher.bench_local(|| {
        let mut context = Context {
            now: NOW,
            keys: &keys,
            verifier: &SoftwareVerifier,
            peer: &NoPeerCertificate,
            cache: &mut cache,
        };
        engine.decide(divan::black_box(&request), &mut context, &mut NoTrace)
    });
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
