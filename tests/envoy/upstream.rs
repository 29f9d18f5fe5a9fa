//! What goes upstream, and to whom: verified TLS, headers, trailers and bodies as they should be.

use std::net::SocketAddr;

use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::raw::Request;
use crate::support::tls::{Authority, Certificate};
use crate::support::token::{Recipe, payload};
use crate::support::upstream::Upstream;
use crate::support::{eventually, http2, keys};
use egress_auth::demo::echo::Echo;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

const ISSUER: &str = "https://auth.test";

/// A token of the issuer.
fn token() -> String {
    Recipe::of(&json!({"iss": ISSUER, "sub": "me"})).token("RS256")
}

/// A server that asks for a token.
fn guarded(name: &str) -> String {
    format!(
        "- name: {name}\n  hostname: {name}.api\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwksUri: {ISSUER}/jwks\n      \
         outputPayloadToHeader: x-jwt-payload\n      \
         outputClaimToHeaders: [{{header: x-sub, claim: sub}}]\n"
    )
}

/// A server open to everybody, reached over TLS.
fn over_tls(name: &str, upstream: SocketAddr, tls: &str) -> String {
    let port = upstream.port();
    format!(
        "- name: {name}\n  hostname: {name}.api\n  routing: {{rules: [{{route: \
         {{serviceDestination: {{host: egress/localhost, port: {port}, tls: {{{tls}}}}}}}}}]}}\n  \
         authorization: {{local: {{rules: [{{name: anyone}}]}}}}\n"
    )
}

/// TLS settings that trust one authority.
fn simple(authority: &Authority) -> String {
    format!("mode: SIMPLE, files: {{caCertificates: {}}}", authority.file().display())
}

#[test]
fn tls_upstreams_are_whom_the_gateway_names_or_get_nothing() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let right = Upstream::start(&trusted.issue(&["localhost"]));
    let wrong_ca = Upstream::start(&stranger.issue(&["localhost"]));
    let wrong_name = Upstream::start(&trusted.issue(&["other.test"]));
    let renamed = Upstream::start(&trusted.issue(&["other.test"]));
    let ours: Certificate = trusted.issue(&["gateway.test"]);
    let mutual = Upstream::asking_for_certificates(&trusted.issue(&["localhost"]), &trusted);
    let unknown = Upstream::asking_for_certificates(&trusted.issue(&["localhost"]), &trusted);
    let ca = simple(&trusted);
    let with_certificate = format!(
        "mode: MUTUAL, files: {{caCertificates: {}, clientCertificate: {}, privateKey: {}}}",
        trusted.file().display(),
        ours.file.display(),
        ours.key_file.display()
    );
    let table = [
        ("right", &right, ca.clone(), 200),
        ("wrong-ca", &wrong_ca, ca.clone(), 503),
        ("wrong-name", &wrong_name, ca.clone(), 503),
        ("renamed", &renamed, format!("{ca}, subjectAltNames: [other.test]"), 200),
        ("mutual", &mutual, with_certificate, 200),
        ("unknown", &unknown, ca, 503),
    ];
    let servers: Vec<_> =
        table.iter().map(|(name, to, tls, _)| over_tls(name, to.address(), tls)).collect();
    let envoy = Gateway::of_servers(&servers.concat()).start(1);
    for (name, upstream, _, status) in &table {
        let response = Request::new("GET", format!("{name}.api"), "/x").send(envoy.gateway());
        assert_eq!(response.status, *status, "{name}: {}", response.body);
        let arrived = upstream.take_received();
        assert_eq!(arrived.len(), usize::from(*status == 200), "{name}");
        for received in arrived {
            assert_eq!(received.server_name.as_deref(), Some("localhost"), "{name}");
            let authority = format!("{name}.api:{}", upstream.address().port());
            assert_eq!(received.authority, authority);
        }
    }
    let failures = |server: &str, why: &str| {
        envoy.stat(&format!("cluster.server|{server}.ssl.{why}")).unwrap()
    };
    assert!(failures("wrong-ca", "fail_verify_error") > 0);
    assert!(failures("wrong-name", "fail_verify_san") > 0);
    assert_eq!(failures("right", "fail_verify_error") + failures("right", "fail_verify_san"), 0);
}

/// A call with forged output headers and trailers.
fn call(envoy: SocketAddr) -> u16 {
    let request = http::Request::post("http://grpc.api/pay.Payments/Send")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", token()))
        .header("x-jwt-payload", "forged")
        .header("x_sub", "forged")
        .body("message")
        .unwrap();
    let mut trailers = HeaderMap::new();
    for name in [
        "x-jwt-payload",
        "x_jwt_payload",
        "x.jwt!payload",
        "x-sub",
        "x-forwarded-client-cert",
        "x-checksum",
    ] {
        let name = HeaderName::from_static(name);
        trailers.insert(name, HeaderValue::from_static("of-the-client"));
    }
    trailers.insert("authorization", format!("Bearer\t{}", token()).parse().unwrap());
    http2::send(envoy, request, trailers).status().as_u16()
}

