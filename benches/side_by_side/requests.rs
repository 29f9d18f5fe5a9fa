//! The requests, ready to be written: making them must not cost the load generator anything.

use anyhow::Context as _;

use super::gateway::{Clients, Shape, hostname, path};
use super::tokens::{Tokens, forge, subject};

/// Tokens of a scenario in which no token is known: more than any of the caches holds, so that
/// one is forgotten long before it comes again.
const DISTINCT: usize = 20_000;
/// Of a flood, every tenth request is good.
const FLOOD: usize = 20_000;

/// One request.
#[derive(Debug)]
pub struct Request {
    /// As it goes over the wire (RFC 9112).
    pub bytes: Vec<u8>,
    /// The status of the right answer.
    pub status: u16,
    /// Whether its latency counts.
    pub counts: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Good requests with so many tokens in turn, all to the last host.
    Warm {
        /// Distinct tokens.
        tokens: usize,
    },
    /// Good requests with one token, to all hosts in no order.
    WarmSpread,
    /// Good requests, each with a token that no cache holds.
    Cold,
    /// A good token, and a path that no rule admits.
    Denied,
    /// No token.
    Missing,
    /// Forged tokens, and every tenth request good. Only the good ones' latency counts.
    Flood,
    /// A good, a cold, a denied and a bare request in turn.
    Mixed,
}

/// The requests of a scenario, to be sent in this order and again from the start. Tokens that are
/// bound are those of `holder`, a certificate.
pub fn build(
    traffic: Traffic,
    shape: Shape,
    headers: usize,
    tokens: &mut Tokens,
    holder: &str,
) -> anyhow::Result<Vec<Request>> {
    let last_rule = shape.rules.saturating_sub(1);
    let (subject, path) = (subject(last_rule), path(last_rule));
    let host = hostname(shape.hosts.saturating_sub(1));
    let further: String =
        (0..headers).map(|n| format!("x-header-{n:02}: some value of header {n:02}\r\n")).collect();
    let write = |host: &str, path: &str, token: Option<&str>, status, counts| {
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        let token = token.as_deref().unwrap_or_default();
        let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{further}{token}\r\n");
        Request { bytes: text.into_bytes(), status, counts }
    };
    let mut valid = |count| match shape.clients {
        Clients::Bound => tokens.bound(shape.algorithm, &subject, count, holder),
        Clients::Plain | Clients::Mutual => tokens.valid(shape.algorithm, &subject, count),
    };
    let good = |token: &String| write(&host, &path, Some(token), 200, true);
    Ok(match traffic {
        Traffic::Warm { tokens } => valid(tokens)?.iter().map(good).collect(),
        Traffic::Cold => valid(DISTINCT)?.iter().map(good).collect(),
        Traffic::WarmSpread => {
            let token = one(valid(1)?)?;
            let mut hosts: Vec<String> = (0..shape.hosts).map(hostname).collect();
            fastrand::Rng::with_seed(7).shuffle(&mut hosts);
            hosts.iter().map(|host| write(host, &path, Some(&token), 200, true)).collect()
        }
        Traffic::Denied => {
            vec![write(&host, "/not/in/any/rule", Some(&one(valid(1)?)?), 403, true)]
        }
        Traffic::Missing => vec![write(&host, &path, None, 401, true)],
        Traffic::Flood => {
            let known = one(valid(1)?)?;
            let of_flood = |(number, token): (usize, &String)| match number % 10 {
                0 => Ok(good(&known)),
                _ => Ok(write(&host, &path, Some(&forge(token)?), 401, false)),
            };
            valid(FLOOD)?.iter().enumerate().map(of_flood).collect::<anyhow::Result<_>>()?
        }
        Traffic::Mixed => {
            let known = one(valid(1)?)?;
            valid(DISTINCT)?
                .iter()
                .flat_map(|cold| {
                    [
                        good(&known),
                        good(cold),
                        write(&host, "/not/in/any/rule", Some(&known), 403, true),
                        write(&host, &path, None, 401, true),
                    ]
                })
                .collect()
        }
    })
}

fn one(tokens: Vec<String>) -> anyhow::Result<String> {
    tokens.into_iter().next().context("no token")
}
