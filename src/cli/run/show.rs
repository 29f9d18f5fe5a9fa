//! Sample requests and the table of what became of them; every other request as it comes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use comfy_table::{Table, presets};
use serde::Deserialize;
use serde_json::Value;

use super::admin::reachable;
use super::curl;
use crate::cli::events::Events;
use crate::cli::output::{self, tell};
use crate::cli::progress;
use crate::cli::queries::now;
use crate::compile::hostname;
use crate::demo::echo::{Echo, Received};
use crate::demo::key::DemoKey;
use crate::demo::sample::{Expected, Judge, Place, Sample, SampleToken, samples};
use crate::demo::server::client;
use crate::emit::envoy::Options;
use crate::policy::{JwksSource, JwtRule, Policy};

/// Requests of which the table is made at most.
const MOST_SAMPLES: usize = 40;
/// How long the access log entry of a request may take.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);

/// Lines of the access log that are shown at once; of more than these only the number.
const LINES_AT_ONCE: u32 = 20;

/// What sample requests need.
#[derive(Debug)]
pub struct Demo<'a> {
    /// Signs the tokens.
    pub key: &'a DemoKey,
    /// Sees what arrives.
    pub echo: &'a Echo,
    /// Has the access log.
    pub events: &'a Events,
}

/// What became of a sample.
struct Shown {
    sample: Sample,
    status: u16,
    /// From the access log.
    reason: Option<String>,
    expected: Expected,
    /// What arrived upstream; nothing where the gateway answered itself.
    received: Option<Received>,
}

impl Shown {
    /// Whether the gateway did what the engine says it should.
    fn is_as_expected(&self) -> bool {
        self.received.is_some() == self.expected.allowed
            && self.reason.as_deref().is_none_or(|reason| reason == self.expected.code)
    }
}

