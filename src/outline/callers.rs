//! Who calls: a token for each principal and each issuer, a workload for each source, and one of
//! each that the policy does not name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::policy::text_pattern::TextPattern;
use crate::policy::{EgressHost, JwtRule, Policy, Principal, Server};
use crate::prove::examples::{Examples, Held};
use crate::prove::tokens::LIFETIME_SECONDS;

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
    /// The type of its token; absent: the header gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// Its SPIFFE ID; absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The SHA-256 of its certificate; absent: nothing depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
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
pub(super) fn callers<'p>(policy: &'p Policy, examples: &'p Examples<'p>) -> Vec<Caller> {
    let sources = policy.egress_rules.iter().filter_map(|rule| rule.from.as_ref()).flatten();
    let sources: BTreeSet<&str> = sources.map(String::as_str).collect();
    let issuers = Issuers::new(policy, examples);
    let mut callers: Vec<_> = issuers
        .pairs(policy)
        .into_iter()
        .filter_map(|(principal, issuer)| issuers.principal(policy.principal(principal)?, issuer))
        .collect();
    callers.extend(issuers.0.keys().filter_map(|issuer| issuers.another(issuer)));
    if !sources.is_empty() {
        callers.extend(sources.iter().map(|pattern| {
            let label = (*pattern).to_owned();
            from_workload(examples, Kind::Source, label, pattern)
        }));
        let label = "another workload".to_owned();
        callers.push(from_workload(examples, Kind::OtherSource, label, "*/*"));
    }
    callers.push(Caller {
        kind: Kind::Nobody,
        label: "nobody known".to_owned(),
        detail: "no token, no identity".to_owned(),
        claims: None,
        expires_in_seconds: None,
        typ: None,
        source: None,
        certificate: None,
    });
    callers
}

/// The callers that a host which asks for a token and a workload is tried with: another token of
/// each of its issuers, and each of the workloads that its entries name.
pub(super) fn beside(
    policy: &Policy,
    examples: &Examples<'_>,
    callers: &[Caller],
    server: Option<&Server>,
    egress: Option<&EgressHost>,
) -> Vec<usize> {
    let jwt = server.and_then(|server| server.authentication.as_ref()).map(|it| &it.jwt);
    let issuers = jwt.into_iter().flatten().filter_map(|index| policy.jwt_rule(*index));
    let issuers: BTreeSet<&str> = issuers.map(|rule| rule.issuer.as_str()).collect();
    let entries = egress.into_iter().flat_map(|egress| &egress.rules);
    let entries = entries.filter_map(|index| policy.egress_rule(*index));
    let named = entries.filter_map(|entry| entry.from.as_ref()).flatten();
    let named: BTreeSet<String> = named.map(|source| examples.workload(source)).collect();
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

fn from_workload(examples: &Examples<'_>, kind: Kind, label: String, pattern: &str) -> Caller {
    let id = examples.workload(pattern);
    let detail = format!("as {id}");
    Caller {
        kind,
        label,
        detail,
        claims: None,
        expires_in_seconds: None,
        typ: None,
        source: Some(id),
        certificate: None,
    }
}

/// What the JWT rules say about each issuer.
struct Issuers<'p>(BTreeMap<&'p str, Vec<&'p JwtRule>>, &'p Examples<'p>);

impl<'p> Issuers<'p> {
    fn new(policy: &'p Policy, examples: &'p Examples<'p>) -> Self {
        let mut issuers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for rule in &policy.jwt_rules {
            issuers.entry(rule.issuer.as_str()).or_default().push(rule);
        }
        Self(issuers, examples)
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

    /// Who has a token of an issuer that matches a principal; nobody where no token does.
    fn principal(&self, principal: &Principal, issuer: &str) -> Option<Caller> {
        let held = self.1.token(Some(principal), self.rules(issuer))?;
        let other = principal.other.iter().map(|(name, pattern)| format!("{name}={pattern}"));
        let parts: Vec<_> = principal.sub.iter().cloned().chain(other).collect();
        let label = match parts.is_empty() {
            true => format!("any token of {issuer}"),
            false => parts.join(", "),
        };
        Some(self.caller(Kind::Principal, label, issuer, held))
    }

    /// Who has a token of an issuer that matches no principal but those that match any.
    fn another(&self, issuer: &str) -> Option<Caller> {
        let mut held = self.1.token(None, self.rules(issuer))?;
        // A subject that is a workload's stays what it is.
        if held.sender.peer.is_none() {
            held.claims.insert("sub".to_owned(), json!(self.1.other_subject()));
        }
        let detail = "that no principal names".to_owned();
        let label = format!("another token of {issuer}");
        Some(Caller { detail, ..self.caller(Kind::Issuer, label, issuer, held) })
    }

    fn rules(&self, issuer: &str) -> &[&'p JwtRule] {
        self.0.get(issuer).map(Vec::as_slice).unwrap_or_default()
    }

    fn caller(&self, kind: Kind, label: String, issuer: &str, held: Held) -> Caller {
        let rules = || self.rules(issuer).iter();
        let shortest = rules().filter_map(|rule| rule.max_lifetime_seconds).min();
        let needed = shortest.is_some() || rules().any(|rule| rule.require_expiration);
        let soon = shortest.unwrap_or(LIFETIME_SECONDS).min(LIFETIME_SECONDS);
        Caller {
            kind,
            label,
            detail: format!("a token of {issuer}"),
            claims: Some(held.claims),
            expires_in_seconds: needed.then_some(soon),
            typ: held.typ,
            source: held.sender.peer,
            certificate: held.sender.certificate,
        }
    }
}
