//! Sample requests for a policy: for every server the ways in, and the usual ways not to get in.
//!
//! They are made from the policy alone. What should become of them is the engine's word, not
//! this module's: [`Judge`] asks it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::key::{DemoKey, KeyError, USUAL_TYPE};
use crate::engine::{
    Context, Engine, KeyRing, NoPeerCertificate, NoTrace, Outcome, PolicyError, Request,
};
use crate::jwt::{KeyOrigin, KeySet, SoftwareVerifier, TokenCache};
use crate::policy::text_pattern::TextPattern;
use crate::policy::{JwksSource, JwtRule, Operation, Policy, Principal, Rule, Server};
use crate::prove::examples::{self, Examples};

/// Rules of one server for which a request is made.
const RULES_PER_SERVER: usize = 4;
/// How long sample tokens live, in seconds.
const TOKEN_SECONDS: u64 = 3_600;

/// A request to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the server.
    pub server: String,
    /// Value of the host header.
    pub host: String,
    /// Request method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// The token it carries.
    pub token: SampleToken,
    /// Where the token goes.
    pub place: Place,
}

/// The token of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleToken {
    /// None at all.
    None,
    /// Text that is no token.
    Garbage,
    /// Signed by the demo issuer, with these claims beside `iat` and `exp`.
    Signed(SignedToken),
}

/// A token that the demo issuer signs.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedToken {
    /// Issuer, subject, audience and whatever rules ask for.
    pub claims: Map<String, Value>,
    /// The type that its header gives it.
    pub typ: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

/// Where a token is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A header, with text before the token.
    Header {
        /// Header name.
        name: String,
        /// Text before the token.
        prefix: String,
    },
    /// A cookie of this name.
    Cookie(String),
    /// A query parameter of this name.
    Param(String),
}

impl Place {
    /// The first place that a JWT rule reads.
    fn of(rule: &JwtRule) -> Self {
        if let Some(header) = rule.from_headers.first() {
            return Self::Header { name: header.name.clone(), prefix: header.prefix.clone() };
        }
        match (rule.from_cookies.first(), rule.from_params.first()) {
            (Some(cookie), _) => Self::Cookie(cookie.clone()),
            (None, Some(param)) => Self::Param(param.clone()),
            (None, None) => Self::bearer(),
        }
    }

    fn bearer() -> Self {
        Self::Header { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() }
    }
}

impl Sample {
    /// The path with the query that carries the token, if the query does.
    pub fn target(&self, token: Option<&str>) -> String {
        match (&self.place, token) {
            (Place::Param(name), Some(token)) => format!("{}?{name}={token}", self.path),
            _ => self.path.clone(),
        }
    }

    /// The header that carries the token, if a header does.
    pub fn header(&self, token: Option<&str>) -> Option<(String, String)> {
        match (&self.place, token?) {
            (Place::Header { name, prefix }, token) => {
                Some((name.clone(), format!("{prefix}{token}")))
            }
            (Place::Cookie(name), token) => Some(("cookie".to_owned(), format!("{name}={token}"))),
            (Place::Param(_), _) => None,
        }
    }

    /// The text of the token.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, key: &DemoKey, now: u64) -> Result<Option<String>, KeyError> {
        match &self.token {
            SampleToken::None => Ok(None),
            SampleToken::Garbage => Ok(Some("not-a-token".to_owned())),
            SampleToken::Signed(token) => {
                let mut claims = token.claims.clone();
                claims.insert("iat".to_owned(), now.into());
                claims.insert("exp".to_owned(), now.saturating_add(token.expires_in).into());
                key.sign(claims, &token.typ).map(Some)
            }
        }
    }
}

/// The samples for a policy, server by server.
pub fn samples(policy: &Policy) -> Vec<Sample> {
    let mut samples = Vec::new();
    let examples = Examples::new(policy);
    for server in &policy.servers {
        for sample in of_server(policy, &examples, server) {
            if !samples.contains(&sample) {
                samples.push(sample);
            }
        }
    }
    samples
}

