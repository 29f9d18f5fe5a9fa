//! Keys change just after a flood of forged tokens has used up the early fetches.

use std::time::Instant;

use egress_auth::demo::echo::Echo;
use serde_json::json;

use super::{
    BAD, Count, WORKERS, bad, good, good_token, one_issuer, token, token_of_other_key,
    until_it_passes,
};
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::{self, Signer, jwk};
use crate::support::raw::Request;

/// Forged tokens, each with a key ID that nobody has.
const FORGED: usize = 200;
const GOOD: usize = 200;

fn serve(signer: Signer) -> Behaviour {
    Behaviour::Serve(keys::jwks(&[jwk(signer, "RS256")]))
}

fn run(workers: usize) {
    let (issuer, echo) = (Jwks::with(serve(Signer::Issuer), None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, echo.address()).start(workers);
    let to = envoy.gateway();
    let (old, new) = (good_token("one"), token_of_other_key("one"));
    let (mut count, began) = (Count::default(), Instant::now());
    until_it_passes(&mut count, "the first keys", &good("one", &old), to);

    let forged = (0..FORGED).map(|number| {
        let recipe = json!({"signer": "other", "header": {"kid": format!("nobody-{number}")}});
        Request::new("GET", "one.api", BAD).bearer(&token("one", recipe)).open(to)
    });
    let forged: Vec<_> = forged.collect();
    issuer.behave(serve(Signer::Other));
    count.bad(forged);
    // One at the start, three early ones, and one more for each interval that has passed.
    let (asked, intervals) = (issuer.asked(), usize::try_from(began.elapsed().as_secs() / 10));
    assert!(asked <= 5 + intervals.unwrap(), "{asked} fetches");

    count.fault_ends();
    until_it_passes(&mut count, "the new key", &good("one", &new), to);
    let passed = count.good((0..GOOD).map(|_| good("one", &new).open(to)));
    assert_eq!(passed, GOOD);
    // The key that was withdrawn lets nobody in any more.
    let withdrawn = Request::new("GET", "one.api", BAD).bearer(&old);
    count.bad((0..GOOD).map(|_| withdrawn.open(to)));
    count.bad(bad("one").iter().map(|request| request.open(to)));
    count.arrived(&echo);
    let remark = "new keys wait for the next fetch, 10 s at most; then none";
    count.finish("rotation after forged key IDs", workers, &[401, 503], remark);
}

#[test]
fn forged_key_ids_let_nothing_in_and_hold_no_rotation_up_for_long() {
    WORKERS.into_iter().for_each(run);
}
