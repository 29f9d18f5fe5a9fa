//! Standard output and standard error that are closed, full, or read by nobody: what a command
//! does and the exit code it has are the same, and it never panics.

use std::fs::File;
use std::io::pipe;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

const PAYMENTS: &str = "envoy/examples/payments.yaml";

/// A pipe of which the other end is gone, as that of `| head` once it has read enough.
fn unread() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Files that the commands below read.
fn write_inputs(folder: &Path) {
    let request = json!({"request": "GET https://api.payment-provider.com/v1/payments/42"});
    let lines = format!("{request}\n").repeat(2_000);
    std::fs::write(folder.join("requests.jsonl"), lines).unwrap();
    let other = std::fs::read_to_string(PAYMENTS).unwrap().replace("GET", "PUT");
    std::fs::write(folder.join("other.yaml"), other).unwrap();
    let case = |expect: &str| {
        let gateway = std::env::current_dir().unwrap().join(PAYMENTS);
        format!(
            "gateways: [{}]\ncases:\n  - name: a\n    request: GET https://httpbin.org/\n    \
             expect: {expect}\n",
            gateway.display()
        )
    };
    std::fs::write(folder.join("good.yaml"), case("{decision: deny}")).unwrap();
    std::fs::write(folder.join("bad.yaml"), case("{decision: allow}")).unwrap();
}

/// Command lines, each with its exit code; `{}` is the folder.
const COMMANDS: [(&str, i32); 27] = [
    ("check envoy/examples/payments.yaml", 0),
    ("check tests/fixtures/errors/several_at_once.yaml", 1),
    ("check --output json envoy/examples/payments.yaml", 0),
    ("check --output json tests/fixtures/errors/several_at_once.yaml", 1),
    ("check {}/missing.yaml", 1),
    ("compile envoy/examples/payments.yaml", 0),
    ("compile envoy/examples/payments.yaml -o {}/policy.json", 0),
    ("compile tests/fixtures/errors/several_at_once.yaml", 1),
    ("compile envoy/examples/payments.yaml --to istio-native --linear", 2),
    ("completions bash", 0),
    ("demo --issuer 127.0.0.1", 2),
    ("diff envoy/examples/payments.yaml envoy/examples/payments.yaml", 0),
    ("diff envoy/examples/payments.yaml {}/other.yaml", 1),
    ("diff envoy/examples/payments.yaml {}/other.yaml --output json", 1),
    ("diff envoy/examples/payments.yaml {}/missing.yaml", 2),
    ("explain envoy/examples/payments.yaml --request GET\u{a0}https://httpbin.org/", 0),
    ("explain envoy/examples/payments.yaml --request GET", 1),
    ("explain envoy/examples/payments.yaml --requests {}/requests.jsonl", 0),
    ("man {}/man", 0),
    ("run tests/fixtures/errors/several_at_once.yaml", 1),
    ("schema gateway", 0),
    ("test {}/good.yaml", 0),
    ("test {}/bad.yaml", 1),
    ("test {}/bad.yaml --output json", 1),
    ("token --issuer https://auth.example.com --subject a", 0),
    ("--help", 0),
    ("chek", 2),
];

/// How a command is run: where its streams lead, and the shell's words that close them.
struct Run {
    shown: &'static str,
    stdout: fn() -> Stdio,
    stderr: fn() -> Stdio,
    closed: &'static str,
}

const RUNS: [Run; 8] = [
    Run { shown: "| head", stdout: unread, stderr: Stdio::null, closed: "" },
    Run { shown: "2>&1 | head", stdout: unread, stderr: unread, closed: "" },
    Run { shown: "2>&1 >out | head", stdout: Stdio::null, stderr: unread, closed: "" },
    Run { shown: "2>/dev/full", stdout: Stdio::null, stderr: full, closed: "" },
    Run { shown: ">&-", stdout: Stdio::null, stderr: Stdio::null, closed: ">&-" },
    Run { shown: "2>&-", stdout: Stdio::null, stderr: Stdio::null, closed: "2>&-" },
    Run { shown: ">&- 2>&-", stdout: Stdio::null, stderr: Stdio::null, closed: ">&- 2>&-" },
    Run { shown: "2>&- | head", stdout: unread, stderr: Stdio::null, closed: "2>&-" },
];

/// The arguments of a command line; a no-break space is one within an argument.
fn arguments(line: &str, folder: &Path) -> Vec<String> {
    let line = line.replace("{}", folder.to_str().unwrap());
    line.split(' ').map(|word| word.replace('\u{a0}', " ")).collect()
}

fn exit_code(run: &Run, line: &str, folder: &Path) -> Option<i32> {
    // The shell becomes the command once it has closed what is to be closed.
    Command::new("sh")
        .args(["-c", &format!("exec \"$0\" \"$@\" {}", run.closed)])
        .arg(env!("CARGO_BIN_EXE_egress-auth"))
        .args(arguments(line, folder))
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .stdin(Stdio::null())
        .stdout((run.stdout)())
        .stderr((run.stderr)())
        .status()
        .unwrap()
        .code()
}

#[test]
fn whoever_reads_may_go_away() {
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    for run in &RUNS {
        for (line, expected) in COMMANDS {
            let code = exit_code(run, line, folder.path());
            assert_eq!(code, Some(expected), "egress-auth {line} {}", run.shown);
        }
    }
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    for (line, expected) in [
        ("check --output json envoy/examples/payments.yaml", 1),
        ("compile envoy/examples/payments.yaml", 1),
        ("completions bash", 1),
        ("diff envoy/examples/payments.yaml {}/other.yaml", 2),
        ("explain envoy/examples/payments.yaml --request GET\u{a0}https://httpbin.org/", 1),
        ("explain envoy/examples/payments.yaml --requests {}/requests.jsonl", 1),
        ("schema gateway", 1),
        ("test {}/good.yaml", 1),
        ("token --issuer https://auth.example.com --subject a", 1),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_egress-auth"))
            .args(arguments(line, folder.path()))
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .stdout(full())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{line}: {said}");
        assert!(said.contains("cannot write to standard output"), "{line}: {said}");
    }
}

/// A file is written whole whether or not anybody hears of it.
#[test]
fn files_are_written_unheard() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("policy.json");
    let status = Command::new(env!("CARGO_BIN_EXE_egress-auth"))
        .args(["compile", PAYMENTS, "-o"])
        .arg(&written)
        .stdout(unread())
        .stderr(unread())
        .status()
        .unwrap();
    assert!(status.success());
    let policy: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&written).unwrap()).unwrap();
    assert_eq!(policy["version"], 1);
}
