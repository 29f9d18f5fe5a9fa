//! Flags that mean nothing, or harm, together or with a Gateway.

use std::process::{Command, Output};

use serde_json::Value;

const PAYMENTS: &str = "envoy/examples/payments.yaml";

fn compile(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(["compile", PAYMENTS]).args(arguments);
    command
        .env("SSL_CERT_FILE", "/etc/ssl/cas.pem")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn an_identity_comes_in_a_header_of_its_own() {
    let with = |header: &str| {
        let header = format!("--source-identity-header={header}");
        compile(&[&header, "--trust-source=mesh/proxy"])
    };
    for header in [
        "host",
        "Content-Length",
        "authorization",
        "cookie",
        "transfer-encoding",
        "x-forwarded-proto",
        "x-request-id",
        "X-Envoy-Who",
        "x_request_id",
    ] {
        let output = with(header);
        assert_eq!(output.status.code(), Some(2), "{header}");
        assert!(stderr(&output).contains("this header has a meaning of its own"), "{header}");
    }
    assert_eq!(with("x-forwarded-client-cert").status.code(), Some(0));
    // That of the documents, where tokens come in it.
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/",
        "envoy/examples/payments.yaml"
    ));
    let moved =
        text.unwrap().replace("jwksUri:", "fromHeaders: [{name: x-who}]\n          jwksUri:");
    let file = folder.path().join("gateway.yaml");
    std::fs::write(&file, moved).unwrap();
    let flags = ["--source-identity-header=X-Who", "--trust-source=mesh/proxy"];
    let mut check = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    let output = check.arg("check").arg(file).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let expected = "error: --source-identity-header x-who is a header from which tokens of the issuer \
                    `https://auth.example.com` are read\n";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    // And where claims go on in it, in another spelling.
    let flags = ["--source-identity-header=X_JWT_Payload", "--trust-source=mesh/proxy"];
    let output = compile(&flags);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let expected = "error: --source-identity-header x_jwt_payload is a header in which claims of the \
                    issuer `https://auth.example.com` go on\n";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

/// Port 0 is any free one.
#[test]
fn two_servers_need_two_addresses() {
    let with = |listen: &str, admin: &str| {
        let addresses = [&format!("--listen={listen}"), &format!("--admin={admin}")];
        compile(&["--to=envoy", "--wasm=filter.wasm", addresses[0], addresses[1]])
    };
    for (listen, admin) in [
        ("127.0.0.1:1000", "127.0.0.1:1000"),
        ("0.0.0.0:1000", "127.0.0.1:1000"),
        ("[::1]:1000", "[::]:1000"),
    ] {
        let output = with(listen, admin);
        assert_eq!(output.status.code(), Some(2), "{listen} {admin}");
        let expected = format!(
            "error: --listen {listen} and --admin {admin} are one address; choose another port for one \
             of them\n"
        );
        assert_eq!(stderr(&output), expected);
    }
    for (listen, admin) in [
        ("127.0.0.1:1000", "127.0.0.1:1001"),
        ("127.0.0.1:1000", "127.0.0.2:1000"),
        ("127.0.0.1:0", "127.0.0.1:0"),
    ] {
        assert_eq!(with(listen, admin).status.code(), Some(0), "{listen} {admin}");
    }
}

/// However it is written, it is the host of the Gateway.
#[test]
fn upstreams_are_named_as_gateways_name_hosts() {
    let with = |host: &str| {
        let upstream = format!("--upstream={host}=127.0.0.1:8080");
        compile(&["--to=envoy", "--wasm=filter.wasm", &upstream])
    };
    let bootstrap = |output: Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
    let plain = bootstrap(with("httpbin.org"));
    assert_eq!(bootstrap(with("HTTPBIN.org.")), plain);
    assert_ne!(bootstrap(compile(&["--to=envoy", "--wasm=filter.wasm"])), plain);
    for host in ["httpbin.org:443", "https://httpbin.org", "a..b"] {
        let output = with(host);
        assert_eq!(output.status.code(), Some(2), "{host}");
        assert!(stderr(&output).contains(&format!("the host `{host}` ")), "{}", stderr(&output));
    }
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    for (to, flag, value, targets) in [
        ("envoy", "--istio-version", "1.30", "wasm-plugin and istio-native"),
        ("envoy", "--http2-host", "a.test", "wasm-plugin and istio-native"),
        ("istio-native", "--in-force", "a.yaml", "wasm-plugin"),
        ("envoy-native", "--extension-api", "traffic-extension", "wasm-plugin"),
        ("plugin-config", "--module-url", "https://modules.test/a.wasm", "wasm-plugin"),
        ("istio-native", "--tls-secret", "a=/etc/a", "envoy and envoy-native"),
    ] {
        let output = compile(&["--to", to, flag, value]);
        assert_eq!(output.status.code(), Some(2), "{flag}: {}", stderr(&output));
        assert_eq!(stderr(&output), format!("error: {flag} goes with --to {targets} only\n"));
        assert!(output.stdout.is_empty());
    }
}
