//! Every command is explained; flags, and defaults, are those that there are. That the reference has
//! every flag is seen to by `reference`, which writes it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::docs::markdown::{Document, flags};

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
fn flags_that_are_explained_exist() {
    let mut explained = Document::read("docs/configuration.md").flags();
    explained.remove("--help");
    let defined: BTreeSet<String> = commands().iter().flat_map(|it| defined(it)).collect();
    assert!(explained.len() > 15, "{explained:?}");
    let unknown: Vec<_> = explained.difference(&defined).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn defaults_that_are_explained_are_what_holds() {
    let gateway = crate::docs::reference::schema("gateway");
    let mut held = 0;
    for table in Document::read("docs/configuration.md").tables() {
        let (headings, rows) = table.split_first().unwrap();
        let Some(column) = headings.iter().position(|heading| heading == "default") else {
            continue;
        };
        for row in rows {
            let defaults = defaults_of_field(&gateway, &row[0]);
            if !defaults.is_empty() {
                assert_eq!(defaults, BTreeSet::from([row[column].clone()]), "{}", row[0]);
                held += 1;
            }
        }
    }
    assert!(held >= 5, "only {held} defaults were found");
}

/// The defaults of a field, wherever the schema has it.
fn defaults_of_field(schema: &Value, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(default) = schema["properties"][name].get("default") {
        found.insert(default.as_str().map_or_else(|| default.to_string(), ToOwned::to_owned));
    }
    match schema {
        Value::Object(members) => {
            members.values().for_each(|member| found.extend(defaults_of_field(member, name)))
        }
        Value::Array(items) => {
            items.iter().for_each(|item| found.extend(defaults_of_field(item, name)));
        }
        _ => {}
    }
    found
}

#[test]
fn every_command_is_listed() {
    let listed = Document::read("docs/configuration.md").table("command");
    for command in commands() {
        let start = format!("egress-auth {command} ");
        assert!(
            listed.iter().any(|row| row[0].starts_with(&start)),
            "{command} is not in docs/configuration.md"
        );
    }
}

#[test]
fn commands_are_listed_with_all_that_they_need() {
    for row in Document::read("docs/configuration.md").table("command") {
        // After a comma are other values of the last word.
        let shown = row[0].split(',').next().unwrap();
        let mut words: Vec<String> = Vec::new();
        for (position, part) in shown.split('\'').enumerate() {
            match position % 2 {
                0 => words.extend(part.split_whitespace().map(placeholder)),
                _ => words.push(part.to_owned()),
            }
        }
        let parsed = egress_auth::cli::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "docs/configuration.md: {shown}\n{}", parsed.unwrap_err());
    }
}

/// A word of that table as it could be on a command line.
fn placeholder(word: &str) -> String {
    match word.trim_matches(['[', ']']).trim_end_matches("...") {
        "ADDR" => "127.0.0.1:0",
        "SHELL" => "bash",
        "URL" => "https://a.test/",
        word => word,
    }
    .to_owned()
}
