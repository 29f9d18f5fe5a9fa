//! The answer for one request: the engine's decision, written out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::near;
use super::query::{Query, QueryError};
use super::shown::TokenParameters;
use crate::engine::{
    Asserted, Context, Decision, Engine, KeyRing, KnownCertificate, Locations, Mechanism, NoTrace,
    Outcome, PolicyError, Reason, Request, Trace, Verdict,
};
use crate::jwt::{Claims, KeySet, SoftwareVerifier, TokenCache};
use crate::policy::Policy;
use crate::policy::authority::canonical_host;

/// The answer for one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// What the client would get: 200 stands for whatever the upstream answers.
    pub status: u16,
    /// Reason code.
    pub reason: Cow<'static, str>,
    /// Name of the server that governs the host.
    pub server: Option<String>,
    /// What decided.
    pub mechanism: Mechanism,
    /// Name of the rule that admits the request.
    pub rule: Option<String>,
    /// The request as it may be printed: without tokens.
    #[serde(skip)]
    pub request: String,
    /// What the engine did, in order; there is always a step, unless they were not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
}

/// A policy that answers as the filter would, with every step.
#[derive(Debug)]
pub struct Explainer {
    engine: Engine,
    keys: KeyRing,
    silenced: BTreeMap<String, Vec<usize>>,
    /// Where each server looks for tokens.
    token_places: BTreeMap<String, Locations>,
    token_parameters: TokenParameters,
    policy: Policy,
}

/// Keeps every step, and what the verified token claims.
#[derive(Debug, Default)]
struct Kept {
    steps: Vec<String>,
    claims: Option<Claims>,
}

impl Trace for Kept {
    fn step(&mut self, text: impl FnOnce() -> String) {
        self.steps.push(text());
    }

    fn verified(&mut self, claims: &Claims) {
        self.claims = Some(claims.clone());
    }
}

impl Explainer {
    /// Explains a policy. `silenced` holds the entries of `egressAuthorization` that have no effect,
    /// by hostname.
    ///
    /// # Errors
    /// When the policy is not sound.
    pub fn new(
        policy: Policy,
        silenced: BTreeMap<String, Vec<usize>>,
    ) -> Result<Self, PolicyError> {
        let token_places = token_places(&policy);
        let token_parameters = TokenParameters::of(&policy);
        let engine = Engine::new(policy.clone())?;
        let keys = KeyRing::new(engine.remote_jwks().len());
        Ok(Self { engine, keys, silenced, token_places, token_parameters, policy })
    }

    /// A request line as it may be printed: without tokens.
    pub fn shown(&self, request: &str) -> String {
        self.token_parameters.shown(request)
    }

    /// The place with a token that nobody looked at, because there are claims in its place.
    fn unread_token(
        &self,
        query: &Query,
        answer: &Explanation,
    ) -> Result<Option<String>, QueryError> {
        let server = answer.server.as_deref().filter(|_| query.claims.is_some());
        let Some(places) = server.and_then(|server| self.token_places.get(server)) else {
            return Ok(None);
        };
        let headers = query.headers()?;
        let request = Request { headers: as_bytes(&headers), claims: None };
        Ok(places.holding(&request).map(|place| place.to_string()))
    }

    /// Decides a request at `now` (Unix seconds), and keeps every step.
    ///
    /// # Errors
    /// When the request line is not one, or its claims cannot be read.
    pub fn explain(&self, query: &Query, now: u64) -> Result<Explanation, QueryError> {
        let mut kept = Kept::default();
        let mut silenced = None;
        let mut explanation = self.judge(query, now, &mut kept, |request| {
            silenced = self.silenced_entries(request);
        })?;
        let Kept { mut steps, claims } = kept;
        steps.extend(self.nearest(query, &explanation, claims.as_ref())?);
        if let Some(step) = silenced {
            // After the step that names the server.
            steps.insert(steps.len().min(1), step);
        }
        if let Some((method, upper)) = query.meant_method() {
            let step = format!("request: methods are case-sensitive, `{method}` is not `{upper}`");
            steps.insert(0, step);
        }
        explanation.steps = steps;
        Ok(explanation)
    }

