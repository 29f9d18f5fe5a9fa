//! Who calls: a token for each principal and each issuer, a workload for each source, and one of
//! each that the policy does not name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::diff::effective::{Effective, Who};
use crate::diff::stand_in;
use crate::diff::witness::LIFETIME_SECONDS;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{JwtRule, Policy, Principal};

/// Somebody who makes requests.
#[derive(Debug, Clone, Serialize)]
pub struct Caller {
    /// What stands for it.
    pub kind: Kind,
    /// How people call it.
    pub label: String,
    /// More about it.
    pub detail: String,
    /// Its token's claims, without `exp`; absent: it has no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Map<String, Value>>,
    /// Seconds from now to `exp`; absent: none is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// Its SPIFFE ID; absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What a [`Caller`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Who has a token that matches a principal.
    Principal,
    /// Who has another token of an issuer.
    Issuer,
    /// Workloads that a source names.
    Source,
    /// Workloads that none names.
    OtherSource,
    /// Who has neither token nor identity.
    Nobody,
}

/// Everyone whom a policy tells apart.
pub(super) fn callers(policy: &Policy, names: &stand_in::Callers) -> Vec<Caller> {
    let sources = policy.egress_rules.iter().filter_map(|rule| rule.from.as_ref()).flatten();
    let sources: BTreeSet<&str> = sources.map(String::as_str).collect();
    let issuers = Issuers::new(policy, names);
    let mut callers: Vec<_> = issuers
        .pairs(policy)
        .into_iter()
        .filter_map(|(principal, issuer)| {
            Some(issuers.principal(policy.principal(principal)?, issuer))
        })
        .collect();
    callers.extend(issuers.0.keys().map(|issuer| issuers.another(issuer)));
    if !sources.is_empty() {
        callers.extend(sources.iter().map(|pattern| {
            let label = (*pattern).to_owned();
            from_workload(policy, names, Kind::Source, label, pattern)
        }));
        let label = "another workload".to_owned();
        callers.push(from_workload(policy, names, Kind::OtherSource, label, "*/*"));
    }
    callers.push(Caller {
        kind: Kind::Nobody,
        label: "nobody known".to_owned(),
        detail: "no token, no identity".to_owned(),
        claims: None,
        expires_in_seconds: None,
        source: None,
    });
    callers
}

/// The callers that a host which asks for a token and a workload is tried with: another token of
/// each of its issuers, and each of the workloads that its entries name.
pub(super) fn beside(
    policy: &Policy,
    names: &stand_in::Callers,
    callers: &[Caller],
    rules: &Effective<'_>,
) -> Vec<usize> {
    let issuers = rules.tokens.iter().flat_map(|tokens| &tokens.issuers);
    let issuers: BTreeSet<&str> = issuers.map(|issuer| issuer.name).collect();
    let named = rules.atoms().into_iter().filter_map(|atom| match atom.who {
        Who::Workload(pattern, _) => Some(spiffe_id(policy, names, pattern)),
        _ => None,
    });
    let named: BTreeSet<String> = named.collect();
    let is_beside = |caller: &Caller| match caller.kind {
        Kind::Issuer => {
            let iss = caller.claims.as_ref().and_then(|claims| claims.get("iss"));
            iss.and_then(Value::as_str).is_some_and(|iss| issuers.contains(iss))
        }
        Kind::Source => caller.source.as_ref().is_some_and(|source| named.contains(source)),
        _ => false,
    };
    callers.iter().enumerate().filter(|(_, it)| is_beside(it)).map(|(at, _)| at).collect()
}

/// Names that the policy's patterns match, and others.
pub(super) fn names(policy: &Policy) -> stand_in::Callers {
    let sources = policy.egress_rules.iter().filter_map(|rule| rule.from.as_ref()).flatten();
    stand_in::Callers::new(policy.principals.iter(), sources.map(String::as_str))
}

fn spiffe_id(policy: &Policy, names: &stand_in::Callers, pattern: &str) -> String {
    let domain = policy.source_identity.trust_domains.first();
    let domain = domain.map_or("cluster.local", String::as_str);
    let (namespace, account) = names.workload(pattern);
    format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
}