fn of_server(policy: &Policy, examples: &Examples<'_>, server: &Server) -> Vec<Sample> {
    let rules = rules(policy, server);
    // A way in for every rule; without rules, the plainest of requests.
    let mut ways: Vec<Way> = rules
        .iter()
        .take(RULES_PER_SERVER)
        .map(|rule| Way::of_rule(policy, examples, server, Some(rule)))
        .collect();
    if ways.is_empty() {
        ways.push(Way::of_rule(policy, examples, server, None));
    }
    let sample = |way: &Way, token: SampleToken| Sample {
        server: server.name.clone(),
        host: examples::host(&server.hostname),
        method: way.method.clone(),
        path: way.path.clone(),
        token,
        place: way.place.clone(),
    };
    let mut samples = Vec::new();
    let Some(first) = ways.first() else { return samples };
    samples.push(sample(first, SampleToken::None));
    if server.authentication.is_some() {
        samples.push(sample(first, SampleToken::Garbage));
    }
    let token = |way: &Way| way.token.clone().map_or(SampleToken::None, SampleToken::Signed);
    if let Some(signed) = &first.token
        && first.subject_matters
    {
        let mut other = signed.clone();
        other.claims.insert("sub".to_owned(), "someone-else".into());
        samples.push(sample(first, SampleToken::Signed(other)));
    }
    if let Some(method) = other_method(policy, &rules) {
        let way = Way { method, ..first.clone() };
        samples.push(sample(&way, token(&way)));
    }
    if operations(policy, &rules).any(|operation| operation.paths.is_some()) {
        let way = Way { path: "/not-in-any-rule".to_owned(), ..first.clone() };
        samples.push(sample(&way, token(&way)));
    }
    samples.extend(ways.iter().map(|way| sample(way, token(way))));
    samples
}

/// A request that a rule admits.
#[derive(Debug, Clone)]
struct Way {
    method: String,
    path: String,
    token: Option<SignedToken>,
    place: Place,
    /// Whether the rule asks who the subject is.
    subject_matters: bool,
}

impl Way {
    fn of_rule(
        policy: &Policy,
        examples: &Examples<'_>,
        server: &Server,
        rule: Option<&Rule>,
    ) -> Self {
        let first = |list: Option<&Vec<u32>>| list.and_then(|list| list.first()).copied();
        let principal = rule.and_then(|rule| pick(&policy.principals, first(rule.from.as_ref())?));
        let operation = rule.and_then(|rule| pick(&policy.operations, first(rule.to.as_ref())?));
        let listed = |list: Option<&Vec<String>>| list.and_then(|list| list.first()).cloned();
        let jwt = jwt_rule(policy, server, principal);
        Self {
            method: listed(operation.and_then(|o| o.methods.as_ref()))
                .unwrap_or_else(|| "GET".to_owned()),
            path: listed(operation.and_then(|o| o.paths.as_ref()))
                .and_then(|pattern| examples::path(&pattern, &[]))
                .unwrap_or_else(|| "/".to_owned()),
            token: jwt
                .filter(|rule| matches!(rule.jwks, JwksSource::Remote { .. }))
                .and_then(|rule| signed_token(examples, rule, principal)),
            place: jwt.map_or_else(Place::bearer, Place::of),
            subject_matters: principal.is_some_and(|principal| principal.sub.is_some()),
        }
    }
}

/// The JWT rule of the issuer that a principal wants, preferably one whose keys can be served.
fn jwt_rule<'p>(
    policy: &'p Policy,
    server: &Server,
    principal: Option<&Principal>,
) -> Option<&'p JwtRule> {
    let issuer = principal.and_then(|p| p.iss.as_deref()).map(TextPattern::parse);
    let rules = server.authentication.as_ref()?.jwt.iter();
    rules
        .filter_map(|index| pick(&policy.jwt_rules, *index))
        .filter(|rule| issuer.as_ref().is_none_or(|pattern| pattern.matches(&rule.issuer)))
        .min_by_key(|rule| matches!(rule.jwks, JwksSource::Inline(_)))
}

