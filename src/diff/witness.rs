//! Requests made up from the patterns of rules.
//!
//! Whether a rule admits a request depends on four things: its token, the workload that sends
//! it, its method and its path. For each, every pattern of the rules yields values that it
//! matches, and one more value stands for all that no pattern names. Methods are compared with
//! words alone, so that one method beside those stands for every other; values of the other
//! things are examples. What stands for the rest is looked for among the patterns of both policies
//! ([`super::stand_in`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::effective::{Effective, Issuer, Who};
use super::operations::{OperationStandIns, Operations};
use super::parts::Part;
use super::stand_in::{Callers, Patterns};
use crate::engine::path::{Readings, readings};
use crate::jwt::Claims;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{Policy, PropagatedIdentity};

/// How far in the future `exp` is where a JWT rule asks for one, in seconds.
pub(crate) const LIFETIME_SECONDS: u64 = 300;
/// What a decision costs beside the comparison of patterns, in such comparisons.
const FIXED_COST: usize = 50;

/// The token of a made-up request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Token(Option<(Map<String, Value>, Claims)>);

impl Token {
    pub(super) fn new(claims: Map<String, Value>) -> Option<Self> {
        let text = Value::Object(claims.clone()).to_string();
        let read = Claims::from_json(text.as_bytes()).ok()?;
        Some(Self(Some((claims, read))))
    }

    /// The claims; absent where there is no token.
    pub fn as_map(&self) -> Option<&Map<String, Value>> {
        self.0.as_ref().map(|(written, _)| written)
    }

    pub(super) fn claims(&self) -> Option<&Claims> {
        self.0.as_ref().map(|(_, read)| read)
    }
}

/// The workload that sends a made-up request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// SPIFFE ID of the direct peer; absent: it has none.
    pub peer: Option<String>,
    /// The header in which the peer hands on an identity, and the SPIFFE ID.
    pub behind: Option<(String, String)>,
}

impl Sender {
    pub(super) fn peer(&self) -> &str {
        self.peer.as_deref().unwrap_or_default()
    }

    pub(super) fn handed_on(&self) -> Option<(&str, String)> {
        self.behind.as_ref().map(|(header, id)| (header.as_str(), format!("URI={id}")))
    }
}

/// Requests: every combination of these.
#[derive(Debug)]
pub struct Requests {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The workloads.
    pub senders: Vec<Sender>,
    /// The methods.
    pub methods: Vec<String>,
    /// The paths.
    pub paths: Vec<String>,
    /// Path patterns, each with the positions of the paths that it yielded.
    pub patterns: BTreeMap<String, BTreeSet<usize>>,
    /// The method that stands for every one that no rule names.
    pub other_method: String,
    /// Whether these are all the values that matter to the host.
    pub whole: bool,
    /// Whether the host looks at tokens.
    pub tokens_matter: bool,
    /// Whether the host looks at workloads.
    pub senders_matter: bool,
    /// How many patterns a decision compares one reading of a path with, about.
    pub(super) patterns_compared: usize,
}

/// One of [`Requests`].
pub(super) struct Made<'r> {
    pub(super) token: &'r Token,
    pub(super) sender: &'r Sender,
    pub(super) method: &'r str,
    pub(super) path: &'r str,
}

impl Requests {
    /// How many requests these are.
    pub fn count(&self) -> usize {
        let counts = [self.tokens.len(), self.senders.len(), self.methods.len(), self.paths.len()];
        counts.into_iter().fold(1, usize::saturating_mul)
    }

    /// What deciding them all costs, about, in comparisons with a pattern.
    pub(super) fn cost(&self) -> usize {
        let others = [self.tokens.len(), self.senders.len(), self.methods.len()];
        let read = |path: &String| match readings(path.as_bytes()) {
            Ok(Readings::Several(readings)) => readings.len(),
            Ok(Readings::One(_)) | Err(_) => 1,
        };
        let readings: usize = self.paths.iter().map(read).sum();
        let each = self.patterns_compared.saturating_add(FIXED_COST);
        others.into_iter().fold(readings.saturating_mul(each), usize::saturating_mul)
    }

    /// Leaves out values, of what there is most, until the rest costs no more than this.
    pub(super) fn shrink(&mut self, most: usize) {
        while self.cost() > most {
            let lengths =
                [self.tokens.len(), self.senders.len(), self.methods.len(), self.paths.len()];
            let longest = lengths.into_iter().max().unwrap_or_default();
            let half = longest.div_euclid(2);
            self.whole = false;
            match lengths.into_iter().position(|length| length == longest) {
                Some(0) => self.tokens.truncate(half),
                Some(1) => self.senders.truncate(half),
                Some(2) => self.methods.truncate(half),
                _ => self.paths.truncate(half),
            }
        }
        // A pattern stands for all of its paths or is not named.
        let left = self.paths.len();
        self.patterns.retain(|_, paths| paths.iter().all(|at| *at < left));
    }

