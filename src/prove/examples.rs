//! Example values: what a pattern matches, and what none of them does. One generator serves the
//! samples of `run`, the callers and requests of `report`, and what the prover shows.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::automaton::Automaton;
use super::callers::{Caller, bound};
use super::candidates::is_plain;
use super::example::Sender;
use super::holders::Asked;
use super::inclusion::{Budget, Inclusion, Scope, inclusion};
use super::senders;
use super::tokens::{Bounds, audience_claim, stands};
use super::vocabulary::Vocabulary;
use crate::engine::Principal;
use crate::policy::path_pattern::PathPattern;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{self, JwtRule, Policy};

/// What fills the open places of a path pattern.
const FILLING: &str = "42";
/// What looking for one path may cost, in states that are looked at.
const MOST_STATES: usize = 100_000;
/// Numbers that are tried behind a readable name, before letters.
const NUMBERED: std::ops::RangeInclusive<usize> = 2..=9;

/// A method that none of these is.
pub fn other_method(named: &BTreeSet<&str>) -> String {
    const USUAL: [&str; 7] = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OTHER"];
    let numbered = (2..=named.len().saturating_add(2)).map(|number| format!("OTHER-{number}"));
    let mut all = USUAL.into_iter().map(str::to_owned).chain(numbered);
    all.find(|method| !named.contains(method.as_str())).unwrap_or_else(|| "OTHER".to_owned())
}

/// A path that every server reads the same way, that a pattern matches and none of the others does:
/// a readable one, or else a shortest one. Nothing where there is none, or none was found in time.
pub fn path(pattern: &str, others: &[&str]) -> Option<String> {
    let compiled = PathPattern::parse(pattern).ok()?;
    let others: Vec<_> = others.iter().filter_map(|it| PathPattern::parse(it).ok()).collect();
    let is_one = |path: &String| {
        path.starts_with('/')
            && is_plain(path.as_bytes())
            && compiled.matches(path)
            && !others.iter().any(|other| other.matches(path))
    };
    if let Some(path) = [FILLING, ""].into_iter().map(|it| fill(pattern, it)).find(is_one) {
        return Some(path);
    }
    let others: Vec<_> = others.iter().map(Automaton::new).collect();
    let others: Vec<_> = others.iter().collect();
    let mut budget = Budget::new(MOST_STATES);
    match inclusion(&Automaton::new(&compiled), &others, Scope::Plain, &mut budget) {
        Inclusion::Missed(path) => String::from_utf8(path).ok(),
        Inclusion::Included(_) | Inclusion::OutOfBudget => None,
    }
}

/// A path that none of the patterns matches; nothing where there is none, or none was found in time.
pub fn other_path(patterns: &[&str]) -> Option<String> {
    let compiled: Vec<_> = patterns.iter().filter_map(|it| PathPattern::parse(it).ok()).collect();
    let numbered = NUMBERED.map(|number| format!("/another-path-{number}"));
    let mut readable = std::iter::once("/another-path".to_owned()).chain(numbered);
    let readable = readable.find(|path| !compiled.iter().any(|pattern| pattern.matches(path)));
    readable.or_else(|| path("*", patterns))
}

