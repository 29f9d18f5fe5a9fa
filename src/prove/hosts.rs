//! The hosts that policies tell apart: every name, the rest of each wildcard, and one host that
//! nothing names.

use std::collections::BTreeSet;

use super::side::View;

/// A host that stands for all that are decided by the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The hostname as the policies write it; absent for the one that none names.
    pub name: Option<String>,
    /// The host that requests are made for.
    pub example: String,
}

/// Every hostname of policies and of `others`, in order, each with a host that it stands for; at the
/// end one host that none of them names.
pub fn hosts(views: &[&View<'_>], others: &[&str]) -> Vec<Host> {
    let names = views.iter().flat_map(|view| view.names());
    let names: BTreeSet<&str> = names.chain(others.iter().copied()).collect();
    let example = |name: &str| match name.strip_prefix('*') {
        None => Some(name.to_owned()),
        // It stands for the host that nothing else names.
        Some("") => None,
        Some(suffix) => {
            let host = |number: &str| format!("another-host{number}{suffix}");
            free(views, others, names.len(), host, name)
        }
    };
    let named = names
        .iter()
        .filter_map(|name| Some(Host { name: Some((*name).to_owned()), example: example(name)? }));
    let host = |number: &str| format!("another-host.another-domain{number}");
    let unnamed = free(views, others, names.len(), host, "*");
    named.chain(unnamed.map(|example| Host { name: None, example })).collect()
}

/// Whether a hostname covers a host, or all hosts of a narrower hostname.
pub fn covers(hostname: &str, host: &str) -> bool {
    match hostname.strip_prefix('*') {
        None => hostname == host,
        Some("") => true,
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
    }
}

/// The first of numbered hosts for which nobody has anything but this wildcard, or less.
fn free(
    views: &[&View<'_>],
    others: &[&str],
    names: usize,
    host: impl Fn(&str) -> String,
    wildcard: &str,
) -> Option<String> {
    // Of two wildcards for one host the longer decides.
    let narrower = |name: &str| !name.starts_with('*') || name.len() > wildcard.len();
    let is_free = |host: &String| {
        let of_views = views.iter().all(|view| {
            let server = view.server(host).map(|server| server.hostname.as_str());
            view.egress(host).is_none() && !server.is_some_and(narrower)
        });
        of_views && !others.iter().any(|name| narrower(name) && covers(name, host))
    };
    // One more than there are names that could be in the way.
    let numbers = (2..=names.saturating_add(2)).map(|number| format!("-{number}"));
    std::iter::once(String::new()).chain(numbers).map(|number| host(&number)).find(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_names_below_it_and_not_itself() {
        for (hostname, host, covered) in [
            ("a.test", "a.test", true),
            ("a.test", "b.a.test", false),
            ("*.a.test", "b.a.test", true),
            ("*.a.test", "c.b.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", "ba.test", false),
            ("*", "anything", true),
        ] {
            assert_eq!(covers(hostname, host), covered, "{hostname} {host}");
        }
    }
}
