//! Authentication: from a request to a verified token, or the reason why there is none.
//!
//! The order is that of the contract: location and form, issuer, algorithm and key, signature,
//! time, audience, type, required claims, holder. Nothing that a token claims is reported before its signature holds, except
//! that its issuer is unknown.

use std::rc::Rc;

use super::context::Context;
use super::credentials::{Credential, Found};
use super::holder;
use super::index::Engine;
use super::jwt_rules::{JwtRuleIndex, Keys};
use super::request::{Asserted, Request};
use super::servers::Authentication;
use super::told;
use super::trace::Trace;
use super::verified::Verified;
use crate::jwt::{
    Claims, Confirmation, MAX_CANDIDATES, MAX_TOKEN_BYTES, Token, TokenError, judge_kind,
    output_headers as make_headers,
};
use crate::policy::JwtRule;
use crate::signals::Reason;

/// Tokens without `exp` are verified again after this many seconds.
const CACHE_SECONDS_WITHOUT_EXPIRY: u64 = 300;
/// A verified signature is remembered at least this long, even when the token has expired.
const CACHE_SECONDS_AT_LEAST: u64 = 30;

/// Why there is no verified token.
#[derive(Debug)]
pub(super) enum Failure {
    Missing,
    Multiple,
    Token(TokenError),
    /// The keys of this remote document have not been fetched.
    NoKeys {
        document: usize,
    },
    /// No key of this remote document fits; a newer document may hold it.
    UnknownKey {
        document: usize,
    },
}

impl Failure {
    /// The code that users see.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::MissingToken,
            Self::Multiple => Reason::MultipleTokens,
            Self::NoKeys { .. } => Reason::JwksUnavailable,
            Self::UnknownKey { .. } => Reason::UnknownKey,
            Self::Token(error) => match error {
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
                TokenError::WrongType => Reason::WrongTokenType,
                TokenError::MissingClaim => Reason::MissingClaim,
                TokenError::WrongHolder => Reason::WrongHolder,
            },
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

/// A verified token and where it was found; `None` for an optional token that is absent.
pub(super) struct Authenticated<'r> {
    pub(super) verified: Rc<Verified>,
    /// Absent where claims were given in place of a token.
    pub(super) credential: Option<Credential<'r>>,
    pub(super) forward: bool,
}

pub(super) fn authenticate<'r>(
    engine: &Engine,
    authentication: &Authentication,
    request: &Request<'r>,
    context: &mut Context<'_>,
    trace: &mut impl Trace,
) -> Result<Option<Authenticated<'r>>, Failure> {
    if let Some(asserted) = request.claims {
        let verified = assert_claims(engine, authentication, asserted, request, context, trace)?;
        return Ok(Some(Authenticated {
            verified: Rc::new(verified),
            credential: None,
            forward: true,
        }));
    }
    let credential = match authentication.locations.find(request) {
        Found::Nothing if authentication.required => {
            trace.step(|| {
                let places = authentication.locations.in_words();
                format!("token: none found in {places}, and one is required")
            });
            return Err(Failure::Missing);
        }
        Found::Nothing => {
            trace.step(|| "token: none found, and none is required".into());
            return Ok(None);
        }
        Found::Multiple => {
            trace.step(|| "token: two different tokens, or a repeated token header".into());
            return Err(Failure::Multiple);
        }
        Found::Token(credential) => credential,
    };
    if credential.token.len() > MAX_TOKEN_BYTES {
        trace.step(|| format!("token: {} bytes, over the limit", credential.token.len()));
        return Err(TokenError::TooLarge.into());
    }
    let verified = match cached(engine, authentication, &credential, context) {
        Some(verified) => verified,
        None => verify(engine, authentication, &credential, context, trace)?,
    };
    let Some(JwtRuleIndex { rule, .. }) = engine.jwt_rules.get(verified.rule) else {
        return Err(TokenError::UnknownIssuer.into());
    };
    // A cached token came in at a place of its rule once; that says nothing about this request.
    if !authentication.locations.reads(verified.position, &credential) {
        trace.step(|| "token: its issuer's rule does not read this location".into());
        return Err(TokenError::UnknownIssuer.into());
    }
    if !verified.holds.as_ref().is_some_and(|holds| holds.contains(&context.now)) {
        verified.claims.judge(rule, context.now).inspect_err(|error| {
            trace.step(|| told::claims(error, &verified.claims, rule));
        })?;
    }
    trace.step(|| "claims: time and audience are as the rule asks".into());
    judge_holder(engine, rule, &verified, request, context, trace)?;
    let forward = rule.forward_original_token;
    Ok(Some(Authenticated { verified, credential: Some(credential), forward }))
}

