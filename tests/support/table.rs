//! Tables of requests and answers. One table drives both `egress-auth explain` and the filter in
//! a real Envoy, and every case must come out the same in both.
//!
//! A table is a YAML file in `tests/tables`:
//!
//! ```yaml
//! gateway: envoy/examples/payments.yaml   # the Gateway document
//! arguments: [--default-action, allow]    # for compile and explain
//! keys: {https://auth.example.com: auth.example.com}   # issuers, and the hosts of their keys
//! upstreams: [httpbin.org]                # hosts that the echo upstream stands in for
//! output_headers: [x-jwt-payload]         # every output header of the Gateway
//! cases:
//!   - name: a valid token
//!     request: GET https://httpbin.org/get
//!     headers: {x-more: value}            # a list repeats the header
//!     token: {claims: {sub: someone}}     # see `Recipe`; without it, no token
//!     answer: 200 allowed authentication httpbin -   # status reason mechanism server rule
//!     upstream: {headers: {x-jwt-payload: ${payload}}}   # what arrives; null: does not
//! ```
//!
//! `${token}` in the request or a header places the token there and not in `authorization`;
//! `${second}` is a token made from `second`.
//!
//! Two things happen before the filter sees a request. Envoy refuses some by itself, which
//! `envoy: refuses` says. And it normalizes paths: then `normalized` names the path that the
//! filter gets and the answer to that, and `explain` is asked about both.

use std::collections::BTreeMap;
use std::io::Write as _;

use egress_auth::demo::echo::{Echo, Received};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envoy::Envoy;
use super::gateway::Gateway;
use super::jwks::Jwks;
use super::raw::{Request, Response};
use super::token::{Recipe, payload};
use super::{keys, program};

/// A table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    gateway: String,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    upstreams: Vec<String>,
    #[serde(default)]
    output_headers: Vec<String>,
    cases: Vec<Case>,
}

