//! docs/reference/ is written from the tables that the program itself works with. After a wanted
//! change, write it anew with `BLESS=1 make test TESTS=docs`, and review the difference.
//!
//! | module | what it writes |
//! |---|---|
//! | `commands` | the help of every command |
//! | `fields` | the fields of a JSON Schema |
//! | `signals` | reason codes, metrics, fields of the access log |

mod commands;
mod defaults;
mod fields;
mod signals;

pub use self::fields::schema;
use crate::docs::markdown::root;

const MARK: &str = "<!-- Written by `BLESS=1 make test TESTS=docs`: change the code instead. -->\n";

/// The files, with what has to stand in them.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("commands.md", commands::page()),
        (
            "gateway.md",
            fields::page(
                "gateway",
                "The fields of a Gateway",
                "What `egress-auth schema gateway` says of the documents that are compiled. How fields \
                 work together, and what is refused, is in [configuration.md](../configuration.md).",
            ),
        ),
        (
            "cases.md",
            fields::page(
                "test",
                "The fields of a cases file",
                "What `egress-auth schema test` says of the files that `egress-auth test` reads. They \
                 are explained in [configuration.md](../configuration.md#test).",
            ),
        ),
        (
            "guarantees.md",
            fields::page(
                "guarantees",
                "The fields of a file with guarantees",
                "What `egress-auth schema guarantees` says of the files that `egress-auth prove` reads. \
                 They are explained in [configuration.md](../configuration.md#prove).",
            ),
        ),
        (
            "plugin-config.md",
            fields::page(
                "plugin-config",
                "The fields of the filter's configuration",
                "What `egress-auth schema plugin-config` says of the JSON that the filter reads. \
                 `egress-auth compile` writes it; fields that it does not know are refused. Where no default \
                 is named, what is left out is empty or `false`, and of several words the first.",
            ),
        ),
        ("signals.md", signals::page()),
    ]
}

#[test]
fn the_reference_is_current() {
    let folder = root().join("docs/reference");
    let mut stale = Vec::new();
    for (name, text) in files() {
        let text = format!("{MARK}\n{text}");
        let path = folder.join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).ok() != Some(text) {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} in docs/reference/ are not what the program says; write them anew with \
         `BLESS=1 make test TESTS=docs` and review the difference"
    );
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A table.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut out = line(&head.iter().map(ToString::to_string).collect::<Vec<_>>());
    out.push_str(&format!("{}|\n", "|---".repeat(head.len())));
    for row in rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        out.push_str(&line(&row.iter().map(|text| cell(text)).collect::<Vec<_>>()));
    }
    out
}
