//! Every message about documents, word for word.
//!
//! Each `tests/fixtures/errors/NAME.yaml` and `tests/fixtures/warnings/NAME.yaml` is checked, and
//! what the user sees is compared with `NAME.stderr` beside it. Those in `tests/fixtures/field` are
//! what people write, right or wrong, with requests in `NAME.requests.jsonl` and what `explain` says
//! of them in `NAME.answers`. What only an output for Istio or a stand-alone Envoy cannot do is in
//! `tests/fixtures/istio` and `tests/fixtures/envoy`, and compiled to it. After a wanted change,
//! write the files anew with `BLESS=1 make test TESTS=diagnostics`, and review the difference.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use egress_auth::resource::warning::Warning;

fn egress_auth(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egress-auth"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

fn fixtures(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind)
}

/// Names of the files of a folder with this extension, without it.
fn names(folder: &Path, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// What a command exits with: always the same, or by whether what it says counts errors.
#[derive(Clone, Copy)]
enum Exit {
    With(i32),
    AsItSays,
}

impl Exit {
    fn code(self, stderr: &str) -> i32 {
        match self {
            Self::With(code) => code,
            Self::AsItSays => {
                let summary = stderr.lines().last().unwrap();
                i32::from(summary.contains(" error") && !summary.starts_with("no errors"))
            }
        }
    }
}

/// Runs a command on each file of a folder.
fn compare(kind: &str, command: &[&str], exit: Exit) {
    let folder = fixtures(kind);
    let cases = names(&folder, "yaml");
    assert!(!cases.is_empty());
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in &cases {
        let file = format!("{case}.yaml");
        let output = egress_auth(&folder, &[command, &[&file]].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit.code(&stderr)), "{kind}/{file}:\n{stderr}");
        assert!(output.stdout.is_empty(), "{kind}/{file}");
        let golden = folder.join(format!("{case}.stderr"));
        if bless {
            std::fs::write(&golden, &stderr).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if stderr != expected {
            wrong.push(format!("{kind}/{file}: expected\n{expected}\nbut got\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let expected = names(&folder, "stderr");
    let extra: Vec<_> = expected.difference(&cases).collect();
    assert!(extra.is_empty(), "expectations without a case: {extra:?}");
}

#[test]
fn errors_read_as_reviewed() {
    compare("errors", &["check"], Exit::With(1));
}

#[test]
fn warnings_read_as_reviewed() {
    compare("warnings", &["check"], Exit::With(0));
}

#[test]
fn warnings_can_be_denied_and_acknowledged() {
    let folder = fixtures("warnings");
    let code = |case: &str| {
        egress_auth(&folder, &["check", "--deny-warnings", case]).status.code().unwrap()
    };
    assert_eq!(code("no_audiences.yaml"), 1);
    assert_eq!(code("acknowledge_stale.yaml"), 1);
    assert_eq!(code("server_transit.yaml"), 0);
    let output = egress_auth(&folder, &["check", "--output", "json", "acknowledged.yaml"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let all = report["diagnostics"].as_array().unwrap().iter();
        all.filter(|it| it["name"] == name).cloned().collect::<Vec<_>>()
    };
    let acknowledged = of("audiences-unchecked");
    assert_eq!(acknowledged.len(), 1);
    assert_eq!(acknowledged[0]["severity"], "note");
    assert_eq!(acknowledged[0]["acknowledged"], "the issuer sets none");
    let other = of("unknown-method");
    assert_eq!((other.len(), &other[0]["severity"]), (1, &"warning".into()));
    assert_eq!((&report["errors"], &report["warnings"]), (&0.into(), &1.into()));
}

#[test]
fn every_warning_that_has_a_name_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    for warning in Warning::ALL {
        let row = format!("| `{}` |", warning.as_str());
        assert!(page.contains(&row), "{row}");
    }
    let rows = page.lines().skip_while(|line| !line.starts_with("| name | what is warned of"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), Warning::ALL.len());
}

/// The answers to the requests beside such a document, with every step.
#[test]
fn what_people_send_is_answered_as_reviewed() {
    let folder = fixtures("field");
    let bless = std::env::var_os("BLESS").is_some();
    for requests in names(&folder, "jsonl") {
        let name = requests.strip_suffix(".requests").unwrap();
        let (gateway, requests) = (format!("{name}.yaml"), format!("{requests}.jsonl"));
        let output = egress_auth(&folder, &["explain", &gateway, "--requests", &requests]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let answers = String::from_utf8(output.stdout).unwrap();
        let golden = folder.join(format!("{name}.answers"));
        if bless {
            std::fs::write(&golden, &answers).unwrap();
        }
        assert_eq!(answers, std::fs::read_to_string(&golden).unwrap_or_default(), "{name}");
    }
}

/// Documents as people write them, for identity providers, products and templates of all kinds.
#[test]
fn what_people_write_reads_as_reviewed() {
    compare("field", &["check"], Exit::AsItSays);
}

#[test]
fn what_a_stand_alone_envoy_cannot_do_reads_as_reviewed() {
    let command = |to| ["compile", "--to", to, "--wasm", "filter.wasm"];
    compare("envoy", &command("envoy"), Exit::With(1));
    compare("envoy", &command("envoy-native"), Exit::With(1));
}

#[test]
fn what_istio_must_not_be_given_reads_as_reviewed() {
    const MODULE: &str = "oci://registry.test/egress-auth@sha256:\
                          0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    compare("istio", &["compile", "--to", "istio-native"], Exit::With(1));
    compare("istio", &["compile", "--to", "wasm-plugin", "--module-url", MODULE], Exit::With(1));
}

#[test]
fn a_gateway_with_errors_compiles_to_nothing() {
    let folder = fixtures("errors");
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("policy.json");
    for case in names(&folder, "yaml") {
        let input = format!("{case}.yaml");
        let output = egress_auth(&folder, &["compile", &input, "--out", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{case}");
        assert!(output.stdout.is_empty(), "{case}");
        assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0, "{case}");
    }
}

#[test]
fn every_error_names_the_line_and_what_to_write() {
    let folder = fixtures("errors");
    // What is wrong with these is that something is not in the input, so there is no line.
    let without_place =
        ["document_none", "document_not_a_gateway", "document_other_gateway", "list_empty"];
    for case in names(&folder, "yaml") {
        let input = format!("{case}.yaml");
        let output = egress_auth(&folder, &["check", "--output", "json", &input]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["diagnostics"].as_array().unwrap();
        let errors: Vec<_> =
            findings.iter().filter(|finding| finding["severity"] == "error").collect();
        assert_eq!(report["errors"], errors.len(), "{case}");
        for error in errors {
            assert!(!error["message"].as_str().unwrap().is_empty(), "{case}");
            if !without_place.contains(&case.as_str()) {
                assert_eq!(error["file"], input.as_str(), "{case}: {error}");
                assert!(error["line"].as_u64().unwrap() > 0, "{case}: {error}");
            }
            assert!(error["hint"].is_string(), "{case}: {error}");
        }
    }
}
