//! What a Gateway's routing rules make of requests, after the decision, which is about the request
//! as it came.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use egress_auth::demo::echo::{Echo, Received};

use crate::support::gateway::Gateway;
use crate::support::raw::{Request, Response};
use crate::support::tls::{Authority, Certificate};
use crate::support::upstream::Upstream;

/// A server that allows what `rules` say, with these routing rules.
fn server(allowed: &str, rules: &str) -> String {
    format!(
        "- name: partner\n  hostname: partner.internal\n  authorization: {{local: {{rules: [{{name: r, \
         to: [{{paths: [{allowed}]}}]}}]}}}}\n  routing:\n    rules:\n{rules}"
    )
}

const ROUTE: &str = "route: {serviceDestination: {host: egress/partner.test}}";

fn get(envoy: SocketAddr, path: &str) -> Response {
    Request::new("GET", "partner.internal", path).send(envoy)
}

/// What the upstream saw of the one request that reached it.
fn only(echo: &Echo) -> Received {
    let mut received = echo.take_received();
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

#[test]
fn requests_are_changed_after_the_decision_about_them_as_they_came() {
    let echo = Echo::start().unwrap();
    let rules = format!(
        "    - modify:\n        rewrite: {{uri: /v2/partner, authority: partner.example.test}}\n        \
         headers:\n          request: {{remove: [x-internal-user], set: {{x-key: \"100%\"}}, \
         add: {{x-more: b}}}}\n          response: {{set: {{x-via: egress}}}}\n      timeout: 30s\n      \
         {ROUTE}\n"
    );
    let envoy = Gateway::of_servers(&server("\"/orders/*\"", &rules))
        .upstream("partner.internal", echo.address())
        .start(1);
    let request = Request::new("GET", "partner.internal", "/orders/7?a=b")
        .header("x-internal-user", "me")
        .header("x-key", "of-the-client")
        .header("x-more", "a")
        .header("user-agent", "first");
    let response = request.send(envoy.gateway());
    assert_eq!((response.status, response.header("x-via")), (200, "egress"));
    let received = only(&echo);
    assert_eq!(received.path, "/v2/partner/orders/7?a=b");
    assert_eq!(received.host, "partner.example.test");
    assert_eq!(received.header("x-key"), [b"100%"]);
    assert_eq!(received.header("x-more"), [&b"a"[..], b"b"]);
    assert!(received.header("x-internal-user").is_empty());
    let logged = envoy.access_log("first").unwrap();
    assert_eq!(
        (&logged["host"], &logged["path"]),
        (&"partner.internal".into(), &"/orders/7".into())
    );
    // The path that the upstream sees is none that the rules were written for.
    assert_eq!(get(envoy.gateway(), "/v2/partner/orders/7").status, 403);
    assert_eq!(get(envoy.gateway(), "/").status, 403);
    assert!(echo.take_received().is_empty());
}

#[test]
fn no_dot_segment_leads_out_of_what_a_rule_put_in_its_place() {
    let echo = Echo::start().unwrap();
    let rules = format!("    - modify: {{rewrite: {{uri: /v2/partner}}}}\n      {ROUTE}\n");
    // Any path is allowed, so the filter does not judge how it is read.
    let envoy = Gateway::of_servers(&server("\"*\"", &rules))
        .upstream("partner.internal", echo.address())
        .start(1);
    for path in [
        "/..%2fadmin",
        "/a/..%2F..%2fadmin",
        "/a%5c..%5cadmin",
        "/a/.%2e%2f../admin",
        "/%252e%252e%252fadmin",
    ] {
        let response = get(envoy.gateway(), path);
        let received = echo.take_received();
        assert_eq!(response.status, 400, "{path}: {received:?}");
        assert!(received.is_empty());
    }
    for (path, arrives) in [
        ("/", "/v2/partner"),
        ("/@scope%2fpackage", "/v2/partner/@scope%2fpackage"),
        ("/compare/a...b", "/v2/partner/compare/a...b"),
        ("/a/../b", "/v2/partner/b"),
        // Envoy resolves these itself.
        ("/..;/b", "/v2/partner/b"),
        ("/a/..;x/b", "/v2/partner/b"),
    ] {
        assert_eq!(get(envoy.gateway(), path).status, 200, "{path}");
        assert_eq!(only(&echo).path, arrives, "{path}");
    }
}

/// A prefix may end within a segment, and then the rest of it comes behind the slash of the new path.
#[test]
fn no_dot_segment_arises_where_a_prefix_ends() {
    let echo = Echo::start().unwrap();
    for to in ["/tenants/a/", "/"] {
        let rules = format!(
            "    - match: [{{uri: {{prefix: /public}}}}]\n      modify: {{rewrite: {{uri: {to}}}}}\n      \
             {ROUTE}\n"
        );
        let envoy = Gateway::of_servers(&server("\"*\"", &rules))
            .upstream("partner.internal", echo.address())
            .start(1);
        for rest in [
            "..", "../q", "./q", "..;/q", ".;x/q", "..%2fq", "..%5cq", "..%252fq", "%2e%2e/q",
            ".%252e/q",
        ] {
            let response = get(envoy.gateway(), &format!("/public{rest}"));
            let received = echo.take_received();
            assert_eq!(response.status, 400, "{rest} for {to}: {received:?}");
            assert!(received.is_empty());
        }
        for (rest, arrives) in [("", ""), ("/q", "q"), ("x/q", "x/q"), ("...", "..."), (".q", ".q")]
        {
            assert_eq!(get(envoy.gateway(), &format!("/public{rest}")).status, 200, "{rest}");
            assert_eq!(only(&echo).path, format!("{to}{arrives}"), "{rest}");
        }
    }
}

#[test]
fn rules_are_tried_in_order_and_only_for_what_is_allowed() {
    let (first, second) = (Echo::start().unwrap(), Echo::start().unwrap());
    let rules = "    - match: [{uri: {prefix: /v1/}, headers: {x-region: {exact: eu}}}, {uri: {regex: \
                 \"/eu/.*\"}}]\n      route: {serviceDestination: {host: egress/first.test}}\n    \
                 - match: [{uri: {exact: /old}}]\n      redirect: {uri: /new, authority: other.test, \
                 redirectCode: 308}\n    - match: [{uri: {exact: /health}}]\n      directResponse: \
                 {status: 203, body: {string: fine}}\n    - match: [{uri: {prefix: /v1/}}]\n      \
                 route: {serviceDestination: {host: egress/second.test}}\n";
    let allowed = "\"/v1/*\", \"/eu/*\", /old, /health, /nowhere";
    let envoy = Gateway::of_servers(&server(allowed, rules))
        .upstream("first.test", first.address())
        .upstream("second.test", second.address())
        .start(1);
    let to = envoy.gateway();
    let in_region = |path| Request::new("GET", "partner.internal", path).header("x-region", "eu");
    assert_eq!(in_region("/v1/a").send(to).status, 200);
    assert_eq!(only(&first).path, "/v1/a");
    assert_eq!(get(to, "/eu/a").status, 200);
    assert_eq!(only(&first).path, "/eu/a");
    assert_eq!(get(to, "/v1/a").status, 200);
    assert_eq!(only(&second).host, "partner.internal");
    let moved = get(to, "/old");
    assert_eq!((moved.status, moved.header("location")), (308, "http://other.test/new"));
    let answered = get(to, "/health");
    assert_eq!((answered.status, answered.body.as_str()), (203, "fine"));
    // Allowed, but no rule is for it.
    assert_eq!(get(to, "/nowhere").status, 404);
    // What is denied is told nothing of where rules lead.
    let denied = Request::new("GET", "partner.internal", "/older").send(to);
    assert_eq!(denied.status, 403);
    let unnamed = Request::new("GET", "other.internal", "/health").send(to);
    assert_eq!(unnamed.status, 403);
    assert!(first.take_received().is_empty() && second.take_received().is_empty());
}

/// Answers connections one after the other, each with the next of these; nothing: never.
fn answering(answers: &'static [Option<&'static str>]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            if let Some(status) = answer {
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            } else {
                open.push(stream);
            }
        }
        // Connections that wait stay open until the test ends.
        let _ = listener.accept();
    });
    address
}

