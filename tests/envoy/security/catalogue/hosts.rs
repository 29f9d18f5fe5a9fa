//! One host named in two ways. `open.test` is open to everybody, `closed.test` to nobody.

use http::HeaderMap;

use super::{API, Attack, Row, http1, raw, with_token};

const HOSTS: &str = "Hosts";

/// Values of `host` that get nowhere.
const NAMES: [(&str, &str, &str); 20] = [
    ("CLOSED.Test", "`CLOSED.Test`", "CVE-2021-39155 (Istio)"),
    ("closed.test:443", "`closed.test:443`", ""),
    ("closed.test.", "`closed.test.`", ""),
    ("Closed.Test.:8443", "`Closed.Test.:8443`", ""),
    ("open.test@closed.test", "`open.test@closed.test`", ""),
    ("closed.test@open.test", "`closed.test@open.test`", ""),
    ("x:open.test@closed.test", "`x:open.test@closed.test`", ""),
    ("open.test, closed.test", "`open.test, closed.test`", ""),
    ("open.test closed.test", "`open.test closed.test`", ""),
    ("open.test/closed.test", "`open.test/closed.test`", ""),
    ("open.test#closed.test", "`open.test#closed.test`", ""),
    ("open.test\\closed.test", "`open.test\\closed.test`", ""),
    ("open.test..", "`open.test..`", ""),
    ("open.test.evil.test", "`open.test.evil.test`", ""),
    ("evilopen.test", "`evilopen.test`", ""),
    (".wild.test", "`.wild.test`", ""),
    ("a..wild.test", "`a..wild.test`", ""),
    ("a.wild.test.evil.test", "`a.wild.test.evil.test`", ""),
    ("127.0.0.1", "`127.0.0.1`", ""),
    ("[::1]", "`[::1]`", ""),
];

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = NAMES
        .iter()
        .map(|(host, attack, known)| Row::nothing(HOSTS, attack, known, http1("GET /", host, &[])))
        .collect();
    rows.extend([
        Row::nothing(HOSTS, "no host", "", raw("GET /", &[])),
        Row::nothing(HOSTS, "an empty host", "", raw("GET /", &[b"host:".to_vec()])),
        Row::nothing(
            HOSTS,
            "a host of bytes that are not UTF-8",
            "",
            raw("GET /", &[b"host: open.test\xff".to_vec()]),
        ),
        Row::nothing(
            HOSTS,
            "`host: open.test` and `host: closed.test`",
            "",
            http1("GET /", "open.test", &[("host", "closed.test")]),
        ),
        Row::nothing(
            HOSTS,
            "target `http://closed.test/`, host `open.test`",
            "",
            http1("GET http://closed.test/", "open.test", &[]),
        ),
        Row::nothing(
            HOSTS,
            "target `http://api.payments.test/v1/admin`, host `open.test`",
            "",
            with_token(format!("GET http://{API}/v1/admin"), "open.test", &[]),
        ),
        Row::arrives(
            HOSTS,
            ("target `http://open.test/`, host `closed.test`", ""),
            http1("GET http://open.test/", "closed.test", &[]),
            "at `open.test`, under that name",
            |it| it.host == "open.test",
        ),
        Row::nothing(
            HOSTS,
            "`closed.test` with `x-forwarded-host: open.test`",
            "",
            http1("GET /", "closed.test", &[("x-forwarded-host", "open.test")]),
        ),
        Row::nothing(
            HOSTS,
            "`closed.test` with `forwarded: host=open.test`",
            "",
            http1("GET /", "closed.test", &[("forwarded", "host=open.test")]),
        ),
        Row::nothing(
            HOSTS,
            "HTTP/2: `:authority: closed.test`, `host: open.test`",
            "",
            http2("closed.test", Some("open.test")),
        ),
        Row::nothing(
            HOSTS,
            "HTTP/2: `:authority: CLOSED.test:80`",
            "CVE-2021-39155 (Istio)",
            http2("CLOSED.test:80", None),
        ),
    ]);
    rows
}

fn http2(authority: &str, host: Option<&str>) -> Attack {
    let mut request = http::Request::get(format!("http://{authority}/"));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    Attack::Http2(Box::new(request.body("").unwrap()), HeaderMap::new())
}
