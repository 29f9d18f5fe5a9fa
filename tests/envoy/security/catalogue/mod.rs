//! The bypass catalogue: ways to get past a gateway, as requests, and what has to come of each.
//!
//! | module | what lives there |
//! |---|---|
//! | [`paths`] | one path read in two ways; methods |
//! | [`hosts`] | one host named in two ways |
//! | [`headers`] | headers that clients forge, double or hide |
//! | [`tokens`] | tokens that are not what they say |
//! | [`leaks`] | tokens in a form that is not read |
//! | [`protocol`] | what is no plain request |
//!
//! `docs/bypasses.md` is this catalogue as a table.

use egress_auth::demo::echo::Received;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::support::keys::{self, Signer};
use crate::support::token::{ISSUER, PAYMENTS_SERVICE, Recipe};

pub mod headers;
pub mod hosts;
pub mod leaks;
pub mod paths;
pub mod protocol;
pub mod tokens;

/// The host whose rule admits the payments service to `/v1/payments/*`.
pub const API: &str = "api.payments.test";
/// The issuer that only `other.test` trusts.
pub const OTHER_ISSUER: &str = "https://other.example.com";

/// Every row.
pub fn rows() -> Vec<Row> {
    [paths::rows(), hosts::rows(), headers::rows(), tokens::rows(), leaks::rows(), protocol::rows()]
        .concat()
}

/// One way to try it.
#[derive(Clone)]
pub struct Row {
    /// The kind of attack: a heading of the document.
    pub class: &'static str,
    /// What is sent.
    pub attack: &'static str,
    /// Advisories of products that this got past, or nothing.
    pub known: &'static str,
    /// The request.
    pub request: Attack,
    /// What has to come of it.
    pub outcome: Outcome,
}

/// A request.
#[derive(Clone)]
pub enum Attack {
    /// Bytes of HTTP/1.1.
    Http1(Vec<u8>),
    /// An HTTP/2 request and its trailers.
    Http2(Box<http::Request<&'static str>>, HeaderMap),
}

/// What has to come of a request.
#[derive(Clone, Copy)]
pub enum Outcome {
    /// Nothing arrives at any upstream.
    Nothing,
    /// It arrives, and has become harmless: how, in words, and whether it has.
    Arrives(&'static str, fn(&Received) -> bool),
}

impl Row {
    /// A row of which nothing may arrive.
    pub fn nothing(
        class: &'static str,
        attack: &'static str,
        known: &'static str,
        request: Attack,
    ) -> Self {
        Self { class, attack, known, request, outcome: Outcome::Nothing }
    }

