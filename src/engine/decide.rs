//! `decide`: which server governs a request, whether its token holds, whether its rules admit it.

use std::rc::Rc;

use super::authenticate::{Authenticated, Failure, authenticate};
use super::context::Context;
use super::decision::{Decision, Denial, Mutations, Outcome};
use super::denial;
use super::egress::EgressAuthorization;
use super::index::Engine;
use super::jwt_rules::JwtRuleIndex;
use super::path::{Readings, readings, without_query};
use super::precedence::{Decides, decides};
use super::request::Request;
use super::rules::Judgement;
use super::servers::{Authentication, Server};
use super::source::Source;
use super::told;
use super::trace::Trace;
use crate::jwt::TokenError;
use crate::policy::DefaultAction;
use crate::policy::authority::canonical_host;
use crate::signals::{Mechanism, Reason};

/// A decision, or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'e> {
    /// The answer.
    Decided(Decision<'e>),
    /// The answer needs a JWKS document that is not there yet, or a newer one.
    AwaitKeys(Await<'e>),
}

impl<'e> Verdict<'e> {
    /// The answer where nobody fetches keys: those that there are have to do.
    pub fn without_waiting(self) -> Decision<'e> {
        match self {
            Self::Decided(decision) => decision,
            Self::AwaitKeys(wait) if wait.unknown_key => wait.unknown_key(),
            Self::AwaitKeys(wait) => wait.unavailable(),
        }
    }
}