/// A pattern with its open places filled.
fn fill(pattern: &str, filling: &str) -> String {
    let segments = pattern.split('/').filter_map(|segment| match segment {
        "{*}" => Some(FILLING.to_owned()),
        "{**}" => (!filling.is_empty()).then(|| filling.to_owned()),
        other => Some(other.replace("**", "*").replace('*', filling)),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// A host that a hostname covers.
pub fn host(hostname: &str) -> String {
    match hostname.strip_prefix('*') {
        None => hostname.to_owned(),
        Some("") => "any-host.example".to_owned(),
        Some(suffix) => format!("sample{suffix}"),
    }
}

/// Makes tokens and workloads from the patterns of a policy.
#[derive(Debug)]
pub struct Examples<'p> {
    policy: &'p Policy,
    principals: Vec<Principal>,
    vocabulary: Vocabulary,
    sources: Vec<&'p str>,
}

/// A token in the hands of its holder.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its claims, without dates.
    pub claims: Map<String, Value>,
    /// The type that its header gives it; absent: none.
    pub typ: Option<String>,
    /// Who holds it, where that matters.
    pub sender: Sender,
}

/// What several JWT rules of one issuer ask for, all together.
fn together(rules: &[&JwtRule]) -> Option<JwtRule> {
    let (first, others) = rules.split_first()?;
    let mut all = (*first).clone();
    for other in others {
        if let Some(types) = &other.token_types {
            match &mut all.token_types {
                Some(own) => own.retain(|name| types.contains(name)),
                own => *own = Some(types.clone()),
            }
        }
        all.required_claims.extend(other.required_claims.iter().cloned());
        all.certificate_bound = all.certificate_bound.max(other.certificate_bound);
        all.workload_bound = all.workload_bound.or(other.workload_bound);
    }
    Some(all)
}

impl<'p> Examples<'p> {
    /// Looks at a policy's patterns.
    pub fn new(policy: &'p Policy) -> Self {
        let principals: Vec<_> = policy.principals.iter().map(Principal::new).collect();
        let entries = policy.egress_rules.iter().filter_map(|rule| rule.from.as_ref());
        let sources: BTreeSet<&str> = entries.flatten().map(String::as_str).collect();
        let sources: Vec<_> = sources.into_iter().collect();
        let rules = policy.jwt_rules.iter();
        let vocabulary = Vocabulary::new(principals.iter(), rules, sources.iter().copied());
        Self { policy, principals, vocabulary, sources }
    }

    /// A token, without dates, that all JWT rules of an issuer accept and that matches a principal,
    /// with whoever holds it; nothing where no token does, or none was found.
    pub fn token(
        &self,
        principal: Option<&policy::Principal>,
        rules: &[&'p JwtRule],
    ) -> Option<Held> {
        let rule = together(rules)?;
        let bounds = Bounds::new(&rule, Vec::new(), 0);
        let compiled = principal.map(Principal::new);
        let identity = &self.policy.source_identity;
        let asked = Asked {
            wanted: &[],
            identities: [identity, identity],
            sources: &self.sources,
            vocabulary: &self.vocabulary,
        };
        let (stand, sender) = match rule.workload_bound {
            None => {
                let stands = stands(compiled.as_ref(), &bounds, &self.vocabulary).ok()?;
                let caller = Caller::new(stands.into_iter().next(), &Sender::default());
                (caller.stand?, caller.sender)
            }
            Some(_) => {
                let caller = bound(compiled.as_ref(), &bounds, asked).ok()?.into_iter().next()?;
                (caller.stand?, caller.sender)
            }
        };
        let token = stand.tokens.first()?;
        let mut claims = token.as_map()?.clone();
        for date in ["exp", "nbf"] {
            claims.remove(date);
        }
        let audiences: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.audiences).collect();
        if !audiences.is_empty() {
            let asked = match claims.remove("aud") {
                Some(Value::Array(names)) => names,
                other => other.into_iter().collect(),
            };
            let asked = asked.iter().filter_map(Value::as_str).map(str::to_owned);
            let all: BTreeSet<_> = audiences.into_iter().cloned().chain(asked).collect();
            let all: Vec<_> = all.into_iter().collect();
            claims.extend(audience_claim(&all).map(|aud| ("aud".to_owned(), aud)));
        }
        let typ = token.type_name().map(str::to_owned);
        Some(Held { claims, typ, sender })
    }

    /// A subject that no principal names but those that match any.
    pub fn other_subject(&self) -> String {
        let named = |subject: &String| {
            let mut patterns = self.principals.iter().filter_map(|it| it.sub.as_ref());
            patterns.any(|it| *it != TextPattern::Present && it.matches(subject))
        };
        readable("another-subject")
            .find(|subject| !named(subject))
            .unwrap_or_else(|| self.vocabulary.fresh.letter().to_string())
    }

    /// SPIFFE ID of a workload of a source, and of as few others as can be.
    pub fn workload(&self, source: &str) -> String {
        let (namespace, account) = (of_namespace(source), of_account(source));
        let (least_namespace, least_account) = senders::least(source, &self.sources)
            .unwrap_or_else(|_| {
                let plain = |part: &str| format!("{}x", part.trim_end_matches('*'));
                (plain(namespace), plain(account))
            });
        let part = |written: &str, least: String, name: &str, of: fn(&str) -> &str| match written {
            "*" => readable(name)
                .find(|name| {
                    self.sources.iter().all(|source| {
                        let part = of(source);
                        part == "*" || !TextPattern::parse(part).matches(name)
                    })
                })
                .unwrap_or(least),
            _ => least,
        };
        let namespace = part(namespace, least_namespace, "another-namespace", of_namespace);
        let account = part(account, least_account, "another-account", of_account);
        let domain = self.policy.source_identity.trust_domains.first();
        let domain = domain.map_or("cluster.local", String::as_str);
        format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
    }
}

fn of_namespace(source: &str) -> &str {
    source.split_once('/').map_or(source, |(namespace, _)| namespace)
}

fn of_account(source: &str) -> &str {
    source.split_once('/').map_or("*", |(_, account)| account)
}

/// A name, and the same with numbers.
fn readable(name: &str) -> impl Iterator<Item = String> + use<'_> {
    let numbered = NUMBERED.map(move |number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_readable_and_of_one_pattern_alone() {
        let table: [(&str, &[&str], Option<&str>); 9] = [
            ("/v1/payments/*", &[], Some("/v1/payments/42")),
            ("/v1/{*}", &["/v1/4*"], Some("/v1/x")),
            ("/v1/{**}", &["/v1/{*}"], Some("/v1")),
            ("/a", &["/*"], None),
            ("*", &["/{*}"], Some("/")),
            ("*/{*}/x/{**}", &[], Some("/42/42/x/42")),
            ("/a//b", &[], None),
            ("/a/../b", &[], None),
            ("*.json", &[], Some("/42.json")),
        ];
        for (pattern, others, expected) in table {
            assert_eq!(path(pattern, others).as_deref(), expected, "{pattern} {others:?}");
        }
        assert_eq!(other_path(&["/another-path"]).as_deref(), Some("/another-path-2"));
        assert_eq!(other_path(&["/an*", "/{*}"]).as_deref(), Some("/"));
        assert_eq!(other_path(&["*"]), None);
    }

    #[test]
    fn a_method_is_found_that_no_rule_names() {
        let named = "GET POST PUT DELETE PATCH HEAD OTHER OTHER-2".split(' ').collect();
        assert_eq!(other_method(&named), "OTHER-3");
    }
}