fn from_workload(
    policy: &Policy,
    names: &stand_in::Callers,
    kind: Kind,
    label: String,
    pattern: &str,
) -> Caller {
    let id = spiffe_id(policy, names, pattern);
    let detail = format!("as {id}");
    Caller { kind, label, detail, claims: None, expires_in_seconds: None, source: Some(id) }
}

/// What the JWT rules say about each issuer.
struct Issuers<'p>(BTreeMap<&'p str, Vec<&'p JwtRule>>, &'p stand_in::Callers);

impl<'p> Issuers<'p> {
    fn new(policy: &'p Policy, names: &'p stand_in::Callers) -> Self {
        let mut issuers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for rule in &policy.jwt_rules {
            issuers.entry(rule.issuer.as_str()).or_default().push(rule);
        }
        Self(issuers, names)
    }

    /// Each principal with each issuer whose tokens may match it: those that the servers accept
    /// whose rules name it.
    fn pairs(&self, policy: &'p Policy) -> BTreeSet<(u32, &'p str)> {
        let mut pairs = BTreeSet::new();
        for server in &policy.servers {
            let rules = server.authorization.iter().flat_map(|it| &it.rules);
            let rules = rules.filter_map(|index| policy.rule(*index));
            let principals: BTreeSet<_> =
                rules.filter_map(|rule| rule.from.as_ref()).flatten().copied().collect();
            let issuers = server.authentication.iter().flat_map(|it| &it.jwt);
            let issuers = issuers.filter_map(|index| policy.jwt_rule(*index));
            for issuer in issuers.map(|rule| rule.issuer.as_str()) {
                pairs.extend(principals.iter().copied().filter_map(|index| {
                    let principal = policy.principal(index)?;
                    let iss = principal.iss.as_deref().map(TextPattern::parse);
                    iss.is_none_or(|iss| iss.matches(issuer)).then_some((index, issuer))
                }));
            }
        }
        pairs
    }

    fn principal(&self, principal: &Principal, issuer: &str) -> Caller {
        let mut claims = self.accepted(issuer);
        for (name, value) in self.1.claims(principal) {
            let value = json!(value);
            match claims.get_mut(&name) {
                // An audience that a rule asks for, beside those that are accepted.
                Some(Value::Array(values)) => values.push(value),
                _ => drop(claims.insert(name, value)),
            }
        }
        let other = principal.other.iter().map(|(name, pattern)| format!("{name}={pattern}"));
        let parts: Vec<_> = principal.sub.iter().cloned().chain(other).collect();
        let label = match parts.is_empty() {
            true => format!("any token of {issuer}"),
            false => parts.join(", "),
        };
        self.caller(Kind::Principal, label, issuer, claims)
    }

    /// Who has a token of an issuer that matches no principal but those that match any.
    fn another(&self, issuer: &str) -> Caller {
        let mut claims = self.accepted(issuer);
        claims.insert("sub".to_owned(), json!(self.1.subject));
        let detail = "that no principal names".to_owned();
        let label = format!("another token of {issuer}");
        Caller { detail, ..self.caller(Kind::Issuer, label, issuer, claims) }
    }

    /// Claims that every JWT rule of an issuer accepts.
    fn accepted(&self, issuer: &str) -> Map<String, Value> {
        let rules = self.0.get(issuer).into_iter().flatten();
        let audiences: BTreeSet<_> = rules.flat_map(|rule| &rule.audiences).collect();
        let mut claims = Map::from_iter([("iss".to_owned(), json!(issuer))]);
        if !audiences.is_empty() {
            claims.insert("aud".to_owned(), json!(audiences));
        }
        claims
    }

    fn caller(
        &self,
        kind: Kind,
        label: String,
        issuer: &str,
        claims: Map<String, Value>,
    ) -> Caller {
        let rules = || self.0.get(issuer).into_iter().flatten();
        let shortest = rules().filter_map(|rule| rule.max_lifetime_seconds).min();
        let needed = shortest.is_some() || rules().any(|rule| rule.require_expiration);
        let soon = shortest.unwrap_or(LIFETIME_SECONDS).min(LIFETIME_SECONDS);
        Caller {
            kind,
            label,
            detail: format!("a token of {issuer}"),
            claims: Some(claims),
            expires_in_seconds: needed.then_some(soon),
            source: None,
        }
    }
}
