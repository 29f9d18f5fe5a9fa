//! What somebody stumbles over who uses the program for the first time, away from its sources.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const GATEWAY: &str = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: gateway}
spec:
  workloadSelector: {namespace: egress}
  egressAuthorization:
    - from: {serviceAccounts: [shop/web]}
      to: [{host: {exact: shop.test}, methods: [GET]}]
  http:
    - {name: shop, hostname: shop.test}
    - name: api
      hostname: api.test
      authentication: {jwt: {issuer: \"https://auth.test\", audiences: [a], jwksUri: \"https://auth.test/k\"}}
";

fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.current_dir(folder).env("XDG_STATE_HOME", folder.path().join("state"));
    command
}

fn egress_auth(folder: &TempDir, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().unwrap()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    folder
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The JSON lines on standard output.
fn answers(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn init_writes_what_passes_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--host=API.Partner.com.", "--issuer=https://id.test/realms/a/", "--subject=@me"];
    let output = egress_auth(&folder, &[&["init", "new/policy"], &flags[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let built = Path::new(env!("CARGO_BIN_EXE_egress-auth")).parent().unwrap();
    let path = [built.as_os_str(), std::env::var_os("PATH").unwrap().as_os_str()]
        .join(std::ffi::OsStr::new(":"));
    let mut step = Command::new("sh");
    let step = step.arg(folder.path().join("new/policy/ci.sh")).env("PATH", path).output().unwrap();
    assert_eq!(step.status.code(), Some(0), "{}", stderr(&step));
    assert_eq!(stderr(&step), "no errors, no warnings\n");
    let results = String::from_utf8(step.stdout).unwrap();
    assert!(results.contains("6 passed"), "{results}");
    let gateway = std::fs::read_to_string(folder.path().join("new/policy/gateway.yaml")).unwrap();
    for written in [
        "hostname: \"api.partner.com\"",
        "jwksUri: \"https://id.test/realms/a/.well-known/jwks.json\"",
        "sub: \"@me\"",
    ] {
        assert!(gateway.contains(written), "{written} is not in\n{gateway}");
    }
    // What is there is somebody's work.
    let again = egress_auth(&folder, &["init", "new/policy"]);
    assert_eq!(again.status.code(), Some(1));
    let expected = "error: new/policy/gateway.yaml is there already, and stays as it is: ";
    assert!(stderr(&again).starts_with(expected), "{}", stderr(&again));
    let unchanged = std::fs::read_to_string(folder.path().join("new/policy/gateway.yaml")).unwrap();
    assert_eq!(unchanged, gateway);
}

#[test]
fn init_takes_only_what_it_can_write() {
    let folder = tempfile::tempdir().unwrap();
    for flag in [
        "--host=https://api.test",
        "--host=*.api.test",
        "--issuer=accounts.google.com",
        "--issuer=https://",
        "--issuer=https://auth.test?x",
        "--audience=",
        "--audience=a*",
        "--subject=a b",
    ] {
        assert_eq!(egress_auth(&folder, &["init", flag]).status.code(), Some(2), "{flag}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn modules_are_found_where_the_environment_says() {
    let folder = folder();
    let compile = |modules: &str| {
        let mut command = program(&folder);
        command.args(["compile", "gateway.yaml", "--to=envoy"]).env("EGRESS_AUTH_MODULES", modules);
        command.output().unwrap()
    };
    let output = compile("nowhere");
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: egress_auth.wasm is not in nowhere, which $EGRESS_AUTH_MODULES names: take it \
                    from the archive of release ";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    std::fs::create_dir(folder.path().join("modules")).unwrap();
    std::fs::write(folder.path().join("modules/egress_auth.wasm"), "").unwrap();
    let output = compile("modules");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bootstrap = String::from_utf8(output.stdout).unwrap();
    assert!(bootstrap.contains("modules/egress_auth.wasm"), "{bootstrap}");
}

/// As after copying the files of a release's archive to where such files belong.
#[test]
fn modules_are_found_where_an_installation_has_them() {
    let folder = folder();
    for part in ["bin", "share/egress-auth"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    let installed = folder.path().join("bin/egress-auth");
    std::fs::copy(env!("CARGO_BIN_EXE_egress-auth"), &installed).unwrap();
    let compile = || {
        let mut command = Command::new(&installed);
        command.args(["compile", "gateway.yaml", "--to=envoy"]).current_dir(&folder);
        command.env_remove("EGRESS_AUTH_MODULES").output().unwrap()
    };
    let output = compile();
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: egress_auth.wasm is not beside this program: take it from the archive of \
                    release ";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    std::fs::write(folder.path().join("share/egress-auth/egress_auth.wasm"), "").unwrap();
    let output = compile();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bootstrap = String::from_utf8(output.stdout).unwrap();
    assert!(bootstrap.contains("share/egress-auth/egress_auth.wasm"), "{bootstrap}");
}

/// What was logged can be replayed as it is.
#[test]
fn entries_of_the_access_log_are_requests() {
    let folder = folder();
    let source = "spiffe://cluster.local/ns/shop/sa/web";
    let plain = json!({
        "time": "2026-11-28T00:00:00Z", "source": source, "method": "GET", "host": "shop.test",
        "path": "/v1", "status": 200, "reason": "allowed", "duration_ms": 3,
    });
    let open_telemetry = json!({
        "http.request.method": "POST", "http.request.header.host": "shop.test:443",
        "url.path": "/v1", "egress_auth.source": source, "http.response.status_code": 403,
    });
    let without_host = json!({"method": "GET", "host": null, "path": "/", "source": null});
    let api = json!({"method": "GET", "host": "api.test", "path": "/", "source": "-"});
    let lines = [plain, open_telemetry, without_host, api].map(|line| line.to_string());
    std::fs::write(folder.path().join("access.log"), lines.join("\n")).unwrap();
    let output = egress_auth(&folder, &["explain", "gateway.yaml", "--requests", "access.log"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let reasons: Vec<_> = answers(&output).iter().map(|it| it["reason"].clone()).collect();
    assert_eq!(reasons, ["allowed", "no_rule_matched", "missing_token"]);
    assert_eq!(
        stderr(&output),
        "note: 3 requests come from an access log, which holds no tokens: judged without\n\
         note: 1 entry has no host or path to ask about, first at access.log:3\n"
    );
    let other = GATEWAY.replace("methods: [GET]", "methods: [POST]");
    std::fs::write(folder.path().join("other.yaml"), other).unwrap();
    let arguments = ["diff", "gateway.yaml", "other.yaml", "--requests", "access.log"];
    let output = egress_auth(&folder, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("2 of 3 requests are decided differently\n"), "{text}");
}

#[test]
fn a_token_of_the_demo_issuer_is_explained_and_named_as_such() {
    let folder = folder();
    let flags = ["--issuer=https://auth.test", "--subject=me", "--audience=a"];
    let token = egress_auth(&folder, &[&["token"], &flags[..]].concat());
    let token = String::from_utf8(token.stdout).unwrap();
    let token = token.trim_end();
    let request = ["explain", "gateway.yaml", "--request", "GET https://api.test/"];
    let explain = |token: &str| egress_auth(&folder, &[&request[..], &["--token", token]].concat());
    let header = format!("authorization: Bearer {token}");
    let in_header = egress_auth(&folder, &[&request[..], &["--header", &header]].concat());
    for output in [explain(token), in_header] {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("allow 200 allowed"), "{text}");
        assert_eq!(
            stderr(&output),
            "note: the demo issuer's key is taken for that of `https://auth.test`, as `run` does; no \
             other gateway takes its tokens\n"
        );
    }
    // It has to be signed with it all the same.
    let (rest, _) = token.rsplit_once('.').unwrap();
    let output = explain(&format!("{rest}.{}", "A".repeat(342)));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("deny 401 bad_signature"), "{text}");
}

#[test]
fn a_source_is_named_as_in_cases() {
    let folder = folder();
    for (source, decision) in [
        ("shop/web", "allow"),
        ("spiffe://cluster.local/ns/shop/sa/web", "allow"),
        ("shop/other", "deny"),
        ("none", "deny"),
    ] {
        let request = ["--request=GET https://shop.test/", "--source", source, "--output=json"];
        let output = egress_auth(&folder, &[&["explain", "gateway.yaml"], &request[..]].concat());
        assert_eq!(answers(&output)[0]["decision"], decision, "{source}");
    }
}

#[test]
fn errors_show_what_is_right() {
    let folder = folder();
    for (arguments, code, expected) in [
        (
            &["compile", "gateway.yaml", "-o", "out/policy.json"][..],
            1,
            "error: cannot write out/policy.json: there is no folder out; make it: mkdir -p out\n",
        ),
        (
            &["run", "gateway.yaml", "--listen", "21812"],
            2,
            "expected an IP address with a port: write 127.0.0.1:21812\n",
        ),
        (&["demo", "--echo", "localhost:81"], 2, "write 127.0.0.1:81\n"),
        (&["schema"], 2, "[possible values: plugin-config, gateway, test"),
        (&["completions"], 2, "[possible values: bash, elvish, fish, powershell, zsh]"),
    ] {
        let output = egress_auth(&folder, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}

/// A folder has the Gateway beside its cases.
#[test]
fn resources_beside_cases_are_passed_over_and_said_once() {
    let folder = folder();
    let cases = "gateways: [gateway.yaml]\ncases:\n  - {name: a, request: GET https://other.test/, \
                 expect: {decision: deny}}\n";
    std::fs::write(folder.path().join("cases.yaml"), cases).unwrap();
    let output = egress_auth(&folder, &["test", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "note: passed over as no cases, but resources: ./gateway.yaml\n");
    let named = egress_auth(&folder, &["test", "gateway.yaml"]);
    assert_eq!(named.status.code(), Some(1));
    assert!(stderr(&named).contains("error: a Gateway holds no cases"), "{}", stderr(&named));
    assert_eq!(stderr(&named).matches("error: ").count(), 1, "{}", stderr(&named));
}

/// What holds for several servers says so, and where.
#[test]
fn findings_on_equal_jwt_rules_name_their_servers() {
    let folder = tempfile::tempdir().unwrap();
    let server = |name: &str| {
        format!(
            "    - {{name: {name}, hostname: {name}.test, authentication: {{jwt: {{issuer: \
             \"https://a.test\", jwksUri: \"https://a.test/k\", fromHeaders: [{{name: x-t}}]}}}}}}\n"
        )
    };
    let head = GATEWAY.split_once("  egressAuthorization").unwrap().0;
    let text = format!("{head}  http:\n{}{}{}", server("a"), server("b"), server("c"));
    std::fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    let output = egress_auth(&folder, &["check", "gateway.yaml", "--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["diagnostics"].as_array().unwrap();
    let warnings: Vec<_> = findings.iter().filter(|it| it["severity"] == "warning").collect();
    let [finding] = warnings[..] else { panic!("{report:#}") };
    let message = finding["message"].as_str().unwrap();
    assert!(message.ends_with(" (2 other servers too)"), "{message}");
    assert_eq!(finding["also"], json!(["spec.http[1]", "spec.http[2]"]));
}