/// What is judged of a token whose claims hold: its kind, and who sends it.
fn judge_holder(
    engine: &Engine,
    rule: &JwtRule,
    verified: &Verified,
    request: &Request<'_>,
    context: &Context<'_>,
    trace: &mut impl Trace,
) -> Result<(), TokenError> {
    let Verified { claims, kind, token_type, confirmation, .. } = verified;
    kind.inspect_err(|_| trace.step(|| told::kind(claims, token_type, rule)))?;
    let (identities, peer) = (&engine.identities, context.peer);
    holder::judge(rule, claims, *confirmation, identities, peer, request, trace)
}

/// A verification that still holds: same token, same list of rules, same keys.
fn cached(
    engine: &Engine,
    authentication: &Authentication,
    credential: &Credential<'_>,
    context: &mut Context<'_>,
) -> Option<Rc<Verified>> {
    let verified = context.cache.get(authentication.scope, &credential.token, context.now)?;
    let current = match &engine.jwt_rules.get(verified.rule)?.keys {
        Keys::Inline(_) => 0,
        Keys::Remote(document) => context.keys.generation(*document),
    };
    (verified.generation == current).then_some(verified)
}

fn verify(
    engine: &Engine,
    authentication: &Authentication,
    credential: &Credential<'_>,
    context: &mut Context<'_>,
    trace: &mut impl Trace,
) -> Result<Rc<Verified>, Failure> {
    let token = Token::parse(&credential.token).inspect_err(|error| {
        trace.step(|| format!("token: {error}"));
    })?;
    let (position, index) = rule_of_issuer(engine, authentication, token.claims(), trace)?;
    let Some(JwtRuleIndex { rule, keys }) = engine.jwt_rules.get(index) else {
        return Err(TokenError::UnknownIssuer.into());
    };
    let algorithm =
        token.algorithm().inspect_err(|error| trace.step(|| format!("token: {error}")))?;
    if !context.verifier.supports(algorithm) {
        trace.step(|| format!("token: nothing here can check signatures by {algorithm}"));
        return Err(TokenError::UnsupportedAlgorithm.into());
    }
    let (set, generation, document) = match keys {
        Keys::Inline(set) => (set, 0, None),
        Keys::Remote(document) => match context.keys.keys(*document) {
            Some(set) => (set, context.keys.generation(*document), Some(*document)),
            None => {
                trace.step(|| "keys: the issuer's JWKS has not been fetched".into());
                return Err(Failure::NoKeys { document: *document });
            }
        },
    };
    // A shared secret can only be inline, and an issuer without one never signs with HMAC.
    let secret = document.is_none() && !set.candidates(algorithm, None).is_empty();
    if algorithm.is_symmetric() && !secret {
        trace.step(|| format!("keys: the issuer has no secret for {}", algorithm.as_str()));
        return Err(TokenError::UnsupportedAlgorithm.into());
    }
    let candidates = set.candidates(algorithm, token.key_id());
    let tried = candidates.get(..MAX_CANDIDATES).unwrap_or(&candidates);
    trace.step(|| {
        let (fitting, of) = (candidates.len(), set.len());
        match tried.len() < fitting {
            true => format!(
                "keys: {fitting} of {of} fit {algorithm}, and the first {} are tried",
                tried.len()
            ),
            false => format!("keys: {fitting} of {of} fit {algorithm}"),
        }
    });
    if candidates.is_empty() {
        return Err(match document {
            Some(document) => Failure::UnknownKey { document },
            None => TokenError::UnknownKey.into(),
        });
    }
    // Of a key that was not tried nobody can say that it did not sign; asking for newer keys would
    // not tell either.
    let failure = match tried.len() < candidates.len() {
        true => TokenError::UnknownKey,
        false => TokenError::BadSignature,
    };
    let scope = authentication.scope;
    if context.cache.is_known_bad(scope, &credential.token, generation, context.now) {
        return Err(failure.into());
    }
    let holds = tried.iter().any(|key| {
        context.verifier.verify(key, algorithm, token.signing_input(), token.signature())
    });
    if !holds {
        trace.step(|| match failure {
            TokenError::BadSignature => "signature: no candidate key verifies it".into(),
            _ => "signature: none of the keys that are tried verifies it".into(),
        });
        context.cache.insert_bad(scope, &credential.token, generation, context.now);
        return Err(failure.into());
    }
    trace.step(|| "signature: holds".into());
    let headers = make_headers(rule, token.claims(), token.payload_base64());
    let verified = Rc::new(Verified {
        holds: token.claims().holds(rule),
        kind: judge_kind(rule, token.claims(), token.token_type()),
        confirmation: Confirmation::of(token.claims()),
        token_type: token.token_type().clone(),
        claims: token.into_claims(),
        headers,
        rule: index,
        position,
        generation,
    });
    // Judged again on every use, so the cache only has to forget what cannot succeed any more;
    // a little later, so that who keeps sending an expired token costs no signature each time.
    let limit = context.now.saturating_add(CACHE_SECONDS_WITHOUT_EXPIRY);
    let at_least = context.now.saturating_add(CACHE_SECONDS_AT_LEAST);
    let expires = verified.claims.valid_until(rule).unwrap_or(limit).max(at_least);
    context.cache.insert(scope, &credential.token, Rc::clone(&verified), expires);
    Ok(verified)
}

