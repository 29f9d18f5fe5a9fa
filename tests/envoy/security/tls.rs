//! Ways to be somebody else in the TLS handshake, or to be let in by one name and ask for another:
//! through a real Envoy that asks its clients for certificates. What counts is what arrives.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use egress_auth::demo::echo::Echo;

use crate::support::LIMIT;
use crate::support::gateway::Gateway;
use crate::support::tls::{Authority, Client};
use crate::support::tried::Tried;

/// The workload that `workload.test` admits.
const ADMITTED: &str = "spiffe://cluster.local/ns/payments/sa/api";
const OTHER: &str = "spiffe://cluster.local/ns/shop/sa/web";
/// `workload.test` admits one workload, `open.test` everybody, `closed.test` nobody.
const HOSTS: [&str; 3] = ["workload.test", "open.test", "closed.test"];
const YAML: &str = "apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: tested}
spec:
  workloadSelector: {namespace: egress}
  egressAuthorization:
    - from: {serviceAccounts: [payments/api]}
      to: [{host: {exact: workload.test}}]
    - to: [{host: {exact: open.test}}]
  http:
    - {name: workload, hostname: workload.test}
    - {name: open, hostname: open.test}
    - {name: closed, hostname: closed.test}
";

/// Target, host and further header lines of a request.
type Asked = (&'static str, &'static str, &'static str);
const WORKLOAD: Asked = ("/", "workload.test", "");
const OPEN: Asked = ("/", "open.test", "");
const CLOSED: Asked = ("/", "closed.test", "");
const FORWARDED: &str =
    "x-forwarded-client-cert: By=spiffe://x;URI=spiffe://cluster.local/ns/payments/sa/api\r\n";

/// A row of the catalogue.
struct Row {
    attack: &'static str,
    client: Of,
    /// The name in the handshake; an IP address is not said.
    sni: &'static str,
    /// Requests on one connection.
    requests: &'static [Asked],
    /// The hosts at which something arrives.
    arrives: &'static [&'static str],
}

/// Whose certificate a client has, and for which names.
enum Of {
    Nobody,
    Ours(&'static [&'static str]),
    /// One of an authority that the gateway does not trust.
    Stranger(&'static [&'static str]),
}

fn rows() -> Vec<Row> {
    let row =
        |attack, client, sni, requests, arrives| Row { attack, client, sni, requests, arrives };
    // A workload that everybody knows asks under one name for another.
    let named =
        |attack, sni, requests, arrives| row(attack, Of::Ours(&[OTHER]), sni, requests, arrives);
    // Somebody asks for what one workload is admitted to.
    let posing = |attack, client| row(attack, client, "workload.test", &[WORKLOAD], &[]);
    vec![
        named("SNI `open.test`, host `closed.test`", "open.test", &[CLOSED], &[]),
        named("SNI `closed.test`, host `open.test`", "closed.test", &[OPEN], &["open.test"]),
        named(
            "SNI `open.test`, target `http://closed.test/`, host `open.test`",
            "open.test",
            &[("http://closed.test/", "open.test", "")],
            &[],
        ),
        named("no SNI, host `closed.test`", "127.0.0.1", &[CLOSED], &[]),
        named(
            "`open.test`, then `closed.test` on the same connection",
            "open.test",
            &[OPEN, CLOSED],
            &["open.test"],
        ),
        named(
            "`x-forwarded-client-cert` with the admitted ID",
            "workload.test",
            &[("/", "workload.test", FORWARDED)],
            &[],
        ),
        posing("no client certificate", Of::Nobody),
        posing("the admitted SPIFFE ID, from a CA of the client's own", Of::Stranger(&[ADMITTED])),
        posing(
            "the admitted workload of another trust domain",
            Of::Ours(&["spiffe://evil.example/ns/payments/sa/api"]),
        ),
        posing("the admitted ID beside another one", Of::Ours(&[OTHER, ADMITTED])),
        posing(
            "the admitted ID in capitals",
            Of::Ours(&["spiffe://cluster.local/ns/PAYMENTS/sa/API"]),
        ),
        posing(
            "the admitted ID with more behind it",
            Of::Ours(&["spiffe://cluster.local/ns/payments/sa/api/x"]),
        ),
        posing(
            "a way round: `ns/shop/../payments/sa/api`",
            Of::Ours(&["spiffe://cluster.local/ns/shop/../payments/sa/api"]),
        ),
        posing(
            "a name of the workload that is no URI",
            Of::Ours(&["cluster.local.ns.payments.sa.api"]),
        ),
    ]
}

/// The rows as a section of `docs/bypasses.md`.
pub fn section() -> String {
    let mut text = String::from(
        "\n## TLS\n\nThe gateway asks for client certificates; `workload.test` admits one workload by \
         its SPIFFE ID.\n\n| what is sent | what arrives |\n|---|---|\n",
    );
    for Row { attack, arrives, .. } in rows() {
        let arrives = match arrives {
            [] => "nothing".to_owned(),
            hosts => format!("what is for `{}`", hosts.join("`, `")),
        };
        writeln!(text, "| {attack} | {arrives} |").unwrap();
    }
    text
}

#[test]
fn nobody_becomes_somebody_else_by_a_handshake() {
    let (trusted, stranger, echo) = (Authority::new(), Authority::new(), Echo::start().unwrap());
    let server = trusted.issue(&["workload.test", "open.test", "closed.test", "127.0.0.1"]);
    let gateway = Gateway::new(YAML).mtls(&trusted, &server);
    let gateway =
        HOSTS.iter().fold(gateway, |gateway, host| gateway.upstream(host, echo.address()));
    let envoy = gateway.start(1);
    let client = |of: &Of| match of {
        Of::Nobody => trusted.anonymous_client(),
        Of::Ours(names) => trusted.issue(names).client(&trusted),
        Of::Stranger(names) => stranger.issue(names).client(&trusted),
    };
    let admitted = client(&Of::Ours(&[ADMITTED]));
    let (mut wrong, rows) = (Vec::new(), rows());
    for Row { attack, client: of, sni, requests, arrives } in &rows {
        send(&client(of), sni, requests, envoy.gateway());
        let arrived: Vec<String> = echo.take_received().into_iter().map(|it| it.host).collect();
        if arrived != *arrives {
            wrong.push(format!("{attack}: {arrived:?}"));
        }
        // Whatever it did, who is admitted still is.
        send(&admitted, "workload.test", &[WORKLOAD], envoy.gateway());
        assert_eq!(echo.take_received().len(), 1, "after {attack}");
    }
    Tried::new("bypass catalogue, TLS", rows.len(), wrong.len()).print();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sends requests on one connection and waits for its end.
fn send(client: &Client, sni: &str, requests: &[Asked], to: SocketAddr) {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut stream = client.wrap(stream, sni);
    for (index, (target, host, headers)) in requests.iter().enumerate() {
        let end = if index + 1 == requests.len() { "connection: close\r\n" } else { "" };
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{headers}{end}\r\n");
        // The gateway may refuse the handshake, or answer before it has read everything.
        let _ = stream.write_all(request.as_bytes());
    }
    let _ = stream.read_to_end(&mut Vec::new());
}
