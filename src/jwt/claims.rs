//! The payload of a token and the judgement of its registered claims (RFC 7519 section 4.1).
//!
//! One place judges claims, whatever the algorithm and whoever verified the signature.

use serde_json::{Map, Number, Value};

use super::error::{Malformed, TokenError};
use super::strict_json::{self, JsonError};
use crate::policy::JwtRule;

/// The payload object of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads a payload: a JSON object without duplicate member names, nested at most 32 deep,
    /// whose `iss`, if any, is a string.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenError> {
        let claims = strict_json::parse_object(bytes).map_err(|error| match error {
            JsonError::Invalid => Malformed::PayloadJson,
            JsonError::Duplicate => Malformed::PayloadDuplicate,
            JsonError::Nesting => Malformed::PayloadNesting,
        })?;
        if claims.get("iss").is_some_and(|issuer| !issuer.is_string()) {
            return Err(Malformed::Issuer.into());
        }
        Ok(Self(claims))
    }

    /// `iss`, the issuer.
    pub fn issuer(&self) -> Option<&str> {
        self.get("iss").and_then(Value::as_str)
    }

    /// `sub`, the subject.
    pub fn subject(&self) -> Option<&str> {
        self.get("sub").and_then(Value::as_str)
    }

    /// A top-level member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All members.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Judges the registered claims under one rule at `now` (Unix seconds). To be called only
    /// after the signature holds.
    ///
    /// In order: the types of `sub`, `exp`, `nbf` and `aud`; `exp`; `nbf`; the lifetime; `aud`.
    /// `iat` is not judged. A NumericDate may be any finite JSON number.
    pub fn judge(&self, rule: &JwtRule, now: u64) -> Result<(), TokenError> {
        if self.get("sub").is_some_and(|subject| !subject.is_string()) {
            return Err(Malformed::Subject.into());
        }
        let exp = self.numeric_date("exp", Malformed::Expiration)?;
        let nbf = self.numeric_date("nbf", Malformed::NotBefore)?;
        let audience = Audience::of(self.get("aud"))?;

        let now = i128::from(now);
        let skew = i128::from(rule.clock_skew_seconds);
        if exp.is_some_and(|exp| now > exp.floor.saturating_add(skew)) {
            return Err(TokenError::Expired);
        }
        if nbf.is_some_and(|nbf| now < nbf.ceiling.saturating_sub(skew)) {
            return Err(TokenError::NotYetValid);
        }
        match (exp, rule.max_lifetime_seconds) {
            (None, None) if !rule.require_expiration => {}
            (None, _) => return Err(TokenError::LifetimeTooLong),
            (Some(exp), Some(longest)) if exp.ceiling.saturating_sub(now) > longest.into() => {
                return Err(TokenError::LifetimeTooLong);
            }
            (Some(_), _) => {}
        }
        if rule.audiences.is_empty() || audience.is_any_of(&rule.audiences) {
            Ok(())
        } else {
            Err(TokenError::WrongAudience)
        }
    }

    /// The last Unix second at which [`Claims::judge`] can still succeed, `exp` plus the clock
    /// skew; `None` without a usable `exp`. A cached verdict must not outlive it.
    pub fn valid_until(&self, rule: &JwtRule) -> Option<u64> {
        let exp = NumericDate::of(self.get("exp")?)?;
        let last = exp.floor.saturating_add(rule.clock_skew_seconds.into()).max(0);
        Some(u64::try_from(last).unwrap_or(u64::MAX))
    }

    fn numeric_date(&self, name: &str, wrong: Malformed) -> Result<Option<NumericDate>, Malformed> {
        self.get(name).map(|value| NumericDate::of(value).ok_or(wrong)).transpose()
    }
}

/// A NumericDate (RFC 7519 section 2) as the whole seconds around it. The clock shows whole
/// seconds, so `now <= date` is `now <= floor` and `now >= date` is `now >= ceiling`.
#[derive(Debug, Clone, Copy)]
struct NumericDate {
    floor: i128,
    ceiling: i128,
}

impl NumericDate {
    fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        if let Some(whole) = whole_seconds(number) {
            return Some(Self { floor: whole, ceiling: whole });
        }
        let date = number.as_f64().filter(|date| date.is_finite())?;
        // Float to integer conversion saturates: 1e300 stays far in the future.
        Some(Self { floor: date.floor() as i128, ceiling: date.ceil() as i128 })
    }
}

fn whole_seconds(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// `aud`: absent, one name, or several.
enum Audience<'c> {
    Names(Vec<&'c str>),
    Name(&'c str),
    Absent,
}

impl<'c> Audience<'c> {
    fn of(value: Option<&'c Value>) -> Result<Self, Malformed> {
        match value {
            None => Ok(Self::Absent),
            Some(Value::String(name)) => Ok(Self::Name(name)),
            Some(Value::Array(names)) => names
                .iter()
                .map(Value::as_str)
                .collect::<Option<_>>()
                .map(Self::Names)
                .ok_or(Malformed::Audience),
            Some(_) => Err(Malformed::Audience),
        }
    }

    fn is_any_of(&self, accepted: &[String]) -> bool {
        let is_accepted = |name: &str| accepted.iter().any(|accepted| accepted == name);
        match self {
            Self::Absent => false,
            Self::Name(name) => is_accepted(name),
            Self::Names(names) => names.iter().any(|name| is_accepted(name)),
        }
    }
}