/// The rule that names the token's issuer, as (position in the server's list, engine's index).
fn rule_of_issuer(
    engine: &Engine,
    authentication: &Authentication,
    claims: &Claims,
    trace: &mut impl Trace,
) -> Result<(usize, usize), TokenError> {
    let rules = authentication.rules.iter().copied().enumerate();
    let found = claims.issuer().and_then(|issuer| {
        rules.into_iter().find(|(_, index)| {
            engine.jwt_rules.get(*index).is_some_and(|rule| rule.rule.issuer == issuer)
        })
    });
    match (found, claims.issuer()) {
        (Some(found), _) => Ok(found),
        (None, issuer) => {
            trace.step(|| match issuer {
                Some(issuer) => {
                    let rules = authentication.rules.iter().copied();
                    let rules = rules.filter_map(|index| engine.jwt_rules.get(index));
                    let known: Vec<_> = rules.map(|rule| rule.rule.issuer.as_str()).collect();
                    told::issuer(issuer, &known)
                }
                None => "issuer: the token has no `iss`".into(),
            });
            Err(TokenError::UnknownIssuer)
        }
    }
}

/// Judges claims that stand for a token whose location, form and signature are fine.
fn assert_claims(
    engine: &Engine,
    authentication: &Authentication,
    asserted: Asserted<'_>,
    request: &Request<'_>,
    context: &Context<'_>,
    trace: &mut impl Trace,
) -> Result<Verified, Failure> {
    let Asserted { claims, token_type } = asserted;
    let (position, index) = rule_of_issuer(engine, authentication, claims, trace)?;
    let Some(JwtRuleIndex { rule, .. }) = engine.jwt_rules.get(index) else {
        return Err(TokenError::UnknownIssuer.into());
    };
    claims.judge(rule, context.now).inspect_err(|error| {
        trace.step(|| told::claims(error, claims, rule));
    })?;
    trace.step(|| "claims: taken as those of a verified token".into());
    let verified = Verified {
        claims: claims.clone(),
        headers: make_headers(rule, claims, ""),
        holds: claims.holds(rule),
        kind: judge_kind(rule, claims, token_type),
        token_type: token_type.clone(),
        confirmation: Confirmation::of(claims),
        rule: index,
        position,
        generation: 0,
    };
    judge_holder(engine, rule, &verified, request, context, trace)?;
    Ok(verified)
}
