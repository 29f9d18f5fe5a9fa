//! Whether what a client, an upstream and the access log saw is what a case says.

use egress_auth::demo::echo::Received;

use super::Table;
use super::case::{Answer, Prepared};
use crate::support::envoy::Envoy;
use crate::support::raw::Response;

/// The body of a denial, by its reason.
const BODIES: [(&str, &str); 19] = [
    ("missing_token", "Jwt is missing"),
    ("multiple_tokens", "Multiple Jwts in the request"),
    ("token_too_large", "Jwt is too large"),
    (
        "malformed_token",
        "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
    ),
    ("unknown_issuer", "Jwt issuer is not configured"),
    ("unsupported_algorithm", "Jwt header [alg] is not supported"),
    ("unknown_key", "Jwks doesn't have key to match kid or alg from Jwt"),
    ("bad_signature", "Jwt verification fails"),
    ("expired", "Jwt is expired"),
    ("not_yet_valid", "Jwt not yet valid"),
    ("lifetime_too_long", "Jwt lifetime is unlimited or too long"),
    ("wrong_audience", "Audiences in Jwt are not allowed"),
    ("no_rule_matched", "RBAC: access denied"),
    ("unlisted_host", "RBAC: access denied"),
    ("source_not_allowed", "RBAC: access denied"),
    ("bad_authority", "Bad authority"),
    ("bad_path", "Bad path"),
    ("ambiguous_path", "Ambiguous path"),
    ("jwks_unavailable", "JWKS is not available"),
];

impl Table {
    pub(super) fn judge(
        &self,
        case: &Prepared<'_>,
        agent: &str,
        envoy: &Envoy,
        response: &Response,
        arrived: &[Received],
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let answer = case.case.normalized.as_ref().map_or(&case.case.answer, |it| &it.answer);
        if response.status.to_string() != answer.status() {
            problems.push(format!("status {} but not {}", response.status, answer.status()));
        }
        let allowed = answer.status() == "200";
        if arrived.len() != usize::from(allowed) {
            problems.push(format!("{} requests arrived upstream", arrived.len()));
        }
        // Requests that Envoy refuses never get to the filter, and not always into the log.
        if case.case.envoy.is_some() || !problems.is_empty() {
            return problems;
        }
        let Some(entry) = envoy.access_log(agent) else {
            return vec!["no access-log entry".to_owned()];
        };
        let logged = Answer::new(&entry["status"], &entry);
        if logged != *answer {
            problems.push(format!("{} in the access log but not {}", logged.0, answer.0));
        }
        // The log leaves the query out.
        let seen = case.case.normalized.as_ref().map_or(&case.target, |it| &it.path);
        if entry["path"].as_str() != seen.split('?').next() {
            problems.push(format!("path {} in the access log but not {seen}", entry["path"]));
        }
        match arrived.first() {
            Some(received) => problems.extend(self.judge_arrived(case, received)),
            None => problems.extend(judge_denial(case, answer, response)),
        }
        problems
    }

    fn judge_arrived(&self, case: &Prepared<'_>, received: &Received) -> Vec<String> {
        let mut problems = Vec::new();
        let expected = &case.case.upstream;
        let path = case.case.normalized.as_ref().map_or(&case.target, |it| &it.path);
        let path = expected.path.as_ref().unwrap_or(path);
        if received.path != *path {
            problems.push(format!("path {} upstream but not {path}", received.path));
        }
        if let Some(host) = &expected.host
            && received.host != *host
        {
            problems.push(format!("host {} upstream but not {host}", received.host));
        }
        for (name, value) in &expected.headers {
            let value = value.as_ref().map(|value| case.fill(value));
            let wanted: Vec<&[u8]> = value.iter().map(|value| value.as_bytes()).collect();
            if received.header(name) != wanted {
                problems.push(format!("{name} is {:?} upstream", strings(&received.header(name))));
            }
        }
        for (name, value) in &received.headers {
            let name = name.replace('_', "-");
            if self.output_headers.contains(&name) && !expected.headers.contains_key(&name) {
                problems.push(format!("{name}: {} upstream", value.escape_ascii()));
            }
        }
        let token_arrives = !case.token.is_empty()
            && (received.path.contains(&case.token)
                || received.headers.iter().any(|(_, value)| contains(value, &case.token)));
        if token_arrives != expected.token {
            problems.push(format!("the token arrives upstream: {token_arrives}"));
        }
        problems
    }
}

/// What a client sees of a denial.
fn judge_denial(case: &Prepared<'_>, answer: &Answer, response: &Response) -> Vec<String> {
    let mut problems = Vec::new();
    let usual = BODIES.iter().find(|(reason, _)| *reason == answer.reason());
    let body = case.case.body.as_deref().or(usual.map(|(_, body)| *body)).unwrap_or_default();
    if response.body != body {
        problems.push(format!("body {:?} but not {body:?}", response.body));
    }
    let challenge = response.header("www-authenticate");
    let challenged = answer.word(2) == "authentication" && answer.status() != "503";
    let invalid = challenged && answer.reason() != "missing_token";
    if challenge.starts_with("Bearer realm=\"http://") != challenged
        || challenge.ends_with(", error=\"invalid_token\"") != invalid
    {
        problems.push(format!("www-authenticate: {challenge:?}"));
    }
    let secret = case.token.get(..8).unwrap_or("\0");
    if contains(challenge.as_bytes(), secret) || contains(response.body.as_bytes(), secret) {
        problems.push("the response quotes the token".to_owned());
    }
    problems
}

fn strings(values: &[&[u8]]) -> Vec<String> {
    values.iter().map(|value| value.escape_ascii().to_string()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}
