//! Which scopes a request lacks, for the challenge of RFC 6750, section 3.1.
//!
//! Only where nothing else is missing: a rule that admits the method and every reading of the path,
//! for a token that has all which the rule asks for but scopes that it names in full.

use super::path::Readings;
use super::rules::{Authorization, Principal, admits_operation};
use crate::jwt::Claims;
use crate::policy::text_pattern::TextPattern;

/// Claims that hold scopes (RFC 8693, section 4.2; `scp` is Entra's and Okta's).
const SCOPES: [&str; 2] = ["scope", "scp"];

/// What a rule asks for, and how much of it a token lacks.
struct Lacking<'r> {
    missing: usize,
    asked: Vec<&'r str>,
}

impl Authorization {
    /// The scopes that the rule which comes nearest asks for, separated by spaces; nothing where
    /// something else than scopes is missing.
    pub(super) fn lacking_scopes(
        &self,
        claims: &Claims,
        method: &[u8],
        path: Option<&Readings<'_>>,
    ) -> Option<String> {
        let rules = self.rules.iter().filter(|rule| {
            let admits = |path: Option<&str>| admits_operation(rule.to.as_deref(), method, path);
            match path {
                None => admits(None),
                Some(Readings::One(path)) => admits(Some(path)),
                Some(Readings::Several(all)) => all.iter().all(|path| admits(Some(path))),
            }
        });
        let principals = rules.filter_map(|rule| rule.from.as_ref()).flatten();
        let lacking = principals.filter_map(|principal| lacking(principal, claims));
        lacking.min_by_key(|it| it.missing).map(|it| it.asked.join(" "))
    }
}

/// The scopes that a principal asks for, where a token lacks some of them and nothing else.
fn lacking<'r>(principal: &'r Principal, claims: &Claims) -> Option<Lacking<'r>> {
    let (mut missing, mut asked) = (0_usize, Vec::new());
    for claim in &principal.other {
        let is_scope = SCOPES.contains(&claim.path.literal());
        let matches = claim.matches(claims);
        match &claim.pattern {
            TextPattern::Exact(scope) if is_scope && is_token(scope) => asked.push(&**scope),
            // Which of many would do is nobody's to say.
            _ if is_scope && !matches => return None,
            _ => {}
        }
        match (matches, is_scope) {
            (true, _) => {}
            (false, true) => missing = missing.saturating_add(1),
            (false, false) => return None,
        }
    }
    let rest = Principal { other: Vec::new(), ..principal.clone() };
    (missing > 0 && rest.matches(claims)).then_some(Lacking { missing, asked })
}

/// Whether it can stand in the challenge (RFC 6749, section 3.3).
fn is_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|it| matches!(it, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{bearer, claims, decide, engine, status};
    use super::super::{Decision, Outcome};

    fn challenge(decision: &Decision<'_>) -> Option<String> {
        let Outcome::Deny(denial) = &decision.outcome else { return None };
        let (_, value) = denial.headers.iter().find(|(name, _)| *name == "www-authenticate")?;
        value.split_once(", ").map(|(_, rest)| rest.to_owned())
    }

    fn with_scopes(change: impl Fn(&mut Value)) -> super::super::Engine {
        engine(|policy| {
            policy["principals"] = json!([
                {"sub": "alice", "other": {"scope": "read"}},
                {"other": {"scope": "write", "realm.roles": "admin"}},
                {"sub": "alice", "other": {"scope": "a*"}},
                {"sub": "alice", "other": {"scope": "pay", "scp": "more"}},
            ]);
            policy["operations"] = json!([
                {"methods": ["GET"], "paths": ["/v1/payments/*"]}, {"methods": ["PUT"]},
                {"methods": ["POST"]},
            ]);
            policy["rules"] = json!([
                {"name": "readers", "from": [0], "to": [0]}, {"name": "admins", "from": [1]},
                {"name": "put", "from": [2], "to": [1]}, {"name": "post", "from": [3], "to": [2]},
            ]);
            policy["servers"][0]["authorization"] = json!({"rules": [0, 1, 2, 3]});
            policy["servers"][0]["challenge_scopes"] = json!(true);
            change(policy);
        })
    }

    #[test]
    fn scopes_are_named_where_nothing_else_is_missing() {
        let engine = with_scopes(|_| {});
        let token = |more: Value| {
            let mut all = claims();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            bearer(&all)
        };
        let of = |scopes: &str| Some(format!("error=\"insufficient_scope\", scope=\"{scopes}\""));
        for (line, more, expected) in [
            ("GET api.test /v1/payments/1", json!({}), of("read")),
            ("GET api.test /v1/payments/1", json!({"scope": "openid"}), of("read")),
            ("GET api.test /v1/payments/..%2f1", json!({}), None),
            ("GET api.test /v2", json!({}), None),
            ("GET api.test /v1/payments/1", json!({"sub": "bob"}), None),
            ("DELETE api.test /x", json!({"realm": {"roles": "admin"}}), of("write")),
            // Which scope would do is not said by a pattern.
            ("PUT api.test /x", json!({}), None),
            ("POST api.test /x", json!({}), of("pay more")),
            ("POST api.test /x", json!({"scope": "pay"}), of("pay more")),
            ("POST api.test /x", json!({"scope": "pay", "realm": {"roles": "admin"}}), of("write")),
        ] {
            let token = token(more.clone());
            let decision = decide(&engine, line, &[("authorization", &token)]);
            assert_eq!(status(&decision), 403, "{line} {more}");
            assert_eq!(challenge(&decision), expected, "{line} {more}");
        }
    }

    #[test]
    fn nothing_is_named_unless_it_is_asked_for() {
        let silent = with_scopes(|policy| policy["servers"][0]["challenge_scopes"] = json!(false));
        let token = bearer(&claims());
        let line = "GET api.test /v1/payments/1";
        let decision = decide(&silent, line, &[("authorization", &token)]);
        assert_eq!(challenge(&decision), None);
        // What would end the quoted text is no scope.
        let odd = with_scopes(|policy| {
            policy["principals"][0]["other"]["scope"] = json!("a\" b\\");
        });
        let decision = decide(&odd, line, &[("authorization", &token)]);
        assert_eq!(challenge(&decision), None);
    }
}
