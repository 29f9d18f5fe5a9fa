//! The texts of the input and spans in them.

use std::sync::OnceLock;

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

impl Span {
    /// Whether another span lies in this one.
    pub fn holds(self, other: Self) -> bool {
        self.file == other.file && (self.start..self.end).contains(&other.start)
    }
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
    /// Where every line begins; found out when a position is first asked for.
    lines: OnceLock<Vec<usize>>,
}

impl Source {
    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(breaks.map(|(at, _)| at.saturating_add(1))).collect()
        })
    }
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
        self.files.push(Source { name, text, lines: OnceLock::new() });
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
        let Some(source) = self.get(span.file) else { return Position { line: 1, column: 1 } };
        let start = (span.start as usize).min(source.text.len());
        let lines = source.lines();
        let line = lines.partition_point(|line_start| *line_start <= start);
        let line_start = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = source.text.get(line_start..start).unwrap_or_default();
        let column = before.chars().count().saturating_add(1);
        Position { line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml".to_owned(), "é: 1\nb: 2\n".to_owned());
        for (start, line, column) in
            [(0, 1, 1), (2, 1, 2), (5, 1, 5), (6, 2, 1), (11, 3, 1), (99, 3, 1)]
        {
            let position = sources.position(Span { file, start, end: start });
            assert_eq!((position.line, position.column), (line, column), "{start}");
        }
    }
}
