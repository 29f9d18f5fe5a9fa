//! `decide`: which server governs a request, whether its token holds, whether its rules admit it.

use std::rc::Rc;

use super::authenticate::{Authenticated, Failure, Verified, authenticate};
use super::authority::canonical_host;
use super::decision::{Decision, Denial, Mutations, Outcome};
use super::denial;
use super::index::{Engine, JwtRuleIndex, Server};
use super::keyring::KeyRing;
use super::path::{readings, without_query};
use super::reason::{Mechanism, Reason};
use super::request::Request;
use super::rules::{Authorization, Judgement};
use super::trace::Trace;
use crate::jwt::{Claims, SignatureVerifier, TokenCache, TokenError};
use crate::policy::DefaultAction;

/// What a decision depends on beside the policy and the request.
pub struct Context<'a> {
    /// Seconds since the Unix epoch.
    pub now: u64,
    /// The keys fetched so far.
    pub keys: &'a KeyRing,
    /// What checks signatures.
    pub verifier: &'a dyn SignatureVerifier,
    /// Tokens verified earlier. It saves work and never changes an answer.
    pub cache: &'a mut TokenCache<Rc<Verified>>,
}

/// A decision, or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'e> {
    /// The answer.
    Decided(Decision<'e>),
    /// The answer needs a JWKS document that is not there yet, or a newer one.
    AwaitKeys(Await<'e>),
}

/// A decision that needs keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Await<'e> {
    /// Index of [`Engine::remote_jwks`].
    pub document: usize,
    /// Whether the document was fetched but holds no key that fits the token.
    pub unknown_key: bool,
    server: &'e str,
    challenge: String,
}

impl<'e> Await<'e> {
    /// The answer when the keys cannot be had: 503.
    pub fn unavailable(self) -> Decision<'e> {
        self.decision(Reason::JwksUnavailable, denial::jwks_unavailable())
    }

    /// The answer when the newest document does not hold the key either: 401.
    pub fn unknown_key(self) -> Decision<'e> {
        let denial = denial::token(&TokenError::UnknownKey, self.challenge.clone());
        self.decision(Reason::UnknownKey, denial)
    }

    fn decision(self, reason: Reason, denial: Denial) -> Decision<'e> {
        Decision {
            outcome: Outcome::Deny(denial),
            reason,
            mechanism: Mechanism::Authentication,
            server: Some(self.server),
            rule: None,
        }
    }
}

impl Engine {
    /// Decides one request. The same inputs always give the same answer.
    pub fn decide<'e>(
        &'e self,
        request: &Request<'_>,
        context: &mut Context<'_>,
        trace: &mut impl Trace,
    ) -> Verdict<'e> {
        let host = match canonical_host(request.authority()) {
            Ok(host) => host,
            Err(error) => {
                trace.step(|| format!("authority: {error}"));
                let denial = Outcome::Deny(denial::bad_request("Bad authority"));
                return decided(denial, Reason::BadAuthority, Mechanism::None, None, None);
            }
        };
        let Some(server) = self.hosts.get(&host) else {
            trace.step(|| format!("server: no server for the host `{host}`"));
            return self.ungoverned(None, request);
        };
        trace.step(|| format!("server: `{}` governs the host `{host}`", server.name));

        let authenticated = match &server.authentication {
            None => None,
            Some(authentication) => {
                match authenticate(self, authentication, request, context, trace) {
                    Ok(authenticated) => authenticated,
                    Err(failure) => return refuse(server, request, failure),
                }
            }
        };
        let claims = authenticated.as_ref().map(|authenticated| authenticated.verified.claims());
        match (&server.authorization, &server.authentication) {
            (Some(authorization), _) => {
                let verdict = authorize(authorization, claims, request, trace);
                let (outcome, reason, rule) = match verdict {
                    Ok(rule) => {
                        let mutations = self.mutations(server, request, authenticated.as_ref());
                        (Outcome::Allow(mutations), Reason::Allowed, Some(rule))
                    }
                    Err((reason, denial)) => (Outcome::Deny(denial), reason, None),
                };
                decided(outcome, reason, Mechanism::Authorization, Some(&server.name), rule)
            }
            (None, Some(_)) => {
                trace.step(|| "authorization: none, authentication alone decides".into());
                let mutations = self.mutations(server, request, authenticated.as_ref());
                let (allow, by) = (Outcome::Allow(mutations), Mechanism::Authentication);
                decided(allow, Reason::Allowed, by, Some(&server.name), None)
            }
            (None, None) if server.passthrough => {
                trace.step(|| "the server passes everything through".into());
                self.pass_through(Some(&server.name), request)
            }
            (None, None) => {
                trace.step(|| "the server has neither authentication nor authorization".into());
                self.ungoverned(Some(&server.name), request)
            }
        }
    }

    fn ungoverned<'e>(&'e self, server: Option<&'e str>, request: &Request<'_>) -> Verdict<'e> {
        match self.default_action {
            DefaultAction::Allow => self.pass_through(server, request),
            DefaultAction::Deny => {
                let deny = Outcome::Deny(denial::forbidden());
                decided(deny, Reason::UnlistedHost, Mechanism::None, server, None)
            }
        }
    }

    fn pass_through<'e>(&'e self, server: Option<&'e str>, request: &Request<'_>) -> Verdict<'e> {
        let mut mutations = Mutations::default();
        self.remove_forged(request, &mut mutations);
        let (allow, by) = (Outcome::Allow(mutations), Mechanism::Passthrough);
        decided(allow, Reason::Passthrough, by, server, None)
    }

    /// What an allowed request needs: forged headers and the token out, verified content in.
    fn mutations<'e>(
        &'e self,
        server: &'e Server,
        request: &Request<'_>,
        authenticated: Option<&Authenticated<'_>>,
    ) -> Mutations<'e> {
        let mut mutations = Mutations::default();
        self.remove_forged(request, &mut mutations);
        if let Some(verified) = authenticated.map(|authenticated| &authenticated.verified)
            && let Some(JwtRuleIndex { rule, .. }) = self.jwt_rules.get(verified.rule())
        {
            for (header, value) in &verified.headers().set {
                if let Some(name) = header.name(rule) {
                    mutations.set.push((name, value.clone()));
                }
            }
        }
        if let Some(Authenticated { credential: Some(credential), forward: false, .. }) =
            authenticated
            && let Some(authentication) = &server.authentication
        {
            authentication.locations.strip(credential, request, &mut mutations);
        }
        mutations
    }

    /// Removes output headers that the client sent. Those that are set afterwards go as well:
    /// Envoy overwrites only the first of several headers with one name.
    fn remove_forged(&self, request: &Request<'_>, mutations: &mut Mutations<'_>) {
        if self.output_headers.is_empty() {
            return;
        }
        for (name, _) in &request.headers {
            if !self.is_output_header(name) {
                continue;
            }
            let name = String::from_utf8_lossy(name);
            if !mutations.remove.iter().any(|removed| *removed == name) {
                mutations.remove.push(name.into_owned());
            }
        }
    }
}