/// A token that a JWT rule accepts and that matches a principal; nothing where none does.
fn signed_token(
    examples: &Examples<'_>,
    rule: &JwtRule,
    principal: Option<&Principal>,
) -> Option<SignedToken> {
    let mut claims = examples.token(principal, &[rule])?.claims;
    claims.entry("sub").or_insert_with(|| "demo".into());
    let longest = rule.max_lifetime_seconds.map_or(TOKEN_SECONDS, |seconds| seconds.div_euclid(2));
    let mut types = rule.token_types.iter().flatten().filter(|name| !name.is_empty());
    let typ = types.next().map_or(USUAL_TYPE, String::as_str).to_owned();
    Some(SignedToken { claims, typ, expires_in: TOKEN_SECONDS.min(longest) })
}

fn rules<'p>(policy: &'p Policy, server: &Server) -> Vec<&'p Rule> {
    let indices = server.authorization.iter().flat_map(|authorization| &authorization.rules);
    indices.filter_map(|index| pick(&policy.rules, *index)).collect()
}

fn operations<'p>(policy: &'p Policy, rules: &[&'p Rule]) -> impl Iterator<Item = &'p Operation> {
    rules
        .iter()
        .flat_map(|rule| rule.to.iter().flatten())
        .filter_map(|index| pick(&policy.operations, *index))
}

/// A method that no rule names, where rules name methods.
fn other_method(policy: &Policy, rules: &[&Rule]) -> Option<String> {
    let named: BTreeSet<&str> = operations(policy, rules)
        .flat_map(|operation| operation.methods.iter().flatten())
        .map(String::as_str)
        .collect();
    (!named.is_empty()).then(|| examples::other_method(&named))
}

fn pick<T>(table: &[T], index: u32) -> Option<&T> {
    table.get(usize::try_from(index).ok()?)
}

/// Says what the engine makes of samples.
#[derive(Debug)]
pub struct Judge {
    engine: Engine,
    keys: KeyRing,
}

/// The engine's answer to a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whether the request is let through.
    pub allowed: bool,
    /// Why: the reason code, as logs have it.
    pub code: Cow<'static, str>,
}

impl Judge {
    /// A judge for a policy whose remote keys are all the demo issuer's.
    ///
    /// # Errors
    /// When the engine refuses the policy.
    pub fn new(policy: &Policy, key: &DemoKey) -> Result<Self, PolicyError> {
        let engine = Engine::new(policy.clone())?;
        let documents = engine.remote_jwks().len();
        let mut keys = KeyRing::new(documents);
        if let Ok(set) = KeySet::parse(key.jwks().as_bytes(), KeyOrigin::Remote) {
            let set = Arc::new(set);
            for document in 0..documents {
                keys.replace(document, Arc::clone(&set));
            }
        }
        Ok(Self { engine, keys })
    }

    /// What should become of a sample that carries `token`.
    pub fn expect(&self, sample: &Sample, token: Option<&str>, now: u64) -> Expected {
        let target = sample.target(token);
        let header = sample.header(token);
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", sample.method.as_bytes()),
            (b":scheme", b"http"),
            (b":authority", sample.host.as_bytes()),
            (b":path", target.as_bytes()),
        ];
        headers.extend(header.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let mut cache = TokenCache::new(1, 0, 0);
        let mut context = Context {
            now,
            keys: &self.keys,
            verifier: &SoftwareVerifier,
            peer: &NoPeerCertificate,
            cache: &mut cache,
        };
        let request = Request { headers, claims: None };
        let verdict = self.engine.decide(&request, &mut context, &mut NoTrace);
        let decision = verdict.without_waiting();
        Expected { allowed: matches!(decision.outcome, Outcome::Allow(_)), code: decision.code() }
    }
}