/// One request and its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    token: Option<Recipe>,
    second: Option<Recipe>,
    answer: Answer,
    #[serde(default)]
    upstream: Arrived,
    normalized: Option<Normalized>,
    envoy: Option<Refuses>,
    /// The body of the denial, where its reason does not say it.
    body: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// What an upstream sees of an allowed request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arrived {
    path: Option<String>,
    host: Option<String>,
    headers: BTreeMap<String, Option<String>>,
    /// Whether the token arrives.
    token: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Normalized {
    path: String,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Refuses {
    Refuses,
}

/// `status reason mechanism server rule`, `-` for none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
struct Answer(String);

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Answer {
    fn new(status: &Value, of: &Value) -> Self {
        let field = |name: &str| of[name].as_str().unwrap_or("-").to_owned();
        let (reason, mechanism) = (field("reason"), field("mechanism"));
        format!("{status} {reason} {mechanism} {} {}", field("server"), field("rule")).into()
    }

    fn word(&self, index: usize) -> &str {
        self.0.split(' ').nth(index).unwrap_or_default()
    }

    fn status(&self) -> &str {
        self.word(0)
    }

    fn reason(&self) -> &str {
        self.word(1)
    }
}

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
    /// Reads `tests/tables/<name>.yaml`.
    pub fn read(name: &str) -> Self {
        let path = format!("{}/tests/tables/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs every case through `explain` and through an Envoy with so many workers; tokens are
    /// signed with `algorithm` where a case does not name one. Reports every disagreement.
    pub fn run(&self, algorithm: &str, workers: usize) {
        let prepared: Vec<Prepared<'_>> =
            self.cases.iter().map(|case| Prepared::new(case, algorithm)).collect();
        let mut wrong = self.explained(&prepared);

        let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
        let mut gateway =
            Gateway::new(self.document()).arguments(self.arguments.iter().map(String::as_str));
        for host in self.keys.values().collect::<std::collections::BTreeSet<_>>() {
            gateway = gateway.upstream(host, issuer.address());
        }
        for host in &self.upstreams {
            gateway = gateway.upstream(host, echo.address());
        }
        let envoy = gateway.start(workers);
        for (index, case) in prepared.iter().enumerate() {
            let agent = format!("case-{index}");
            let response = self.request(case, &agent).send(envoy.gateway());
            let arrived = echo.take_received();
            let problems = self.judge(case, &agent, &envoy, &response, &arrived);
            wrong.extend(problems.iter().map(|problem| case.problem("Envoy", problem)));
        }
        let total = self.cases.len();
        assert!(
            wrong.is_empty(),
            "{} problems in {total} cases:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        eprintln!("{total} cases, {algorithm}, {workers} workers: explain and Envoy agree");
    }

    fn document(&self) -> String {
        let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), self.gateway);
        std::fs::read_to_string(path).unwrap()
    }

    /// What `explain` says to every case, as sent, as Envoy normalizes it, and by claims.
    fn explained(&self, cases: &[Prepared<'_>]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut expected = Vec::new();
        for case in cases {
            lines.push(case.line(&case.target));
            expected.push((case, "explain", &case.case.answer));
            if let Some(normalized) = &case.case.normalized {
                lines.push(case.line(&normalized.path));
                expected.push((case, "explain of the normalized path", &normalized.answer));
            }
            if let Some(line) = case.line_with_claims() {
                lines.push(line);
                expected.push((case, "explain by claims", &case.case.answer));
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("jwks.json");
        std::fs::write(&keys, keys::all_keys()).unwrap();
        let requests = folder.path().join("requests");
        let mut file = std::fs::File::create(&requests).unwrap();
        lines.iter().for_each(|line| writeln!(file, "{line}").unwrap());
        let mut command = program();
        command.arg("explain").arg(&self.gateway).arg("--requests").arg(requests);
        for issuer in self.keys.keys() {
            command.arg("--jwks").arg(format!("{issuer}={}", keys.display()));
        }
        let output = command.args(&self.arguments).args(["--output", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), expected.len());
        let mut wrong = Vec::new();
        for (line, (case, who, answer)) in text.lines().zip(expected) {
            let line: Value = serde_json::from_str(line).unwrap();
            let said = Answer::new(&line["status"], &line);
            if said != *answer {
                let steps = &line["steps"];
                wrong.push(case.problem(who, &format!("{} but not {}: {steps}", said.0, answer.0)));
            }
        }
        wrong
    }

    /// The request, with forged output headers in every spelling.
    fn request(&self, case: &Prepared<'_>, agent: &str) -> Request {
        let mut request = Request::new(&case.method, &case.host, &case.target);
        for (name, value) in &case.headers {
            request = request.header(name, value);
        }
        for name in &self.output_headers {
            request = request.header(name, "forged").header(name.replace('-', "_"), "forged");
        }
        request.header("user-agent", agent)
    }

    fn judge(
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

/// A case with its tokens made.
struct Prepared<'c> {
    case: &'c Case,
    token: String,
    second: String,
    method: String,
    host: String,
    target: String,
    /// Name and value, in the order in which they are sent.
    headers: Vec<(String, String)>,
    /// Whether the token is placed somewhere else than in `authorization`.
    placed: bool,
}

impl<'c> Prepared<'c> {
    fn new(case: &'c Case, algorithm: &str) -> Self {
        let made = |recipe: &Option<Recipe>| recipe.as_ref().map(|it| it.token(algorithm));
        let placed = case.request.contains("${") || format!("{:?}", case.headers).contains("${");
        let mut this = Self {
            case,
            token: made(&case.token).unwrap_or_default(),
            second: made(&case.second).unwrap_or_default(),
            method: String::new(),
            host: String::new(),
            target: String::new(),
            headers: Vec::new(),
            placed,
        };
        let request = this.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let rest = url.strip_prefix("https://").unwrap();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        this.method = method.to_owned();
        (this.host, this.target) = (rest[..end].to_owned(), rest[end..].to_owned());
        for (name, values) in &case.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            let filled: Vec<_> = values.iter().map(|it| (name.clone(), this.fill(it))).collect();
            this.headers.extend(filled);
        }
        if case.token.is_some() && !placed {
            let bearer = format!("Bearer {}", this.token);
            this.headers.push(("authorization".to_owned(), bearer));
        }
        this
    }

    fn fill(&self, text: &str) -> String {
        text.replace("${token}", &self.token)
            .replace("${second}", &self.second)
            .replace("${payload}", payload(&self.token))
    }

    /// A line for `explain --requests`, with this target.
    fn line(&self, target: &str) -> String {
        self.line_of(target, &self.headers, None)
    }

    /// The same by claims, if the token is sound but for what the claims say.
    fn line_with_claims(&self) -> Option<String> {
        let recipe = self.case.token.as_ref()?;
        let plain = !self.placed && self.case.headers.is_empty();
        // Malformed claims stand for no token: asking about them is an error.
        let readable = self.case.answer.reason() != "malformed_token";
        let sound = recipe.is_only_claims() && plain && readable;
        sound.then(|| self.line_of(&self.target, &[], Some(recipe.claims().into())))
    }

    fn line_of(&self, target: &str, headers: &[(String, String)], claims: Option<Value>) -> String {
        let mut by_name = BTreeMap::<&str, Vec<&str>>::new();
        for (name, value) in headers {
            by_name.entry(name).or_default().push(value);
        }
        let request = format!("{} https://{}{target}", self.method, self.host);
        let mut line = json!({"request": request, "headers": by_name});
        if let Some(claims) = claims {
            line["claims"] = claims;
        }
        line.to_string()
    }

    fn problem(&self, who: &str, what: &str) -> String {
        format!("- {} ({}): {who}: {what}", self.case.name, self.case.request)
    }
}

fn strings(values: &[&[u8]]) -> Vec<String> {
    values.iter().map(|value| value.escape_ascii().to_string()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}
