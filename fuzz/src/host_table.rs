//! The host table against a search from end to end.

use egress_auth::policy::hosts::HostTable;

use super::plain;

/// Checks a lookup: the last line in a table of the others.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines: Vec<&str> = text.split('\n').collect();
    let host = lines.pop().unwrap_or_default();
    let mut table = HostTable::with_capacity(0);
    let mut names = Vec::new();
    for name in lines.into_iter().take(64) {
        if table.insert(name, name).is_ok() {
            assert!(!names.contains(&name), "{name} twice");
            names.push(name);
        } else if names.contains(&name) {
            // A duplicate takes nobody's place.
            break;
        }
    }
    assert_eq!(table.get(host).copied(), plain::governing(&names, host), "{names:?} {host}");
    for name in &names {
        assert_eq!(table.get(name).copied(), plain::governing(&names, name));
    }
}
