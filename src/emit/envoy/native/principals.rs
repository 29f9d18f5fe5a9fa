//! Who: tokens, claims and workloads, as `rbac` matches them.
//!
//! Claims are read from what `jwt_authn` leaves behind of tokens that it verified: strings,
//! numbers (all of them floating-point) and booleans, and lists of these.

use serde_json::{Value, json};

use super::permissions::joined;
use super::{Form, JWT_AUTHN, Native, providers};
use crate::emit::findings::Findings;
use crate::emit::re2;
use crate::jwt::ClaimPath;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{Authentication, EgressRule, IdentityMatch, JwtRule, Principal};
use crate::resource::source::Origin;
use crate::signals::PEER_URI_SANS;

/// Who a policy admits.
#[derive(Debug)]
pub(super) enum Who {
    Nobody,
    Anyone,
    /// Any of these.
    These(Vec<Value>),
}

impl Who {
    fn of(principals: Vec<Value>) -> Self {
        match principals.is_empty() {
            true => Self::Nobody,
            false => Self::These(principals),
        }
    }

    /// Who is one of both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, _) | (_, Self::Nobody) => Self::Nobody,
            (Self::Anyone, who) | (who, Self::Anyone) => who,
            (Self::These(mut ours), Self::These(mut theirs)) => {
                ours = vec![any(ours)];
                theirs = vec![any(theirs)];
                ours.append(&mut theirs);
                Self::These(vec![all(ours)])
            }
        }
    }

    /// The principals of a policy; nothing when it admits nobody.
    pub fn write(self) -> Option<Vec<Value>> {
        match self {
            Self::Nobody => None,
            Self::Anyone => Some(vec![json!({"any": true})]),
            Self::These(principals) => Some(principals),
        }
    }
}

impl<'c> Native<'c> {
    /// Whoever a server takes for authenticated.
    pub(super) fn authenticated(&self, authentication: &Authentication) -> Who {
        let rules =
            || authentication.jwt.iter().filter_map(|it| Some((*it, self.policy.jwt_rule(*it)?)));
        // The requirement of the virtual host has seen to the rest.
        if self.form == Form::PerHost && rules().all(|(_, rule)| rule.audiences.is_empty()) {
            return Who::Anyone;
        }
        let mut principals: Vec<_> =
            rules().map(|(index, rule)| all(self.token(index, rule, true))).collect();
        if !authentication.required {
            let every: Vec<_> = match self.form {
                Form::PerHost => authentication.jwt.clone(),
                Form::Linear => (0..).take(self.policy.jwt_rules.len()).collect(),
            };
            let verified = every
                .iter()
                .filter_map(|index| Some(issued(*index, &self.policy.jwt_rule(*index)?.issuer)));
            principals.push(json!({"not_id": any(verified)}));
        }
        Who::of(principals)
    }

    /// What a token that a rule verified is known by. `alone` says that nothing else follows.
    fn token(&self, index: u32, rule: &JwtRule, alone: bool) -> Vec<Value> {
        let mut conditions = Vec::new();
        if alone || self.form == Form::Linear {
            conditions.push(issued(index, &rule.issuer));
        }
        if !rule.audiences.is_empty() {
            // `jwt_authn` compares audiences without their scheme and last slash.
            let names: Vec<_> =
                rule.audiences.iter().map(|name| text(json!({"exact": name}))).collect();
            let value = any_value(names);
            conditions.push(claim(index, &["aud".to_owned()], in_list_or_not(value)));
        }
        conditions
    }

    /// The tokens of a server that principals of a rule describe.
    pub(super) fn described(
        &self,
        from: &[u32],
        authentication: &Authentication,
        rule: &str,
        origin: Option<&Origin>,
        findings: &mut Findings,
    ) -> Who {
        let mut principals = Vec::new();
        for principal in from.iter().filter_map(|index| self.policy.principal(*index)) {
            let issuer = principal.iss.as_deref().map(TextPattern::parse);
            for index in &authentication.jwt {
                let Some(jwt) = self.policy.jwt_rule(*index) else { continue };
                if issuer.as_ref().is_some_and(|pattern| !pattern.matches(&jwt.issuer)) {
                    continue;
                }
                if let Some(claims) = claims(*index, principal, rule, origin, findings) {
                    let mut conditions = self.token(*index, jwt, claims.is_empty());
                    conditions.extend(claims);
                    principals.push(all(conditions));
                }
            }
        }
        Who::of(principals)
    }

    /// The workloads of an entry of `egressAuthorization`.
    pub(super) fn workloads(
        &self,
        entry: &EgressRule,
        origin: Option<&Origin>,
        findings: &mut Findings,
    ) -> Who {
        let Some(from) = &entry.from else { return Who::Anyone };
        let identity = &self.policy.source_identity;
        if let Some(propagated) = &identity.propagated
            && entry.identity != IdentityMatch::PeerCertificate
        {
            let message = format!(
                "Envoy's RBAC filter reads no identities from `{}`, which {} allows",
                propagated.header, entry.name
            );
            let narrower = "the identity that a peer hands on admits nobody";
            let emit = findings.narrow(origin, message, narrower);
            if !emit || entry.identity == IdentityMatch::SourceIdentity {
                return Who::Nobody;
            }
        }
        let workload = |pattern: &String| {
            let regex = re2::workloads(pattern, &identity.trust_domains);
            let exact = match (pattern.contains('*'), identity.trust_domains.as_slice()) {
                (false, [domain]) => pattern.split_once('/').map(|(namespace, account)| {
                    format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
                }),
                _ => None,
            };
            let matcher = match exact {
                Some(id) => json!({"exact": id}),
                None => json!({"safe_regex": {"regex": regex}}),
            };
            // All URI names of the certificate as one text: a certificate with several is
            // nobody's, while `authenticated.principal_name` would match any of them.
            json!({"filter_state": {"key": PEER_URI_SANS, "string_match": matcher}})
        };
        Who::of(from.iter().map(workload).collect())
    }
}

