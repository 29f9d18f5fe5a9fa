//! Nothing of a request goes on before it is decided, whatever `allow_on_headers_stop_iteration`
//! says: with and without body and trailers, in both versions of HTTP.
//!
//! With it, Envoy hands on bodies to the filter while the headers wait; without it, everything
//! waits.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use egress_auth::demo::echo::Echo;
use http::{HeaderMap, HeaderValue};

use super::{config, serve, token, until_active};
use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::Signer;
use crate::support::raw::Request;
use crate::support::tls::Authority;
use crate::support::upstream::Upstream;
use crate::support::{LIMIT, eventually};

/// What the field says; absent, it is left out.
const SETTINGS: [Option<bool>; 3] = [None, Some(false), Some(true)];
/// What is sent before the keys are there, and afterwards; the trailers come last.
const SHAPES: [Shape; 5] = [
    Shape { before: &[], after: &[], trailers: false },
    Shape { before: &["all of it"], after: &[], trailers: false },
    Shape {
        before: &["a start, ", "more, "],
        after: &["and more, ", "and the end"],
        trailers: false,
    },
    Shape { before: &["all but trailers"], after: &[], trailers: true },
    Shape { before: &["a start, "], after: &["the end, ", "and trailers"], trailers: true },
];

/// How a request is sent.
#[derive(Debug, Clone, Copy)]
struct Shape {
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// Whether trailers come, after all of the body.
    trailers: bool,
}

impl Shape {
    fn body(&self) -> String {
        [self.before, self.after].concat().concat()
    }

    /// Whether the whole request is sent before the keys are there.
    fn is_whole(&self) -> bool {
        self.after.is_empty()
    }
}

/// Everything that a run needs.
struct World {
    echo: Echo,
    issuer: Jwks,
    upstream: Upstream,
    _authority: Authority,
    envoy: Envoy,
}

impl World {
    fn new(setting: Option<bool>) -> Self {
        let (echo, issuer) = (Echo::start().unwrap(), Jwks::with(serve(&[Signer::Issuer]), None));
        let authority = Authority::new();
        let upstream = Upstream::start(&authority.issue(&["localhost"]));
        let server = |name: &str| {
            format!(
                "- name: {name}\n  hostname: {name}.api\n  authentication: {{jwt: {{issuer: \
                 'https://one', jwksUri: 'https://one.issuer/jwks', outputPayloadToHeader: \
                 x-jwt-payload}}}}\n"
            )
        };
        let routing = format!(
            "  routing: {{rules: [{{route: {{serviceDestination: {{host: egress/localhost, port: {}, \
             tls: {{mode: SIMPLE, files: {{caCertificates: {}}}}}}}}}}}]}}\n",
            upstream.address().port(),
            authority.file().display()
        );
        let gateway = Gateway::of_servers(&format!("{}{}{routing}", server("old"), server("new")))
            .upstream("one.issuer", issuer.address())
            .upstream("old.api", echo.address());
        let mut bootstrap = gateway.bootstrap();
        let config = config(&mut bootstrap).as_object_mut().unwrap();
        match setting {
            Some(value) => config.insert("allow_on_headers_stop_iteration".into(), value.into()),
            None => config.remove("allow_on_headers_stop_iteration"),
        };
        let envoy = Envoy::start(&bootstrap, 1).unwrap();
        Self { echo, issuer, upstream, _authority: authority, envoy }
    }

    /// Makes requests with new keys wait, once the old keys are there.
    fn hold(&self) {
        let known = Request::new("GET", "old.api", "/").bearer(&token("one", Signer::Issuer));
        eventually("the keys", || (known.send(self.envoy.gateway()).status == 200).then_some(()));
        self.echo.take_received();
        self.issuer.behave(Behaviour::Hold);
    }

    /// Serves keys; those that the waiting requests name among them, or not.
    fn release(&self, known: bool) {
        let signers: &[Signer] =
            if known { &[Signer::Issuer, Signer::Other] } else { &[Signer::Issuer] };
        self.issuer.behave(serve(signers));
    }
}

/// What arrived upstream, of either version.
struct Arrived {
    body: Vec<u8>,
    token: bool,
    payload: bool,
    trailers: Vec<String>,
}

impl World {
    fn arrived(&self) -> Vec<Arrived> {
        let old = self.echo.take_received().into_iter().map(|it| Arrived {
            token: !it.header("authorization").is_empty(),
            payload: it.header("x-jwt-payload").len() == 1,
            body: it.body,
            trailers: Vec::new(),
        });
        let new = self.upstream.take_received().into_iter().map(|it| Arrived {
            token: it.headers.contains_key("authorization"),
            payload: it.headers.get_all("x-jwt-payload").iter().count() == 1,
            body: it.body,
            trailers: it.trailers.keys().map(ToString::to_string).collect(),
        });
        old.chain(new).collect()
    }
}

/// A request in HTTP/1.1, with a body in chunks.
struct Old {
    stream: TcpStream,
    shape: Shape,
}

