//! The commands of a block, and what is shown of them.

use crate::docs::markdown::Block;

/// What a block asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A command with what it prints; none where it only has to succeed.
    Command { text: String, shown: Option<Vec<String>> },
    /// What the program that was started last goes on to print.
    GoesOn(Vec<String>),
}

/// The steps of a `console` or `sh` block; none of others.
pub fn steps(block: &Block) -> Vec<Step> {
    match block.language.as_str() {
        "console" => console(&block.text),
        "sh" => script(&block.text),
        _ => Vec::new(),
    }
}

/// Lines that begin with `$ ` are commands, and what follows is printed.
fn console(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (_, Some(Step::Command { text, .. })) if goes_on => {
                text.push('\n');
                text.push_str(line);
                goes_on = line.ends_with('\\');
            }
            (Some(command), _) => {
                goes_on = command.ends_with('\\');
                steps.push(Step::Command { text: command.to_owned(), shown: Some(Vec::new()) });
            }
            (None, Some(Step::Command { shown: Some(shown), .. } | Step::GoesOn(shown))) => {
                shown.push(line.to_owned());
            }
            (None, _) => steps.push(Step::GoesOn(vec![line.to_owned()])),
        }
    }
    // An empty line before the next command is for the eye.
    for step in &mut steps {
        if let Step::Command { shown: Some(shown), .. } | Step::GoesOn(shown) = step {
            while shown.last().is_some_and(String::is_empty) {
                shown.pop();
            }
        }
    }
    steps
}

/// Every line is a command, or goes on with the one before: after a backslash, or until the word
/// that ends a here-document.
fn script(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    let mut document: Option<&str> = None;
    for line in text.lines() {
        match steps.last_mut() {
            Some(Step::Command { text, .. }) if goes_on || document.is_some() => {
                text.push('\n');
                text.push_str(line);
            }
            _ if line.is_empty() || line.starts_with('#') => continue,
            _ => steps.push(Step::Command { text: line.to_owned(), shown: None }),
        }
        match document {
            Some(end) => document = document.filter(|_| line != end),
            None => document = line.split_once("<<'").and_then(|(_, rest)| rest.strip_suffix('\'')),
        }
        goes_on = line.ends_with('\\') && document.is_none();
    }
    steps
}

/// Whether lines were printed as they are shown. In what is shown, a line `...` stands for any
/// number of lines, and `...` within a line for any text.
pub fn fits(shown: &[impl AsRef<str>], printed: &[impl AsRef<str>]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, _) => printed.is_empty(),
        (Some((first, rest)), _) if first.as_ref() == "..." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        (Some(_), None) => false,
        (Some((first, rest)), Some((line, lines))) => {
            line_fits(first.as_ref(), line.as_ref()) && fits(rest, lines)
        }
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let parts: Vec<&str> = shown.split("...").collect();
    let [first, middle @ .., last] = parts.as_slice() else { return shown == printed };
    let rest = printed.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = rest else { return false };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[test]
fn what_is_left_out_is_all_that_may_differ() {
    for (shown, printed, expected) in [
        (&["a"][..], &["a"][..], true),
        (&["a"], &["b"], false),
        (&["a"], &["a", "b"], false),
        (&["a", "b"], &["a"], false),
        (&["a", "..."], &["a", "b", "c"], true),
        (&["...", "c"], &["a", "b", "c"], true),
        (&["...", "c"], &["a", "c", "b"], false),
        (&["a ... c"], &["a b c"], true),
        (&["a ... c"], &["a b d"], false),
        (&["a ... c ... e"], &["a b c d e"], true),
        (&["..."], &[], true),
        (&["aa...aa"], &["aaa"], false),
    ] {
        assert_eq!(fits(shown, printed), expected, "{shown:?} {printed:?}");
    }
}
