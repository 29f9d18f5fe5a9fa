//! Workloads that stand for all workloads of a source.
//!
//! A source has a least workload, as a pattern over a claim has a least value, though the letters
//! of its names are few: one is looked for that no other source names unless it names all of them.

use super::example::Sender;
use super::tokens::TooMany;
use crate::policy::{IdentityMatch, SourceIdentity};

/// Letters of a SPIFFE ID (SPIFFE-ID, section 2.2), the most readable first.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Everyone who is recognised as a workload of each of these sources by one policy, where another
/// recognises workloads in its own way. Each source is compared with the identity beside it. Whoever
/// is nobody stands for all where there is no source.
///
/// # Errors
/// When all names that begin as the sources say are named by others.
pub fn senders(
    wanted: &[(&str, IdentityMatch)],
    [own, other]: [&SourceIdentity; 2],
    sources: &[&str],
) -> Result<Vec<Sender>, TooMany> {
    if wanted.is_empty() {
        return Ok(vec![Sender::default()]);
    }
    let domains = domains(own, other);
    let ids = |all: &[&str]| ids_of(all, &domains, sources);
    let propagated = own.propagated.as_ref();
    let mut senders = Vec::new();
    for [of_peer, handed_on] in splits(wanted, own)? {
        if handed_on.is_empty() {
            let alone = |id: String| Sender { peer: Some(id), ..Sender::default() };
            senders.extend(ids(&of_peer)?.into_iter().map(alone));
        } else if let Some(propagated) = propagated {
            let behind = ids(&handed_on)?;
            for trusted in &propagated.trusted_sources {
                let of_peer: Vec<_> = of_peer.iter().copied().chain([trusted.as_str()]).collect();
                for peer in ids(&of_peer)? {
                    senders.extend(behind.iter().map(|id| Sender {
                        peer: Some(peer.clone()),
                        behind: Some((propagated.header.clone(), id.clone())),
                        certificate: None,
                    }));
                }
            }
        }
    }
    Ok(senders)
}

/// The SPIFFE IDs, one a domain, of the least workload that each of some sources names.
pub(super) fn ids_of(
    wanted: &[&str],
    domains: &[&str],
    sources: &[&str],
) -> Result<Vec<String>, TooMany> {
    let Some((namespace, account)) = least_of(wanted, sources)? else { return Ok(Vec::new()) };
    let id = |domain: &&str| format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
    Ok(domains.iter().map(id).collect())
}

/// Every way to take each source for that of the peer or that of whom it speaks for, where workloads are
/// recognised so: the sources of the peer, and those of the other.
///
/// # Errors
/// When there are more ways than can be counted.
pub(super) fn splits<'w>(
    wanted: &[(&'w str, IdentityMatch)],
    own: &SourceIdentity,
) -> Result<Vec<[Vec<&'w str>; 2]>, TooMany> {
    let ways = u32::try_from(wanted.len()).ok().and_then(|number| 1_usize.checked_shl(number));
    let split = |way: usize| {
        let [mut of_peer, mut handed_on] = [Vec::new(), Vec::new()];
        for (at, (source, identity)) in wanted.iter().enumerate() {
            let bits = way.checked_shr(u32::try_from(at).unwrap_or(u32::MAX));
            let behind = bits.is_some_and(|bits| bits & 1 == 1);
            let can_be = match identity {
                IdentityMatch::PeerCertificate => !behind,
                IdentityMatch::SourceIdentity => behind || own.propagated.is_none(),
                IdentityMatch::Permissive => true,
            };
            if !can_be {
                return None;
            }
            if behind { handed_on.push(*source) } else { of_peer.push(*source) }
        }
        Some([of_peer, handed_on])
    };
    Ok((0..ways.ok_or(TooMany)?).filter_map(split).collect())
}

/// Trust domains that must be told apart: one that both know, and one that only the first does.
pub(super) fn domains<'p>(own: &'p SourceIdentity, other: &SourceIdentity) -> Vec<&'p str> {
    let domains = || own.trust_domains.iter().map(String::as_str);
    let known = |domain: &&str| other.trust_domains.iter().any(|it| it == domain);
    let both = domains().find(known);
    both.into_iter().chain(domains().find(|domain| !known(domain))).collect()
}

/// Namespace and service account of the least workload of a source.
pub(super) fn least(source: &str, sources: &[&str]) -> Result<(String, String), TooMany> {
    least_of(&[source], sources)?.ok_or(TooMany)
}

/// Those of the least workload that each of some sources names; nothing where they have none in
/// common.
fn least_of(wanted: &[&str], sources: &[&str]) -> Result<Option<(String, String)>, TooMany> {
    let split = |source: &str| -> (String, String) {
        let (namespace, account) = source.split_once('/').unwrap_or((source, "*"));
        (namespace.to_owned(), account.to_owned())
    };
    let (namespaces, accounts): (Vec<_>, Vec<_>) = sources.iter().map(|it| split(it)).unzip();
    let (namespace, account): (Vec<_>, Vec<_>) = wanted.iter().map(|it| split(it)).unzip();
    let (Some(namespace), Some(account)) = (common(&namespace), common(&account)) else {
        return Ok(None);
    };
    Ok(Some((least_name(namespace, &namespaces)?, least_name(account, &accounts)?)))
}

/// The pattern of the names that all of these patterns match; nothing where there are none.
fn common(patterns: &[String]) -> Option<&str> {
    let stem = |pattern: &str| pattern.strip_suffix('*').unwrap_or(pattern).len();
    // The narrowest is the one that names most, and of two with the same stem the exact one.
    let narrowest = patterns.iter().max_by_key(|it| (stem(it), !it.ends_with('*')))?;
    let name = narrowest.strip_suffix('*').unwrap_or(narrowest);
    let has_name = |pattern: &String| match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => name == pattern && !narrowest.ends_with('*'),
    };
    patterns.iter().all(has_name).then_some(narrowest)
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
    fn sources_have_names_in_common_or_not() {
        for (patterns, expected) in [
            (["a*", "ab*"], Some("ab*")),
            (["ab*", "ab"], Some("ab")),
            (["a", "ab*"], None),
            (["a*", "b*"], None),
            (["a", "b"], None),
            (["*", "a"], Some("a")),
            (["abc", "ab*"], Some("abc")),
        ] {
            let mut patterns = patterns.map(str::to_owned);
            assert_eq!(common(&patterns), expected, "{patterns:?}");
            patterns.reverse();
            assert_eq!(common(&patterns), expected, "{patterns:?}");
        }
    }

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
