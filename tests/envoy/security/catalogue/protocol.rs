//! What is no plain request: CONNECT, upgrades, gRPC, preflights, bodies, old versions.

use http::HeaderMap;

use super::{API, Attack, Row, http1, payment, with_body, with_token};

const PROTOCOL: &str = "Protocols";

/// The rows.
pub fn rows() -> Vec<Row> {
    let websocket = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let h2c = [
        ("connection", "upgrade, http2-settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ];
    let grpc = http::Request::post(format!("http://{API}/v1/payments/Get"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body("")
        .unwrap();
    let http2 = http::Request::get(format!("http://{API}/v1/payments/42")).body("").unwrap();
    vec![
        Row::nothing(
            PROTOCOL,
            "CONNECT `api.payments.test:443`",
            "",
            with_token(format!("CONNECT {API}:443"), API, &[]),
        ),
        Row::nothing(PROTOCOL, "`OPTIONS *`", "", with_token("OPTIONS *", API, &[])),
        Row::nothing(
            PROTOCOL,
            "a CORS preflight without a token",
            "",
            http1(
                "OPTIONS /v1/payments/42",
                API,
                &[("origin", "https://evil.test"), ("access-control-request-method", "GET")],
            ),
        ),
        Row::nothing(PROTOCOL, "a WebSocket without a token", "", payment(&websocket)),
        Row::nothing(PROTOCOL, "an upgrade to h2c without a token", "", payment(&h2c)),
        Row::nothing(
            PROTOCOL,
            "an upgrade to h2c at a closed host",
            "",
            http1("GET /", "closed.test", &h2c),
        ),
        Row::nothing(
            PROTOCOL,
            "gRPC without a token",
            "",
            Attack::Http2(Box::new(grpc), HeaderMap::new()),
        ),
        Row::nothing(
            PROTOCOL,
            "HTTP/2 without a token",
            "",
            Attack::Http2(Box::new(http2), HeaderMap::new()),
        ),
        Row::nothing(
            PROTOCOL,
            "a body without a token",
            "",
            with_body(http1("POST /v1/payments/42", API, &[("content-length", "4")]), b"body"),
        ),
        Row::nothing(
            PROTOCOL,
            "a body in chunks without a token",
            "",
            with_body(
                http1("POST /v1/payments/42", API, &[("transfer-encoding", "chunked")]),
                b"4\r\nbody\r\n0\r\n\r\n",
            ),
        ),
        Row::nothing(
            PROTOCOL,
            "`expect: 100-continue` without a token",
            "",
            http1(
                "POST /v1/payments/42",
                API,
                &[("expect", "100-continue"), ("content-length", "4")],
            ),
        ),
        Row::nothing(
            PROTOCOL,
            "HTTP/1.0 without a token",
            "",
            Attack::Http1(
                format!("GET /v1/payments/42 HTTP/1.0\r\nhost: {API}\r\n\r\n").into_bytes(),
            ),
        ),
        Row::nothing(
            PROTOCOL,
            "HTTP/0.9",
            "",
            Attack::Http1(b"GET /v1/payments/42\r\n\r\n".to_vec()),
        ),
        Row::nothing(
            PROTOCOL,
            "a second request in the body of a denied one",
            "",
            with_body(
                http1("POST /", "closed.test", &[("content-length", "0")]),
                format!("GET /v1/payments/42 HTTP/1.1\r\nhost: {API}\r\n\r\n").as_bytes(),
            ),
        ),
    ]
}
