//! The reference names every command and flag that there is, and no other.

use std::collections::BTreeSet;
use std::process::Command;

use crate::markdown::{Document, flags};

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    let output = command.args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = help(&[]);
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = listed.lines().filter_map(|line| {
        // Deeper lines go on with a description.
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty() && name != "help").then(|| name.to_owned())
    });
    names.collect()
}

/// The flags that the help of a command defines, and not those that its texts mention.
fn defined(command: &str) -> BTreeSet<String> {
    let help = help(&[command]);
    let definitions = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let mut all: BTreeSet<String> =
        definitions.flat_map(|line| flags(line.split("  ").next().unwrap_or_default())).collect();
    all.remove("--help");
    all
}

#[test]
fn the_reference_has_every_flag_and_no_other() {
    let documented = Document::read("docs/configuration.md").flags();
    let defined: BTreeSet<String> = commands().iter().flat_map(|it| defined(it)).collect();
    assert!(defined.len() > 15, "{defined:?}");
    let missing: Vec<_> = defined.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&defined).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn the_readme_lists_every_command() {
    let listed = Document::read("README.md").table("command");
    for command in commands() {
        let start = format!("egress-auth {command} ");
        assert!(
            listed.iter().any(|row| row[0].starts_with(&start)),
            "{command} is not in README.md"
        );
    }
}
