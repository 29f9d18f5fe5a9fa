//! Headers that clients forge, double or hide. What says `forged` may arrive nowhere.

use egress_auth::demo::echo::Received;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{API, Attack, Row, http1, raw, with_token};

const FORGED: &str = "Forged headers";
const FRAMES: &str = "Header syntax and framing";

/// Forged headers and what is said of them.
const NAMES: [(&str, &str, &str); 18] = [
    ("x-jwt-payload", "`x-jwt-payload`", ""),
    ("X-JWT-Payload", "`X-JWT-Payload`", ""),
    ("x_jwt_payload", "`x_jwt_payload`", ""),
    ("X-Jwt_Payload", "`X-Jwt_Payload`", ""),
    ("x.jwt.payload", "`x.jwt.payload`", ""),
    ("x!jwt!payload", "`x!jwt!payload`", ""),
    ("X~JWT|Payload", "`X~JWT|Payload`", ""),
    ("x_forwarded_client_cert", "`x_forwarded_client_cert`", ""),
    ("x-sub", "`x-sub`", ""),
    ("x_sub", "`x_sub`", ""),
    ("x-team", "`x-team`, where the output header is `x_team`", ""),
    ("X_TEAM", "`X_TEAM`, where the output header is `x_team`", ""),
    ("x-envoy-original-path", "`x-envoy-original-path`", "CVE-2023-27487 (Envoy)"),
    ("x-envoy-original-dst-host", "`x-envoy-original-dst-host`", ""),
    ("x-envoy-decorator-operation", "`x-envoy-decorator-operation`", ""),
    ("x-envoy-upstream-alt-stat-name", "`x-envoy-upstream-alt-stat-name`", ""),
    ("X-Envoy-Internal", "`X-Envoy-Internal`", "CVE-2024-45806 (Envoy)"),
    ("x-forwarded-client-cert", "`x-forwarded-client-cert`", ""),
];