    /// A row that arrives without its sting.
    pub fn arrives(
        class: &'static str,
        (attack, known): (&'static str, &'static str),
        request: Attack,
        how: &'static str,
        harmless: fn(&Received) -> bool,
    ) -> Self {
        Self { class, attack, known, request, outcome: Outcome::Arrives(how, harmless) }
    }
}

/// A request line with its host, and further header lines.
pub fn http1(line: impl AsRef<[u8]>, host: &str, headers: &[(&str, &str)]) -> Attack {
    let mut lines = vec![format!("host: {host}").into_bytes()];
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}").into_bytes()));
    raw(line, &lines)
}

/// A request of these lines, byte for byte, on a connection that ends with it.
pub fn raw(line: impl AsRef<[u8]>, lines: &[Vec<u8>]) -> Attack {
    let mut bytes = [line.as_ref(), b" HTTP/1.1\r\n"].concat();
    for line in lines {
        bytes.extend([line.as_slice(), b"\r\n"].concat());
    }
    bytes.extend(b"connection: close\r\n\r\n");
    Attack::Http1(bytes)
}

/// The same with a body.
pub fn with_body(attack: Attack, body: &[u8]) -> Attack {
    match attack {
        Attack::Http1(head) => Attack::Http1([&head, body].concat()),
        Attack::Http2(..) => attack,
    }
}

/// A GET for the API that is admitted if the token is, with further header lines.
pub fn payment(headers: &[(&str, &str)]) -> Attack {
    http1("GET /v1/payments/42", API, headers)
}

/// The same with a good token.
pub fn with_token(line: impl AsRef<[u8]>, host: &str, headers: &[(&str, &str)]) -> Attack {
    let bearer = bearer(&good());
    let all: Vec<(&str, &str)> =
        [("authorization", bearer.as_str())].into_iter().chain(headers.iter().copied()).collect();
    http1(line, host, &all)
}

/// A value of `authorization`.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A token that the API accepts.
pub fn good() -> String {
    Recipe::of(&json!({"iss": ISSUER, "sub": PAYMENTS_SERVICE})).token("RS256")
}

/// The servers that everything is tried on.
pub fn servers() -> String {
    let keys = keys::all_keys();
    let other = keys::jwks(&[keys::jwk(Signer::Other, "RS256")]);
    format!(
        r#"- name: api
  hostname: {API}
  authentication:
    jwt:
      issuer: {ISSUER}
      jwks: '{keys}'
      outputPayloadToHeader: x-jwt-payload
      outputClaimToHeaders: [{{header: x-sub, claim: sub}}, {{header: x_team, claim: team}}]
  authorization:
    local:
      rules:
        - name: payments
          from: [{{jwt: {{iss: {ISSUER}, sub: {PAYMENTS_SERVICE}}}}}]
          to: [{{methods: [GET, POST], paths: ["/v1/payments/*"]}}]
- name: optional
  hostname: optional.test
  authentication: {{requireJwt: false, jwt: {{issuer: {ISSUER}, jwks: '{keys}'}}}}
  authorization: {{local: {{rules: [{{name: anyone}}]}}}}
- name: own
  hostname: own.test
  authentication:
    requireJwt: false
    jwt:
      issuer: {ISSUER}
      jwks: '{keys}'
      fromHeaders: [{{name: x-mesh-token}}, {{name: x-auth, prefix: "JWT "}}]
      fromCookies: [mesh_token]
  authorization: {{local: {{rules: [{{name: anyone}}]}}}}
- name: tried
  hostname: tried.test
  authentication: {{jwt: {{issuer: {ISSUER}, jwks: '{keys}'}}}}
- name: other
  hostname: other.test
  authentication: {{jwt: {{issuer: {OTHER_ISSUER}, jwks: '{other}'}}}}
- name: open
  hostname: open.test
  authorization: {{local: {{rules: [{{name: anyone}}]}}}}
- name: closed
  hostname: closed.test
  authorization: {{local: {{rules: []}}}}
- name: wild
  hostname: "*.wild.test"
  authorization: {{local: {{rules: [{{name: anyone}}]}}}}
"#
    )
}

/// The hosts that have an upstream.
pub const HOSTS: [&str; 8] = [
    API,
    "optional.test",
    "own.test",
    "tried.test",
    "other.test",
    "open.test",
    "closed.test",
    "*.wild.test",
];
/// The one of which authentication is only tried out.
pub const TRIED: &str = "tried.test";

/// What is wrong with a request that arrived, whatever it was meant to show.
pub fn harm(received: &Received) -> Vec<String> {
    let mut harm = Vec::new();
    let host = received.host.split(':').next().unwrap_or_default();
    let values = |wanted: &str| -> Vec<&[u8]> {
        let same = |name: &str| name.replace(|c: char| !c.is_alphanumeric(), "-") == wanted;
        received.headers.iter().filter(|it| same(&it.0)).map(|it| it.1.as_slice()).collect()
    };
    if host == "closed.test" || !HOSTS.iter().any(|known| host.ends_with(known.trim_matches('*'))) {
        harm.push(format!("the host {host} is reached"));
    }
    for (name, value) in &received.headers {
        if value.windows(6).any(|part| part == b"forged") {
            harm.push(format!("{name} is forged"));
        }
    }
    let payloads = values("x-jwt-payload");
    if host == API {
        let path = received.path.split('?').next().unwrap_or_default();
        if !below_payments(path) || !["GET", "POST"].contains(&received.method.as_str()) {
            harm.push(format!("{} {path} is reached", received.method));
        }
        if payloads.len() != 1 || !payloads.iter().all(|it| is_of_payments_service(it)) {
            harm.push("no single verified payload".to_owned());
        }
        if values("x-sub") != [PAYMENTS_SERVICE.as_bytes()] {
            harm.push("no single verified subject".to_owned());
        }
    } else if !payloads.is_empty() || !values("x-sub").is_empty() {
        harm.push("a payload where there is no token".to_owned());
    }
    let leaks = |text: &[u8]| text.windows(10).any(|part| part == b"eyJhbGciOi");
    if leaks(received.path.as_bytes()) || received.headers.iter().any(|it| leaks(&it.1)) {
        harm.push("the token leaks".to_owned());
    }
    harm
}

/// Whether a path is below `/v1/payments/` however often it is decoded.
fn below_payments(path: &str) -> bool {
    let mut reading = path.to_ascii_lowercase();
    for _ in 0..3 {
        let folder = reading.strip_prefix("/v1/payments/");
        if folder.is_none_or(|rest| rest.contains("..")) {
            return false;
        }
        for (escape, byte) in [("%25", "%"), ("%2e", "."), ("%2f", "/"), ("%5c", "/")] {
            reading = reading.replace(escape, byte);
        }
    }
    true
}

fn is_of_payments_service(value: &[u8]) -> bool {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(value).ok();
    let claims = decoded.and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    claims.is_some_and(|it| it["iss"] == ISSUER && it["sub"] == PAYMENTS_SERVICE)
}
