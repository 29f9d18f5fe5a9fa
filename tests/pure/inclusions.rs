//! The prover against z3, an SMT solver, on questions about paths: whether everything that one
//! pattern matches is matched by one of several others. z3 is told what patterns mean by regular
//! expressions of its own (`tests/solver/inclusions.py`), which share nothing with the matcher.
//!
//! `make test-solver` installs z3 and runs it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use egress_auth::engine::Engine;
use egress_auth::policy::{Policy, VERSION};
use egress_auth::prove::compare::compare;
use serde_json::json;

use crate::numbers::Numbers;
use crate::targets::plain;

/// Questions that are put to both.
const QUESTIONS: usize = 6_000;
/// What patterns are put together from.
const PIECES: [&str; 14] =
    ["/a", "/b", "/*", "/{*}", "/{**}", "/ab", "/a*", "/*b", "/*a*", "/x.y", "*", "a", "b*", "/"];

/// A pattern that is sound.
fn pattern(numbers: &mut Numbers) -> String {
    loop {
        let pieces = 1 + numbers.below(4);
        let text: String = (0..pieces).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
        if Engine::new(read(&[&text])).is_ok() {
            return text;
        }
    }
}

/// A policy that admits these paths to one host.
fn read(paths: &[&str]) -> Policy {
    let policy = json!({
        "version": VERSION,
        "gateway": "g/g",
        "operations": [{ "methods": ["GET"], "paths": paths }],
        "rules": [{ "name": "r", "to": [0] }],
        "servers": [{ "name": "a", "hostname": "a.test", "authorization": { "rules": [0] } }],
    });
    serde_json::from_value(policy).unwrap()
}

/// Whether the prover says that all paths of one pattern are among those of others.
fn is_included(inner: &str, outer: &[&str]) -> bool {
    let policies = [read(outer), read(&[inner])];
    let compared = compare([&policies[0], &policies[1]], 0).unwrap();
    let beyond = || compared.groups.iter().map(|group| &group.gained);
    for found in beyond().flat_map(|beyond| &beyond.found) {
        let path = found.example.path.as_deref().unwrap();
        assert!(plain::path_matches(inner, path), "{path} is no path of {inner}");
        assert!(
            !outer.iter().any(|it| plain::path_matches(it, path)),
            "{path} is one of {outer:?}"
        );
    }
    beyond().all(|beyond| beyond.found.is_empty() && beyond.unclear.is_empty())
}

#[test]
#[ignore = "needs z3: `make test-solver`"]
fn z3_says_the_same_about_paths() {
    let python = std::env::var_os("Z3_PYTHON").expect("Z3_PYTHON names a Python that has z3");
    let mut numbers = Numbers::new(19);
    let questions: Vec<(String, Vec<String>)> = (0..QUESTIONS)
        .map(|_| {
            let others = 1 + numbers.below(4);
            let inner = pattern(&mut numbers);
            (inner, (0..others).map(|_| pattern(&mut numbers)).collect())
        })
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/solver/inclusions.py");
    let mut solver = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = solver.stdin.take().unwrap();
    for (inner, outer) in &questions {
        writeln!(input, "{}", json!({ "inner": inner, "outer": outer })).unwrap();
    }
    drop(input);
    let output = solver.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), QUESTIONS);
    let (mut included, mut unknown, mut wrong) = (0, 0, Vec::new());
    for ((inner, outer), answer) in questions.iter().zip(answers) {
        let others: Vec<&str> = outer.iter().map(String::as_str).collect();
        let proved = is_included(inner, &others);
        included += usize::from(proved);
        match answer {
            "unknown" => unknown += 1,
            "included" if proved => {}
            "missed" if !proved => {}
            other => wrong.push(format!("{inner} in {outer:?}: z3 says {other}, not {proved}")),
        }
    }
    println!(
        "{QUESTIONS} questions, {included} included, {unknown} unknown to z3, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A set in which one answer is always right would show nothing, nor would one without answers.
    assert!(included * 10 > QUESTIONS && included * 10 < QUESTIONS * 9, "{included}");
    assert!(unknown * 20 < QUESTIONS, "{unknown}");
}
