//! `egress-auth check`, `compile` and `schema`, as a user runs them.
//!
//! After a wanted change of the compiled scenario, write its golden file anew with
//! `BLESS=1 make test TESTS=compile`, and review the difference.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use egress_auth::policy::Policy;

const PAYMENTS: &str = "envoy/examples/payments.yaml";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn egress_auth(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn policy(output: &Output) -> Policy {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Gateway with one server, which lets anyone do anything under a name.
fn gateway(name: &str, server: &str) -> String {
    format!(
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: {name}}}\n\
         spec:\n  workloadSelector: {{namespace: egress}}\n  http:\n  - name: {server}\n    \
         hostname: {server}.test\n    authorization: {{local: {{rules: [{{name: any}}]}}}}\n"
    )
}

#[test]
fn the_scenario_compiles_to_the_reviewed_policy() {
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/payments.plugin-config.json");
    let output = egress_auth(&["compile", PAYMENTS]);
    let compiled = policy(&output);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &output.stdout).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(compiled.gateway, "egress/shared-egress-gateway");
    let hosts: Vec<_> = compiled.servers.iter().map(|server| server.hostname.as_str()).collect();
    assert_eq!(hosts, ["api.payment-provider.com", "httpbin.org"]);
}

#[test]
fn a_tenant_is_its_workspaces_and_a_group_part_of_its_workspace() {
    let compiled =
        policy(&egress_auth(&["compile", "tests/fixtures/field/t18-hierarchy-as-documents.yaml"]));
    let from: Vec<_> =
        compiled.egress_rules.iter().map(|rule| rule.from.clone().unwrap()).collect();
    assert_eq!(from, [vec!["shop/*"], vec!["egress/*", "shop/*", "tier1/*"]]);
}

#[test]
fn lists_are_compiled_as_the_documents_in_them() {
    let alone = gateway("g", "a");
    let item = alone.replace('\n', "\n    ");
    let whole = policy(&with_input(&["compile", "-"], &alone));
    for list in [
        format!("apiVersion: v1\nkind: List\nitems:\n  - {item}\n"),
        format!("- apiVersion: v1\n  kind: List\n  items:\n  - {item}\n"),
        format!("- {}\n", alone.replace('\n', "\n  ")),
    ] {
        let compiled = policy(&with_input(&["compile", "-"], &list));
        assert_eq!(
            serde_json::to_string(&compiled).unwrap(),
            serde_json::to_string(&whole).unwrap()
        );
    }
}

#[test]
fn the_scenario_has_warnings_but_no_errors() {
    let output = egress_auth(&["check", "--output", "json", PAYMENTS]);
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["errors"], 0);
    // The default token locations, and audiences that are not checked.
    assert_eq!(report["warnings"], 2);
    assert_eq!(report["diagnostics"][0]["file"], PAYMENTS);
    assert_eq!(report["diagnostics"][0]["field"], "spec.http[0].authentication.jwt.issuer");
}

#[test]
fn json_and_yaml_from_standard_input_compile_alike() {
    let yaml = gateway("g", "api");
    let json = r#"{"apiVersion": "gateway.tsb.tetrate.io/v2", "kind": "Gateway",
	"metadata": {"name": "g"},
	"spec": {"workloadSelector": {"namespace": "egress"}, "http": [
		{"name": "api", "hostname": "\u0061pi.test",
		 "authorization": {"local": {"rules": [{"name": "any"}]}}}]}}"#;
    let from_yaml = policy(&with_input(&["compile", "-"], &yaml));
    let from_json = policy(&with_input(&["compile", "-"], json));
    assert_eq!(from_yaml, from_json);
    assert_eq!(from_json.servers[0].hostname, "api.test");
}

#[test]
fn line_ends_and_byte_order_marks_of_other_systems_are_read() {
    let yaml = gateway("g", "api");
    let plain = policy(&with_input(&["compile", "-"], &yaml));
    let windows = format!("\u{feff}{}", yaml.replace('\n', "\r\n"));
    assert_eq!(policy(&with_input(&["compile", "-"], &windows)), plain);
}

#[test]
fn of_several_gateways_one_is_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    std::fs::write(folder.path().join("one.yaml"), gateway("one", "a")).unwrap();
    std::fs::write(folder.path().join("below/two.yml"), gateway("two", "b")).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not: [yaml").unwrap();
    let path = folder.path().to_str().unwrap();

    let output = egress_auth(&["compile", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("choose one with --gateway: egress/two, egress/one"));

    let chosen = policy(&egress_auth(&["compile", path, "--gateway", "egress/two"]));
    assert_eq!(chosen.gateway, "egress/two");
    assert_eq!(chosen.servers.len(), 1, "nothing of another Gateway applies");

    let output = egress_auth(&["compile", path, "--gateway", "egress/three"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("it holds egress/two, egress/one"));

    assert_eq!(egress_auth(&["check", path]).status.code(), Some(0));
}

#[test]
fn check_reports_on_every_gateway() {
    let wrong = |name: &str| gateway(name, "a").replace("rules:", "rulez:");
    let input = format!("{}---\n{}", wrong("one"), wrong("two"));
    let output = with_input(&["check", "-"], &input);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).ends_with("2 errors\n"), "{}", stderr(&output));
}

