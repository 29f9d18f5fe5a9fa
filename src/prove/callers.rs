//! Callers that stand for all whom one policy lets in as it does one of its atoms.

use super::example::{Sender, Token};
use super::holders::{Asked, holders};
use super::senders::senders;
use super::side::{Tokens, Who};
use super::tables::Tables;
use super::tokens::{Bounds, Stand, TooMany, stands};
use super::vocabulary::Vocabulary;
use crate::engine::Principal;
use crate::engine::source::Identities;
use crate::jwt::{Claims, judge_kind};
use crate::policy::{IdentityMatch, JwtRule, SourceIdentity};

/// Someone who stands for others.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token; absent: none is sent.
    pub stand: Option<Stand>,
    /// The workload.
    pub sender: Sender,
}

/// What a policy makes of a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen<'t> {
    /// The request is refused.
    Refused,
    /// Nobody: no token is looked for, or none is needed and none was accepted.
    Nobody,
    /// These claims.
    Claims(&'t Claims),
}

/// What tells callers apart, beside the atom.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'q, 'p> {
    /// What policies refer to.
    pub tables: &'q Tables<'p>,
    /// What their principals ask for.
    pub vocabulary: &'q Vocabulary,
    /// All sources.
    pub sources: &'q [&'p str],
    /// How the policy that lets them in judges tokens, and the other one.
    pub tokens: [Option<&'q Tokens>; 2],
    /// How the policy that lets them in recognises workloads, and the other one.
    pub identities: [&'p SourceIdentity; 2],
    /// The latter, as the engine does it.
    pub other: Option<&'q Identities>,
    /// Unix seconds.
    pub now: u64,
}

impl Caller {
    /// Who sends a token, with the certificate that the token is bound to.
    pub fn new(stand: Option<Stand>, sender: &Sender) -> Self {
        let certificate = stand.as_ref().and_then(|stand| stand.certificate);
        Self { stand, sender: sender.showing(certificate) }
    }
}

/// Callers that stand for all with tokens of a JWT rule by which a token is bound to a workload.
///
/// # Errors
/// When there are more to tell apart than are tried.
pub fn bound(
    principal: Option<&Principal>,
    bounds: &Bounds<'_>,
    asked: Asked<'_, '_>,
) -> Result<Vec<Caller>, TooMany> {
    let mut all = Vec::new();
    for holder in holders(bounds.rule, principal, asked)? {
        let bounds = bounds.clone().of_subject(holder.subject);
        let stands = stands(principal, &bounds, asked.vocabulary)?;
        all.extend(stands.into_iter().map(|stand| Caller::new(Some(stand), &holder.sender)));
    }
    Ok(all)
}

impl<'q, 'p> Surroundings<'q, 'p> {
    /// Callers that stand for everyone who is one of `who`, which is this principal if any.
    ///
    /// # Errors
    /// When there are more to tell apart than are tried.
    pub fn callers(&self, who: Who, principal: Option<&Principal>) -> Result<Vec<Caller>, TooMany> {
        let source = match who {
            Who::Anyone | Who::Token(_) => None,
            Who::Workload(source, identity) => {
                Some((self.tables.sources.get(source).unwrap_or_default(), identity))
            }
        };
        let senders = senders(source.as_slice(), self.identities, self.sources)?;
        let unbound = self.stands(who, principal)?;
        let mut all = Vec::new();
        for sender in senders {
            all.extend(unbound.iter().map(|stand| Caller::new(stand.clone(), &sender)));
        }
        for bounds in self.bounds(|rule| rule.workload_bound.is_some()) {
            all.extend(bound(principal, &bounds, self.asked(source.as_slice()))?);
        }
        Ok(all)
    }

    fn asked<'a>(&'a self, wanted: &'a [(&'a str, IdentityMatch)]) -> Asked<'a, 'p> {
        let (identities, sources) = (self.identities, self.sources);
        Asked { wanted, identities, sources, vocabulary: self.vocabulary }
    }

    /// The JWT rules of the policy that lets callers in, with what tells their tokens apart.
    fn bounds(&self, is_wanted: impl Fn(&JwtRule) -> bool) -> impl Iterator<Item = Bounds<'p>> {
        let [own, other] = self.tokens;
        let of_own = own.into_iter().flat_map(|own| rules(self.tables, own));
        of_own.filter(move |rule| is_wanted(rule)).map(move |rule| {
            let of_other = other.into_iter().flat_map(|other| rules(self.tables, other));
            let others = of_other.filter(|it| it.issuer == rule.issuer).collect();
            Bounds::new(rule, others, self.now)
        })
    }

    /// The tokens that are not bound to a workload; absent for none.
    fn stands(
        &self,
        who: Who,
        principal: Option<&Principal>,
    ) -> Result<Vec<Option<Stand>>, TooMany> {
        let asks = matches!(who, Who::Token(_));
        let [own, other] = self.tokens;
        // A token that the other policy refuses, whatever this one makes of it.
        let refused = || {
            let judges = other.is_some_and(|other| !other.shadow);
            judges.then(|| self.of_no_issuer()).flatten()
        };
        let mut all = Vec::new();
        let Some(own) = own else {
            if !asks {
                all.push(None);
                all.extend(refused().map(Some));
            }
            return Ok(all);
        };
        if !asks && (!own.required || own.shadow) {
            all.push(None);
        }
        for bounds in self.bounds(|rule| rule.workload_bound.is_none()) {
            all.extend(stands(principal, &bounds, self.vocabulary)?.into_iter().map(Some));
        }
        if !asks && own.shadow {
            all.extend(refused().map(Some));
        }
        Ok(all)
    }

    /// A token of an issuer that nobody accepts.
    fn of_no_issuer(&self) -> Option<Stand> {
        let letter = self.vocabulary.fresh.letter();
        let issuer = format!("https://another-issuer-{letter}.invalid").into();
        let token = Token::new([("iss".to_owned(), issuer)].into_iter().collect())?;
        let (tokens, compared) = (vec![token.clone()], token.clone());
        Some(Stand { tokens, compared, judged: token, certificate: None })
    }

    /// What the other policy makes of a caller's token.
    pub fn seen<'t>(&self, caller: &'t Caller) -> Seen<'t> {
        let token = caller.stand.as_ref().map(|stand| [&stand.judged, &stand.compared]);
        let (tokens, who) = (self.tokens[1], (&caller.sender, self.other));
        seen(self.tables, tokens, token, who, self.now)
    }
}

