//! Every command and flag that there is is explained, and no other; defaults are right.

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
fn the_reference_has_every_flag_and_no_other() {
    let documented = Document::read("docs/configuration.md").flags();
    let defined: BTreeSet<String> = commands().iter().flat_map(|it| defined(it)).collect();
    assert!(defined.len() > 15, "{defined:?}");
    let missing: Vec<_> = defined.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&defined).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn defaults_in_the_readme_are_what_holds() {
    let gateway = crate::docs::reference::schema("gateway");
    let rows = Document::read("README.md").table("option or field");
    assert!(rows.len() > 8, "{rows:?}");
    for row in rows {
        let (name, shown) = (&row[0], &row[1]);
        let defaults = match name.strip_prefix("--") {
            Some(flag) => defaults_of_flag(flag),
            None => defaults_of_field(&gateway, name),
        };
        assert_eq!(defaults, BTreeSet::from([shown.clone()]), "{name}");
    }
}

/// The defaults of a flag, over all commands that have it.
fn defaults_of_flag(flag: &str) -> BTreeSet<String> {
    let whole = egress_auth::cli::command();
    let arguments = whole.get_subcommands().flat_map(|command| command.get_arguments());
    let named = arguments.filter(|argument| argument.get_long() == Some(flag));
    named
        .map(|argument| {
            let values: Vec<_> =
                argument.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
            values.join(" ")
        })
        .collect()
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

#[test]
fn the_readme_calls_commands_with_all_that_they_need() {
    for row in Document::read("README.md").table("command") {
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
        assert!(parsed.is_ok(), "README.md: {shown}\n{}", parsed.unwrap_err());
    }
}

/// A word of the README as it could be on a command line.
fn placeholder(word: &str) -> String {
    match word.trim_matches(['[', ']']).trim_end_matches("...") {
        "ADDR" => "127.0.0.1:0",
        "SHELL" => "bash",
        "URL" => "https://a.test/",
        word => word,
    }
    .to_owned()
}
