//! Headers that clients may not say: does a program behind the gateway find them all the same?
//!
//! Under which names a program finds a header is asked of the server itself, without a gateway:
//! CGI's `HTTP_X_SUB`, Go's `X-Sub`. Then every spelling of the header goes through the gateway,
//! and nothing forged may be found under these names.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::json;

use super::client::{Answer, Client, Request, ask, bar};
use super::front::Front;
use super::process::Servers;
use super::settings::Setting;
use super::support::keys;
use super::support::token::{ISSUER, Recipe, payload};

/// Hosts with a token in `authorization`, with one that may be missing, with one in a header of
/// its own, and with none.
pub const HOSTS: [&str; 4] = [TOKENS, OPTIONAL, MESH, PLAIN];
const TOKENS: &str = "tokens.test";
const OPTIONAL: &str = "optional.test";
const MESH: &str = "mesh.test";
const PLAIN: &str = "plain.test";

/// Headers that only the gateway says, and what it says of the verified token.
const OUTPUTS: [&str; 3] = ["x-jwt-payload", "x-sub", "x_team"];
/// Headers that it takes away: of the mesh, and of tokens.
const TAKEN: [&str; 3] = ["x-forwarded-client-cert", "x-mesh-token", "authorization"];

/// Values of `authorization` that are no token of the mesh, and have to pass byte for byte.
const OTHER_SCHEMES: [&str; 5] = [
    "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
    "Digest username=\"Mufasa\", realm=\"api\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv\", uri=\"/x\"",
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
     SignedHeaders=host;range, Signature=fe5f80f77d5fa3beca038a248ff027",
    "Negotiate YIIZG1hc3RlcjpwYXNz",
    "ApiKey bearer-of-keys",
];

/// Requests that are shown where many are wrong at the same servers.
const SHOWN: usize = 4;

/// What stands between `Bearer` and a token for somebody, as escaped bytes.
const SPACES: [&[u8]; 6] = [b" ", b"\t", b"  ", b" \t", b"\t\t", b" \xc2\xa0"];
/// Ways to say `Bearer`.
const SCHEMES: [&str; 9] = [
    "Bearer",
    "bearer",
    "BEARER",
    "bEaReR",
    "Bearer Bearer",
    "Basic eA==, Bearer",
    ", Bearer",
    "Basic eA==,Bearer",
    "Bearer\tBearer",
];

/// The servers of the Gateway, as YAML.
pub fn servers() -> String {
    let jwks = keys::all_keys();
    let outputs = "outputPayloadToHeader: x-jwt-payload, outputClaimToHeaders: \
                   [{header: x-sub, claim: sub}, {header: x_team, claim: team}]";
    let issuer = format!("issuer: {ISSUER}, jwks: '{jwks}', {outputs}");
    format!(
        "- name: {TOKENS}\n  hostname: {TOKENS}\n  authentication: {{jwt: {{{issuer}}}}}\n\
         - name: {OPTIONAL}\n  hostname: {OPTIONAL}\n  authentication: {{jwt: {{{issuer}}}, \
         requireJwt: false}}\n  authorization: {{local: {{rules: [{{name: anyone}}]}}}}\n\
         - name: {MESH}\n  hostname: {MESH}\n  authentication: {{jwt: {{{issuer}, \
         fromHeaders: [{{name: x-mesh-token}}]}}}}\n\
         - name: {PLAIN}\n  hostname: {PLAIN}\n  authorization: {{local: {{rules: \
         [{{name: anyone}}]}}}}\n"
    )
}