/// A decision that needs keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Await<'e> {
    /// Index of [`Engine::remote_jwks`].
    pub document: usize,
    /// Whether the document was fetched but holds no key that fits the token.
    pub unknown_key: bool,
    server: &'e str,
    position: usize,
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
            position: Some(self.position),
            rule: None,
            shadow: false,
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
                return decided(denial, Reason::BadAuthority, Mechanism::None, None);
            }
        };
        let server = self.hosts.get(&host);
        trace.step(|| match server {
            Some(server) => format!("server: `{}` governs the host `{host}`", server.name),
            None => format!("server: no server for the host `{host}`"),
        });
        let egress = self.egress.get(&*host);
        let mut answer =
            Answer { engine: self, request, server, authenticated: None, shadowed: None };
        let authentication = server.and_then(|server| server.authentication.as_ref());
        if let (Some(server), Some(authentication)) = (server, authentication) {
            match authenticate(self, authentication, request, context, trace) {
                Ok(authenticated) => {
                    if let Some(authenticated) = &authenticated {
                        trace.verified(authenticated.verified.claims());
                    }
                    answer.authenticated = authenticated;
                }
                Err(failure) if server.shadow_authentication => {
                    let reason = failure.reason();
                    trace.step(|| shadow_step(Mechanism::Authentication, reason));
                    answer.shadowed = Some((Mechanism::Authentication, reason));
                }
                Err(failure) => return refuse(server, request, failure),
            }
        }
        let (mechanism, judged, shadow) = match decides(server, egress) {
            Decides::Authorization(authorization) => {
                let claims = answer.authenticated.as_ref().map(|it| it.verified.claims());
                let challenges = server.is_some_and(|server| server.challenge_scopes);
                let claims_to_challenge = claims.filter(|_| challenges);
                let mut scopes = None;
                let judged = judge_path(
                    Mechanism::Authorization,
                    authorization.constrains_paths(),
                    request,
                    |path| {
                        let judged = authorization.judge(claims, request.method(), path);
                        if let (Judgement::Denied(_), Some(claims)) = (&judged, claims_to_challenge)
                        {
                            scopes = authorization.lacking_scopes(claims, request.method(), path);
                        }
                        judged
                    },
                    trace,
                );
                let judged = judged.map_err(|(reason, denial)| match scopes {
                    Some(scopes) => (reason, denial::insufficient_scope(request, &scopes)),
                    None => (reason, denial),
                });
                (Mechanism::Authorization, judged, authorization.shadow)
            }
            Decides::EgressAuthorization(egress) => {
                let source = self.source(egress, request, context, trace);
                let judged = judge_path(
                    Mechanism::EgressAuthorization,
                    egress.constrains_paths(),
                    request,
                    |path| egress.judge(&source, request.method(), path),
                    trace,
                );
                (Mechanism::EgressAuthorization, judged, egress.shadow)
            }
            Decides::Authentication(_) => {
                trace.step(|| "authorization: none, authentication alone decides".into());
                return answer.allow(Mechanism::Authentication, Reason::Allowed, None);
            }
            Decides::Passthrough => {
                trace.step(|| "the server passes everything through".into());
                return answer.allow(Mechanism::Passthrough, Reason::Passthrough, None);
            }
            Decides::DefaultAction => {
                return match self.default_action {
                    DefaultAction::Allow => {
                        trace.step(|| "nothing governs the host, which passes by default".into());
                        answer.allow(Mechanism::Passthrough, Reason::Passthrough, None)
                    }
                    DefaultAction::Deny => {
                        trace
                            .step(|| "nothing governs the host, which is denied by default".into());
                        let deny = Outcome::Deny(denial::forbidden());
                        decided(deny, Reason::UnlistedHost, Mechanism::None, server)
                    }
                };
            }
        };
        match judged {
            Ok(rule) => {
                trace.step(|| format!("{mechanism}: `{rule}` admits the request"));
                answer.allow(mechanism, Reason::Allowed, Some(rule))
            }
            Err((reason, _)) if shadow => {
                trace.step(|| shadow_step(mechanism, reason));
                answer.shadowed.get_or_insert((mechanism, reason));
                answer.allow(mechanism, Reason::Allowed, None)
            }
            Err((reason, denial)) => decided(Outcome::Deny(denial), reason, mechanism, server),
        }
    }

    /// Finds out which workload is behind a request, where an entry asks.
    fn source(
        &self,
        egress: &EgressAuthorization,
        request: &Request<'_>,
        context: &Context<'_>,
        trace: &mut impl Trace,
    ) -> Source {
        if !egress.needs_source() {
            return Source::default();
        }
        let source = self.identities.source(context.peer, request);
        trace.step(|| match &source.peer {
            Some(peer) => format!("source: the peer is `{peer}`"),
            None => told::stranger(&context.peer.uri_sans(), self.identities.trust_domains()),
        });
        if let Some(workload) = &source.propagated {
            trace.step(|| format!("source: the peer speaks for `{workload}`"));
        }
        source
    }

    /// What every allowed request needs: forged headers out, verified content in.
    fn mutations<'e>(
        &'e self,
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
                    mutations.set.push((name, Rc::clone(value)));
                }
            }
        }
        mutations
    }

    /// Removes reserved headers that the client sent. Those that are set afterwards go as well:
    /// Envoy overwrites only the first of several headers with one name.
    fn remove_forged<'e>(&'e self, request: &Request<'_>, mutations: &mut Mutations<'e>) {
        for (name, _) in &request.headers {
            if !self.is_reserved_header(name) {
                continue;
            }
            let name = String::from_utf8_lossy(name);
            if !mutations.remove.contains(&name) {
                mutations.remove.push(name.into_owned().into());
            }
        }
    }
}

/// Takes tokens out: the verified one unless its rule forwards it, and everything else that
/// somebody may take for a token.
fn strip_tokens<'e>(
    authentication: &'e Authentication,
    authenticated: Option<&Authenticated<'_>>,
    is_shadow: bool,
    request: &Request<'_>,
    mutations: &mut Mutations<'e>,
) {
    let locations = &authentication.locations;
    match authenticated {
        Some(Authenticated { credential: Some(credential), forward: true, .. }) => {
            locations.strip(Some(credential), request, mutations);
        }
        // What was not accepted may be a token all the same, for a service of the mesh.
        _ if is_shadow && authentication.forwards => {}
        _ => locations.strip(None, request, mutations),
    }
}

