//! Requests made up from the patterns of rules.
//!
//! Whether a rule admits a request depends on four things: its token, the workload that sends
//! it, its method and its path. For each, every pattern of the rules yields values that it
//! matches, and one more value stands for all that no pattern names. Methods are compared with
//! words alone, so that one method beside those stands for every other; values of the other
//! things are examples.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::effective::{Atom, Effective, Issuer, Who};
use crate::jwt::Claims;
use crate::policy::path_pattern::PathPattern;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{Policy, PropagatedIdentity};

/// How far in the future `exp` is where a JWT rule asks for one, in seconds.
pub(crate) const LIFETIME_SECONDS: u64 = 300;
/// Methods of which the first that no rule names stands for all others.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"];

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

/// Methods and paths that tell rules apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operations {
    /// As [`Requests::methods`].
    pub(crate) methods: Vec<String>,
    /// As [`Requests::other_method`].
    pub(crate) other_method: String,
    /// As [`Requests::paths`].
    pub(crate) paths: Vec<String>,
    /// As [`Requests::patterns`].
    pub(crate) patterns: BTreeMap<String, BTreeSet<usize>>,
}

impl Operations {
    pub(crate) fn of(atoms: &[&Atom<'_>]) -> Self {
        let operations = || atoms.iter().filter_map(|atom| atom.operation);
        let lists = operations().filter_map(|operation| operation.methods.as_ref());
        let mut methods: BTreeSet<&str> = lists.flatten().map(String::as_str).collect();
        let other = METHODS.into_iter().find(|method| !methods.contains(method));
        let other = other.unwrap_or("OTHER");
        methods.insert(other);
        let lists = operations().filter_map(|operation| operation.paths.as_ref());
        let (paths, patterns) = paths(lists.flatten().map(String::as_str).collect());
        Self {
            methods: methods.into_iter().map(str::to_owned).collect(),
            other_method: other.to_owned(),
            paths,
            patterns,
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
}

impl<'p> Witnesses<'p> {
    pub(super) fn new(rules: [&'p Effective<'p>; 2], policies: [&'p Policy; 2], now: u64) -> Self {
        let tokens = || rules.into_iter().filter_map(|rules| rules.tokens.as_ref());
        let mut issuers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for issuer in tokens().flat_map(|tokens| &tokens.issuers) {
            issuers.entry(issuer.name).or_default().push(issuer);
        }
        let identities = policies.into_iter().map(|policy| &policy.source_identity);
        let mut domains = identities.clone().flat_map(|it| &it.trust_domains);
        Self {
            issuers,
            looks_at_tokens: tokens().next().is_some(),
            trust_domain: domains.next().map_or("cluster.local", String::as_str),
            propagated: identities.filter_map(|it| it.propagated.as_ref()).collect(),
            now,
        }
    }

    /// Requests that tell rules apart; `whole` says whether these are all the rules of a host.
    pub(super) fn requests(&self, atoms: &[&Atom<'_>], whole: bool) -> Requests {
        let Operations { methods, other_method, paths, patterns } = Operations::of(atoms);
        Requests {
            tokens: self.tokens(atoms),
            senders: self.senders(atoms),
            methods,
            paths,
            patterns,
            other_method,
            whole,
        }
    }

    fn tokens(&self, atoms: &[&Atom<'_>]) -> Vec<Token> {
        let mut made = vec![Token(None)];
        if !self.looks_at_tokens {
            return made;
        }
        let mut add = |claims: Map<String, Value>| {
            made.extend(Token::new(claims).filter(|token| !made.contains(token)));
        };
        for (issuer, rules) in &self.issuers {
            let mut subjects =
                vec![BTreeMap::from([("sub".to_owned(), "another-subject".to_owned())])];
            for atom in atoms {
                let Who::Token(principal) = &atom.who else { continue };
                let iss = principal.iss.as_deref().map(TextPattern::parse);
                if iss.is_some_and(|iss| !iss.matches(issuer)) {
                    continue;
                }
                let sub = principal.sub.as_deref().map_or("another-subject".to_owned(), example);
                let mut claims = BTreeMap::from([("sub".to_owned(), sub)]);
                claims.extend(principal.other.iter().map(|(name, it)| (name.clone(), example(it))));
                subjects.push(claims);
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
        add(Map::from_iter([
            ("iss".to_owned(), json!("https://another-issuer.invalid")),
            ("sub".to_owned(), json!("another-subject")),
        ]));
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
            audiences.push(Some(json!(["another-audience"])));
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

    fn senders(&self, atoms: &[&Atom<'_>]) -> Vec<Sender> {
        let patterns: BTreeSet<_> = atoms
            .iter()
            .filter_map(|atom| match &atom.who {
                Who::Workload(pattern, _) => Some(*pattern),
                _ => None,
            })
            .collect();
        let nobody = Sender { peer: None, behind: None };
        if patterns.is_empty() {
            return vec![nobody];
        }
        let spiffe_id = |(namespace, account): (String, String)| {
            format!("spiffe://{}/ns/{namespace}/sa/{account}", self.trust_domain)
        };
        let workloads = patterns.into_iter().chain(["*/*"]).map(workload);
        let workloads: BTreeSet<_> = workloads.map(spiffe_id).collect();
        let trusted = self.propagated.iter().flat_map(|propagated| {
            let peers = propagated.trusted_sources.iter().map(|source| workload(source));
            peers.map(|peer| (propagated.header.clone(), spiffe_id(peer)))
        });
        let trusted: BTreeSet<_> = trusted.collect();
        let alone = workloads.iter().map(|id| Sender { peer: Some(id.clone()), behind: None });
        let mut senders: BTreeSet<_> = [nobody].into_iter().chain(alone).collect();
        for (header, peer) in trusted {
            senders.extend(workloads.iter().map(|id| Sender {
                peer: Some(peer.clone()),
                behind: Some((header.clone(), id.clone())),
            }));
        }
        senders.into_iter().collect()
    }
}

/// A value that a claim pattern matches.
pub(crate) fn example(pattern: &str) -> String {
    match TextPattern::parse(pattern) {
        TextPattern::Exact(text) => text.into(),
        TextPattern::Prefix(text) => format!("{text}x"),
        TextPattern::Suffix(text) => format!("x{text}"),
        TextPattern::Contains(text) => format!("x{text}x"),
        TextPattern::Present => "x".to_owned(),
    }
}

/// Namespace and service account that a source pattern matches.
pub(crate) fn workload(pattern: &str) -> (String, String) {
    let (namespace, account) = pattern.split_once('/').unwrap_or((pattern, "*"));
    let fill = |part: &str, any: &str| match part.strip_suffix('*') {
        None => part.to_owned(),
        Some("") => any.to_owned(),
        Some(stem) => format!("{stem}x"),
    };
    (fill(namespace, "another-namespace"), fill(account, "another-account"))
}

/// Paths that the patterns match, each with nothing, one segment and two where a pattern is open,
/// and one that most likely none matches; with the positions of those of every pattern.
fn paths(patterns: BTreeSet<&str>) -> (Vec<String>, BTreeMap<String, BTreeSet<usize>>) {
    let mut paths = vec!["/another-path".to_owned()];
    let mut positions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for pattern in patterns {
        let Ok(compiled) = PathPattern::parse(pattern) else { continue };
        for filling in ["", "x", "x/y"] {
            let path = fill(pattern, filling);
            if !path.starts_with('/') || !compiled.matches(&path) {
                continue;
            }
            let position = paths.iter().position(|known| *known == path).unwrap_or_else(|| {
                paths.push(path);
                paths.len().saturating_sub(1)
            });
            positions.entry(pattern.to_owned()).or_default().insert(position);
        }
    }
    (paths, positions)
}

/// A pattern with its open places filled.
fn fill(pattern: &str, filling: &str) -> String {
    let mut segments = Vec::new();
    for segment in pattern.split('/') {
        match segment {
            "{*}" => segments.push("x".to_owned()),
            // Zero segments.
            "{**}" if filling.is_empty() => {}
            "{**}" => segments.push(filling.to_owned()),
            other => segments.push(other.replace("**", "*").replace('*', filling)),
        }
    }
    let path = segments.join("/");
    match path.starts_with('/') {
        true => path,
        false => format!("/{path}"),
    }
}
