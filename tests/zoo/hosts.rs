//! Hosts: which virtual host would a server choose for what is let through?
//!
//! `open.test` and what is below `wild.test` are open to everybody, `closed.test` to nobody, and
//! one server has them all.

use fastrand::Rng;

use super::catalogue::{Attack, rows};
use super::client::{Request, ask, bar};
use super::front::Front;
use super::settings::Setting;

/// The hosts of the Gateway.
pub const HOSTS: [&str; 3] = ["open.test", "closed.test", "*.wild.test"];

/// How many hosts are made up.
const MADE_UP: usize = 4_000;
/// What they are made of.
const PARTS: &str = "closed.test closed.test open.test CLOSED.TEST Closed.Test. a.wild.test \
                     .wild.test :80 :443 : @ , . .. / \\ ? # %2e %00 [ ] x * ; & = _ - http:// // \
                     user:pass@ closed%2etest closed .test ::1 127.0.0.1 localhost";
/// Headers that name a host for somebody.
const OTHERS: [&str; 6] = [
    "x-forwarded-host",
    "x-host",
    "x-original-host",
    "x-forwarded-server",
    "x-http-host-override",
    "x-real-host",
];

/// The servers of the Gateway, as YAML.
pub fn servers() -> String {
    let server = |(name, rules): (&str, &str)| {
        let label = name.trim_start_matches("*.");
        format!(
            "- name: {label}\n  hostname: \"{name}\"\n  authorization: {{local: {{rules: \
             [{rules}]}}}}\n"
        )
    };
    HOSTS.into_iter().zip(["{name: anyone}", "", "{name: anyone}"]).map(server).collect()
}

/// What a server made of the hosts.
pub struct AtServer {
    /// The server.
    pub setting: &'static Setting,
    /// Requests that it answered.
    pub judged: usize,
    /// Requests for which it chose `closed.test`.
    pub wrong: usize,
    /// What they were, to read.
    pub failures: Vec<String>,
    /// Requests without an answer.
    pub lost: usize,
}

/// Sends every way to name a host, or one in so many, to every server that has several.
pub fn run(
    front: &Front,
    settings: &[&'static Setting],
    (random, one_in): (&mut Rng, usize),
) -> Vec<AtServer> {
    let mut requests = requests(random);
    random.shuffle(&mut requests);
    requests.truncate(requests.len() / one_in);
    let bar = bar("hosts", settings.len() * requests.len());
    let mut all = Vec::new();
    for setting in settings {
        bar.set_message(setting.name);
        let mut at = AtServer { setting, judged: 0, wrong: 0, failures: Vec::new(), lost: 0 };
        let answers = ask(&requests, |defaults| front.to(setting.name, defaults), &bar);
        for (request, answer) in requests.iter().zip(answers) {
            let Some(seen) = answer.seen() else {
                // Some of these are no requests, and get no answer from Envoy either.
                at.lost += usize::from(answer.status >= 502);
                continue;
            };
            at.judged += 1;
            if seen.handler == "closed.test" {
                at.wrong += 1;
                let sent = request.bytes.escape_ascii();
                let text =
                    format!("{} ({}) serves closed.test: {sent}", setting.name, setting.what);
                at.failures.push(text);
            }
        }
        at.failures.truncate(5);
        all.push(at);
    }
    bar.finish_and_clear();
    all
}

/// The catalogue's requests, and made up ones.
fn requests(random: &mut Rng) -> Vec<Request> {
    let bytes = |attack: Attack| match attack {
        Attack::Http1(bytes) => Some(bytes),
        Attack::Http2(..) => None,
    };
    let mut all: Vec<Vec<u8>> = rows()
        .into_iter()
        .filter(|row| row.class == "Hosts")
        .filter_map(|row| bytes(row.request))
        .collect();
    assert!(all.len() > 20, "the catalogue has lost its hosts");
    let parts: Vec<&str> = PARTS.split_whitespace().collect();
    for _ in 0..MADE_UP {
        let count = random.usize(1..4);
        let name: String = (0..count).map(|_| parts[random.usize(0..parts.len())]).collect();
        let other = OTHERS[random.usize(0..OTHERS.len())];
        let text = match random.u8(0..8) {
            0 => format!("GET http://{name}/ HTTP/1.1\r\nhost: open.test\r\n"),
            1 => format!("GET http://open.test/ HTTP/1.1\r\nhost: {name}\r\n"),
            2 => format!("GET / HTTP/1.1\r\nhost: open.test\r\nhost: {name}\r\n"),
            3 => format!("GET / HTTP/1.1\r\nhost: open.test\r\n{other}: closed.test\r\n"),
            4 => format!("GET / HTTP/1.1\r\nhost: open.test\r\nforwarded: host={name}\r\n"),
            5 => format!("GET //{name}/ HTTP/1.1\r\nhost: open.test\r\n"),
            _ => format!("GET / HTTP/1.1\r\nhost: {name}\r\n"),
        };
        all.push(format!("{text}\r\n").into_bytes());
    }
    let both =
        |bytes: Vec<u8>| [false, true].map(|defaults| Request { bytes: bytes.clone(), defaults });
    all.into_iter().flat_map(both).collect()
}