fn decided<'e>(
    outcome: Outcome<'e>,
    reason: Reason,
    mechanism: Mechanism,
    server: Option<&'e Server>,
) -> Verdict<'e> {
    Verdict::Decided(Decision {
        outcome,
        reason,
        mechanism,
        server: server.map(|server| server.name.as_str()),
        position: server.map(|server| server.position),
        rule: None,
        shadow: false,
    })
}

fn refuse<'e>(server: &'e Server, request: &Request<'_>, failure: Failure) -> Verdict<'e> {
    let challenge = denial::realm(request);
    let reason = failure.reason();
    let denial = match failure {
        Failure::NoKeys { document } | Failure::UnknownKey { document } => {
            let unknown_key = reason == Reason::UnknownKey;
            return Verdict::AwaitKeys(Await {
                document,
                unknown_key,
                server: &server.name,
                position: server.position,
                challenge,
            });
        }
        Failure::Missing => denial::missing(challenge),
        Failure::Multiple => denial::multiple(challenge),
        Failure::Token(error) => denial::token(&error, challenge),
    };
    decided(Outcome::Deny(denial), reason, Mechanism::Authentication, Some(server))
}

fn shadow_step(mechanism: Mechanism, reason: Reason) -> String {
    format!("shadow: {mechanism} is only tried out here, so {reason} is reported and no more")
}

/// Judges a request with its path, if it matters: the name of the rule that admits it, or the
/// denial.
fn judge_path<'e>(
    mechanism: Mechanism,
    constrains_paths: bool,
    request: &Request<'_>,
    judge: impl FnOnce(Option<&Readings<'_>>) -> Judgement<'e>,
    trace: &mut impl Trace,
) -> Result<&'e str, (Reason, Denial)> {
    let path = match constrains_paths {
        true => match readings(without_query(request.path())) {
            Ok(path) => Some(path),
            Err(error) => {
                trace.step(|| format!("path: {error}"));
                return Err((Reason::BadPath, denial::bad_request("Bad path")));
            }
        },
        false => None,
    };
    match judge(path.as_ref()) {
        Judgement::Allowed(rule) => Ok(rule),
        Judgement::Denied(reason) => {
            trace.step(|| {
                let why = match (reason, mechanism) {
                    (Reason::SourceUnknown, _) => "no entry admits a source without an identity",
                    (Reason::SourceNotAllowed, _) => "no entry admits the source",
                    (_, Mechanism::EgressAuthorization) => {
                        "the source is admitted, but not with this method and path"
                    }
                    _ => "no rule admits the request",
                };
                format!("{mechanism}: {why}")
            });
            Err((reason, denial::forbidden()))
        }
        Judgement::Ambiguous { rule, admitted, refused } => {
            trace.step(|| told::readings(path.as_ref(), rule, admitted, refused));
            Err((Reason::AmbiguousPath, denial::bad_request("Ambiguous path")))
        }
    }
}

/// What is known of a request when it comes to the answer.
struct Answer<'e, 'r, 'q> {
    engine: &'e Engine,
    request: &'q Request<'r>,
    server: Option<&'e Server>,
    authenticated: Option<Authenticated<'r>>,
    /// The first denial that is only reported.
    shadowed: Option<(Mechanism, Reason)>,
}

impl<'e> Answer<'e, '_, '_> {
    fn allow(&self, mechanism: Mechanism, reason: Reason, rule: Option<&'e str>) -> Verdict<'e> {
        let mut mutations = self.engine.mutations(self.request, self.authenticated.as_ref());
        if let Some(authentication) = self.server.and_then(|it| it.authentication.as_ref()) {
            let is_shadow = matches!(self.shadowed, Some((Mechanism::Authentication, _)));
            let authenticated = self.authenticated.as_ref();
            strip_tokens(authentication, authenticated, is_shadow, self.request, &mut mutations);
        }
        let (mechanism, reason) = self.shadowed.unwrap_or((mechanism, reason));
        Verdict::Decided(Decision {
            outcome: Outcome::Allow(mutations),
            reason,
            mechanism,
            server: self.server.map(|server| server.name.as_str()),
            position: self.server.map(|server| server.position),
            rule,
            shadow: self.shadowed.is_some(),
        })
    }
}