/// What a policy that judges tokens so makes of one: of claims that JWT rules judge, and of those that
/// principals are compared with. `who` sends it, to those who recognise workloads so.
pub(super) fn seen<'t>(
    tables: &Tables<'_>,
    tokens: Option<&Tokens>,
    token: Option<[&'t Token; 2]>,
    (sender, identities): (&Sender, Option<&Identities>),
    now: u64,
) -> Seen<'t> {
    let Some(tokens) = tokens else { return Seen::Nobody };
    let Some([judged, compared]) = token else {
        let refused = tokens.required && !tokens.shadow;
        return if refused { Seen::Refused } else { Seen::Nobody };
    };
    let accepted = judged.asserted().zip(identities).is_some_and(|(asserted, identities)| {
        let claims = asserted.claims;
        let rule = rules(tables, tokens).find(|rule| claims.issuer() == Some(&rule.issuer));
        rule.is_some_and(|rule| {
            claims.judge(rule, now).is_ok()
                && judge_kind(rule, claims, asserted.token_type).is_ok()
                && sender.holds(rule, claims, identities)
        })
    });
    match (accepted, compared.claims()) {
        (true, Some(claims)) => Seen::Claims(claims),
        _ if tokens.shadow => Seen::Nobody,
        _ => Seen::Refused,
    }
}

fn rules<'p>(tables: &Tables<'p>, tokens: &Tokens) -> impl Iterator<Item = &'p JwtRule> {
    tokens.jwt_rules.iter().filter_map(|number| tables.jwt_rules.get(*number))
}
