//! The answer for one request: the engine's decision, written out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use serde::Serialize;

use super::query::Query;
use crate::compile::Compiled;
use crate::engine::authority::canonical_host;
use crate::engine::{
    Context, Decision, Engine, KeyRing, Mechanism, Outcome, Request, Steps, Trace, Verdict,
};
use crate::jwt::{KeyOrigin, KeySet, SoftwareVerifier, TokenCache};

/// The answer for one request.
#[derive(Debug, Clone, Serialize)]
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
    /// What the engine did, in order.
    pub steps: Vec<String>,
}

/// A policy that answers as the filter would, with every step.
#[derive(Debug)]
pub struct Explainer {
    engine: Engine,
    keys: KeyRing,
    silenced: BTreeMap<String, Vec<usize>>,
}

impl Explainer {
    /// Explains a compiled Gateway.
    ///
    /// # Errors
    /// When its policy is not sound.
    pub fn new(compiled: &Compiled) -> anyhow::Result<Self> {
        let engine = Engine::new(compiled.policy.clone())?;
        let keys = KeyRing::new(engine.remote_jwks().len());
        Ok(Self { engine, keys, silenced: compiled.silenced.clone() })
    }

    /// Decides a request now, and keeps every step.
    ///
    /// # Errors
    /// When the request line is not one, or its claims cannot be read.
    pub fn explain(&self, query: &Query) -> anyhow::Result<Explanation> {
        let headers = query.headers()?;
        let claims = query.claims()?;
        let request = Request {
            headers: headers.iter().map(|(name, it)| (name.as_bytes(), it.as_bytes())).collect(),
            claims: claims.as_ref(),
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let mut steps = Steps::default();
        // One request, so the cache never answers.
        let mut cache = TokenCache::new(1, 1, 0);
        let peer = query.source.as_deref().unwrap_or_default();
        let keys = &self.keys;
        let mut context =
            Context { now, keys, verifier: &SoftwareVerifier, peer: &peer, cache: &mut cache };
        let decision = match self.engine.decide(&request, &mut context, &mut steps) {
            Verdict::Decided(decision) => decision,
            Verdict::AwaitKeys(wait) if wait.unknown_key => wait.unknown_key(),
            Verdict::AwaitKeys(wait) => {
                steps.step(|| "keys: give the issuer's with --jwks ISSUER=FILE".to_owned());
                wait.unavailable()
            }
        };
        if let Some(step) = self.silenced_entries(&request) {
            // After the step that names the server.
            steps.0.insert(steps.0.len().min(1), step);
        }
        Ok(Explanation::new(&decision, steps))
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

    /// Reads the key files of `--jwks`, as `ISSUER=FILE`, for policies that fetch their keys at
    /// run time.
    ///
    /// # Errors
    /// When an argument is not of that form, a file is not a JWKS document, or no policy fetches
    /// keys of the issuer.
    pub fn read_keys(explainers: &mut [Self], files: &[String]) -> anyhow::Result<()> {
        for argument in files {
            // Issuers are often URLs with `=` in a query, file names hardly ever hold one.
            let (issuer, file) = argument
                .rsplit_once('=')
                .with_context(|| format!("--jwks `{argument}`: write ISSUER=FILE"))?;
            let json = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
            let keys = KeySet::parse(&json, KeyOrigin::Remote).with_context(|| file.to_owned())?;
            let keys = Arc::new(keys);
            let mut used = false;
            for explainer in &mut *explainers {
                for document in explainer.engine.remote_of_issuer(issuer) {
                    explainer.keys.replace(document, Arc::clone(&keys));
                    used = true;
                }
            }
            anyhow::ensure!(used, "--jwks: no JWT rule fetches the keys of the issuer `{issuer}`");
        }
        Ok(())
    }
}

impl Explanation {
    fn new(decision: &Decision<'_>, steps: Steps) -> Self {
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
            steps: steps.0,
        }
    }
}
