//! The texts of the input and spans in them.

/// Which text of [`Sources`] a span is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes in one text of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Where a value was written, for errors that come up after the documents are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the value.
    pub span: Span,
    /// Path of the field from the document's root, such as `spec.http[0].hostname`.
    pub field: String,
}

/// One text of the input.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the user gave it, or `<stdin>`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Every text of the input.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A position as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Sources {
    /// Adds a text and returns its identity.
    pub fn add(&mut self, name: String, text: String) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { name, text });
        id
    }

    /// The text with this identity.
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(usize::try_from(id.0).ok()?)
    }

    /// Every text with its identity, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0u32..).map(FileId).zip(&self.files)
    }

    /// The bytes of a span as text; empty when the span is not in the input.
    pub fn text(&self, span: Span) -> &str {
        let range = span.start as usize..span.end as usize;
        self.get(span.file).and_then(|source| source.text.get(range)).unwrap_or_default()
    }

    /// Line and column of the start of a span.
    pub fn position(&self, span: Span) -> Position {
        let text = self.get(span.file).map_or("", |source| source.text.as_str());
        let before = text.get(..span.start as usize).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
        let column = before.get(line_start..).unwrap_or("").chars().count().saturating_add(1);
        Position { line, column }
    }
}
