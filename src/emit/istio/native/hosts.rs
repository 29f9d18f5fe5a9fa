//! Hostnames as Istio matches them: the `:authority` header as it stands, port included, without
//! regard to case: `h` alone, `h:` and anything, or anything and a suffix.

pub(super) use crate::emit::hosts::{Host, Hosts};

/// The forms of an exact hostname that a policy admits.
pub(super) fn admitted(hostname: &str) -> Vec<String> {
    match hostname.starts_with('*') {
        true => vec![hostname.to_owned()],
        false => vec![hostname.to_owned(), format!("{hostname}:*")],
    }
}

/// Every form in which a hostname may stand for the same host: what a rule for all others leaves
/// out has to name them all.
pub(super) fn every_form(hostname: &str) -> Vec<String> {
    match hostname.starts_with('*') {
        true => vec![hostname.to_owned()],
        false => ["", ":*", ".", ".:*"].map(|end| format!("{hostname}{end}")).to_vec(),
    }
}
