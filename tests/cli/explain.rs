//! `egress-auth explain`, as a user runs it.

use tempfile::TempDir;

use crate::egress_auth;

const GATEWAY: &str = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: gateway}
spec:
  workloadSelector: {namespace: egress}
  http:
    - name: none
      hostname: api.test
      authentication:
        jwt:
          issuer: https://auth.test
          audiences: [egress]
          jwksUri: https://auth.test/keys
          fromHeaders: [{name: x-mesh-token}]
      authorization:
        local:
          rules:
            - name: none
              from: [{jwt: {sub: alice}}]
              to: [{methods: [GET, OPTIONS]}]
";
const CLAIMS: &str = r#"{"iss": "https://auth.test", "aud": "egress", "sub": "alice"}"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    folder
}

/// Exit code and everything that is printed.
fn explain(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let output = egress_auth(folder.path(), &[&["explain", "gateway.yaml"], arguments].concat());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// What is no JWKS is called what it is, with what to do.
#[test]
fn files_of_keys_that_are_none_are_named() {
    let folder = folder();
    let key =
        r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let certificate = "-----BEGIN CERTIFICATE-----\\nMII\\n-----END CERTIFICATE-----";
    for (text, expected) in [
        (
            format!("\u{feff}{{\"keys\": [{key}]}}"),
            "begins with a byte order mark; save it as UTF-8 without a byte order mark",
        ),
        (format!("[{key}]"), "is a list and not an object; put the keys into an object"),
        (key.to_owned(), "is one key and not a set of keys; put the key into a set"),
        (
            r#"{"issuer": "https://auth.test", "jwks_uri": "https://auth.test/keys"}"#.to_owned(),
            "is a discovery document; take the document that its `jwks_uri` names",
        ),
        (
            format!("{{\"a1\": \"{certificate}\"}}"),
            "is a map of certificates; take the issuer's JWKS",
        ),
    ] {
        std::fs::write(folder.path().join("keys.json"), text).unwrap();
        let request = ["--request", "GET https://api.test/"];
        let keys = ["--jwks", "https://auth.test=keys.json"];
        let (code, text) = explain(&folder, &[request, keys].concat());
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(&format!("keys.json: the JWKS {expected}")), "{text}");
    }
}

