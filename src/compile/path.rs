//! Path patterns: what can be one, and what can never match.

use crate::policy::path_pattern::PathPattern;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::warning::Warning;

/// Why a path pattern, as it is written, hardly means what it seems to, and what to write: variables,
/// placeholders and regular expressions.
pub fn mistaken(text: &str) -> Option<(String, String)> {
    super::path_lint::mistaken(text)
}

/// What is wrong with a path pattern as it is written.
pub fn judge(text: &str) -> Option<Diagnostic> {
    // An empty one was reported when the fields were checked.
    if text.is_empty() {
        return None;
    }
    let shown = text.escape_debug();
    if let Err(error) = PathPattern::parse(text) {
        let hint = "`*` stands for any characters, `{*}` for one whole segment, `{**}` for any \
                    number of whole segments";
        let message = format!("the path pattern `{shown}` is refused: {error}");
        return Some(Diagnostic::error(message).hint(hint));
    }
    let message = format!("the path pattern `{shown}` can never match");
    if !text.starts_with(['/', '*', '{']) {
        let hint = match text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            true if !text.contains("://") => format!("paths begin with `/`: write `/{text}`"),
            _ => "paths begin with `/`".to_owned(),
        };
        return Some(Diagnostic::error(message).hint(hint));
    }
    text.contains(['?', '#']).then(|| {
        let hint = "patterns are compared with the path alone, without `?` and what follows it";
        Diagnostic::warning(message).hint(hint).named(Warning::PathNeverMatches)
    })
}
