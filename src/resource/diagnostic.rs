//! What is wrong with the input, or worth knowing about it, and where.
//!
//! A diagnostic is data: who finds something says what, where and what to write instead; the
//! command line decides how that looks.

use std::ops::Range;

use super::source::{Origin, Span};
use super::warning::Warning;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written; the command fails.
    Error,
    /// The policy does what the documents say, which may not be what their author wants.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// The offending text; absent when no text is to blame.
    pub span: Option<Span>,
    /// Path of the field from the document's root, such as `spec.http[0].hostname`.
    pub field: Option<String>,
    /// Other places that matter, each with a few words.
    pub related: Vec<(Span, String)>,
    /// Paths of other parts of the document that it holds for as well.
    pub also: Vec<String>,
    /// What to write instead.
    pub hint: Option<String>,
    /// Of a warning about a Gateway: by what it can be acknowledged.
    pub name: Option<Warning>,
    /// The reason for which the Gateway acknowledges it. Such a finding is no warning any more.
    pub acknowledged: Option<String>,
}

impl Diagnostic {
    /// A finding of the given severity, so far without a place.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            span: None,
            field: None,
            related: Vec::new(),
            also: Vec::new(),
            hint: None,
            name: None,
            acknowledged: None,
        }
    }

    /// An error, so far without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning, so far without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A note, so far without a place.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    /// Points at a span.
    pub fn span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Points at what an origin stands for.
    pub fn at(mut self, origin: &Origin) -> Self {
        self.span = Some(origin.span);
        self.field = Some(origin.field.clone());
        self
    }

    /// Adds another place that matters.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Gives a warning its name.
    pub fn named(mut self, name: Warning) -> Self {
        self.name = Some(name);
        self
    }

    /// Says what to write instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The findings of one run, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds every finding of another run.
    pub fn append(&mut self, mut other: Self) {
        self.list.append(&mut other.list);
    }

    /// Adds findings.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(findings);
    }

    /// Every finding so far.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// How many findings have this severity, without those that are acknowledged.
    pub fn count(&self, severity: Severity) -> usize {
        let unacknowledged = self.list.iter().filter(|it| it.acknowledged.is_none());
        unacknowledged.filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// How many findings are acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.acknowledged.is_some()).count()
    }

    /// Acknowledges every warning of a name. Returns how many there are.
    pub fn acknowledge(&mut self, name: Warning, reason: &str) -> usize {
        let of_name = self.list.iter_mut().filter(|diagnostic| diagnostic.name == Some(name));
        of_name.map(|diagnostic| diagnostic.acknowledged = Some(reason.to_owned())).count()
    }

    /// How many findings there are, of any severity.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds to the messages of findings, and where they hold as well, by their places in the order
    /// in which they were made.
    pub fn amend(&mut self, places: Range<usize>, suffix: &str, also: &[String]) {
        for diagnostic in self.list.get_mut(places).unwrap_or_default() {
            diagnostic.message.push_str(suffix);
            diagnostic.also.extend_from_slice(also);
        }
    }

    /// Whether anything stands in the way of an output.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }
}
