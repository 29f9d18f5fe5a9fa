//! What kind of token it is: the type in its header, and the claims that every token must have.
//!
//! Both are as they are for as long as the token lives, so a remembered token is judged once.

use serde_json::Value;

use super::error::TokenError;
use super::{ClaimPath, Claims};
use crate::policy::JwtRule;

/// What may stand before a type (RFC 7515, section 4.1.9).
const PREFIX: &str = "application/";

/// The header's `typ`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// There is none.
    #[default]
    Absent,
    /// A type, as [`canonical_type`] writes it.
    Named(String),
    /// Something that is no string, which no type is.
    Unreadable,
}

impl TokenType {
    /// Reads the member of the header.
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            None => Self::Absent,
            Some(Value::String(text)) => Self::Named(canonical_type(text)),
            Some(_) => Self::Unreadable,
        }
    }

    /// A type by its name; absent for an empty one, as rules write it.
    pub fn named(text: &str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Named(canonical_type(text)) }
    }

    /// Whether a rule lists it. `accepted` are canonical, and an empty text stands for none.
    pub(crate) fn is_any_of(&self, accepted: &[String]) -> bool {
        match self {
            Self::Absent => accepted.iter().any(String::is_empty),
            // A type that is there and says nothing is none that anyone lists.
            Self::Named(name) => !name.is_empty() && accepted.contains(name),
            Self::Unreadable => false,
        }
    }
}

/// A type as types are compared: in lower case, and without `application/` where no other slash
/// follows (RFC 7515, section 4.1.9; RFC 9068, section 4).
pub fn canonical_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    match text.strip_prefix(PREFIX) {
        Some(rest) if !rest.is_empty() && !rest.contains('/') => rest.to_owned(),
        _ => text,
    }
}

/// Judges what kind of token it is, by one rule. To be called only after [`Claims::judge`].
///
/// # Errors
/// When its type is none of those that are accepted, or else when a claim is missing.
pub fn judge_kind(
    rule: &JwtRule,
    claims: &Claims,
    token_type: &TokenType,
) -> Result<(), TokenError> {
    if rule.token_types.as_ref().is_some_and(|accepted| !token_type.is_any_of(accepted)) {
        return Err(TokenError::WrongType);
    }
    match missing_claim(rule, claims) {
        None => Ok(()),
        Some(_) => Err(TokenError::MissingClaim),
    }
}

/// The first claim that a rule asks for and a token has not.
pub(crate) fn missing_claim<'r>(rule: &'r JwtRule, claims: &Claims) -> Option<&'r str> {
    let is_there = |name: &str| ClaimPath::parse(name).find(claims).is_some_and(|it| !it.is_null());
    rule.required_claims.iter().map(String::as_str).find(|name| !is_there(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::rule;
    use super::*;

    fn judge(rule: &JwtRule, typ: Option<Value>, payload: &Value) -> Result<(), TokenError> {
        let claims = Claims::from_json(payload.to_string().as_bytes()).unwrap();
        judge_kind(rule, &claims, &TokenType::of(typ.as_ref()))
    }

    #[test]
    fn types_are_compared_without_case_and_prefix() {
        let mut rule = rule();
        assert_eq!(judge(&rule, Some(json!(7)), &json!({})), Ok(()));
        rule.token_types = Some(vec!["at+jwt".to_owned()]);
        for (typ, accepted) in [
            (Some(json!("at+jwt")), true),
            (Some(json!("AT+JWT")), true),
            (Some(json!("application/at+jwt")), true),
            (Some(json!("Application/At+Jwt")), true),
            (Some(json!("application/application/at+jwt")), false),
            (Some(json!("text/at+jwt")), false),
            (Some(json!("at+jwt;v=1")), false),
            (Some(json!(" at+jwt")), false),
            (Some(json!("JWT")), false),
            (Some(json!("")), false),
            (Some(json!("application/")), false),
            (Some(json!(null)), false),
            (Some(json!(["at+jwt"])), false),
            (Some(json!({"at+jwt": true})), false),
            (Some(json!(true)), false),
            (None, false),
        ] {
            let expected = if accepted { Ok(()) } else { Err(TokenError::WrongType) };
            assert_eq!(judge(&rule, typ.clone(), &json!({})), expected, "{typ:?}");
        }
    }

    /// A token without a type is accepted only where that is said, and an empty type is not none.
    #[test]
    fn a_type_may_be_absent_where_that_is_listed() {
        let mut rule = rule();
        rule.token_types = Some(vec![String::new(), "jose".to_owned()]);
        assert_eq!(judge(&rule, None, &json!({})), Ok(()));
        assert_eq!(judge(&rule, Some(json!("JOSE")), &json!({})), Ok(()));
        for typ in [json!(""), json!(null), json!([])] {
            assert_eq!(judge(&rule, Some(typ), &json!({})), Err(TokenError::WrongType));
        }
        assert_eq!(TokenType::named(""), TokenType::Absent);
    }

    #[test]
    fn required_claims_are_there_and_not_null() {
        let mut rule = rule();
        rule.required_claims = vec!["jti".to_owned(), "act.sub".to_owned()];
        for (payload, has_all) in [
            (json!({"jti": "x", "act": {"sub": "a"}}), true),
            (json!({"jti": "", "act": {"sub": []}}), true),
            (json!({"jti": false, "act.sub": 0}), true),
            (json!({"jti": "x"}), false),
            (json!({"act": {"sub": "a"}}), false),
            (json!({"jti": null, "act": {"sub": "a"}}), false),
            (json!({"jti": "x", "act": {"sub": null}}), false),
            (json!({"jti": "x", "act": "a"}), false),
            (json!({"jti": "x", "act": [{"sub": "a"}]}), false),
            // The name as it stands comes before the path.
            (json!({"jti": "x", "act.sub": null, "act": {"sub": "a"}}), false),
        ] {
            let expected = if has_all { Ok(()) } else { Err(TokenError::MissingClaim) };
            assert_eq!(judge(&rule, None, &payload), expected, "{payload}");
        }
    }
}