fn decided<'e>(
    outcome: Outcome<'e>,
    reason: Reason,
    mechanism: Mechanism,
    server: Option<&'e str>,
    rule: Option<&'e str>,
) -> Verdict<'e> {
    Verdict::Decided(Decision { outcome, reason, mechanism, server, rule })
}

fn refuse<'e>(server: &'e Server, request: &Request<'_>, failure: Failure) -> Verdict<'e> {
    let challenge = denial::realm(request);
    let (document, unknown_key) = match failure {
        Failure::NoKeys { document } => (document, false),
        Failure::UnknownKey { document } => (document, true),
        Failure::Missing => {
            return denied(server, Reason::MissingToken, denial::missing(challenge));
        }
        Failure::Multiple => {
            return denied(server, Reason::MultipleTokens, denial::multiple(challenge));
        }
        Failure::Token(error) => {
            return denied(server, reason_of(&error), denial::token(&error, challenge));
        }
    };
    Verdict::AwaitKeys(Await { document, unknown_key, server: &server.name, challenge })
}

fn denied(server: &Server, reason: Reason, denial: Denial) -> Verdict<'_> {
    let deny = Outcome::Deny(denial);
    decided(deny, reason, Mechanism::Authentication, Some(&server.name), None)
}

fn reason_of(error: &TokenError) -> Reason {
    match error {
        TokenError::TooLarge => Reason::TokenTooLarge,
        TokenError::Malformed(_) => Reason::MalformedToken,
        TokenError::UnknownIssuer => Reason::UnknownIssuer,
        TokenError::UnsupportedAlgorithm => Reason::UnsupportedAlgorithm,
        TokenError::UnknownKey => Reason::UnknownKey,
        TokenError::BadSignature => Reason::BadSignature,
        TokenError::Expired => Reason::Expired,
        TokenError::NotYetValid => Reason::NotYetValid,
        TokenError::LifetimeTooLong => Reason::LifetimeTooLong,
        TokenError::WrongAudience => Reason::WrongAudience,
    }
}

/// Applies the rules of a server: the name of the rule that admits the request, or the denial.
fn authorize<'e>(
    authorization: &'e Authorization,
    claims: Option<&Claims>,
    request: &Request<'_>,
    trace: &mut impl Trace,
) -> Result<&'e str, (Reason, Denial)> {
    let path = if authorization.constrains_paths() {
        match readings(without_query(request.path())) {
            Ok(path) => Some(path),
            Err(error) => {
                trace.step(|| format!("path: {error}"));
                return Err((Reason::BadPath, denial::bad_request("Bad path")));
            }
        }
    } else {
        None
    };
    match authorization.judge(claims, request.method(), path.as_ref()) {
        Judgement::Allowed(rule) => {
            trace.step(|| format!("authorization: the rule `{rule}` admits the request"));
            Ok(rule)
        }
        Judgement::Denied => {
            trace.step(|| "authorization: no rule admits the request".into());
            Err((Reason::NoRuleMatched, denial::forbidden()))
        }
        Judgement::Ambiguous => {
            trace.step(|| "path: rules admit some readings of it and not others".into());
            Err((Reason::AmbiguousPath, denial::bad_request("Ambiguous path")))
        }
    }
}
