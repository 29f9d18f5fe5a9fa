//! What is wrong with a text that is no YAML, or not yet: the parser says where it stopped, and
//! this is what people most likely did there.

use super::diagnostic::Diagnostic;
use super::source::Span;

/// What to do with a template.
pub(super) const RENDER: &str = "this is a template: render it first, as with `helm template`, and \
                                 check what comes out; to leave the file out, use --exclude";

/// What begins the parts of a template.
const TEMPLATE: [&str; 3] = ["{{", "{%", "<%"];

/// What a plain scalar cannot begin with, though values do: names of hosts, and patterns.
const NEEDS_QUOTES: [char; 7] = ['*', '&', '@', '`', '%', '!', '|'];

/// What the parser says, where the mistake is, and what to do about it.
pub(super) fn error(source: &str, span: Span, message: &str) -> Diagnostic {
    let offset = span.start as usize;
    let tab = message.contains("tab").then(|| indenting_tab(source, offset)).flatten();
    let conflict = merge_conflict(source);
    let at = u32::try_from(tab.or(conflict).unwrap_or(offset)).unwrap_or(span.start);
    let diagnostic = Diagnostic::error(format!("not valid YAML: {message}"));
    diagnostic.span(Span { start: at, end: at, ..span }).hint(if tab.is_some() {
        "indent with spaces: YAML allows no tabs there".to_owned()
    } else if conflict.is_some() {
        "a merge was left half done here: resolve the conflict".to_owned()
    } else if is_template(source, offset) {
        RENDER.to_owned()
    } else if message.contains("recursion limit") {
        "nest lists and maps less deeply; is a bracket left open?".to_owned()
    } else if let Some(value) = unquoted(line_at(source, offset)) {
        format!("put it in quotes: `{value:?}`")
    } else if message.contains("mapping values are not allowed") {
        "put a value with `: ` in it in quotes; else align the line with those around it".to_owned()
    } else if message.contains("unclosed quote") {
        "close the quotes that begin here".to_owned()
    } else {
        "correct it; to leave the file out, use --exclude".to_owned()
    })
}

/// Whether a template's part stands in the line of an offset or the one before it, or where a line
/// begins.
pub(super) fn is_template(source: &str, offset: usize) -> bool {
    let begins = |line: &str| TEMPLATE.iter().any(|part| line.trim_start().starts_with(part));
    let before = source.get(..offset).unwrap_or_default();
    let start = before.rfind('\n').unwrap_or_default();
    let previous = line_at(source, start.saturating_sub(1));
    [line_at(source, offset), previous]
        .iter()
        .any(|line| TEMPLATE.iter().any(|it| line.contains(it)))
        || source.lines().any(begins)
}

/// The line in which an offset lies, without its end.
fn line_at(source: &str, offset: usize) -> &str {
    let (before, after) = source.split_at_checked(offset).unwrap_or((source, ""));
    let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let rest = after.find('\n').unwrap_or(after.len());
    source.get(start..before.len().saturating_add(rest)).unwrap_or_default()
}

/// The first value of a line that would have to stand in quotes.
fn unquoted(line: &str) -> Option<&str> {
    let mut rest = line.trim_start().trim_start_matches("- ");
    loop {
        let value = rest.trim_start_matches([' ', '[', '{', ',']);
        let whole = value.split([' ', ',', ']', '#']).next().unwrap_or_default();
        // Braces of a flow mapping end the value, those of `{*}` do not.
        let braces = whole.contains("{*");
        let value = if braces { whole } else { whole.split('}').next().unwrap_or_default() };
        if !value.ends_with(':') && (value.starts_with(NEEDS_QUOTES) || braces) {
            return Some(value).filter(|value| value.len() > 1 || *value == "*");
        }
        rest = rest.find([' ', ',', '[']).and_then(|at| rest.get(at.saturating_add(1)..))?;
        if rest.trim_start().starts_with(['"', '\'', '#']) {
            return None;
        }
    }
}

/// The first line with which Git marks a conflict.
fn merge_conflict(source: &str) -> Option<usize> {
    match source.starts_with("<<<<<<< ") {
        true => Some(0),
        false => source.find("\n<<<<<<< ").map(|at| at.saturating_add(1)),
    }
}

/// The first tab in the indentation of a line, from the line of an error on: the parser stops at
/// the end of what it could read.
fn indenting_tab(source: &str, offset: usize) -> Option<usize> {
    let before = source.get(..offset)?;
    let mut start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    for line in source.get(start..)?.split_inclusive('\n') {
        let indentation = line.find(|character| !matches!(character, ' ' | '\t' | '\n' | '\r'));
        let indentation = line.get(..indentation.unwrap_or_default())?;
        if let Some(tab) = indentation.find('\t') {
            return Some(start.saturating_add(tab));
        }
        start = start.saturating_add(line.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::resource::diagnostic::Diagnostics;
    use crate::resource::source::FileId;
    use crate::resource::yaml;

    #[test]
    fn what_people_do_that_is_no_yaml_is_known() {
        for (text, hint) in [
            ("a: *.example.com\n", "`\"*.example.com\"`"),
            ("a: [*.example.com, b]\n", "`\"*.example.com\"`"),
            ("a: *\n", "`\"*\"`"),
            ("- @x\n", "`\"@x\"`"),
            ("a: {b: @x}\n", "`\"@x\"`"),
            ("a: `x`\n", "`\"`x`\"`"),
            ("a: %x\n", "`\"%x\"`"),
            ("paths: [/v1/{*}/x, /a]\n", "`\"/v1/{*}/x\"`"),
            ("a:\n  {{- if .Values.x }}\n  b: c\n", "render it first"),
            ("{{ if x }}\na: b\n{{ end }}\n", "render it first"),
            ("a:\n{% if x %}\n  b: c\n", "render it first"),
            ("a: {{ .Values.x }}\n", "render it first"),
            ("a: b\n<<<<<<< HEAD\na: c\n=======\n", "resolve the conflict"),
            ("a:\n\tb: c\n", "indent with spaces"),
            ("a: b: c\n", "in quotes"),
            ("a: \"b\n", "close the quotes"),
            ("a: [b\n", "--exclude"),
        ] {
            let mut found = Diagnostics::default();
            yaml::read(FileId(0), text, &mut found);
            let hints: Vec<_> = found.iter().filter_map(|it| it.hint.as_deref()).collect();
            assert!(hints.iter().any(|it| it.contains(hint)), "{text}: {found:?}");
        }
    }
}