fn without_it(_: &Received) -> bool {
    true
}

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, attack, known) in NAMES {
        rows.push(Row::arrives(
            FORGED,
            (attack, known),
            with_token("GET /v1/payments/42", API, &[(name, "forged")]),
            "without it, but for what was verified",
            without_it,
        ));
    }
    rows.extend([
        Row::arrives(
            FORGED,
            ("`x-jwt-payload` where no token is asked for", ""),
            http1("GET /", "open.test", &[("x-jwt-payload", "forged"), ("x_sub", "forged")]),
            "without it",
            without_it,
        ),
        Row::arrives(
            FORGED,
            ("`x-jwt-payload` with each character for `-` that a name may have", ""),
            every_spelling(),
            "without any of them, but for what was verified",
            without_it,
        ),
        Row::nothing(
            FORGED,
            "`x-jwt-payload` with bytes outside ASCII for `-`",
            "",
            raw("GET /", &[b"host: open.test".to_vec(), b"x\xadjwt\xadpayload: forged".to_vec()]),
        ),
        Row::arrives(
            FORGED,
            ("`x-jwt-payload` three times", "CVE-2020-25017 (Envoy)"),
            with_token(
                "GET /v1/payments/42",
                API,
                &[
                    ("x-jwt-payload", "forged"),
                    ("x-other", "1"),
                    ("x-jwt-payload", "forged"),
                    ("x_jwt_payload", "forged"),
                    ("x-jwt-payload", ""),
                ],
            ),
            "without any of them, but for what was verified",
            without_it,
        ),
        Row::arrives(
            FORGED,
            (
                "`connection: x-jwt-payload` with a good token",
                "CVE-2022-31813 (Apache), CVE-2024-45410 (Traefik)",
            ),
            with_token("GET /v1/payments/42", API, &[("connection", "x-jwt-payload, x-sub")]),
            "with the verified headers still there",
            without_it,
        ),
        Row::nothing(
            FORGED,
            "`connection: authorization` without a token",
            "",
            http1("GET /v1/payments/42", API, &[("connection", "authorization")]),
        ),
        Row::arrives(
            FORGED,
            ("`x-jwt-payload` in HTTP/2 trailers", ""),
            trailers(),
            "without it",
            without_it,
        ),
        Row::arrives(
            FRAMES,
            ("a folded line `x-a: b` CR LF ` x-jwt-payload: c`", ""),
            raw(
                "GET /",
                &[b"host: open.test".to_vec(), b"x-a: b".to_vec(), b" x-jwt-payload: c".to_vec()],
            ),
            "as one value of `x-a`",
            |it| it.header("x-a") == [b"b x-jwt-payload: c"],
        ),
        Row::nothing(
            FRAMES,
            "`x-jwt-payload : forged` (space before the colon)",
            "",
            raw("GET /", &[b"host: open.test".to_vec(), b"x-jwt-payload : forged".to_vec()]),
        ),
        Row::nothing(
            FRAMES,
            "a NUL in a value",
            "CVE-2019-9900 (Envoy)",
            raw("GET /", &[b"host: open.test".to_vec(), b"x-a: b\0x-jwt-payload: forged".to_vec()]),
        ),
        Row::arrives(
            FRAMES,
            ("a bare CR in a value, `x-a: b` CR `x-jwt-payload: c`", ""),
            raw("GET /", &[b"host: open.test".to_vec(), b"x-a: b\rx-jwt-payload: c".to_vec()]),
            "as one value of `x-a`, without the CR",
            |it| it.header("x-a") == [b"bx-jwt-payload: c"],
        ),
        Row::arrives(
            FRAMES,
            ("a value that is not UTF-8", "CVE-2023-27488 (Envoy)"),
            raw("GET /", &[b"host: open.test".to_vec(), b"x-a: \xff\xfe".to_vec()]),
            "as it is, and the filter lives on",
            |it| it.header("x-a") == [b"\xff\xfe"],
        ),
        Row::nothing(
            FRAMES,
            "a token that is not UTF-8",
            "",
            raw(
                "GET /v1/payments/42",
                &[
                    format!("host: {API}").into_bytes(),
                    b"authorization: Bearer \xff\xfe.a.b".to_vec(),
                ],
            ),
        ),
        Row::nothing(
            FRAMES,
            "`content-length` and `transfer-encoding`",
            "",
            super::with_body(
                http1(
                    "POST /",
                    "closed.test",
                    &[("content-length", "4"), ("transfer-encoding", "chunked")],
                ),
                b"0\r\n\r\nGET / HTTP/1.1\r\nhost: open.test\r\nx-jwt-payload: forged\r\n\r\n",
            ),
        ),
        Row::nothing(
            FRAMES,
            "two values of `content-length`",
            "",
            super::with_body(
                http1(
                    "POST /",
                    "closed.test",
                    &[("content-length", "0"), ("content-length", "60")],
                ),
                b"GET / HTTP/1.1\r\nhost: open.test\r\nx-jwt-payload: forged\r\n\r\n",
            ),
        ),
        Row::nothing(
            FRAMES,
            "`transfer-encoding: xchunked`",
            "",
            http1("POST /", "closed.test", &[("transfer-encoding", "xchunked")]),
        ),
    ]);
    rows
}

/// Each character that a header's name may have beside letters and digits (RFC 9110, section 5.6.2)
/// in the places of `-`.
fn every_spelling() -> Attack {
    let names = "!#$%&'*+-.^_`|~".chars().map(|c| format!("x{c}jwt{c}payload"));
    let names: Vec<_> = names.collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "forged")).collect();
    with_token("GET /v1/payments/42", API, &headers)
}

fn trailers() -> Attack {
    let mut trailers = HeaderMap::new();
    for name in ["x-jwt-payload", "x_sub", "x.jwt.payload", "x!sub", "x-forwarded-client-cert"] {
        trailers.insert(HeaderName::from_static(name), HeaderValue::from_static("forged"));
    }
    let request = http::Request::post("http://open.test/").body("text").unwrap();
    Attack::Http2(Box::new(request), trailers)
}
