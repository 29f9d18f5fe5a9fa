//! Paths to try where only paths are left that servers read in several ways.

use super::automaton::Automaton;
use super::inclusion::{Budget, missed};
use crate::engine::path::{Readings, readings};

/// Paths that are tried at most.
const MOST: usize = 300;

/// Whether every server reads a path the same way.
pub fn is_plain(path: &[u8]) -> bool {
    matches!(readings(path), Ok(Readings::One(_)))
}

/// Paths, one reading of which is among those of `inner` and of none of `outer`: as they stand, and
/// with what cannot be sent so escaped.
pub fn ambiguous(inner: &Automaton, outer: &[&Automaton], budget: &mut Budget) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in missed(inner, outer, MOST, budget) {
        for path in [sent(&path, |_| false), sent(&path, |byte| byte == b'%')] {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// A path as it can be sent, with bytes that cannot and those that are `wanted` escaped.
fn sent(path: &[u8], wanted: impl Fn(u8) -> bool) -> String {
    let mut sent = String::with_capacity(path.len());
    for byte in path {
        match byte {
            0..=0x20 | b'#' | b'?' | 0x7f.. => sent.push_str(&format!("%{byte:02X}")),
            byte if wanted(*byte) => sent.push_str(&format!("%{byte:02X}")),
            byte => sent.push(char::from(*byte)),
        }
    }
    sent
}
