//! What a worker looks at on its ticks, with many issuers of which one is down.

use egress_auth::demo::echo::Echo;

use super::{get, serve, token};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::Signer;

const ISSUERS: usize = 1_000;
/// Ticks that are looked at.
const TICKS: usize = 10;
/// What a tick may ask of the host for the sake of keys: far less than once for each document.
const ASKS: usize = 20;

#[test]
fn a_document_that_never_comes_makes_nobody_look_at_the_others() {
    let (issuer, down) =
        (Jwks::with(serve(&[Signer::Issuer]), None), Jwks::with(Behaviour::Fail(500), None));
    let echo = Echo::start().unwrap();
    let rule = |index: usize| {
        let host = if index == 0 { "down.issuer" } else { "all.issuer" };
        format!(
            "        - {{issuer: 'https://issuer-{index}', jwksUri: 'https://{host}/{index}'}}\n"
        )
    };
    let rules: String = (0..ISSUERS).map(rule).collect();
    let server = format!(
        "- name: one\n  hostname: one.api\n  authentication:\n    rules:\n      jwt:\n{rules}"
    );
    let envoy = Gateway::of_servers(&server)
        .upstream("all.issuer", issuer.address())
        .upstream("down.issuer", down.address())
        .upstream("one.api", echo.address())
        .start(1);
    let last = ISSUERS - 1;
    let request = get("/").bearer(&token(&format!("issuer-{last}"), Signer::Issuer));
    issuer.until_asked(last);
    eventually("the last document", || (request.send(envoy.gateway()).status == 200).then_some(()));
    // From the second failure on, nothing is new.
    down.until_asked(2);
    envoy.set_log_level("wasm", "trace");
    let start = envoy.log().len();
    let count = |log: &str, what: &str| log.matches(what).count();
    let log = eventually("ticks", || {
        let log = envoy.log().split_off(start);
        (count(&log, "proxy_on_tick return") > TICKS).then_some(log)
    });
    let asks = count(&log, "[vm->host] env.proxy_get_shared_data");
    assert!(asks < TICKS * ASKS, "{asks} in {TICKS} ticks");
}
