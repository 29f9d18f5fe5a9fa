//! Files that commands read and write, as a user names them.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const GATEWAY: &str = include_str!("../../envoy/examples/payments.yaml");

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.args(arguments).current_dir(folder);
    command
}

fn egress_auth(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A folder with `gateway.yaml`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    folder
}

/// A whole repository can be checked, with what is no YAML in it left out by name.
#[test]
fn excluded_files_are_not_read() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("charts/a/templates")).unwrap();
    std::fs::write(folder.path().join("charts/a/templates/b.yaml"), "{{- if x }}\n").unwrap();
    std::fs::write(folder.path().join("ci.yml"), "a: !reference [b]\n").unwrap();
    let code = |arguments: &[&str]| egress_auth(folder.path(), arguments).status.code();
    assert_eq!(code(&["check", "."]), Some(1));
    for pattern in ["charts/**", "charts", "templates", "**/templates/*.yaml", "b.yaml"] {
        assert_eq!(code(&["check", ".", "--exclude", pattern]), Some(0), "{pattern}");
    }
    assert_eq!(code(&["check", ".", "--exclude", "*.yml"]), Some(1));
    assert_eq!(code(&["check", ".", "--exclude", "**b"]), Some(2));
    let nothing = egress_auth(folder.path(), &["check", "gateway.yaml", "--exclude", "*"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("--exclude leaves nothing to read"), "{}", stderr(&nothing));
}

/// What never ends is given up, wherever it is read.
#[test]
fn input_without_an_end_is_refused() {
    let folder = folder();
    symlink("/dev/zero", folder.path().join("zero.yaml")).unwrap();
    let request = ["--request", "GET https://httpbin.org/"];
    let explain = |more: &[&'static str]| [&["explain", "gateway.yaml"], more].concat();
    let jwks = "--jwks=https://auth.example.com=zero.yaml";
    let large = "zero.yaml holds more than 256 MiB: name a file with documents, or divide it";
    let long = "zero.yaml:1: the line is longer than 1 MiB: write one request a line, as JSON";
    let table = [
        (vec!["check", "zero.yaml"], 1, large),
        (vec!["compile", "zero.yaml"], 1, large),
        (vec!["test", "zero.yaml"], 1, large),
        (vec!["diff", "gateway.yaml", "zero.yaml"], 2, large),
        (explain(&[&request[..], &[jwks]].concat()), 1, large),
        (explain(&["--requests", "zero.yaml"]), 1, long),
        (vec!["diff", "gateway.yaml", "gateway.yaml", "--requests", "zero.yaml"], 2, long),
    ];
    for (arguments, code, message) in table {
        let output = egress_auth(folder.path(), &arguments);
        assert_eq!(stderr(&output), format!("error: {message}\n"), "{arguments:?}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let zero = File::open("/dev/zero").unwrap();
    let output = command(folder.path(), &["check", "-"]).stdin(zero).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: standard input holds more than 256 MiB: name a file with documents, or \
                    divide it\n";
    assert_eq!(stderr(&output), expected);
}

/// As `<(...)` of a shell makes them.
#[test]
fn pipes_are_read() {
    let folder = folder();
    let mut child = command(folder.path(), &["check", "/dev/fd/0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::copy(&mut GATEWAY.as_bytes(), &mut child.stdin.take().unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).ends_with("2 warnings\n"), "{}", stderr(&output));
}

/// An output never takes the place of what it was made from, whatever it is called.
#[test]
fn an_input_is_never_overwritten() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("other")).unwrap();
    symlink("../gateway.yaml", path("other/link.yaml")).unwrap();
    std::fs::hard_link(path("gateway.yaml"), path("other/hard.yaml")).unwrap();
    let whole = path("gateway.yaml");
    let spellings = [
        "gateway.yaml",
        "./gateway.yaml",
        "other/../gateway.yaml",
        "other/link.yaml",
        "other/hard.yaml",
        whole.to_str().unwrap(),
    ];
    for (input, out) in spellings
        .into_iter()
        .map(|out| ("gateway.yaml", out))
        .chain([("other/link.yaml", "gateway.yaml"), (".", "gateway.yaml")])
    {
        let output = egress_auth(folder.path(), &["compile", input, "--out", out]);
        assert_eq!(output.status.code(), Some(2), "{input} {out}: {}", stderr(&output));
        let message = stderr(&output);
        assert!(message.starts_with(&format!("error: --out {out} is an input, ")), "{message}");
        assert!(message.ends_with(", which would be lost; name another file\n"), "{message}");
        assert_eq!(std::fs::read_to_string(path("gateway.yaml")).unwrap(), GATEWAY);
    }
    let output = egress_auth(folder.path(), &["compile", "gateway.yaml", "--out", "policy.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_dash_is_standard_output() {
    let folder = folder();
    let plain = egress_auth(folder.path(), &["compile", "gateway.yaml"]);
    let dash = egress_auth(folder.path(), &["compile", "gateway.yaml", "-o", "-"]);
    assert_eq!((dash.status.code(), &dash.stdout), (Some(0), &plain.stdout));
    assert!(!plain.stdout.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_path_that_cannot_be_read_says_what_to_do() {
    let output = egress_auth(folder().path(), &["check", "missing.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: cannot read missing.yaml: No such file or directory (os error 2); name a \
                    file or folder that is there, or - for standard input\n";
    assert_eq!(stderr(&output), expected);
}