#[test]
fn answers_that_take_too_long_are_given_up_and_denials_come_at_once() {
    let silent = answering(&[None]);
    let rules = format!("    - timeout: 0.2s\n      {ROUTE}\n");
    let envoy =
        Gateway::of_servers(&server("/slow", &rules)).upstream("partner.internal", silent).start(1);
    assert_eq!(get(envoy.gateway(), "/slow").status, 504);
    assert_eq!(get(envoy.gateway(), "/other").status, 403);
    let log = envoy.logged("path", "/slow").unwrap();
    assert_eq!((log["decision"].as_str(), log["status"].as_u64()), (Some("allow"), Some(504)));
}

#[test]
fn requests_are_sent_again_for_the_reasons_that_are_written() {
    let rules = format!(
        "    - retries: {{attempts: 2, retryOn: \"503\", retryBackOff: {{baseInterval: 1ms}}}}\n      \
         {ROUTE}\n"
    );
    let gateway = |answers| {
        Gateway::of_servers(&server("\"*\"", &rules))
            .upstream("partner.internal", answering(answers))
            .start(1)
    };
    let again = gateway(&[Some("503 No"), Some("503 No"), Some("204 Yes")]);
    assert_eq!(get(again.gateway(), "/").status, 204);
    let other = gateway(&[Some("500 No"), Some("204 Yes")]);
    assert_eq!(get(other.gateway(), "/").status, 500);
}

