//! The workflows are ones that can be read, and what they and the documents have `make` do it can.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::docs::markdown::{Document, root};

#[test]
fn every_step_of_a_workflow_does_something() {
    let mut steps = 0;
    for entry in std::fs::read_dir(root().join(".github/workflows")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let workflow: Value = serde_saphyr::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().unwrap() {
                let does = [&step["run"], &step["uses"]].map(Value::is_string);
                assert!(does[0] != does[1], "{}: {name}: {step}", path.display());
                steps += 1;
            }
        }
    }
    assert!(steps > 5, "{steps}");
}

#[test]
fn every_target_that_is_named_exists() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> = Regex::new("(?m)^([a-z-]+):.* ## ")
        .unwrap()
        .captures_iter(&makefile)
        .map(|it| it.get(1).unwrap().as_str())
        .collect();
    let mut commands: Vec<String> = Vec::new();
    for document in Document::all() {
        commands.extend(document.codes());
        let blocks = document.blocks().into_iter().map(|block| block.text);
        commands
            .extend(blocks.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()));
    }
    for file in [".ci/run", ".github/workflows/ci.yaml", ".github/workflows/release.yaml"] {
        commands.extend(read(file).lines().map(str::to_owned));
    }
    let called = Regex::new(r"^\s*(?:\$ |- run: |step )?make ([a-z-]+)").unwrap();
    let mut named = BTreeSet::new();
    for command in &commands {
        if let Some(target) = called.captures(command) {
            let target = target.get(1).unwrap().as_str();
            assert!(targets.contains(target), "the Makefile has no `{target}`: {command}");
            named.insert(target);
        }
    }
    assert!(named.len() > 10, "{named:?}");
}