/// Both sides of what does not fit.
#[test]
fn what_was_compared_is_shown() {
    let folder = folder();
    let gateway = GATEWAY.to_owned()
        + "            - name: readers
              from: [{jwt: {other: {groups: readers}}}, {jwt: {sub: 'reader-*'}}]
              to: [{paths: [/read/*]}]
  egressAuthorization:
    - {from: {serviceAccounts: [batch/*, payments/api]}, to: [{host: {exact: other.test}}]}
";
    std::fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    let with = |member: &str| CLAIMS.replacen('{', &format!("{{{member}, "), 1);
    let of = |subject: &str| CLAIMS.replace("alice", subject);
    let (get, delete) = ("GET https://api.test/read/x", "DELETE https://api.test/read");
    for (request, claims, expected) in [
        (
            get,
            CLAIMS.replace("auth.test", "auth.test/"),
            "issuer: `https://auth.test/` is none of this server's, `https://auth.test`; they \
             differ in the slash at the end",
        ),
        (
            get,
            CLAIMS.replace("egress", "mesh"),
            "claims: Audiences in Jwt are not allowed: `aud` is `\"mesh\"`, and the rule asks for \
             `egress`",
        ),
        (
            get,
            CLAIMS.replace("\"aud\": \"egress\", ", ""),
            "claims: Audiences in Jwt are not allowed: the token has no `aud`, and the rule asks \
             for `egress`",
        ),
        (get, of("alicia"), "nearest: `none`: `sub` is `alicia`, which must be `alice`"),
        (get, of("reading"), "nearest: `readers`: `sub` is `reading`, which must match `reader-*`"),
        (
            get,
            of("x").replacen('{', "{\"groups\": [\"readings\"], ", 1),
            "nearest: `readers`: `groups` is `[\"readings\"]`, one of which must be `readers`",
        ),
        (
            get,
            of("x").replacen('{', "{\"groups\": \"writers readers\", ", 1),
            "nearest: `readers`: `groups` is `writers readers`, which must be `readers`; it holds \
             several words, and only `scope`, `scp`, `permission` and `oracle.oauth.scope` are \
             read word by word",
        ),
        (
            delete,
            CLAIMS.to_owned(),
            "nearest: `none`: the method is `DELETE`, which must be `GET` or `OPTIONS`",
        ),
        (
            delete,
            with("\"groups\": [\"readers\"]"),
            "nearest: `readers`: the path must match `/read/*`",
        ),
        (
            "DELETE https://api.test/read/..%2fx",
            with("\"groups\": [\"readers\"]"),
            "path: rules admit some readings of it and not others: `readers` admits \
             `/read/..%2fx`, and none admits `/x`; servers differ on `%2f` at character 9",
        ),
    ] {
        let (_, text) = explain(&folder, &["--request", request, "--claims", &claims]);
        assert!(text.lines().any(|line| line.trim() == expected), "{expected}:\n{text}");
    }
    for (source, expected) in [
        (
            "spiffe://old.test/ns/payments/sa/api",
            "source: the peer has no identity of a trusted domain: \
             `spiffe://old.test/ns/payments/sa/api` is of `old.test`, and trusted is \
             `cluster.local`",
        ),
        (
            "spiffe://cluster.local/payments/api",
            "source: the peer has no identity of a trusted domain: \
             `spiffe://cluster.local/payments/api` is not of the form `spiffe://<trust domain>/ns/\
             <namespace>/sa/<service account>`",
        ),
        (
            "spiffe://cluster.local/ns/payments/sa/apis",
            "nearest: `egressAuthorization[0]`: the source must be `batch/*` or `payments/api`",
        ),
    ] {
        let request = ["--request", "GET https://other.test/", "--source", source];
        let (_, text) = explain(&folder, &request);
        assert!(text.lines().any(|line| line.trim() == expected), "{expected}:\n{text}");
    }
}

/// A name that reads like the absence of one is told apart from it.
#[test]
fn a_rule_that_is_named_none_is_no_absence() {
    let (_, text) = explain(&folder(), &["--request", "GET https://api.test/", "--claims", CLAIMS]);
    let last = "allow 200 allowed (mechanism: authorization, server: \"none\", rule: \"none\")\n";
    assert!(text.ends_with(last), "{text}");
    let (_, text) = explain(&folder(), &["--request", "GET https://other.test/"]);
    let last = "deny 403 unlisted_host (mechanism: none, server: none, rule: none)\n";
    assert!(text.ends_with(last), "{text}");
}

/// Nothing of a request or its claims can steer a terminal or look like an answer.
#[test]
fn what_others_wrote_is_escaped() {
    let request = "GET https://api.test/\u{1b}[2Jx\nallow 200 allowed\u{9b}31m\u{202e}";
    let claims = CLAIMS.replace("alice", r"x\n\u001b[31m\nallow 200 allowed");
    let (_, text) = explain(&folder(), &["--request", request, "--claims", &claims]);
    let first = "GET https://api.test/\\u{1b}[2Jx\\nallow 200 allowed\\u{9b}31m\\u{202e}\n";
    assert!(text.starts_with(first), "{text}");
    let odd = |character: char| character.is_control() && character != '\n';
    assert!(!text.contains(odd) && !text.contains("\nallow"), "{text:?}");
    let folder = folder();
    let (_, text) = explain(&folder, &["--request", "GET\u{1b}[31m\nallow 200 allowed"]);
    assert!(!text.contains(odd) && !text.contains("\nallow"), "{text:?}");
    let name = "\u{1b}[31m.yaml";
    let output = egress_auth(folder.path(), &["check", name]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("\\u{1b}[31m.yaml") && !text.contains(odd), "{text:?}");
}

/// What the request line says is not said again in a header, where nobody would look at it.
#[test]
fn headers_that_would_be_ignored_are_refused() {
    let once = "the request has it, as in `GET https://api.example.com/v1/items`";
    let table = [
        ("host: other.test", format!("`host` is not a header here: {once}")),
        ("Host:other.test", format!("`host` is not a header here: {once}")),
        (":path: /x", format!("`:path` is not a header here: {once}")),
        (":authority: x", format!("`:authority` is not a header here: {once}")),
        ("a b: x", "`a b` is not the name of a header".to_owned()),
    ];
    for (header, message) in table {
        let arguments = ["--request", "GET https://api.test/", "--header", header];
        assert_eq!(explain(&folder(), &arguments), (1, format!("error: {message}\n")));
    }
}

#[test]
fn a_token_beside_claims_is_refused() {
    let request = ["--request", "GET https://api.test/", "--claims", CLAIMS, "--header"];
    let with = |header| explain(&folder(), &[&request[..], &[header]].concat());
    let message = "error: the token in `x-mesh-token` is not looked at beside claims: give one or the \
                   other\n";
    assert_eq!(with("X-Mesh-Token: e30.e30.x"), (1, message.to_owned()));
    // The server does not read tokens from this one.
    let (code, text) = with("authorization: Bearer e30.e30.x");
    assert!(code == 0 && text.contains("\nallow 200"), "{text}");
}

/// The same where the places of tokens are those that hold without being written.
#[test]
fn a_token_in_a_default_place_beside_claims_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let gateway =
        GATEWAY.replace("fromHeaders: [{name: x-mesh-token}]", "forwardOriginalToken: false");
    assert_ne!(gateway, GATEWAY);
    std::fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    let table = [
        ("https://api.test/", "authorization: bearer x", Some("`authorization`")),
        ("https://api.test/?access_token=x", "a: b", Some("the query parameter `access_token`")),
        ("https://api.test/", "authorization: Basic x", None),
        ("https://api.test/", "x-mesh-token: x", None),
    ];
    for (url, header, place) in table {
        let request = format!("GET {url}");
        let arguments = ["--request", &request, "--claims", CLAIMS, "--header", header];
        let (code, text) = explain(&folder, &arguments);
        match place {
            Some(place) => {
                let message = format!("error: the token in {place} is not looked at beside claims");
                assert!(code == 1 && text.starts_with(&message), "{text}");
            }
            None => assert!(code == 0 && text.contains("\nallow 200"), "{text}"),
        }
    }
}

#[test]
fn requests_are_read_as_http_writes_them() {
    let last = |request: &str| {
        let (code, text) = explain(&folder(), &["--request", request, "--claims", CLAIMS]);
        (code, text.lines().last().unwrap_or_default().split(" (").next().unwrap().to_owned())
    };
    let allowed = (0, "allow 200 allowed".to_owned());
    assert_eq!(last("GET HTTPS://api.test/"), allowed);
    assert_eq!(last("OPTIONS https://api.test *"), allowed);
    let hint = "error: `OPTIONS *` names no host; write `OPTIONS https://api.example.com *`";
    assert_eq!(last("OPTIONS *"), (1, hint.to_owned()));
    let (_, text) = explain(&folder(), &["--request", "get https://api.test/", "--claims", CLAIMS]);
    assert!(
        text.contains("\n  request: methods are case-sensitive, `get` is not `GET`\n"),
        "{text}"
    );
}

#[test]
fn files_of_requests_are_read_line_by_line() {
    let folder = folder();
    let with = |text: &str| {
        std::fs::write(folder.path().join("r.jsonl"), text).unwrap();
        explain(&folder, &["--requests", "r.jsonl"])
    };
    let line = "{\"request\": \"GET https://other.test/\"}\n";
    let (code, text) = with(&format!("\u{feff}{line}\n{line}"));
    assert_eq!((code, text.lines().count()), (0, 2), "{text}");
    let empty = "error: r.jsonl holds no request: write one a line, as {\"request\": \"GET \
                 https://host/path\"}\n";
    for text in ["", "\n \n", "\u{feff}"] {
        assert_eq!(with(text), (1, empty.to_owned()), "{text:?}");
    }
    let (code, text) = with(&format!("{line}\n{{\"request\": 1}}\n"));
    assert_eq!(code, 1);
    let error = text.lines().last().unwrap();
    assert!(error.starts_with("error: r.jsonl:3: ") && error.ends_with(" (column 13)"), "{text}");
    assert!(!text.contains("line 1"), "{text}");
    std::fs::write(folder.path().join("r.jsonl"), "").unwrap();
    let arguments = ["diff", "gateway.yaml", "gateway.yaml", "--requests", "r.jsonl"];
    let output = egress_auth(folder.path(), &arguments);
    assert_eq!((output.status.code(), output.stderr), (Some(2), empty.into()));
}
