//! Which host a request is for, when it says so in unusual ways: what is judged is where the
//! request goes, or it goes nowhere. Spellings of a host that a URL can hold are in the tables.

use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::http2;
use crate::support::raw::Request;
use crate::support::table::Table;
use egress_auth::demo::echo::Echo;
use http::HeaderMap;

/// One server is open, the other closed.
const SERVERS: &str = "\
- name: open
  hostname: open.test
  authorization: {local: {rules: [{name: anyone, to: [{methods: [GET, OPTIONS], paths: [\"*\"]}]}]}}
- name: closed
  hostname: closed.test
  authorization: {local: {rules: []}}
- name: below
  hostname: \"*.wild.test\"
  authorization: {local: {rules: [{name: anyone}]}}
";

fn start(echo: &Echo) -> Envoy {
    Gateway::of_servers(SERVERS)
        .upstream("open.test", echo.address())
        .upstream("closed.test", echo.address())
        .upstream("*.wild.test", echo.address())
        .start(1)
}

#[test]
fn the_host_of_an_absolute_target_counts_and_not_the_header() {
    let echo = Echo::start().unwrap();
    let envoy = start(&echo);
    let send = |target: &str, header: &str| {
        let response = Request::new("GET", header, target).send(envoy.gateway());
        let hosts: Vec<_> = echo.take_received().into_iter().map(|it| it.host).collect();
        (response.status, hosts)
    };
    let open = vec!["open.test".to_owned()];
    assert_eq!(send("http://open.test/x", "closed.test"), (200, open.clone()));
    assert_eq!(send("http://OPEN.test:8080/x", "closed.test"), (200, open));
    assert_eq!(send("http://closed.test/x", "open.test"), (403, vec![]));
    assert_eq!(send("http://unlisted.test/x", "open.test"), (403, vec![]));
}

#[test]
fn a_host_that_is_not_clear_reaches_nobody() {
    let echo = Echo::start().unwrap();
    let envoy = start(&echo);
    let hosts: [&[u8]; 12] = [
        b"",
        b".",
        b":443",
        b"open.test..",
        b"open.test,closed.test",
        b"open.test closed.test",
        b"open.test\tclosed.test",
        b"open.test/x",
        b"open.test#",
        b"open.test\xff",
        b"\xc3\xb6pen.test",
        b"user:open.test@open.test",
    ];
    for host in hosts {
        let response = Request::new("GET", host, "/").send(envoy.gateway());
        assert!((400..500).contains(&response.status), "{}", host.escape_ascii());
    }
    let twice = Request::new("GET", "open.test", "/").header("host", "closed.test");
    // Envoy makes one value of both, and that is no host.
    assert!((400..500).contains(&twice.send(envoy.gateway()).status));
    for host in ["a.b.wild.test.evil.test", "wild.test"] {
        let response = Request::new("GET", host, "/").send(envoy.gateway());
        assert_eq!(response.status, 403, "{host}");
    }
    assert!(echo.take_received().is_empty());
}

/// Envoy chooses the route by the text of the host, and resolvers read addresses in many forms:
/// beside a server that is open to all, none of these may be taken for one of its hosts.
#[test]
fn no_spelling_of_a_closed_host_is_taken_for_an_open_one() {
    const BESIDE_ANY: &str = "\
- {name: closed, hostname: \"*.wild.test\", authorization: {local: {rules: []}}}
- {name: six, hostname: \"[::1]\", authorization: {local: {rules: []}}}
- {name: four, hostname: 127.0.0.1, authorization: {local: {rules: []}}}
- {name: any, hostname: \"*\", authorization: {local: {rules: [{name: anyone}]}}}
";
    let echo = Echo::start().unwrap();
    let mut gateway = Gateway::of_servers(BESIDE_ANY);
    for host in ["*.wild.test", "[::1]", "127.0.0.1", "*"] {
        gateway = gateway.upstream(host, echo.address());
    }
    let envoy = gateway.start(1);
    let send = |host: &str| Request::new("GET", host, "/").send(envoy.gateway()).status;
    for host in [
        "x..wild.test",
        ".wild.test",
        "..wild.test",
        "X..WILD.TEST:80",
        "x[.wild.test",
        "x].wild.test",
        "x%2ewild.test",
        "[0::1]",
        "[::0001]",
        "[0:0:0:0:0:0:0:1]:80",
        "[::0.0.0.1]",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.0x1",
    ] {
        assert_eq!(send(host), 400, "{host}");
    }
    for host in ["x.wild.test", "[::1]", "[::1]:80", "127.0.0.1", "127.0.0.1.:80"] {
        assert_eq!(send(host), 403, "{host}");
    }
    assert!(echo.take_received().is_empty());
    assert_eq!(send("any.test"), 200);
    assert_eq!(echo.take_received().len(), 1);
}

#[test]
fn targets_that_are_no_path_reach_nobody_that_they_should_not() {
    let echo = Echo::start().unwrap();
    let envoy = start(&echo);
    let send = |method: &str, host: &str, target: &[u8]| {
        Request::new(method, host, target).send(envoy.gateway()).status
    };
    for (method, target) in [("OPTIONS", &b"*"[..]), ("CONNECT", b"open.test:443")] {
        for host in ["open.test", "closed.test", "unlisted.test"] {
            let status = send(method, host, target);
            assert!((400..500).contains(&status), "{method} {host}: {status}");
        }
    }
    for target in [&b"x"[..], b"\xff", b"/\xff", b"/a\x01", b"/a b", b"/#", b"/%zz", b"/%00"] {
        let status = send("GET", "open.test", target);
        assert_eq!(status, 400, "{}", target.escape_ascii());
    }
    assert!(echo.take_received().is_empty());
    assert_eq!(send("GET", "open.test", b"/"), 200);
    assert_eq!(echo.take_received().len(), 1);
}

#[test]
fn http2_names_the_host_in_its_own_way() {
    let echo = Echo::start().unwrap();
    let envoy = start(&echo);
    let send = |authority: &str, host: Option<&str>| {
        let mut request = http::Request::get(format!("http://{authority}/x"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body("").unwrap();
        http2::send(envoy.gateway(), request, HeaderMap::new()).status().as_u16()
    };
    assert_eq!(send("OPEN.test:80", None), 200);
    assert_eq!(send("closed.test", None), 403);
    assert_eq!(send("unlisted.test", None), 403);
    assert_eq!(echo.take_received().len(), 1);
    assert_ne!(send("closed.test", Some("open.test")), 200);
    assert!(echo.take_received().is_empty());
}

#[test]
fn unlisted_hosts_pass_where_the_operator_says_so() {
    Table::read("default-allow").run("RS256", 1);
}
