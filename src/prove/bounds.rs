//! What a JWT rule accepts that another may not, beside its issuer: the values of audiences, dates,
//! types and `cnf` that must be told apart.

use crate::jwt::TokenType;
use crate::policy::{CertificateBound, JwtRule};

/// How far in the future `exp` is where a JWT rule asks for one, in seconds.
pub const LIFETIME_SECONDS: u64 = 300;

/// What a JWT rule accepts that another may not, beside its issuer.
#[derive(Debug, Clone)]
pub struct Bounds<'r> {
    pub(super) rule: &'r JwtRule,
    /// The rules of the same issuer that may refuse a token.
    others: Vec<&'r JwtRule>,
    pub(super) now: u64,
    /// The subject that the token must have, as its holder has it.
    pub(super) subject: Option<String>,
}

impl<'r> Bounds<'r> {
    /// Of tokens that `rule` accepts at `now` (Unix seconds), where `others` may refuse some.
    pub fn new(rule: &'r JwtRule, others: Vec<&'r JwtRule>, now: u64) -> Self {
        Self { rule, others, now, subject: None }
    }

    /// The same of tokens with this subject.
    #[must_use]
    pub fn of_subject(self, subject: Option<String>) -> Self {
        Self { subject, ..self }
    }

    /// Accepted audiences that must be told apart; without any, one token without an audience.
    pub(super) fn audiences(&self, asked: bool) -> Vec<Option<&'r str>> {
        let audiences = || self.rule.audiences.iter().map(String::as_str);
        if audiences().next().is_none() {
            return vec![None];
        }
        if asked {
            return audiences().map(Some).collect();
        }
        let mut apart: Vec<_> = Vec::new();
        let refused =
            |name: &&str| self.others.iter().any(|it| !it.audiences.is_empty() && !names(it, name));
        // One that all accept is the usual one, and one that is not always accepted makes the
        // difference.
        apart.extend(audiences().find(|name| !refused(name)));
        apart.extend(audiences().find(refused));
        apart.into_iter().map(Some).collect()
    }

    /// The dates that must be told apart: `exp` and `nbf`, the usual ones first.
    pub(super) fn dates(&self) -> Vec<[Option<i128>; 2]> {
        let (now, rule) = (i128::from(self.now), self.rule);
        let needed = |rule: &JwtRule| {
            rule.require_expiration || rule.max_lifetime_seconds.is_some() || requires(rule, "exp")
        };
        let longest = |rule: &JwtRule| rule.max_lifetime_seconds.map(i128::from);
        let skew = |rule: &JwtRule| i128::from(rule.clock_skew_seconds);
        let shortest = self.others.iter().chain([&rule]).filter_map(|it| longest(it)).min();
        let soon = i128::from(LIFETIME_SECONDS).min(shortest.unwrap_or(i128::MAX));
        let any_needed = needed(rule) || self.others.iter().any(|it| needed(it));
        let usual = any_needed.then(|| now.saturating_add(soon));
        // A claim that another rule needs and this one does not is left out: that tells them apart.
        let begin = requires(rule, "nbf").then_some(now);
        let mut dates = vec![[usual, begin]];
        if any_needed && !needed(rule) {
            dates.push([None, begin]);
        }
        for other in &self.others {
            if skew(rule) > skew(other) {
                dates.push([Some(now.saturating_sub(skew(rule))), begin]);
                dates.push([usual, Some(now.saturating_add(skew(rule)))]);
            }
            match (longest(rule), longest(other)) {
                (Some(own), Some(other)) if own > other => {
                    dates.push([Some(now.saturating_add(own)), begin]);
                }
                (None, Some(other)) => {
                    let longer = now.saturating_add(other).saturating_add(1);
                    dates.push([Some(longer), begin]);
                }
                _ => {}
            }
        }
        dates.dedup();
        dates
    }

    /// Accepted types that must be told apart, one that all accept first.
    pub(super) fn types(&self) -> Vec<TokenType> {
        let lists = || self.others.iter().filter_map(|other| other.token_types.as_ref());
        let listed = || lists().flatten();
        let all: Vec<String> = match &self.rule.token_types {
            Some(own) => own.clone(),
            // Without a list any type counts, and none does as well.
            None => {
                let mut numbered = (1_u64..).map(|number| format!("another-type-{number}"));
                let another = numbered.find(|name| !listed().any(|it| it == name));
                let usual = ["", "at+jwt", "jwt"].map(str::to_owned).into_iter();
                usual.chain(listed().cloned()).chain(another).collect()
            }
        };
        let refused = |name: &&String| lists().any(|list| !list.contains(name));
        let apart = all.iter().find(|name| !refused(name));
        let apart = apart.into_iter().chain(all.iter().find(refused));
        apart.map(|name| TokenType::named(name)).collect()
    }

    /// Whether another rule refuses a token that names a certificate which is not that of its sender,
    /// and this one does not look.
    pub(super) fn looks_away(&self) -> bool {
        let looks = |rule: &JwtRule| rule.certificate_bound != CertificateBound::Ignored;
        !looks(self.rule) && self.others.iter().any(|other| looks(other))
    }

    /// Whether the rule asks for a claim of this name.
    pub(super) fn requires(&self, name: &str) -> bool {
        requires(self.rule, name)
    }
}

fn requires(rule: &JwtRule, name: &str) -> bool {
    rule.required_claims.iter().any(|it| it == name)
}

fn names(rule: &JwtRule, audience: &str) -> bool {
    rule.audiences.iter().any(|name| name == audience)
}