#[test]
fn strict_refuses_documents_of_other_kinds() {
    let input = format!("{}---\napiVersion: v1\nkind: Secret\n", gateway("g", "a"));
    assert_eq!(with_input(&["check", "-"], &input).status.code(), Some(0));
    let strict = with_input(&["check", "--strict", "-"], &input);
    assert_eq!(strict.status.code(), Some(1));
    assert!(stderr(&strict).contains("error: skipped a document of kind v1 Secret"));
}

#[test]
fn default_action_is_deny_unless_asked_otherwise() {
    use egress_auth::policy::DefaultAction;
    let compiled = |arguments: &[&str]| policy(&egress_auth(arguments)).default_action;
    assert_eq!(compiled(&["compile", PAYMENTS]), DefaultAction::Deny);
    assert_eq!(compiled(&["compile", PAYMENTS, "--default-action", "allow"]), DefaultAction::Allow);
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("policy.json");
    let out = target.to_str().unwrap();
    let output = egress_auth(&["compile", PAYMENTS, "-o", out]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    let first = std::fs::read(&target).unwrap();

    let output = with_input(&["compile", "-", "-o", out], "kind: [");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(&target).unwrap(), first, "an error keeps the old file");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let missing = folder.path().join("missing/policy.json");
    let output = egress_auth(&["compile", PAYMENTS, "-o", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write"));
}

#[test]
fn wrong_flags_and_unreadable_paths_are_told_apart() {
    assert_eq!(egress_auth(&["compile"]).status.code(), Some(2));
    assert_eq!(egress_auth(&["compile", PAYMENTS, "--to", "paper"]).status.code(), Some(2));
    assert_eq!(egress_auth(&["check", PAYMENTS, "--gateway", "no-slash"]).status.code(), Some(2));
    let output = egress_auth(&["check", "no-such-file.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot read no-such-file.yaml: "));
}

#[test]
fn a_host_is_sent_to_one_address() {
    let compile = |upstreams: [&str; 2]| {
        let mut arguments = vec!["compile", PAYMENTS, "--to", "envoy", "--wasm", "filter.wasm"];
        arguments.extend(upstreams.iter().flat_map(|it| ["--upstream", it]));
        egress_auth(&arguments)
    };
    let twice = compile(["httpbin.org=127.0.0.1:80", "HTTPBIN.org=127.0.0.1:81"]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(twice.stdout.is_empty());
    let expected = "error: --upstream names `httpbin.org` twice; write one address for it\n";
    assert_eq!(stderr(&twice), expected);
    let nowhere = compile(["httpbin.org=127.0.0.1:0", "auth.example.com=127.0.0.1:81"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("nothing listens on port 0"), "{}", stderr(&nowhere));
}

#[test]
fn text_that_is_no_document_is_an_error_and_never_a_crash() {
    let deep = "[".repeat(5_000);
    let bomb = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        text
    };
    for input in [
        deep.as_str(),
        bomb.as_str(),
        "&a [*a]",
        "? [complex, key]\n: value\n",
        "\u{0}",
        "%YAML 9.9\n---\nkind: [",
        "{\"kind\": \"Gateway\"",
        "kind: Gateway\nkind: Gateway\n",
        "- just\n- a list\n",
        "just text",
        "",
    ] {
        let output = with_input(&["check", "-"], input);
        assert_eq!(output.status.code(), Some(1), "{:.80}: {}", input, stderr(&output));
    }
    let output = with_input(&["check", "-"], &bomb);
    assert!(stderr(&output).contains("aliases make this document too large"));

    let mut child =
        command(&["check", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"kind: \xff").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not UTF-8"));
}

#[test]
fn aliases_stand_for_what_they_name() {
    let input = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: g, namespace: egress}
spec:
  http:
    - name: a
      hostname: a.test
      authentication: &auth
        jwt: {issuer: https://auth.test, jwksUri: https://auth.test/jwks, audiences: [x]}
    - name: b
      hostname: b.test
      authentication: *auth
";
    let compiled = policy(&with_input(&["compile", "-"], input));
    assert_eq!(compiled.servers[0].authentication, compiled.servers[1].authentication);
    assert_eq!(compiled.jwt_rules.len(), 1, "what repeats is written once");
}

#[test]
fn words_that_old_yaml_reads_as_booleans_stay_words() {
    let input = gateway("g", "a").replace("name: any", "name: on").replace(
        "rules: [{name: on}]",
        "rules: [{name: on, to: [{methods: [NO], paths: [/yes]}]}]",
    );
    let compiled = policy(&with_input(&["compile", "-"], &input));
    assert_eq!(compiled.rules[0].name, "on");
    assert_eq!(compiled.operations[0].methods.as_deref().unwrap(), ["NO"]);
}

#[test]
fn ingress_servers_are_enforced_where_they_say_so_and_pass_through_otherwise() {
    let input = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: g, namespace: egress}
spec:
  http:
    - {name: in, hostname: in.test, port: 8080, trafficMode: INGRESS}
    - {name: across, hostname: across.test, trafficMode: TRANSIT, authorization: {local: {}}}
    - {name: out, hostname: out.test}
";
    let compiled = policy(&with_input(&["compile", "-"], input));
    let passthrough: Vec<_> = compiled.servers.iter().map(|server| server.passthrough).collect();
    assert_eq!(passthrough, [true, false, false]);
    assert_eq!(compiled.servers[1].authorization.as_ref().unwrap().rules.len(), 0);
}

#[test]
fn colours_are_for_terminals_only() {
    let hostile = gateway("g", "a").replace("rules:", "\"\\e[31m\": 1, rules:");
    for input in ["kind: [", &hostile] {
        let output = with_input(&["check", "-"], input);
        assert_eq!(output.status.code(), Some(1));
        assert!(!output.stderr.contains(&0x1b), "{}", stderr(&output));
    }
}

#[test]
fn schemas_are_json_and_describe_every_field() {
    for format in ["plugin-config", "gateway"] {
        let output = egress_auth(&["schema", format]);
        assert_eq!(output.status.code(), Some(0));
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(schema["$schema"].is_string(), "{format}");
        assert!(schema["properties"].is_object(), "{format}");
    }
    let output = egress_auth(&["schema", "gateway"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let server = &schema["properties"]["spec"]["properties"]["http"]["items"];
    let rule = &server["properties"]["authentication"]["properties"]["jwt"];
    assert_eq!(rule["additionalProperties"], false);
    assert_eq!(rule["properties"]["clockSkewSeconds"]["maximum"], 300);
    assert_eq!(server["additionalProperties"], true);
}

/// The names of all properties in a JSON Schema.
fn properties(schema: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(named)) = members.get("properties") {
                found.extend(named.keys().cloned());
            }
            members.values().for_each(|member| properties(member, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        _ => {}
    }
}

#[test]
fn the_list_of_fields_says_what_becomes_of_each() {
    let reference =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tsb-gateway.md"))
            .unwrap();
    let schema = serde_json::from_slice(&egress_auth(&["schema", "gateway"]).stdout).unwrap();
    let mut fields = std::collections::BTreeSet::new();
    properties(&schema, &mut fields);
    assert!(fields.len() > 30);
    let words: Vec<&str> =
        reference.split(|character: char| !character.is_ascii_alphanumeric()).collect();
    let missing: Vec<_> = fields.iter().filter(|field| !words.contains(&field.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_scenario_compiles_to_an_envoy_bootstrap() {
    let mut command = command(&["compile", PAYMENTS, "--to", "envoy", "--wasm", "filter.wasm"]);
    let output = command.env("SSL_CERT_FILE", "/etc/ssl/cas.pem").output().unwrap();
    let bootstrap: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    let names: Vec<_> = clusters.iter().map(|cluster| cluster["name"].as_str().unwrap()).collect();
    for name in ["server|payment-api", "server|httpbin", "jwks|https|auth.example.com|443"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn the_filter_takes_every_policy_that_compiles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/warnings");
    let mut inputs = vec![PAYMENTS.into()];
    inputs.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    inputs.retain(|path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "yaml"));
    assert!(inputs.len() > 10);
    for input in inputs {
        let output = egress_auth(&["compile", input.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", input.display());
        let engine = egress_auth::engine::Engine::from_json(&output.stdout);
        assert!(engine.is_ok(), "{}: {:?}", input.display(), engine.err());
    }
}

#[test]
fn what_an_output_cannot_say_is_an_error_about_the_document() {
    let input = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: g, namespace: egress}
spec:
  http:
    - {name: in, hostname: in.test, trafficMode: INGRESS}
";
    let output = with_input(&["compile", "-", "--to", "envoy", "--wasm", "filter.wasm"], input);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("<stdin>:7:28"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["schema", "gateway"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}
