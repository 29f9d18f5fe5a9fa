//! How diagnostics look: on a terminal, and as JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::plain::plain;
use super::{output, secret};
use crate::resource::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::resource::source::{Sources, Span};
use crate::resource::warning::Warning;

/// Longest line of a document that is quoted; of longer ones, and of those with a secret, only the
/// position is shown.
const LONGEST_QUOTED_LINE: usize = 400;

/// Prints diagnostics to standard error as text, with a count at the end. Colours only on a
/// terminal, and never where `NO_COLOR` is set.
pub fn print(sources: &Sources, diagnostics: &Diagnostics) {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = io::stderr().is_terminal() && !no_color;
    output::tell_with(|out| write(out, sources, diagnostics, colour));
}

/// Writes diagnostics as text, with a count at the end.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(
    out: &mut dyn Write,
    sources: &Sources,
    diagnostics: &Diagnostics,
    colour: bool,
) -> io::Result<()> {
    let renderer = if colour {
        Renderer::styled().decor_style(DecorStyle::Unicode)
    } else {
        Renderer::plain()
    };
    for diagnostic in diagnostics.iter().filter(|it| it.acknowledged.is_none()) {
        writeln!(out, "{}\n", render(&renderer, sources, diagnostic))?;
    }
    if let Some(summary) = summary(diagnostics) {
        writeln!(out, "{summary}")?;
    }
    out.flush()
}

/// `2 errors, 1 warning`; absent when there is neither.
pub fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let counted = |severity: Severity| match diagnostics.count(severity) {
        0 => None,
        1 => Some(format!("1 {}", severity.as_str())),
        many => Some(format!("{many} {}s", severity.as_str())),
    };
    let acknowledged = match diagnostics.acknowledged() {
        0 => String::new(),
        some => format!(" ({some} acknowledged)"),
    };
    match (counted(Severity::Error), counted(Severity::Warning)) {
        (Some(errors), Some(warnings)) => Some(format!("{errors}, {warnings}{acknowledged}")),
        (one, other) => one.or(other).map(|counted| counted + &acknowledged),
    }
}

fn render(renderer: &Renderer, sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    // Documents may hold what would steer a terminal.
    let named = match diagnostic.name {
        Some(name) => format!("{} [{}]", diagnostic.message, name.as_str()),
        None => diagnostic.message.clone(),
    };
    let message = secret::masked(&named);
    let title = plain(&message);
    let field = diagnostic.field.as_deref().map(secret::masked);
    let field = field.as_deref().map(plain);
    let mut group = Group::with_title(level.primary_title(title));
    if let Some(span) = diagnostic.span {
        let label = field.as_deref().filter(|field| !field.is_empty());
        let related = diagnostic.related.iter().map(|(span, label)| (*span, Some(label.as_str())));
        let mut places: Vec<(Span, Option<&str>)> = vec![(span, label)];
        places.extend(related);
        for (position, (span, label)) in places.into_iter().enumerate() {
            let kind =
                if position == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            match snippet(sources, span, label, kind) {
                Some(Quoted::Line(snippet)) => group = group.element(snippet),
                Some(Quoted::Place(origin)) => {
                    group = group.element(origin);
                    if let Some(label) = label {
                        let said = format!("at {label}, in a line that is not shown");
                        group = group.element(Level::NOTE.message(said));
                    }
                }
                None => {}
            }
        }
    }
    // It may repeat what is written, in the form that it should have.
    let hint = diagnostic.hint.as_deref().map(secret::masked);
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(plain(hint)));
    }
    renderer.render(&[group])
}

/// What is shown of a place in a document.
enum Quoted<'a> {
    Line(Snippet<'a, Annotation<'a>>),
    /// Its position alone: the line is too long, or may hold a secret.
    Place(Origin<'a>),
}

/// The first line of a span with the span underlined.
fn snippet<'a>(
    sources: &'a Sources,
    span: Span,
    label: Option<&'a str>,
    kind: AnnotationKind,
) -> Option<Quoted<'a>> {
    let source = sources.get(span.file)?;
    let text = source.text.as_str();
    let position = sources.position(span);
    let start = (span.start as usize).min(text.len());
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let line_length = text.get(line_start..)?.find('\n');
    let line_end = line_length.map_or(text.len(), |length| line_start.saturating_add(length));
    let line = text.get(line_start..line_end)?;
    if line.len() > LONGEST_QUOTED_LINE || secret::may_be_in(line) {
        let origin =
            Origin::path(source.name.as_str()).line(position.line).char_column(position.column);
        return Some(Quoted::Place(origin));
    }
    let end = (span.end as usize).clamp(start, line_end);
    let underlined = text.get(start..end)?.trim_end();
    let within = start.saturating_sub(line_start);
    let range = within..within.saturating_add(underlined.len());
    Some(Quoted::Line(
        Snippet::source(line)
            .line_start(position.line)
            .path(source.name.as_str())
            .annotation(kind.span(range).label(label)),
    ))
}

/// A diagnostic as JSON.
#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    severity: &'static str,
    message: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Cow<'a, str>>,
    /// Paths of other servers that it holds for as well.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    also: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Cow<'a, str>>,
    /// Of a warning: by what a Gateway can acknowledge it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    /// The reason for which it did; such a finding is no warning any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    errors: usize,
    warnings: usize,
    diagnostics: Vec<JsonDiagnostic<'a>>,
}

/// Diagnostics as one JSON object: `{"errors": n, "warnings": n, "diagnostics": [...]}`.
///
/// # Errors
/// Never for diagnostics, which hold nothing that JSON cannot say.
pub fn json(sources: &Sources, diagnostics: &Diagnostics) -> serde_json::Result<String> {
    let report = JsonReport {
        errors: diagnostics.count(Severity::Error),
        warnings: diagnostics.count(Severity::Warning),
        diagnostics: diagnostics
            .iter()
            .map(|diagnostic| {
                let position = diagnostic.span.map(|span| sources.position(span));
                let source = diagnostic.span.and_then(|span| sources.get(span.file));
                JsonDiagnostic {
                    severity: match diagnostic.acknowledged {
                        Some(_) => Severity::Note.as_str(),
                        None => diagnostic.severity.as_str(),
                    },
                    message: secret::masked(&diagnostic.message),
                    file: source.map(|source| source.name.as_str()),
                    line: position.map(|position| position.line),
                    column: position.map(|position| position.column),
                    field: diagnostic.field.as_deref().map(secret::masked),
                    also: &diagnostic.also,
                    hint: diagnostic.hint.as_deref().map(secret::masked),
                    name: diagnostic.name.map(Warning::as_str),
                    acknowledged: diagnostic.acknowledged.as_deref().map(secret::masked),
                }
            })
            .collect(),
    };
    serde_json::to_string_pretty(&report)
}
