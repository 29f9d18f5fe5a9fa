//! Requests that wait for keys, with and without bodies: bad ones must not slip through when the
//! wait is over, and nothing of a body may arrive before.

use egress_auth::demo::echo::Echo;

use super::{BAD, Count, GOOD, WORKERS, bad, good_token, one_issuer, token_of_other_key};
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys;
use crate::support::raw::{Pending, Request};

/// Times that each request is sent.
const TIMES: usize = 20;
/// More than Envoy takes before it asks the upstream for room.
const BODY: &[u8] = &[b'x'; 100_000];
const CHUNK: usize = 7_000;

fn run(workers: usize) {
    let (issuer, echo) = (Jwks::with(Behaviour::Hold, None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, echo.address()).start(workers);
    let to = envoy.gateway();
    issuer.until_asked(1);

    let post = |path: &str, token: &str| Request::new("POST", "one.api", path).bearer(token);
    let good = good_token("one");
    let unknown = token_of_other_key("one");
    let open = |requests: &[Request]| -> Vec<Pending> {
        requests.iter().flat_map(|it| (0..TIMES).map(|_| it.open(to))).collect()
    };
    let waiting = open(&[
        Request::new("GET", "one.api", GOOD).bearer(&good),
        post(GOOD, &good).body(BODY),
        post(GOOD, &good).chunked(BODY, CHUNK),
    ]);
    let mut refused = bad("one");
    refused.extend([post(BAD, &unknown).body(BODY), post(BAD, &unknown).chunked(BODY, CHUNK)]);
    // A second request in a body that waits is a body.
    let inner = format!("GET {BAD} HTTP/1.1\r\nhost: one.api\r\n\r\n");
    refused.push(post(BAD, &unknown).body(inner));
    let refused = open(&refused);

    let mut count = Count::default();
    assert!(waiting.iter().all(|request| !request.has_answer()));
    assert_eq!(count.arrived(&echo), 0, "nothing arrives while it waits");
    issuer.behave(Behaviour::Serve(keys::all_keys()));
    count.fault_ends();
    let passed = count.good(waiting);
    count.bad(refused);
    assert_eq!(count.arrived(&echo), passed, "answered with 200, and arrived");
    count.finish("requests wait for keys, with bodies", workers, &[], "none lost");
}

#[test]
fn what_waits_for_keys_with_a_body_is_judged_before_it_goes_on() {
    WORKERS.into_iter().for_each(run);
}