    /// The position of every request: of its token, sender, method and path.
    pub(super) fn positions(&self) -> impl Iterator<Item = [usize; 4]> {
        (0..self.tokens.len()).flat_map(move |token| {
            (0..self.senders.len()).flat_map(move |sender| {
                (0..self.methods.len()).flat_map(move |method| {
                    (0..self.paths.len()).map(move |path| [token, sender, method, path])
                })
            })
        })
    }

    pub(super) fn at(&self, [token, sender, method, path]: [usize; 4]) -> Made<'_> {
        static NO_TOKEN: Token = Token(None);
        static NOBODY: Sender = Sender { peer: None, behind: None };
        Made {
            token: self.tokens.get(token).unwrap_or(&NO_TOKEN),
            sender: self.senders.get(sender).unwrap_or(&NOBODY),
            method: self.methods.get(method).map_or("GET", String::as_str),
            path: self.paths.get(path).map_or("/", String::as_str),
        }
    }
}

/// What requests to one host are made from, beside its rules.
pub(super) struct Witnesses<'p> {
    /// What each policy says about the issuers of tokens, by issuer.
    issuers: BTreeMap<&'p str, Vec<&'p Issuer<'p>>>,
    looks_at_tokens: bool,
    trust_domain: &'p str,
    propagated: Vec<&'p PropagatedIdentity>,
    now: u64,
    /// Everything that the rules of both policies name.
    whole: Part<'p>,
    callers: Callers,
    operations: OperationStandIns,
    other_issuer: String,
    other_audience: String,
}

