//! Workloads that stand for all workloads of a source.
//!
//! A source has a least workload, as a pattern over a claim has a least value, though the letters
//! of its names are few: one is looked for that no other source names unless it names all of them.

use super::example::Sender;
use super::tokens::TooMany;
use crate::policy::{IdentityMatch, SourceIdentity};

/// Letters of a SPIFFE ID (SPIFFE-ID, section 2.2), the most readable first.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Everyone who is recognised as a workload of a source by one policy, where another recognises
/// workloads in its own way.
///
/// # Errors
/// When all names that begin as the source says are named by others.
pub fn senders(
    source: &str,
    identity: IdentityMatch,
    [own, other]: [&SourceIdentity; 2],
    sources: &[&str],
) -> Result<Vec<Sender>, TooMany> {
    let domains = domains(own, other);
    let (namespace, account) = least(source, sources)?;
    let ids = |(namespace, account): &(String, String)| -> Vec<String> {
        let id = |domain: &&str| format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
        domains.iter().map(id).collect()
    };
    let own_ids = ids(&(namespace, account));
    let propagated = own.propagated.as_ref();
    let (direct, handed_on) = match identity {
        IdentityMatch::PeerCertificate => (true, false),
        IdentityMatch::SourceIdentity => (propagated.is_none(), true),
        IdentityMatch::Permissive => (true, true),
    };
    let mut senders = Vec::new();
    if direct {
        let alone = |id: &String| Sender { peer: Some(id.clone()), behind: None };
        senders.extend(own_ids.iter().map(alone));
    }
    if let Some(propagated) = propagated.filter(|_| handed_on) {
        for trusted in &propagated.trusted_sources {
            for peer in ids(&least(trusted, sources)?) {
                senders.extend(own_ids.iter().map(|id| Sender {
                    peer: Some(peer.clone()),
                    behind: Some((propagated.header.clone(), id.clone())),
                }));
            }
        }
    }
    Ok(senders)
}

/// Trust domains that must be told apart: one that both know, and one that only the first does.
fn domains<'p>(own: &'p SourceIdentity, other: &SourceIdentity) -> Vec<&'p str> {
    let domains = || own.trust_domains.iter().map(String::as_str);
    let known = |domain: &&str| other.trust_domains.iter().any(|it| it == domain);
    let both = domains().find(known);
    both.into_iter().chain(domains().find(|domain| !known(domain))).collect()
}

/// Namespace and service account of the least workload of a source.
pub(super) fn least(source: &str, sources: &[&str]) -> Result<(String, String), TooMany> {
    let split = |source: &'_ str| -> (String, String) {
        let (namespace, account) = source.split_once('/').unwrap_or((source, "*"));
        (namespace.to_owned(), account.to_owned())
    };
    let (namespaces, accounts): (Vec<_>, Vec<_>) = sources.iter().map(|it| split(it)).unzip();
    let (namespace, account) = split(source);
    Ok((least_name(&namespace, &namespaces)?, least_name(&account, &accounts)?))
}

fn least_name(pattern: &str, others: &[String]) -> Result<String, TooMany> {
    match pattern.strip_suffix('*') {
        None => Ok(pattern.to_owned()),
        Some(stem) => free(stem, others).ok_or(TooMany),
    }
}

/// The shortest name beyond `stem` that none of the patterns names that do not name all of them.
fn free(stem: &str, others: &[String]) -> Option<String> {
    let longer = |name: &str| {
        let stems = others.iter().map(|it| it.strip_suffix('*').unwrap_or(it));
        stems.filter(|it| it.starts_with(name)).count()
    };
    let mut names = vec![stem.to_owned()];
    while !names.is_empty() {
        let next =
            names.iter().flat_map(|name| LETTERS.chars().map(move |it| format!("{name}{it}")));
        let next: Vec<_> = next.collect();
        if let Some(free) = next.iter().find(|name| longer(name) == 0) {
            return Some(free.clone());
        }
        // Names that another pattern has whole are its own.
        let taken = |name: &String| {
            others.iter().any(|it| it.strip_suffix('*').is_some_and(|stem| stem == name))
        };
        names = next.into_iter().filter(|name| !taken(name)).collect();
        names.truncate(LETTERS.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::source::{SourcePattern, Workload};

    #[test]
    fn the_least_workload_matches_only_what_matches_all() {
        let sources =
            ["shop/web", "shop/*", "sh*/*", "*/*", "x*/*", "shopx/*", "*/x", "*/web", "s*/web"];
        let domains = ["d".to_owned()];
        for inner in sources {
            let (namespace, account) = least(inner, &sources).unwrap();
            let id = format!("spiffe://d/ns/{namespace}/sa/{account}");
            let workload = Workload::from_spiffe_id(id.as_bytes(), &domains).unwrap();
            let matches = |it: &str| SourcePattern::parse(it).unwrap().matches(&workload);
            assert!(matches(inner), "{inner} {workload}");
            for outer in sources.into_iter().filter(|outer| matches(outer)) {
                let wider = |inner: &str, outer: &str| match outer.strip_suffix('*') {
                    Some(stem) => inner.starts_with(stem),
                    None => inner == outer,
                };
                let ((one, two), (three, four)) =
                    (inner.split_once('/').unwrap(), outer.split_once('/').unwrap());
                assert!(wider(one, three) && wider(two, four), "{outer} over {inner}");
            }
        }
    }
}