/// A folder as a secret is mounted, with the files that Kubernetes names.
fn secret(authority: &Authority, client: Option<&Certificate>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(authority.file(), folder.path().join("ca.crt")).unwrap();
    if let Some(client) = client {
        std::fs::copy(&client.file, folder.path().join("tls.crt")).unwrap();
        std::fs::copy(&client.key_file, folder.path().join("tls.key")).unwrap();
    }
    folder
}

#[test]
fn a_private_ca_from_a_secret_is_the_only_one_that_is_trusted() {
    let (private, system) = (Authority::new(), Authority::new());
    let of_private = Upstream::start(&private.issue(&["localhost"]));
    let of_system = Upstream::start(&system.issue(&["localhost"]));
    let mutual = Upstream::asking_for_certificates(&private.issue(&["localhost"]), &private);
    let renamed = Upstream::start(&private.issue(&["sni.test"]));
    let ours = private.issue(&["gateway.test"]);
    let (ca, both) = (secret(&private, None), secret(&private, Some(&ours)));
    let host = |name: &str, upstream: &Upstream, tls: &str| {
        let port = upstream.address().port();
        format!(
            "- name: {name}\n  hostname: {name}.api\n  routing: {{rules: [{{route: \
             {{serviceDestination: {{host: egress/localhost, port: {port}, tls: {{{tls}}}}}}}}}]}}\n  \
             authorization: {{local: {{rules: [{{name: anyone}}]}}}}\n"
        )
    };
    let servers = [
        host("private", &of_private, "mode: SIMPLE, secretName: partner-ca"),
        host("system", &of_system, "mode: SIMPLE, secretName: egress/partner-ca"),
        host("mutual", &mutual, "mode: MUTUAL, secretName: partner-both"),
        host("simple", &mutual, "mode: SIMPLE, secretName: partner-ca"),
        host("renamed", &renamed, "mode: SIMPLE, secretName: partner-ca, sni: sni.test"),
        host("by-default", &of_private, "mode: SIMPLE"),
    ];
    let named = |name: &str, folder: &tempfile::TempDir| {
        ["--tls-secret".to_owned(), format!("{name}={}", folder.path().display())]
    };
    let flags = [named("partner-ca", &ca), named("partner-both", &both)].concat();
    // The system's own CAs would vouch for the second one.
    let envoy = Gateway::of_servers(&servers.concat())
        .arguments(flags.iter().map(String::as_str))
        .environment("SSL_CERT_FILE", system.file())
        .start(1);
    for (name, upstream, status) in [
        ("private", &of_private, 200),
        ("system", &of_system, 503),
        ("mutual", &mutual, 200),
        ("simple", &mutual, 503),
        ("renamed", &renamed, 200),
        ("by-default", &of_private, 503),
    ] {
        let response = Request::new("GET", format!("{name}.api"), "/").send(envoy.gateway());
        assert_eq!(response.status, status, "{name}: {}", response.body);
        assert_eq!(upstream.take_received().len(), usize::from(status == 200), "{name}");
    }
}

#[test]
fn only_the_tls_that_is_asked_for_is_spoken() {
    let authority = Authority::new();
    let upstream = Upstream::start(&authority.issue(&["localhost"]));
    let port = upstream.address().port();
    let ca = authority.file();
    let host = |name: &str, tls: &str| {
        format!(
            "- name: {name}\n  hostname: {name}.api\n  routing: {{rules: [{{route: \
             {{serviceDestination: {{host: egress/localhost, port: {port}, tls: {{mode: SIMPLE, files: \
             {{caCertificates: {}}}, {tls}}}}}}}}}]}}\n  authorization: {{local: {{rules: [{{name: \
             anyone}}]}}}}\n",
            ca.display()
        )
    };
    let suite =
        "cipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ECDHE-RSA-AES256-GCM-SHA384]";
    let servers = [
        host("newest", "minProtocolVersion: TLSV1_3"),
        host("older", &format!("maxProtocolVersion: TLSV1_2, {suite}")),
    ];
    let envoy = Gateway::of_servers(&servers.concat()).start(1);
    for (name, spoken) in [("newest", "TLSv1.3"), ("older", "TLSv1.2")] {
        let response = Request::new("GET", format!("{name}.api"), "/").send(envoy.gateway());
        assert_eq!(response.status, 200, "{name}: {}", response.body);
        let stat = format!("cluster.server|{name}.ssl.versions.{spoken}");
        assert_eq!(envoy.stat(&stat), Some(1), "{name}");
    }
}