impl<'p> Witnesses<'p> {
    pub(super) fn new(
        rules: [&'p Effective<'p>; 2],
        policies: [&'p Policy; 2],
        whole: Part<'p>,
        now: u64,
    ) -> Self {
        let tokens = || rules.into_iter().filter_map(|rules| rules.tokens.as_ref());
        let mut issuers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for issuer in tokens().flat_map(|tokens| &tokens.issuers) {
            issuers.entry(issuer.name).or_default().push(issuer);
        }
        let identities = policies.into_iter().map(|policy| &policy.source_identity);
        let mut domains = identities.clone().flat_map(|it| &it.trust_domains);
        let callers = || whole.who.iter().copied();
        let principals = || callers().filter_map(Who::principal);
        let names = principals().filter_map(|it| it.iss.as_deref()).chain(issuers.keys().copied());
        let audiences = issuers.values().flatten().flat_map(|issuer| &issuer.audiences).copied();
        Self {
            other_issuer: Patterns::new(names).free("https://another-issuer.invalid"),
            other_audience: Patterns::new(audiences).free("another-audience"),
            callers: Callers::new(principals(), callers().filter_map(Who::source)),
            operations: OperationStandIns::new(&whole),
            issuers,
            looks_at_tokens: tokens().next().is_some(),
            trust_domain: domains.next().map_or("cluster.local", String::as_str),
            propagated: identities.filter_map(|it| it.propagated.as_ref()).collect(),
            now,
            whole,
        }
    }

    /// Requests that tell all rules apart.
    pub(super) fn all(&self) -> Requests {
        self.make(&self.whole, true)
    }

    /// Requests that a part of the rules admits: those that nothing names only where it admits
    /// anything.
    pub(super) fn of(&self, part: &Part<'_>) -> Requests {
        self.make(part, false)
    }

    fn make(&self, part: &Part<'_>, whole: bool) -> Requests {
        let Operations { methods, other_method, paths, patterns } =
            Operations::made(part, &self.operations, whole);
        let names_tokens = part.who.iter().all(|who| who.principal().is_some());
        let names_workloads = part.who.iter().all(|who| who.source().is_some());
        Requests {
            tokens: self.tokens(part, whole || !names_tokens),
            senders: self.senders(part, whole || !names_workloads),
            methods,
            paths,
            patterns,
            other_method,
            whole,
            tokens_matter: self.looks_at_tokens,
            senders_matter: self.whole.who.iter().any(|who| who.source().is_some()),
            patterns_compared: self.whole.who.len().saturating_add(self.whole.paths.len()),
        }
    }

    fn tokens(&self, part: &Part<'_>, others: bool) -> Vec<Token> {
        if !self.looks_at_tokens {
            return vec![Token(None)];
        }
        let mut made = if others { vec![Token(None)] } else { Vec::new() };
        let mut known = BTreeSet::new();
        let mut add = |claims: Map<String, Value>| {
            if known.insert(Value::Object(claims.clone()).to_string()) {
                made.extend(Token::new(claims));
            }
        };
        let another = &self.callers.subject;
        for (issuer, rules) in &self.issuers {
            let mut subjects = Vec::new();
            if others {
                subjects.push(BTreeMap::from([("sub".to_owned(), another.clone())]));
            }
            for principal in part.who.iter().filter_map(|who| who.principal()) {
                let iss = principal.iss.as_deref().map(TextPattern::parse);
                if iss.is_some_and(|iss| !iss.matches(issuer)) {
                    continue;
                }
                subjects.push(self.callers.claims(principal));
            }
            for variant in self.variants(rules) {
                for subject in &subjects {
                    let mut claims = variant.clone();
                    for (name, value) in subject {
                        let value = json!(value);
                        match claims.get_mut(name) {
                            // An audience that a rule asks for, beside one that is accepted.
                            Some(Value::Array(values)) => values.push(value),
                            _ => drop(claims.insert(name.clone(), value)),
                        }
                    }
                    claims.insert("iss".to_owned(), json!(issuer));
                    add(claims);
                }
            }
        }
        if others {
            add(Map::from_iter([
                ("iss".to_owned(), json!(self.other_issuer)),
                ("sub".to_owned(), json!(another)),
            ]));
        }
        made
    }

    /// The `aud` and `exp` that tokens of an issuer may have: those that every policy accepts
    /// where they agree, and each that makes a difference where they do not.
    fn variants(&self, rules: &[&Issuer<'_>]) -> Vec<Map<String, Value>> {
        let agree = |same: fn(&Issuer<'_>, &Issuer<'_>) -> bool| {
            rules.windows(2).all(|pair| matches!(pair, [one, other] if same(one, other)))
        };
        let named: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.audiences).copied().collect();
        let mut audiences: Vec<Option<Value>> = match named.iter().next() {
            None => vec![None],
            Some(first) => vec![Some(json!([first]))],
        };
        if !agree(|one, other| one.audiences == other.audiences) {
            audiences = named.iter().map(|name| Some(json!([name]))).collect();
            audiences.push(Some(json!([self.other_audience])));
        }
        let shortest = rules.iter().filter_map(|rule| rule.longest_lifetime).min();
        let soon = shortest.unwrap_or(LIFETIME_SECONDS).min(LIFETIME_SECONDS);
        let in_seconds = |seconds: u64| Some(json!(self.now.saturating_add(seconds)));
        let mut expirations = match rules.iter().any(|rule| rule.needs_expiration) {
            true => vec![in_seconds(soon)],
            false => vec![None],
        };
        let same_lifetimes = |one: &Issuer<'_>, other: &Issuer<'_>| {
            (one.needs_expiration, one.longest_lifetime)
                == (other.needs_expiration, other.longest_lifetime)
        };
        if !agree(same_lifetimes) {
            expirations.push(None);
            let lifetimes = rules.iter().filter_map(|rule| rule.longest_lifetime);
            expirations.extend(lifetimes.clone().map(in_seconds));
            // One second longer than a policy accepts, which another may.
            expirations.extend(lifetimes.map(|seconds| in_seconds(seconds.saturating_add(1))));
        }
        let both = |audience: &Option<Value>, expiration: &Option<Value>| {
            let aud = audience.clone().map(|value| ("aud".to_owned(), value));
            let exp = expiration.clone().map(|value| ("exp".to_owned(), value));
            aud.into_iter().chain(exp).collect()
        };
        let audiences = audiences.iter();
        audiences.flat_map(|aud| expirations.iter().map(move |exp| both(aud, exp))).collect()
    }

    fn senders(&self, part: &Part<'_>, others: bool) -> Vec<Sender> {
        let patterns: BTreeSet<_> = part.who.iter().filter_map(|who| who.source()).collect();
        let nobody = Sender { peer: None, behind: None };
        if patterns.is_empty() {
            return vec![nobody];
        }
        let workloads = patterns.into_iter().chain(others.then_some("*/*"));
        let workloads = workloads.map(|it| self.workload(it));
        let workloads: BTreeSet<_> = workloads.collect();
        let trusted = self.propagated.iter().flat_map(|propagated| {
            let peers = propagated.trusted_sources.iter().map(|source| self.workload(source));
            peers.map(|peer| (propagated.header.clone(), peer))
        });
        let trusted: BTreeSet<_> = trusted.collect();
        let alone = workloads.iter().map(|id| Sender { peer: Some(id.clone()), behind: None });
        let mut senders: BTreeSet<_> = others.then_some(nobody).into_iter().chain(alone).collect();
        for (header, peer) in trusted {
            senders.extend(workloads.iter().map(|id| Sender {
                peer: Some(peer.clone()),
                behind: Some((header.clone(), id.clone())),
            }));
        }
        senders.into_iter().collect()
    }

    /// SPIFFE ID of a workload that a source pattern matches.
    fn workload(&self, pattern: &str) -> String {
        let (namespace, account) = self.callers.workload(pattern);
        format!("spiffe://{}/ns/{namespace}/sa/{account}", self.trust_domain)
    }
}
