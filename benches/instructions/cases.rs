//! What is counted. What a case needs is made before the counting begins.

use std::hint::black_box;

use egress_auth::engine::Engine;
use egress_auth::engine::path::readings;
use egress_auth::jwt::{Algorithm, Key, SignatureVerifier, Token};

use super::policy::{policy, token, with_decision};

/// One thing that is counted.
pub struct Case {
    /// Its name in tables and in the baseline.
    pub name: &'static str,
    /// Prepares, and then does it so many times.
    pub run: fn(u64),
    /// How often it is done.
    pub repeat: u64,
}

/// All cases, in the order in which they are shown.
pub const ALL: &[Case] = &[
    Case { name: "known token, 1 host", run: |n| allowed(n, 1), repeat: 1_000 },
    Case { name: "known token, 100 hosts", run: |n| allowed(n, 100), repeat: 1_000 },
    Case { name: "known token, 10,000 hosts", run: |n| allowed(n, 10_000), repeat: 1_000 },
    Case { name: "unknown token, signature left out", run: unknown, repeat: 1_000 },
    Case { name: "parsing a token", run: parse, repeat: 1_000 },
    Case { name: "denied, 403", run: denied, repeat: 1_000 },
    Case { name: "no token, 401", run: missing, repeat: 1_000 },
    Case { name: "readings of a plain path", run: |n| path(n, PLAIN_PATH), repeat: 1_000 },
    Case { name: "readings of a path with escapes", run: |n| path(n, ESCAPED_PATH), repeat: 1_000 },
    Case { name: "readings of a path, at most", run: worst_path, repeat: 10 },
    Case { name: "loading 1 host", run: |n| load(n, 1), repeat: 10 },
    Case { name: "loading 10,000 hosts", run: |n| load(n, 10_000), repeat: 1 },
];

const PATH: &str = "/v1/payments/42";
const PLAIN_PATH: &str = "/v1/payments/42?expand=customer";
const ESCAPED_PATH: &str = "/v1/payments/4%32/b%C3%A9n%20x?expand=customer";

/// Where the counting begins and ends: Valgrind finds it by its name.
#[inline(never)]
fn measured(repeat: u64, operation: &mut dyn FnMut()) {
    for _ in 0..repeat {
        operation();
    }
}

/// Believes every signature: Envoy checks them, and its share is not the engine's.
struct Believing;

impl SignatureVerifier for Believing {
    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verify(&self, _: &Key, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn decide(repeat: u64, hosts: usize, path: &str, authorization: &str, cached_tokens: usize) {
    with_decision(hosts, path, authorization, cached_tokens, &Believing, |once| {
        once();
        measured(repeat, once);
    });
}

fn allowed(repeat: u64, hosts: usize) {
    decide(repeat, hosts, PATH, &token(), 100);
}

fn unknown(repeat: u64) {
    decide(repeat, 1, PATH, &token(), 0);
}

fn denied(repeat: u64) {
    decide(repeat, 1, "/not/in/any/rule", &token(), 100);
}

fn missing(repeat: u64) {
    decide(repeat, 1, PATH, "Basic none", 100);
}

fn parse(repeat: u64) {
    let token = token();
    let token = token.strip_prefix("Bearer ").unwrap().as_bytes();
    measured(repeat, &mut || drop(black_box(Token::parse(black_box(token)).unwrap())));
}

fn path(repeat: u64, path: &str) {
    measured(repeat, &mut || drop(black_box(readings(black_box(path.as_bytes())).unwrap())));
}

/// As many readings, and as long ones, as are judged at all: each step changes something.
fn worst_path(repeat: u64) {
    let worst = format!("/..%3ba%25;%3b%2f\\;%2f{}", "/a".repeat(1_400));
    assert!(readings(format!("{worst}{worst}").as_bytes()).is_err(), "there is a worse one");
    path(repeat, &worst);
}

fn load(repeat: u64, hosts: usize) {
    let json = policy(hosts);
    measured(repeat, &mut || drop(black_box(Engine::from_json(black_box(&json)).unwrap())));
}
