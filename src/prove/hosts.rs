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

/// Every hostname of policies, in order, each with a host that it stands for; at the end one host
/// that none of them names.
pub fn hosts(views: &[&View<'_>]) -> Vec<Host> {
    let names: BTreeSet<&str> = views.iter().flat_map(|view| view.names()).collect();
    let example = |name: &str| match name.strip_prefix('*') {
        None => Some(name.to_owned()),
        // It stands for the host that nothing else names.
        Some("") => None,
        Some(suffix) => {
            free(views, names.len(), |number| format!("another-host{number}{suffix}"), name)
        }
    };
    let named = names
        .iter()
        .filter_map(|name| Some(Host { name: Some((*name).to_owned()), example: example(name)? }));
    let unnamed =
        free(views, names.len(), |number| format!("another-host.another-domain{number}"), "*");
    named.chain(unnamed.map(|example| Host { name: None, example })).collect()
}

/// The first of numbered hosts for which no policy has anything but this wildcard, or less.
fn free(
    views: &[&View<'_>],
    names: usize,
    host: impl Fn(&str) -> String,
    wildcard: &str,
) -> Option<String> {
    let is_free = |host: &String| {
        views.iter().all(|view| {
            let server = view.server(host).map(|server| server.hostname.as_str());
            // Of two wildcards for one host the longer decides.
            let other = |name: &str| !name.starts_with('*') || name.len() > wildcard.len();
            view.egress(host).is_none() && !server.is_some_and(other)
        })
    };
    // One more than there are names that could be in the way.
    let numbers = (2..=names.saturating_add(2)).map(|number| format!("-{number}"));
    std::iter::once(String::new()).chain(numbers).map(|number| host(&number)).find(is_free)
}