impl Demo<'_> {
    /// Sends sample requests through the gateway; prints what happened, and how to do the same.
    ///
    /// # Errors
    /// When a request cannot be sent, or standard output cannot be written to.
    pub fn show(&self, policy: &Policy, options: &Options) -> anyhow::Result<()> {
        let gateway = reachable(options.listen);
        if options.downstream_tls.is_some() {
            tell(format_args!(
                "Ready on https://{gateway}. Clients need a certificate: no samples are sent"
            ));
            return Ok(());
        }
        let elsewhere = issuers_elsewhere(policy, options);
        let all = samples(policy).into_iter().filter(|it| !needs_key_of(it, &elsewhere));
        let all: Vec<Sample> = all.collect();
        let judge = Judge::new(policy, self.key)?;
        let mut shown = Vec::new();
        let spinner = progress::start("Sending sample requests");
        for (number, sample) in all.iter().take(MOST_SAMPLES).enumerate() {
            if self.events.stopped() {
                return Ok(());
            }
            shown.push(self.send(gateway, &judge, sample.clone(), number)?);
        }
        drop(spinner);
        let mut out = output::stdout();
        writeln!(out, "{}", table(policy, &shown))?;
        if all.len() > shown.len() {
            match all.len().saturating_sub(shown.len()) {
                1 => writeln!(out, "(1 more sample was left out)")?,
                several => writeln!(out, "({several} more samples were left out)")?,
            }
        }
        for issuer in elsewhere {
            let issuer = issuer.escape_debug();
            writeln!(out, "(no samples with tokens of {issuer}: only its own keys can sign them)")?;
        }
        for wrong in shown.iter().filter(|shown| !shown.is_as_expected()) {
            writeln!(
                out,
                "UNEXPECTED: {} {}{}: the engine says {}, the gateway said {} {}",
                wrong.sample.method,
                wrong.sample.host,
                wrong.sample.path,
                wrong.expected.code,
                wrong.status,
                wrong.reason.as_deref().unwrap_or("-"),
            )?;
        }
        let mut servers = BTreeSet::new();
        let ways_in = shown
            .iter()
            .filter(|shown| shown.received.is_some() && servers.insert(&shown.sample.server));
        let commands = curl::commands(gateway, ways_in.map(|shown| &shown.sample));
        if !commands.is_empty() {
            writeln!(out, "\nTry it:\n\n{}", commands.join("\n\n"))?;
        }
        writeln!(out)?;
        out.flush()?;
        Ok(())
    }

    fn send(
        &self,
        gateway: SocketAddr,
        judge: &Judge,
        sample: Sample,
        number: usize,
    ) -> anyhow::Result<Shown> {
        let now = now()?;
        let token = sample.sign(self.key, now)?;
        let expected = judge.expect(&sample, token.as_deref(), now);
        let agent = format!("egress-auth-sample/{number}");
        let mut request = ureq::http::Request::builder()
            .method(sample.method.as_str())
            .uri(format!("http://{gateway}{}", sample.target(token.as_deref())))
            .header("host", &sample.host)
            .header("user-agent", &agent);
        if let Some((name, value)) = sample.header(token.as_deref()) {
            request = request.header(name, value);
        }
        let failed = || format!("cannot send {} {}{}", sample.method, sample.host, sample.path);
        let response = client().run(request.body(()).with_context(failed)?).with_context(failed)?;
        let status = response.status().as_u16();
        let reason = self.logged(&agent)?;
        let arrived = self.echo.take_received();
        let received = arrived.into_iter().find(|r| r.header("user-agent") == [agent.as_bytes()]);
        Ok(Shown { sample, status, reason, expected, received })
    }

    /// The reason that the access log gives for the request of this user agent.
    fn logged(&self, agent: &str) -> anyhow::Result<Option<String>> {
        let start = Instant::now();
        while start.elapsed() < LOG_TIMEOUT && !self.events.stopped() {
            let Some(line) = self.events.next_line(Duration::from_millis(100)) else { continue };
            match serde_json::from_str::<Entry>(&line) {
                Ok(entry) if entry.user_agent.as_deref() == Some(agent) => return Ok(entry.reason),
                _ => request(&line)?,
            }
        }
        Ok(None)
    }
}

/// The issuers whose keys do not come from the demo issuer, but from where `--upstream` says.
fn issuers_elsewhere<'p>(policy: &'p Policy, options: &Options) -> BTreeSet<&'p str> {
    let elsewhere = |rule: &&JwtRule| {
        let JwksSource::Remote { uri, .. } = &rule.jwks else { return false };
        let host = uri.parse::<ureq::http::Uri>().ok();
        let host = host.as_ref().and_then(|uri| hostname::canonical(uri.host()?).ok());
        options.upstreams.iter().any(|upstream| Some(&upstream.host) == host.as_ref())
    };
    policy.jwt_rules.iter().filter(elsewhere).map(|rule| rule.issuer.as_str()).collect()
}

/// Whether one of these would have to sign the token of a sample.
fn needs_key_of(sample: &Sample, issuers: &BTreeSet<&str>) -> bool {
    let SampleToken::Signed(token) = &sample.token else { return false };
    let issuer = token.claims.get("iss").and_then(Value::as_str);
    issuer.is_some_and(|issuer| issuers.contains(issuer))
}

/// The fields of an access log entry that are shown.
#[derive(Debug, Deserialize)]
struct Entry {
    user_agent: Option<String>,
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
    status: Option<Value>,
    reason: Option<String>,
    server: Option<String>,
    rule: Option<String>,
}

/// Prints what the access log has, the first few lines in full and the rest as a number.
///
/// # Errors
/// When standard output cannot be written to.
pub fn requests(events: &Events) -> anyhow::Result<()> {
    let mut left_out = events.lines_left_out();
    let mut shown: u32 = 0;
    while let Some(line) = events.next_line(Duration::ZERO) {
        if shown < LINES_AT_ONCE {
            request(&line)?;
            shown = shown.saturating_add(1);
        } else {
            left_out = left_out.saturating_add(1);
        }
    }
    match left_out {
        0 => {}
        1 => writeln!(output::stdout(), "... and 1 more request")?,
        several => writeln!(output::stdout(), "... and {several} more requests")?,
    }
    Ok(())
}

