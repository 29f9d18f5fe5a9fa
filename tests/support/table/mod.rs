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
mod case;
mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use egress_auth::demo::echo::Echo;
use serde::Deserialize;
use serde_json::Value;

use self::case::{Answer, Case, Prepared};
use super::gateway::Gateway;
use super::jwks::Jwks;
use super::raw::Request;
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
        for host in self.keys.values().collect::<BTreeSet<_>>() {
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
}
