//! What matching a path costs, by its length: every row should grow by ten from column to column.
//!
//! `make bench-micro`. The patterns are those that make a backtracking matcher slow, on
//! paths that nearly match.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use egress_auth::policy::path_pattern::PathPattern;

const LENGTHS: &[usize] = &[600, 6_000, 60_000];

fn main() {
    divan::main();
}

fn near_miss(bencher: Bencher<'_, '_>, pattern: &str, path: &str) {
    let pattern = PathPattern::parse(pattern).unwrap();
    assert!(!pattern.matches(path));
    bencher.bench(|| pattern.matches(divan::black_box(path)));
}

/// Stars alone.
#[divan::bench(args = LENGTHS)]
fn stars(bencher: Bencher<'_, '_>, length: usize) {
    near_miss(bencher, "/*a*a*a*a*a*a*a*b", &format!("/{}", "a".repeat(length)));
}

/// A long literal after a star.
#[divan::bench(args = LENGTHS)]
fn literal(bencher: Bencher<'_, '_>, length: usize) {
    near_miss(bencher, "*/aaaaaaaaaaaaaaaaaaab", &format!("/{}", "a".repeat(length)));
}

/// Whole segments.
#[divan::bench(args = LENGTHS)]
fn segments(bencher: Bencher<'_, '_>, length: usize) {
    near_miss(bencher, "/{**}/a/{**}/a/{**}/a/{*}/b", &"/a".repeat(length / 2));
}