/// Prints one request from its access log entry.
///
/// # Errors
/// When standard output cannot be written to.
fn request(line: &str) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match serde_json::from_str::<Entry>(line) {
        Ok(entry) => writeln!(out, "{}", describe(&entry))?,
        Err(_) => writeln!(out, "{}", line.escape_debug())?,
    }
    out.flush()?;
    Ok(())
}

/// One line; what the client chose is escaped, since it may hold control characters.
fn describe(entry: &Entry) -> String {
    let text = |field: &Option<String>| field.as_deref().unwrap_or("-").escape_debug().to_string();
    let status = entry.status.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut line = format!(
        "{status} {} {}{} {}",
        text(&entry.method),
        text(&entry.host),
        text(&entry.path),
        text(&entry.reason)
    );
    for (name, field) in [("server", &entry.server), ("rule", &entry.rule)] {
        if field.as_deref().is_some_and(|value| value != "-") {
            let _ = write!(line, " {name}={}", text(field));
        }
    }
    line
}

fn table(policy: &Policy, shown: &[Shown]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["Request", "Token", "Status", "Reason", "Arrived upstream"]);
    let headers = output_headers(policy);
    for shown in shown {
        let Shown { sample, status, reason, received, .. } = shown;
        table.add_row([
            format!("{} {}{}", sample.method, sample.host, sample.path),
            token_words(&sample.token),
            status.to_string(),
            reason.clone().unwrap_or_else(|| "-".to_owned()),
            received.as_ref().map_or_else(|| "no".to_owned(), |r| arrival(r, sample, &headers)),
        ]);
    }
    table
}

fn token_words(token: &SampleToken) -> String {
    match token {
        SampleToken::None => "none".to_owned(),
        SampleToken::Garbage => "not a token".to_owned(),
        SampleToken::Signed(token) => {
            let subject = token.claims.get("sub").and_then(Value::as_str);
            format!("valid, of {}", subject.unwrap_or("-"))
        }
    }
}

/// `yes`, and what of the verified token came along.
fn arrival(received: &Received, sample: &Sample, headers: &BTreeSet<&str>) -> String {
    let mut with: Vec<&str> =
        headers.iter().copied().filter(|name| !received.header(name).is_empty()).collect();
    let token_arrived = match &sample.place {
        _ if sample.token == SampleToken::None => false,
        Place::Header { name, .. } => !received.header(name).is_empty(),
        Place::Cookie(_) => !received.header("cookie").is_empty(),
        Place::Param(name) => received.path.contains(&format!("{name}=")),
    };
    if token_arrived {
        with.push("the token");
    }
    if with.is_empty() { "yes".to_owned() } else { format!("yes, with {}", with.join(", ")) }
}

fn output_headers(policy: &Policy) -> BTreeSet<&str> {
    let of_payload =
        policy.jwt_rules.iter().filter_map(|rule| rule.output_payload_to_header.as_deref());
    let of_claims = policy.jwt_rules.iter().flat_map(|rule| &rule.output_claim_to_headers);
    of_payload.chain(of_claims.map(|claim| claim.header.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_described_on_one_line_whatever_they_hold() {
        let entry = json!({
            "method": "GET", "host": "api.test", "path": "/\u{1b}[2J\n", "status": 403,
            "reason": "no_rule_matched", "server": "api", "rule": "-", "other": 1,
        });
        let entry: Entry = serde_json::from_value(entry).unwrap();
        assert_eq!(describe(&entry), "403 GET api.test/\\u{1b}[2J\\n no_rule_matched server=api");
    }
}
