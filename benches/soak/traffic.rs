//! What is sent: good requests with a known and with an unknown token, one that no rule admits,
//! one without a token, and one with a forged token, in turn.

use super::shared::gateway::Shape;
use super::shared::requests::{Request, Traffic, build};
use super::shared::tokens::Tokens;

/// The path that no rule admits.
pub const DENIED: &str = "/not/in/any/rule";

/// The requests for one of the issuer's keys.
pub fn requests(shape: Shape, tokens: &mut Tokens) -> anyhow::Result<Vec<Request>> {
    let mixed = build(Traffic::Mixed, shape, 0, tokens, "")?;
    let flood = build(Traffic::Flood, shape, 0, tokens, "")?;
    let mut forged = flood.into_iter().filter(|request| request.status == 401);
    let mut requests = Vec::with_capacity(2 * mixed.len());
    for (number, request) in mixed.into_iter().enumerate() {
        requests.push(request);
        if number % 4 == 3 {
            requests.extend(forged.next());
        }
    }
    Ok(requests)
}
