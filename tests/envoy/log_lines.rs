//! What the log holds under a flood of denied requests.

use std::net::SocketAddr;

use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::keys;
use crate::support::raw::Request;
use crate::support::token::ISSUER;
use egress_auth::demo::echo::Echo;

/// Requests of one flood, and how many of them come at once.
const FLOOD: usize = 500;
const AT_ONCE: usize = 100;

/// Sends requests without a token.
fn flood(host: &str, to: SocketAddr) {
    let request = Request::new("GET", host, "/x").header("user-agent", "flood");
    for _ in 0..FLOOD / AT_ONCE {
        let sent: Vec<_> = (0..AT_ONCE).map(|_| request.open(to)).collect();
        assert!(sent.into_iter().all(|it| it.response().status == 401));
    }
}

/// Lines about denied requests of a server, and how many requests were counted instead.
fn lines(log: &str, reason: &str, server: &str) -> (usize, usize) {
    let line =
        format!(": denied reason={reason} status=401 mechanism=authentication server={server} ");
    let count = format!(" more denied reason={reason} mechanism=authentication server={server}");
    let counts = log.lines().filter_map(|line| {
        let (_, number) = line.strip_suffix(&count)?.rsplit_once("not logged: ")?;
        Some(number.parse::<usize>().unwrap())
    });
    (log.matches(&line).count(), counts.sum())
}

/// However many there are: the log stays short, adds up, and shows what happens elsewhere.
#[test]
fn a_flood_fills_no_log_and_hides_nothing() {
    let jwks = keys::all_keys();
    let server = |name: &str| {
        format!(
            "- name: {name}\n  hostname: {name}.test\n  authentication:\n    jwt:\n      \
             issuer: {ISSUER}\n      jwks: '{jwks}'\n"
        )
    };
    let servers = ["flooded", "quiet"].map(server).concat();
    let echo = Echo::start().unwrap();
    let envoy = Gateway::of_servers(&servers)
        .upstream("flooded.test", echo.address())
        .upstream("quiet.test", echo.address())
        .start(1);

    flood("flooded.test", envoy.gateway());
    let other = Request::new("GET", "quiet.test", "/x").send(envoy.gateway());
    let reason = Request::new("GET", "flooded.test", "/x").bearer("a.b.c").send(envoy.gateway());
    assert_eq!((other.status, reason.status), (401, 401));
    flood("flooded.test", envoy.gateway());

    let all = |log: &str| {
        let (written, counted) = lines(log, "missing_token", "flooded");
        (written + counted == 2 * FLOOD).then_some((written, counted))
    };
    let (written, counted) = eventually("all requests in the log", || all(&envoy.log()));
    assert!(written >= 10 && counted > written, "{written} lines, {counted} counted");
    let log = envoy.log();
    assert_eq!(lines(&log, "missing_token", "quiet"), (1, 0), "the other server");
    assert_eq!(lines(&log, "malformed_token", "flooded"), (1, 0), "the other reason");

    // Each request is told of where each is asked for.
    let told = || {
        let entries = envoy.whole_access_log();
        let denied =
            |line: &&str| line.contains("\"missing_token\"") && line.contains("\"flooded\"");
        (entries.lines().filter(denied).count() == 2 * FLOOD).then_some(())
    };
    eventually("all requests in the access log", told);
}
