//! One path read in two ways, and methods. Every request has a good token.

use super::{API, Row, with_token};

const PATHS: &str = "Paths";
const METHODS: &str = "Methods and overrides";

/// What gets nowhere: the target as a shell would escape it, what it is, who fell for it.
const TARGETS: [(&[u8], &str, &str); 36] = [
    (
        b"/v1/payments/../admin",
        "`/v1/payments/../admin`",
        "CVE-2019-9901 (Envoy), CVE-2024-10005 (Consul)",
    ),
    (b"/v1/payments/./../admin", "`/v1/payments/./../admin`", ""),
    (
        b"/v1/payments/..%2fadmin",
        "`/v1/payments/..%2fadmin`",
        "CVE-2021-29492 (Envoy), CVE-2021-31920 (Istio)",
    ),
    (b"/v1/payments/..%2Fadmin", "`/v1/payments/..%2Fadmin`", "CVE-2021-29492 (Envoy)"),
    (b"/v1/payments/%2e%2e/admin", "`/v1/payments/%2e%2e/admin`", "CVE-2019-9901 (Envoy)"),
    (b"/v1/payments/%2e%2e%2fadmin", "`/v1/payments/%2e%2e%2fadmin`", "CVE-2021-29492 (Envoy)"),
    (b"/v1/payments/.%2e/admin", "`/v1/payments/.%2e/admin`", ""),
    (b"/v1/payments/..%252fadmin", "`/v1/payments/..%252fadmin`", ""),
    (b"/v1/payments/%252e%252e/admin", "`/v1/payments/%252e%252e/admin`", ""),
    (b"/v1/payments/..\\admin", "`/v1/payments/..\\admin`", "CVE-2021-29492 (Envoy)"),
    (b"/v1/payments/..%5cadmin", "`/v1/payments/..%5cadmin`", "CVE-2021-29492 (Envoy)"),
    (b"/v1/payments/..;/admin", "`/v1/payments/..;/admin`", ""),
    (b"/v1/payments/..;x=1/admin", "`/v1/payments/..;x=1/admin`", ""),
    (b"/v1/payments/..%3bx/admin", "`/v1/payments/..%3bx/admin`", ""),
    (b"/v1/payments/%2e%2e;/admin", "`/v1/payments/%2e%2e;/admin`", ""),
    (b"/v1/payments//../../admin", "`/v1/payments//../../admin`", "CVE-2021-31920 (Istio)"),
    (b"//v1/payments/../admin", "`//v1/payments/../admin`", "CVE-2021-31920 (Istio)"),
    (b"/v1/payments%2f..%2f..%2fadmin", "`/v1/payments%2f..%2f..%2fadmin`", ""),
    (
        b"/v1/payments/x#/../../admin",
        "`/v1/payments/x#/../../admin`",
        "CVE-2021-32779 (Envoy), CVE-2021-39156 (Istio)",
    ),
    (b"/v1/payments/x%00/../../admin", "`/v1/payments/x%00/../../admin`", ""),
    (b"/v1/payments/%c0%ae%c0%ae/admin", "`/v1/payments/%c0%ae%c0%ae/admin` (overlong dots)", ""),
    (b"/v1/payments/\xc0\xae\xc0\xae/admin", "the same in raw bytes", ""),
    (b"/v1/payments/%zz", "`/v1/payments/%zz`", ""),
    (b"/V1/Payments/42", "`/V1/Payments/42`", ""),
    (b"/v1/paymentsx/42", "`/v1/paymentsx/42`", ""),
    (b"/v1/admin?/v1/payments/42", "`/v1/admin?/v1/payments/42`", ""),
    (b"/v1/admin;/v1/payments/42", "`/v1/admin;/v1/payments/42`", ""),
    (b"/v1/payments/x;%2fy/..%2f..%2fadmin", "`/v1/payments/x;%2fy/..%2f..%2fadmin`", ""),
    (
        b"/v1/payments/x;%252fy/..%252f..%252fadmin",
        "`/v1/payments/x;%252fy/..%252f..%252fadmin`",
        "",
    ),
    (
        b"/v1/payments/x%3b%252fy/..%252f..%252fadmin",
        "`/v1/payments/x%3b%252fy/..%252f..%252fadmin`",
        "",
    ),
    (b"/v1/payments/a%2fb/%2e%2e;/%2e%2e;/admin", "`/v1/payments/a%2fb/%2e%2e;/%2e%2e;/admin`", ""),
    (b"/v1/payments/a%2fb/..;/..;/admin", "`/v1/payments/a%2fb/..;/..;/admin`", ""),
    (b"/v1/payments/%252525252e%2525252e/admin", "`/v1/payments/%252525252e%2525252e/admin`", ""),
    (b"/v1/admin%3f/v1/payments/42", "`/v1/admin%3f/v1/payments/42`", ""),
    (b"/v1/payments/..%2fadmin%3fx", "`/v1/payments/..%2fadmin%3fx`", ""),
    (b"/v1/payments/..%2fadmin%23x", "`/v1/payments/..%2fadmin%23x`", ""),
];

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = TARGETS
        .iter()
        .map(|(target, attack, known)| {
            Row::nothing(PATHS, attack, known, with_token([b"GET ", *target].concat(), API, &[]))
        })
        .collect();
    rows.push(Row::arrives(
        PATHS,
        ("`/v1/payments/42?/../../../admin`", ""),
        with_token("GET /v1/payments/42?/../../../admin", API, &[]),
        "as it is: a query is no path",
        |it| it.path == "/v1/payments/42?/../../../admin",
    ));
    for (header, known) in [
        ("x-original-url", "CVE-2018-14773 (Symfony)"),
        ("x-rewrite-url", "CVE-2018-14773 (Symfony)"),
        ("x-envoy-original-path", "CVE-2023-27487 (Envoy)"),
        ("x-forwarded-uri", ""),
    ] {
        rows.push(Row::nothing(
            METHODS,
            match header {
                "x-original-url" => "`/v1/admin` with `x-original-url: /v1/payments/42`",
                "x-rewrite-url" => "`/v1/admin` with `x-rewrite-url: /v1/payments/42`",
                "x-envoy-original-path" => {
                    "`/v1/admin` with `x-envoy-original-path: /v1/payments/42`"
                }
                _ => "`/v1/admin` with `x-forwarded-uri: /v1/payments/42`",
            },
            known,
            with_token("GET /v1/admin", API, &[(header, "/v1/payments/42")]),
        ));
    }
    for (line, attack) in [
        ("DELETE /v1/payments/42", "DELETE with `x-http-method-override: GET`"),
        ("get /v1/payments/42", "`get` for GET"),
        ("GETX /v1/payments/42", "`GETX` for GET"),
        ("TRACE /v1/payments/42", "TRACE"),
    ] {
        let headers = [("x-http-method-override", "GET")];
        rows.push(Row::nothing(METHODS, attack, "", with_token(line, API, &headers)));
    }
    rows.push(Row::arrives(
        METHODS,
        ("GET with `x-http-method-override: DELETE`", ""),
        with_token("GET /v1/payments/42", API, &[("x-http-method-override", "DELETE")]),
        "as GET; the header is the upstream's to ignore",
        |it| it.method == "GET",
    ));
    rows
}