impl Old {
    fn open(to: SocketAddr, token: &str, shape: Shape) -> Self {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let body = !shape.body().is_empty();
        let framing = if body { "transfer-encoding: chunked\r\n" } else { "" };
        let method = if body { "POST" } else { "GET" };
        let head = format!(
            "{method} / HTTP/1.1\r\nhost: old.api\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n{framing}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut this = Self { stream, shape };
        this.write(shape.before);
        if shape.is_whole() {
            this.end();
        }
        this
    }

    fn write(&mut self, parts: &[&str]) {
        for part in parts {
            // A denial may come before all is sent, and close.
            let _ = write!(self.stream, "{:x}\r\n{part}\r\n", part.len());
        }
    }

    fn end(&mut self) {
        if !self.shape.body().is_empty() {
            let trailers =
                if self.shape.trailers { "x-jwt-payload: forged\r\nx-other: kept\r\n" } else { "" };
            let _ = write!(self.stream, "0\r\n{trailers}\r\n");
        }
    }

    /// Sends the rest: the status.
    fn finish(mut self) -> u16 {
        self.write(self.shape.after);
        if !self.shape.is_whole() {
            self.end();
        }
        let mut line = [0; 12];
        self.stream.read_exact(&mut line).unwrap();
        std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
    }
}

/// A request in HTTP/2.
struct New {
    response: h2::client::ResponseFuture,
    sending: h2::SendStream<Bytes>,
    shape: Shape,
}

impl New {
    fn open(client: &mut h2::client::SendRequest<Bytes>, token: &str, shape: Shape) -> Self {
        let head = http::Request::post("http://new.api/")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {token}"))
            .body(())
            .unwrap();
        let bodiless = shape.body().is_empty();
        let (response, sending) = client.send_request(head, bodiless).unwrap();
        let mut this = Self { response, sending, shape };
        this.write(shape.before, shape.is_whole());
        this
    }

    fn write(&mut self, parts: &[&'static str], ends: bool) {
        for (index, part) in parts.iter().enumerate() {
            let last = ends && index + 1 == parts.len();
            // A denial may come before all is sent, and ends the stream.
            let _ = self
                .sending
                .send_data(Bytes::from_static(part.as_bytes()), last && !self.shape.trailers);
            if last && self.shape.trailers {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-jwt-payload", HeaderValue::from_static("forged"));
                trailers.insert("x-other", HeaderValue::from_static("kept"));
                let _ = self.sending.send_trailers(trailers);
            }
        }
    }

    async fn finish(mut self) -> u16 {
        self.write(self.shape.after, true);
        self.response.await.unwrap().status().as_u16()
    }
}

fn expect(world: &World, statuses: &[u16], status: u16, version: &str, setting: Option<bool>) {
    let what = format!("{version}, {setting:?}");
    assert!(statuses.iter().all(|it| *it == status), "{what}: {statuses:?}");
    let arrived = world.arrived();
    if status != 200 {
        assert!(arrived.is_empty(), "{what}: what is denied arrives nowhere");
        return;
    }
    let mut bodies: Vec<_> =
        arrived.iter().map(|it| String::from_utf8_lossy(&it.body).into_owned()).collect();
    let mut expected = SHAPES.map(|shape| shape.body()).to_vec();
    bodies.sort();
    expected.sort();
    assert_eq!(bodies, expected, "{what}");
    for it in arrived {
        assert!(!it.token && it.payload, "{what}: decided before it went on");
        assert!(it.trailers.iter().all(|name| name == "x-other"), "{what}: {:?}", it.trailers);
    }
}

/// Has requests wait for keys that do not come, and then for keys that do.
fn twice(setting: Option<bool>, version: &str, run: impl Fn(&World, &str, bool) -> Vec<u16>) {
    let world = World::new(setting);
    let token = token("one", Signer::Other);
    for known in [false, true] {
        world.hold();
        let statuses = run(&world, &token, known);
        expect(&world, &statuses, if known { 200 } else { 401 }, version, setting);
    }
}

/// Waits until all that was sent waits, and then for its keys.
fn wait(world: &World, known: bool) {
    until_active(&world.envoy, SHAPES.len() as u64);
    assert!(world.arrived().is_empty(), "nothing arrives while it waits");
    world.release(known);
}

fn over_http_1(setting: Option<bool>) {
    twice(setting, "HTTP/1.1", |world, token, known| {
        let open = |shape: &Shape| Old::open(world.envoy.gateway(), token, *shape);
        let waiting: Vec<Old> = SHAPES.iter().map(open).collect();
        wait(world, known);
        waiting.into_iter().map(Old::finish).collect()
    });
}

fn over_http_2(setting: Option<bool>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    twice(setting, "HTTP/2", |world, token, known| {
        let (mut client, connection) = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(world.envoy.gateway()).await.unwrap();
            h2::client::handshake(stream).await.unwrap()
        });
        runtime.spawn(connection);
        let mut open = |shape: &Shape| New::open(&mut client, token, *shape);
        let waiting: Vec<New> = SHAPES.iter().map(&mut open).collect();
        wait(world, known);
        runtime.block_on(async {
            let mut statuses = Vec::new();
            for request in waiting {
                statuses.push(tokio::time::timeout(LIMIT, request.finish()).await.unwrap());
            }
            statuses
        })
    });
}

#[test]
fn nothing_goes_on_undecided_over_http_1() {
    SETTINGS.into_iter().for_each(over_http_1);
}

#[test]
fn nothing_goes_on_undecided_over_http_2() {
    SETTINGS.into_iter().for_each(over_http_2);
}
