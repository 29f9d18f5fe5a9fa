//! The payload of a token and the judgement of its registered claims (RFC 7519 section 4.1).
//!
//! One place judges claims, whatever the algorithm and whoever verified the signature.

use std::ops::RangeInclusive;

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
    ///
    /// # Errors
    /// See [`Malformed`]: what is wrong with the payload.
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
    ///
    /// # Errors
    /// The first of these that does not hold: see [`TokenError`].
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

    /// The Unix seconds at which [`Claims::judge`] succeeds; `None` where it never does. What a
    /// token's claims say of time is a stretch of it, so that a remembered token needs two
    /// comparisons.
    pub fn holds(&self, rule: &JwtRule) -> Option<RangeInclusive<u64>> {
        let exp = self.get("exp").map(NumericDate::of);
        let nbf = self.get("nbf").map(NumericDate::of);
        let (exp, nbf) = (exp.flatten(), nbf.flatten());
        let skew = i128::from(rule.clock_skew_seconds);
        let last = exp.map_or(i128::MAX, |exp| exp.floor.saturating_add(skew));
        let first = nbf.map_or(0, |nbf| nbf.ceiling.saturating_sub(skew));
        let longest = rule.max_lifetime_seconds.map(i128::from);
        let short_enough =
            exp.zip(longest).map(|(exp, longest)| exp.ceiling.saturating_sub(longest));
        let first = u64::try_from(first.max(short_enough.unwrap_or(0)).max(0)).ok()?;
        let last = u64::try_from(last.min(u64::MAX.into())).ok()?;
        // Types, audience and the rest do not change with time: one second tells.
        (first <= last && self.judge(rule, first).is_ok()).then_some(first..=last)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testing::rule;
    use super::*;

    fn judge(payload: &Value, rule: &JwtRule, now: u64) -> Result<(), TokenError> {
        Claims::from_json(payload.to_string().as_bytes()).unwrap().judge(rule, now)
    }

    #[test]
    fn clock_skew_widens_both_ends() {
        let mut rule = rule();
        rule.clock_skew_seconds = 60;
        let payload = json!({"nbf": 1000, "exp": 2000});
        for (now, expected) in [
            (939, Err(TokenError::NotYetValid)),
            (940, Ok(())),
            (2060, Ok(())),
            (2061, Err(TokenError::Expired)),
        ] {
            assert_eq!(judge(&payload, &rule, now), expected, "{now}");
        }
        assert_eq!(judge(&json!({"nbf": 60}), &rule, 0), Ok(()));
    }

    #[test]
    fn fractions_are_compared_exactly() {
        for (payload, now, expected) in [
            (json!({"exp": 100.5}), 100, Ok(())),
            (json!({"exp": 100.5}), 101, Err(TokenError::Expired)),
            (json!({"exp": -0.0}), 0, Ok(())),
            (json!({"exp": -0.5}), 0, Err(TokenError::Expired)),
            (json!({"nbf": 100.5}), 100, Err(TokenError::NotYetValid)),
            (json!({"nbf": 100.5}), 101, Ok(())),
            (json!({"nbf": -1e300}), 0, Ok(())),
            (json!({"nbf": 1e300}), u64::MAX, Err(TokenError::NotYetValid)),
            (json!({"exp": 1e300}), u64::MAX, Ok(())),
            (json!({"exp": u64::MAX}), u64::MAX, Ok(())),
            (json!({"exp": i64::MIN}), 0, Err(TokenError::Expired)),
            (json!({"nbf": u64::MAX}), u64::MAX - 1, Err(TokenError::NotYetValid)),
        ] {
            assert_eq!(judge(&payload, &rule(), now), expected, "{payload} at {now}");
        }
    }

    #[test]
    fn wrong_types_are_never_taken_for_absent() {
        for value in [json!(null), json!("1"), json!([]), json!({}), json!(false)] {
            let exp = judge(&json!({ "exp": value }), &rule(), 0);
            assert_eq!(exp, Err(Malformed::Expiration.into()), "{value}");
            let nbf = judge(&json!({ "nbf": value }), &rule(), 0);
            assert_eq!(nbf, Err(Malformed::NotBefore.into()), "{value}");
        }
        for value in [json!(null), json!(1), json!({}), json!(["a", null])] {
            let aud = judge(&json!({ "aud": value }), &rule(), 0);
            assert_eq!(aud, Err(Malformed::Audience.into()), "{value}");
        }
    }

    #[test]
    fn expiration_can_be_required_and_bounded() {
        let mut rule = rule();
        assert_eq!(judge(&json!({}), &rule, 0), Ok(()));
        rule.require_expiration = true;
        assert_eq!(judge(&json!({}), &rule, 0), Err(TokenError::LifetimeTooLong));
        rule.require_expiration = false;
        rule.max_lifetime_seconds = Some(100);
        rule.clock_skew_seconds = 60;
        assert_eq!(judge(&json!({}), &rule, 0), Err(TokenError::LifetimeTooLong));
        assert_eq!(judge(&json!({"exp": 1100}), &rule, 1000), Ok(()));
        // The skew is tolerance for clocks, not lifetime.
        assert_eq!(judge(&json!({"exp": 1101}), &rule, 1000), Err(TokenError::LifetimeTooLong));
        let fraction = judge(&json!({"exp": 1100.5}), &rule, 1000);
        assert_eq!(fraction, Err(TokenError::LifetimeTooLong));
    }

    #[test]
    fn audiences_are_exact_and_any_of() {
        let mut rule = rule();
        rule.audiences = vec!["a".into(), "b".into()];
        for (payload, allowed) in [
            (json!({"aud": "b"}), true),
            (json!({"aud": ["x", "a"]}), true),
            (json!({"aud": "A"}), false),
            (json!({"aud": "a/"}), false),
            (json!({"aud": "a b"}), false),
            (json!({}), false),
        ] {
            let expected = if allowed { Ok(()) } else { Err(TokenError::WrongAudience) };
            assert_eq!(judge(&payload, &rule, 0), expected, "{payload}");
        }
    }

    /// Dates, most of them near each other, some of them none.
    fn date() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => (0..2_000_u64).prop_map(|n| json!(n)),
            4 => (-500.0..2_000.0_f64).prop_map(|n| json!(n)),
            1 => any::<u64>().prop_map(|n| json!(n)),
            1 => any::<i64>().prop_map(|n| json!(n)),
            1 => Just(json!(1e300)),
            1 => Just(json!(-1e300)),
            1 => Just(json!("1")),
        ]
    }

    proptest! {
        #[test]
        fn no_payload_makes_judging_panic(bytes: Vec<u8>, now: u64) {
            if let Ok(claims) = Claims::from_json(&bytes) {
                let _ = claims.judge(&rule(), now);
                let _ = claims.valid_until(&rule());
            }
        }

        /// What `holds` says is what `judge` says, at its ends and anywhere.
        #[test]
        fn the_stretch_of_time_is_that_of_judge(
            exp in proptest::option::of(date()),
            nbf in proptest::option::of(date()),
            skew in 0..=300_u64,
            longest in proptest::option::of(0..2_000_u64),
            required: bool,
            audience: bool,
            somewhere in 0..3_000_u64,
        ) {
            let mut rule = rule();
            rule.clock_skew_seconds = skew;
            rule.max_lifetime_seconds = longest;
            rule.require_expiration = required;
            if audience {
                rule.audiences = vec!["a".into()];
            }
            let mut payload = json!({"aud": "a"});
            for (name, value) in [("exp", exp), ("nbf", nbf)] {
                if let Some(value) = value {
                    payload[name] = value;
                }
            }
            let claims = Claims::from_json(payload.to_string().as_bytes()).unwrap();
            let holds = claims.holds(&rule);
            let ends = holds.clone().map_or((0, 0), RangeInclusive::into_inner);
            let around = |end: u64| [end.saturating_sub(1), end, end.saturating_add(1)];
            for now in [around(ends.0), around(ends.1), [0, somewhere, u64::MAX]].concat() {
                let within = holds.as_ref().is_some_and(|holds| holds.contains(&now));
                prop_assert_eq!(claims.judge(&rule, now).is_ok(), within, "{} at {}", payload, now);
            }
        }

        /// `valid_until` is the last second that `judge` accepts.
        #[test]
        fn valid_until_agrees_with_judge(
            exp in prop_oneof![
                any::<u64>().prop_map(|n| json!(n)),
                any::<i64>().prop_map(|n| json!(n)),
                any::<f64>().prop_filter("JSON has none", |n| n.is_finite()).prop_map(|n| json!(n)),
                (0.0..1e6_f64).prop_map(|n| json!(n)),
            ],
            skew in 0..=300_u64,
        ) {
            let mut rule = rule();
            rule.clock_skew_seconds = skew;
            let claims = Claims::from_json(json!({"exp": exp}).to_string().as_bytes()).unwrap();
            let last = claims.valid_until(&rule).unwrap();
            if last > 0 {
                prop_assert_eq!(claims.judge(&rule, last), Ok(()));
            }
            if let Some(after) = last.checked_add(1) {
                prop_assert_eq!(claims.judge(&rule, after), Err(TokenError::Expired));
            }
        }
    }
}
