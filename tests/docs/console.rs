//! What the documentation shows of `egress-auth` is what it prints.
//!
//! A `console` block is a session in a folder of its own that holds `gateway.yaml`: the last
//! Gateway that the document shows before it, or else the README's. The sessions of `docs/NAME.md`
//! also find the files of `docs/NAME/`, where there is such a folder. Blocks with a command that needs
//! more than this (a network, Envoy) are left alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::markdown::{Block, Document, root};

/// What a session may use.
const TOOLS: [&str; 4] = ["egress-auth", "sed", "printf", "echo"];

/// A command with what is shown below it.
struct Step {
    command: String,
    shown: String,
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: String::new() });
            goes_on = command.ends_with('\\');
        } else if let Some(step) = steps.last_mut() {
            let part = if goes_on { &mut step.command } else { &mut step.shown };
            if goes_on {
                part.push('\n');
            }
            part.push_str(line);
            if !goes_on {
                part.push('\n');
            }
            goes_on = goes_on && line.ends_with('\\');
        }
    }
    steps
}

fn can_be_run(step: &Step) -> bool {
    let mut words = step.command.split_whitespace();
    let first = words.next().unwrap_or_default();
    TOOLS.contains(&first) && (first != "egress-auth" || words.next() != Some("run"))
}

/// What a command prints, to both outputs, as on a terminal.
fn run(command: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_egress-auth")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .env("XDG_STATE_HOME", folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Copies the files of the folder that belongs to a document.
fn copy_files(document: &Document, folder: &Path) {
    let own = root().join(document.path.with_extension(""));
    for entry in std::fs::read_dir(own).into_iter().flatten() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let is_gateway = |block: &Block| {
        block.language == "yaml" && block.text.starts_with("apiVersion: gateway.tsb.tetrate.io/v2")
    };
    let of_readme = Document::read("README.md").blocks().into_iter().find(&is_gateway).unwrap();
    let mut sessions = BTreeMap::<_, usize>::new();
    for document in Document::all() {
        let mut gateway = of_readme.text.clone();
        for block in document.blocks() {
            if is_gateway(&block) {
                gateway.clone_from(&block.text);
            }
            let steps = steps(&block);
            if block.language != "console" || !steps.iter().all(can_be_run) {
                continue;
            }
            *sessions.entry(document.path.clone()).or_default() += 1;
            let folder = tempfile::tempdir().unwrap();
            copy_files(&document, folder.path());
            std::fs::write(folder.path().join("gateway.yaml"), &gateway).unwrap();
            for step in steps {
                let printed = run(&step.command, folder.path());
                assert_eq!(printed, step.shown, "{}: $ {}", block.place, step.command);
            }
        }
    }
    assert!(sessions.values().sum::<usize>() > 10, "{sessions:?}");
    assert!(sessions.get(Path::new("docs/migration.md")) > Some(&5), "{sessions:?}");
}