/// A token that a rule verified.
fn issued(rule: u32, issuer: &str) -> Value {
    claim(rule, &["iss".to_owned()], text(json!({"exact": issuer})))
}

/// Conditions on claims; nothing when no token can meet them, or they cannot be said.
fn claims(
    index: u32,
    principal: &Principal,
    rule: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Option<Vec<Value>> {
    let mut conditions = Vec::new();
    if let Some(sub) = &principal.sub {
        // Always a string.
        let value = text(string(&TextPattern::parse(sub), false));
        conditions.push(claim(index, &["sub".to_owned()], value));
    }
    for (name, pattern) in &principal.other {
        let path = claim_path(name, rule, origin, findings)?;
        let parsed = TextPattern::parse(pattern);
        let words = ClaimPath::parse(name).holds_words();
        let mut values = vec![text(string(&parsed, words))];
        for boolean in [true, false] {
            if parsed.matches(if boolean { "true" } else { "false" }) {
                values.push(json!({"bool_match": boolean}));
            }
        }
        if may_match_integer(&parsed) {
            let message = format!(
                "`{pattern}` for the claim `{name}` in the rule `{rule}` may mean a number, and \
                 Envoy does not tell whole numbers from others"
            );
            if !findings.narrow(origin, message, "claims that are numbers do not match") {
                return None;
            }
        }
        conditions.push(claim(index, &path, in_list_or_not(any_value(values))));
    }
    Some(conditions)
}

/// A pattern over a string, and over its words where they count, too.
fn string(pattern: &TextPattern, words: bool) -> Value {
    let regex = |regex: String| json!({"safe_regex": {"regex": regex}});
    let by_words = |text: &str| words && !text.is_empty() && !text.contains(' ');
    match pattern {
        TextPattern::Exact(text) if by_words(text) => {
            regex(format!("(?s)(?:.* )?{}(?: .*)?", re2::escape(text)))
        }
        TextPattern::Prefix(text) if by_words(text) => {
            regex(format!("(?s)(?:.* )?{}.*", re2::escape(text)))
        }
        TextPattern::Suffix(text) if by_words(text) => {
            regex(format!("(?s).*{}(?: .*)?", re2::escape(text)))
        }
        TextPattern::Exact(text) => json!({"exact": text}),
        TextPattern::Prefix(text) => json!({"prefix": text}),
        TextPattern::Suffix(text) => json!({"suffix": text}),
        TextPattern::Contains(text) => json!({"contains": text}),
        TextPattern::Present => regex("(?s).+".to_owned()),
    }
}

/// The path of a claim. Names with dots or brackets mean a claim of that name before they mean a
/// path, which no matcher can say.
fn claim_path(
    name: &str,
    rule: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    if name.contains(['[', ']']) {
        let path = ClaimPath::parse(name).segments().to_vec();
        if path.is_empty() {
            return Some(vec![name.to_owned()]);
        }
        return Some(path);
    }
    // A name such as https://example.com/roles is one; `a.b` may be one or a path.
    if name.contains('.') && !name.contains("://") {
        let message = format!(
            "`{name}` in the rule `{rule}` may name a claim or a path, and Envoy has to know which"
        );
        let narrower = "it names a claim; for the path write `[outer][inner]`";
        if !findings.narrow(origin, message, narrower) {
            return None;
        }
    }
    Some(vec![name.to_owned()])
}

/// Whether the JSON text of some integer matches.
fn may_match_integer(pattern: &TextPattern) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let signed = |text: &str| digits(text.strip_prefix('-').unwrap_or(text));
    match pattern {
        TextPattern::Present => true,
        TextPattern::Exact(text) => signed(text) && text.bytes().any(|byte| byte != b'-'),
        TextPattern::Prefix(text) | TextPattern::Suffix(text) | TextPattern::Contains(text) => {
            signed(text)
        }
    }
}

fn claim(rule: u32, path: &[String], value: Value) -> Value {
    let key = providers::name(rule);
    let path: Vec<_> = [&key].into_iter().chain(path).map(|key| json!({"key": key})).collect();
    json!({"sourced_metadata": {"metadata_matcher": {
        "filter": JWT_AUTHN,
        "path": path,
        "value": value,
    }}})
}

fn text(matcher: Value) -> Value {
    json!({"string_match": matcher})
}

/// A value that one of these matches.
fn any_value(mut matchers: Vec<Value>) -> Value {
    match matchers.len() {
        1 => matchers.pop().unwrap_or_default(),
        _ => json!({"or_match": {"value_matchers": matchers}}),
    }
}

/// A value, or a list with such a value.
fn in_list_or_not(value: Value) -> Value {
    any_value(vec![value.clone(), json!({"list_match": {"one_of": value}})])
}

/// Whom any of these describes.
fn any(principals: impl IntoIterator<Item = Value>) -> Value {
    joined("or_ids", "ids", principals)
}

/// Whom all of these describe.
fn all(principals: impl IntoIterator<Item = Value>) -> Value {
    joined("and_ids", "ids", principals)
}