/// What has to come of a request.
enum Expected {
    /// Nothing that says `forged` is found under the names of these headers, and the token nowhere.
    NothingForged,
    /// And what was verified is found under each of its names, once.
    Verified,
    /// This value of `authorization` is found as it was sent.
    Unchanged(&'static str),
}

struct Case {
    request: Request,
    expected: Expected,
}

/// What a server made of the headers.
pub struct AtServer {
    /// The server.
    pub setting: &'static Setting,
    /// Requests that it answered.
    pub judged: usize,
    /// Requests that were refused before it.
    pub refused: usize,
    /// Requests in which something forged was found, or a token.
    pub wrong: usize,
    /// Requests in which something good was not found.
    pub missing: usize,
    /// Requests without an answer.
    pub lost: usize,
    /// Headers that it shows to no program.
    pub hidden: Vec<&'static str>,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// By server, of those that show headers to programs.
    pub servers: Vec<AtServer>,
    /// What was wrong, to read: a request, who finds what in it, and what the first of them saw.
    pub failures: Vec<String>,
}

/// Sends every spelling, or one in so many, to every server that shows headers to programs.
pub fn run(
    front: &Front,
    servers: &Servers,
    settings: &[&'static Setting],
    (random, one_in): (&mut Rng, usize),
) -> Found {
    let token = Recipe::of(&json!({"sub": "of-the-mesh", "team": "of-the-mesh"})).token("RS256");
    let mut cases = cases(&token);
    random.shuffle(&mut cases);
    cases.truncate(cases.len() / one_in);
    let requests: Vec<Request> = cases.iter().map(|case| case.request.clone()).collect();
    let bar = bar("headers", settings.len() * cases.len());
    let mut found = Found::default();
    let mut failing: Vec<Option<Failing>> = cases.iter().map(|_| None).collect();
    for setting in settings {
        bar.set_message(setting.name);
        let names = names(servers, setting);
        if names.is_empty() {
            bar.inc(cases.len() as u64);
            continue;
        }
        let known = OUTPUTS.iter().chain(&TAKEN);
        let hidden = known.filter(|name| !names.contains_key(**name)).copied().collect();
        let mut at =
            AtServer { setting, judged: 0, refused: 0, wrong: 0, missing: 0, lost: 0, hidden };
        let answers = ask(&requests, |defaults| front.to(setting.name, defaults), &bar);
        for ((case, answer), failing) in cases.iter().zip(answers).zip(&mut failing) {
            if let Some(what) = at.count(case, &answer, &names, &token) {
                failing.get_or_insert(Failing { what, at: Vec::new() }).at.push(setting.name);
            }
        }
        bar.suspend(|| {
            let AtServer { judged, wrong, missing, .. } = at;
            eprintln!("{}: {judged} headers, {wrong} found, {missing} missed", setting.name);
        });
        found.servers.push(at);
    }
    bar.finish_and_clear();
    // Servers differ in kind: a few requests for each set of those that fail together.
    let mut shown = BTreeMap::<String, usize>::new();
    for (case, failing) in cases.iter().zip(failing) {
        let Some(Failing { what, at }) = failing else { continue };
        let at = at.join(", ");
        let count = shown.entry(at.clone()).or_default();
        *count += 1;
        if *count <= SHOWN {
            let sent = case.request.bytes.escape_ascii();
            let text = format!("programs {what}\n  of {sent}\n  at {at}");
            found.failures.push(text.replace(&token, "TOKEN"));
        }
    }
    found
}

/// A request that some servers should not see as they do.
struct Failing {
    /// What the first of them finds or misses.
    what: String,
    at: Vec<&'static str>,
}

/// Under which names a program finds each header.
type Names = BTreeMap<&'static str, Vec<Vec<u8>>>;

fn names(servers: &Servers, setting: &Setting) -> Names {
    let mut names = Names::new();
    let mut client = Client::new(servers.address(setting.name));
    for name in OUTPUTS.into_iter().chain(TAKEN) {
        let line = format!("{name}: found-it\r\n");
        let answer = client.send(&request(PLAIN, line.as_bytes(), b""));
        let Some(seen) = answer.seen() else { continue };
        let found = seen.pairs().filter(|(_, value)| *value == b"found-it");
        let found: Vec<Vec<u8>> = found.map(|(name, _)| name.to_vec()).collect();
        if !found.is_empty() {
            names.insert(name, found);
        }
    }
    names
}

impl AtServer {
    /// Counts an answer. What the server found that it should not, or missed, if anything.
    fn count(
        &mut self,
        case: &Case,
        answer: &Answer,
        names: &Names,
        token: &str,
    ) -> Option<String> {
        let Some(seen) = answer.seen() else {
            match answer.status {
                0 | 502.. => self.lost += 1,
                _ => self.refused += 1,
            }
            return None;
        };
        self.judged += 1;
        let known = |header: &str| names.get(header).map_or(&[][..], Vec::as_slice);
        let found = |header: &str| -> Vec<(&[u8], &[u8])> {
            let same = |name: &[u8]| known(header).iter().any(|it| it.eq_ignore_ascii_case(name));
            seen.pairs().filter(|(name, _)| same(name)).collect()
        };
        let holds = |value: &[u8], part: &[u8]| value.windows(part.len()).any(|it| it == part);
        let signature = token.rsplit('.').next().unwrap_or_default().as_bytes();
        let forged = OUTPUTS.iter().chain(&TAKEN).flat_map(|header| found(header));
        let forged = forged.filter(|(_, value)| holds(value, b"forged"));
        let leaks = seen.pairs().filter(|(_, value)| holds(value, signature));
        if let Some((name, value)) = forged.chain(leaks).next() {
            self.wrong += 1;
            return Some(format!("find {}={}", name.escape_ascii(), value.escape_ascii()));
        }
        let expected: Vec<(&str, &[u8])> = match case.expected {
            Expected::NothingForged => Vec::new(),
            Expected::Verified => vec![
                (OUTPUTS[0], payload(token).as_bytes()),
                (OUTPUTS[1], b"of-the-mesh"),
                (OUTPUTS[2], b"of-the-mesh"),
            ],
            Expected::Unchanged(value) => vec![("authorization", value.as_bytes())],
        };
        let is_missing = |(header, value): &(&str, &[u8])| {
            let values: Vec<&[u8]> = found(header).iter().map(|(_, value)| *value).collect();
            !known(header).is_empty() && values != [*value]
        };
        let (header, value) = expected.into_iter().find(is_missing)?;
        self.missing += 1;
        Some(format!("miss {header}: {}", value.escape_ascii()))
    }
}

/// Every request.
fn cases(token: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |host: &str, lines: Vec<u8>, body: &[u8], expected| {
        let request = Request { bytes: request(host, &lines, body), defaults: false };
        cases.push(Case { request, expected });
    };
    let bearer = format!("authorization: Bearer {token}\r\n").into_bytes();
    let mesh = format!("x-mesh-token: {token}\r\n").into_bytes();
    let forged = |name: &[u8]| [name, b": forged\r\n"].concat();
    for name in OUTPUTS {
        for spelling in spellings(name) {
            let line = forged(&spelling);
            add(TOKENS, [&bearer[..], &line].concat(), b"", Expected::Verified);
            add(PLAIN, line, b"", Expected::NothingForged);
        }
        let line = forged(name.as_bytes());
        let hop = format!("connection: {name}\r\n").into_bytes();
        let folded = format!("x-a: b\r\n {name}: forged\r\n").into_bytes();
        let trailers = [&b"0\r\n"[..], &line, b"\r\n"].concat();
        let chunked = format!("transfer-encoding: chunked\r\ntrailer: {name}\r\n").into_bytes();
        for lines in [
            [&bearer[..], &line, &line, &line].concat(),
            [&line[..], &bearer, &line].concat(),
            [&bearer[..], &hop].concat(),
            [&bearer[..], &hop, &line].concat(),
            [&bearer[..], &hop, b"keep-alive: timeout=5\r\n"].concat(),
            [&bearer[..], &hop.to_ascii_uppercase()].concat(),
            [&bearer[..], &folded].concat(),
            [&bearer[..], format!("{name} : forged\r\n").as_bytes()].concat(),
            [&bearer[..], format!("{name}:\tforged\r\n").as_bytes()].concat(),
            [&bearer[..], format!("x-b: c\r{name}: forged\r\n").as_bytes()].concat(),
        ] {
            add(TOKENS, lines, b"", Expected::Verified);
        }
        add(TOKENS, [&bearer[..], &chunked].concat(), &trailers, Expected::Verified);
        add(PLAIN, chunked, &trailers, Expected::NothingForged);
        add(PLAIN, [&folded[..]].concat(), b"", Expected::NothingForged);
    }
    for spelling in spellings(TAKEN[0]) {
        add(PLAIN, forged(&spelling), b"", Expected::NothingForged);
    }
    for spelling in spellings(TAKEN[1]) {
        let line = forged(&spelling);
        add(MESH, [&mesh[..], &line].concat(), b"", Expected::NothingForged);
    }
    for scheme in SCHEMES {
        for space in SPACES {
            let value = [scheme.as_bytes(), space, token.as_bytes(), b"\r\n"].concat();
            let line = [b"authorization: ", &value[..]].concat();
            add(OPTIONAL, line, b"", Expected::NothingForged);
        }
    }
    for value in OTHER_SCHEMES {
        let line = format!("authorization: {value}\r\n").into_bytes();
        add(OPTIONAL, line.clone(), b"", Expected::Unchanged(value));
        add(PLAIN, line, b"", Expected::Unchanged(value));
    }
    cases
}

fn request(host: &str, lines: &[u8], body: &[u8]) -> Vec<u8> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let start = format!("{method} /v1/payments/x HTTP/1.1\r\nhost: {host}\r\n");
    [start.as_bytes(), lines, b"\r\n", body].concat()
}

/// A name in every spelling: each byte from 0x21 to 0x7e in the place of what is no letter, in all
/// such places and in each alone, before the name and behind it; and capitals.
fn spellings(name: &str) -> Vec<Vec<u8>> {
    let places: Vec<usize> =
        (0..name.len()).filter(|at| !name.as_bytes()[*at].is_ascii_alphanumeric()).collect();
    let with = |at: &[usize], byte: u8| {
        let mut spelling = name.as_bytes().to_vec();
        at.iter().for_each(|at| spelling[*at] = byte);
        spelling
    };
    let mut all = vec![name.as_bytes().to_vec(), name.to_ascii_uppercase().into_bytes()];
    for byte in 0x21..=0x7e {
        let mixed = with(&places, byte).to_ascii_uppercase();
        all.extend([with(&places, byte), mixed]);
        all.extend(places.iter().map(|at| with(&[*at], byte)));
        all.push([&[byte], name.as_bytes()].concat());
        all.push([name.as_bytes(), &[byte]].concat());
    }
    if let [first, second, ..] = places[..] {
        let marks = b"!#$%&'*+-.^_`|~";
        for (one, other) in marks.iter().flat_map(|one| marks.iter().map(move |it| (one, it))) {
            let mut spelling = with(&[first], *one);
            spelling[second] = *other;
            all.push(spelling);
        }
    }
    all
}