    /// What the rules ask for that do not admit a request.
    fn nearest(
        &self,
        query: &Query,
        answer: &Explanation,
        claims: Option<&Claims>,
    ) -> Result<Vec<String>, QueryError> {
        const REASONS: [Reason; 3] =
            [Reason::NoRuleMatched, Reason::SourceNotAllowed, Reason::SourceUnknown];
        let reason = answer.reason.strip_prefix("shadow_").unwrap_or(&answer.reason);
        if !REASONS.iter().any(|denied| denied.as_str() == reason) {
            return Ok(Vec::new());
        }
        let headers = query.headers()?;
        let request = Request { headers: as_bytes(&headers), claims: None };
        Ok(match (answer.mechanism, answer.server.as_deref()) {
            (Mechanism::Authorization, Some(server)) => {
                near::of_server(&self.policy, server, claims, &request)
            }
            (Mechanism::EgressAuthorization, _) => {
                let Ok(host) = canonical_host(request.authority()) else { return Ok(Vec::new()) };
                let source = query.source.as_deref().unwrap_or_default();
                near::of_host(&self.policy, &host, source, &request)
            }
            _ => Vec::new(),
        })
    }

    /// The same for a request that somebody asks about, who would take a token beside claims for
    /// one that was looked at.
    ///
    /// # Errors
    /// As [`Self::explain`], and when there is such a token.
    pub fn explain_asked(&self, query: &Query, now: u64) -> Result<Explanation, QueryError> {
        let explanation = self.explain(query, now)?;
        match self.unread_token(query, &explanation)? {
            Some(place) => Err(QueryError::UnreadToken(place)),
            None => Ok(explanation),
        }
    }

    /// As [`Self::explain`], without the steps.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub fn decide(&self, query: &Query, now: u64) -> Result<Explanation, QueryError> {
        self.judge(query, now, &mut NoTrace, |_| ())
    }

    fn judge(
        &self,
        query: &Query,
        now: u64,
        trace: &mut impl Trace,
        look: impl FnOnce(&Request<'_>),
    ) -> Result<Explanation, QueryError> {
        let headers = query.headers()?;
        let claims = query.claims()?;
        let token_type = query.token_type()?;
        let claims = claims.as_ref().map(|claims| Asserted { claims, token_type: &token_type });
        let request = Request { headers: as_bytes(&headers), claims };
        look(&request);
        // One request, so the cache never answers.
        let mut cache = TokenCache::new(1, 1, 0);
        let sha256 = query.thumbprint()?;
        let uri_sans = query.source.as_deref().unwrap_or_default();
        let peer = KnownCertificate { uri_sans, sha256: &sha256 };
        let keys = &self.keys;
        let mut context =
            Context { now, keys, verifier: &SoftwareVerifier, peer: &peer, cache: &mut cache };
        let verdict = self.engine.decide(&request, &mut context, trace);
        if matches!(&verdict, Verdict::AwaitKeys(wait) if !wait.unknown_key) {
            trace.step(|| "keys: give the issuer's with --jwks ISSUER=FILE".to_owned());
        }
        Ok(Explanation::new(self.shown(&query.request), &verdict.without_waiting()))
    }

    /// The entries that would decide if the server did not: the policy leaves them out.
    fn silenced_entries(&self, request: &Request<'_>) -> Option<String> {
        let host = canonical_host(request.authority()).ok()?;
        let entries = self.silenced.get(&*host)?;
        let names = entries.iter().map(|entry| format!("egressAuthorization[{entry}]"));
        Some(format!(
            "precedence: {} has no effect here, the authorization of the server decides alone",
            names.collect::<Vec<_>>().join(", ")
        ))
    }

    /// Takes these for the keys of an issuer wherever they would be fetched at run time. Whether
    /// they would be anywhere.
    pub fn replace_keys(&mut self, issuer: &str, keys: &Arc<KeySet>) -> bool {
        let mut used = false;
        for document in self.engine.remote_of_issuer(issuer) {
            self.keys.replace(document, Arc::clone(keys));
            used = true;
        }
        used
    }
}

fn token_places(policy: &Policy) -> BTreeMap<String, Locations> {
    let servers = policy.servers.iter().map(|server| {
        let indices = server.authentication.iter().flat_map(|it| &it.jwt);
        let rules = indices.filter_map(|index| policy.jwt_rule(*index));
        (server.name.clone(), Locations::new(rules))
    });
    servers.collect()
}

fn as_bytes(headers: &[(String, String)]) -> Vec<(&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

impl Explanation {
    fn new(request: String, decision: &Decision<'_>) -> Self {
        let (verdict, status) = match &decision.outcome {
            Outcome::Allow(_) => ("allow", 200),
            Outcome::Deny(denial) => ("deny", denial.status),
        };
        Self {
            decision: verdict,
            status,
            reason: decision.code(),
            server: decision.server.map(str::to_owned),
            mechanism: decision.mechanism,
            rule: decision.rule.map(str::to_owned),
            request,
            steps: Vec::new(),
        }
    }
}