#[test]
fn trailers_are_freed_of_output_headers_too() {
    let authority = Authority::new();
    let upstream = Upstream::start(&authority.issue(&["localhost"]));
    let issuer = Jwks::with(Behaviour::Hold, None);
    let port = upstream.address().port();
    let routing = format!(
        "  routing: {{rules: [{{route: {{serviceDestination: {{host: egress/localhost, port: {port}, \
         tls: {{{}}}}}}}}}]}}\n",
        simple(&authority)
    );
    let servers = guarded("grpc") + &routing;
    let envoy = Gateway::of_servers(&servers).upstream("auth.test", issuer.address()).start(1);
    let to = envoy.gateway();
    // The first call waits for the keys with all that it has sent, the second does not.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || call(to));
        eventually("a waiting call", || {
            (envoy.stat("http.egress.downstream_rq_active") == Some(1)).then_some(())
        });
        issuer.behave(Behaviour::Serve(keys::all_keys()));
        assert_eq!(waiting.join().unwrap(), 200);
    });
    assert_eq!(call(to), 200);
    let arrived = upstream.take_received();
    assert_eq!(arrived.len(), 2);
    for received in arrived {
        assert_eq!(received.path, "/pay.Payments/Send");
        assert_eq!(received.body, b"message");
        let names: Vec<&str> = received.trailers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-checksum"]);
        let values: Vec<_> = received.headers.get_all("x-sub").iter().collect();
        assert_eq!(values, ["me"]);
        assert!(!received.headers.contains_key("x_sub"));
        assert!(!received.headers.contains_key("authorization"));
    }
}

#[test]
fn grpc_clients_get_a_grpc_status() {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let rules = "  authorization: {local: {rules: []}}\n";
    let envoy = Gateway::of_servers(&(guarded("grpc") + rules))
        .upstream("auth.test", issuer.address())
        .upstream("grpc.api", echo.address())
        .start(1);
    let call = |token: Option<String>| {
        let mut request = http::Request::post("http://grpc.api/pay.Payments/Send")
            .header("content-type", "application/grpc");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response =
            http2::send(envoy.gateway(), request.body("message").unwrap(), HeaderMap::new());
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (response.status().as_u16(), header("grpc-status"), header("grpc-message"))
    };
    // 16 is UNAUTHENTICATED, 7 is PERMISSION_DENIED.
    let missing = "Jwt is missing".to_owned();
    assert_eq!(call(None), (200, "16".to_owned(), missing));
    let denied = "RBAC: access denied".to_owned();
    assert_eq!(call(Some(token())), (200, "7".to_owned(), denied));
    assert!(echo.take_received().is_empty());
}

#[test]
fn header_values_that_are_no_text_hurt_nobody() {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let servers = guarded("header")
        + "- name: cookie\n  hostname: cookie.api\n  authentication:\n    jwt:\n      \
           issuer: https://auth.test\n      jwksUri: https://auth.test/jwks\n      \
           fromCookies: [session]\n"
        + "- name: open\n  hostname: open.api\n  authorization: {local: {rules: [{name: any}]}}\n";
    let envoy = Gateway::of_servers(&servers)
        .upstream("auth.test", issuer.address())
        .upstream("header.api", echo.address())
        .upstream("cookie.api", echo.address())
        .upstream("open.api", echo.address())
        .start(1);
    let bytes = b"\xff\xfe caf\xe9 \x80";
    let get = |host: &str| Request::new("GET", host, "/");
    let send = |request: &Request| request.send(envoy.gateway());

    assert_eq!(send(&get("open.api").header("x-bytes", bytes)).status, 200);
    assert_eq!(echo.take_received()[0].header("x-bytes"), [bytes]);

    let good = get("header.api").bearer(&token()).header("x-bytes", bytes);
    assert_eq!(send(&good.header("x-sub", bytes)).status, 200);
    let received = echo.take_received().remove(0);
    assert_eq!(received.header("x-bytes"), [bytes]);
    assert_eq!(received.header("x-sub"), [b"me"]);

    let with_cookie = format!("a=\u{e9}; session={}; b", token());
    let cookie = [with_cookie.as_bytes(), b"=\xff"].concat();
    assert_eq!(send(&get("cookie.api").header("cookie", cookie)).status, 200);
    assert_eq!(echo.take_received()[0].header("cookie"), [b"a=\xc3\xa9; b=\xff"]);

    for (host, name, value) in [
        ("header.api", "authorization", &b"Bearer \xff\xff.\xff.\xff"[..]),
        ("header.api", "authorization", b"Bearer a.b.\xe9"),
        ("cookie.api", "cookie", b"session=\xff.\xfe.\xfd"),
    ] {
        let response = send(&get(host).header(name, value));
        assert_eq!(response.status, 401, "{name}");
        assert!(response.header("www-authenticate").ends_with("error=\"invalid_token\""));
    }
    let response = send(&get("header.api").header("authorization", b"\xff\xfe"));
    assert_eq!((response.status, response.body.as_str()), (401, "Jwt is missing"));
    assert!(echo.take_received().is_empty());
    // The module is the one that started: nothing of this made it trap.
    assert!(!envoy.log().contains("[critical]"));
    assert_eq!(send(&get("header.api").bearer(&token())).status, 200);
}

#[test]
fn nothing_of_the_mesh_leaves_it() {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let envoy = Gateway::of_servers(&guarded("api"))
        .upstream("auth.test", issuer.address())
        .upstream("api.api", echo.address())
        .start(1);
    let token = token();
    let request = Request::new("GET", "api.api", "/x")
        .bearer(&token)
        .header("x-forwarded-client-cert", "By=spiffe://cluster.local/ns/a/sa/b")
        .header("x-envoy-attempt-count", "1")
        .header("x-envoy-decorator-operation", "x")
        .header("x-envoy-upstream-rq-timeout-ms", "1")
        .header("x-forwarded-proto", "http");
    assert_eq!(request.send(envoy.gateway()).status, 200);
    let received = echo.take_received().remove(0);
    let internal = |name: &str| {
        name.starts_with("x-envoy-")
            || ["x-forwarded-client-cert", "x-forwarded-proto", "authorization"].contains(&name)
    };
    let names: Vec<_> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.iter().any(|name| internal(name)), "{names:?}");
    assert_eq!(received.header("x-jwt-payload"), [payload(&token).as_bytes()]);
}
