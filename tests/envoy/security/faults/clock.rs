//! Tokens at the edges of `exp` and `nbf`, asked for again and again while the clock passes them,
//! the cache of verified tokens included.

use std::time::Duration;

use egress_auth::demo::echo::Echo;
use serde_json::json;

use super::{Count, WORKERS, one_issuer, token};
use crate::support::jwks::Jwks;
use crate::support::now;
use crate::support::raw::Request;

/// The clock skew that is allowed for by default, in seconds.
const SKEW: u64 = 60;
/// Requests for each token at most: more than fit into the few seconds.
const AT_MOST: usize = 100_000;
/// Between two requests, so that the ports last.
const PAUSE: Duration = Duration::from_millis(1);

/// Asks until the clock is past the last second; the token is good from `first` to `last`.
fn ask(
    count: &mut Count,
    token: &str,
    path: &str,
    (first, last): (u64, u64),
    to: std::net::SocketAddr,
) {
    let request = Request::new("GET", "one.api", path).bearer(token);
    for _ in 0..AT_MOST {
        let before = now();
        let status = request.send(to).status;
        let after = now();
        count.sent += 1;
        // What was decided while the second changed may be either.
        let was_good = first <= before && after <= last;
        let was_bad = after < first || last < before;
        count.allowed += usize::from(was_bad && status == 200);
        if was_good && status != 200 {
            *count.denied.entry(status).or_default() += 1;
        }
        if before > last + 1 {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("the clock stands still");
}

fn run(workers: usize) {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, echo.address()).start(workers);
    let to = envoy.gateway();
    let mut count = Count::default();
    let start = now();
    let ends = start + 2;
    let ending = token("one", json!({"claims": {"exp": ends - SKEW}}));
    ask(&mut count, &ending, "/ending", (0, ends), to);
    let (begins, ends) = (now() + 2, now() + 4);
    let claims = json!({"exp": ends - SKEW, "nbf": begins + SKEW});
    let beginning = token("one", json!({ "claims": claims }));
    ask(&mut count, &beginning, "/beginning", (begins, ends), to);
    count.finish("tokens at their first and last second", workers, &[], "to the second");
}

#[test]
fn tokens_begin_and_end_to_the_second() {
    WORKERS.into_iter().for_each(run);
}
