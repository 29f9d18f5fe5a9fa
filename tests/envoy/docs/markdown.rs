//! Reads Markdown with pulldown-cmark, so that what a test sees is what a reader sees.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A Markdown file of the project.
pub struct Document {
    /// Relative to the root of the project.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// A fenced code block.
pub struct Block {
    /// Its language.
    pub language: String,
    pub text: String,
    /// `file:line` of its first line.
    pub place: String,
    /// The file as which the paragraph before it says to save it: "Save this as `NAME`".
    pub saved_as: Option<String>,
}

/// The folder that the project is in.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Document {
    /// Every Markdown file at the root of the project and below docs/ and envoy/.
    pub fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        let mut folders = vec![(root().to_owned(), false)];
        folders.extend(["docs", "envoy"].map(|folder| (root().join(folder), true)));
        while let Some((folder, deep)) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "md") {
                    paths.push(path.strip_prefix(root()).unwrap().to_owned());
                } else if deep && path.is_dir() {
                    folders.push((path, true));
                }
            }
        }
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    /// Reads one file.
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        Self { path, text }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }

    /// Every fenced code block.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        let mut before = "";
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    inside = true;
                    let line = self.text[..range.start].matches('\n').count() + 2;
                    blocks.push(Block {
                        language: language.into_string(),
                        text: String::new(),
                        place: format!("{}:{line}", self.path.display()),
                        saved_as: saved_as(std::mem::take(&mut before)),
                    });
                }
                Event::Start(Tag::Paragraph) => before = &self.text[range],
                Event::Start(Tag::Heading { .. }) => before = "",
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Text(text) if inside => blocks.last_mut().unwrap().text.push_str(&text),
                _ => {}
            }
        }
        blocks
    }

    /// Every piece of code within a text.
    pub fn codes(&self) -> Vec<String> {
        self.events()
            .filter_map(|(event, _)| match event {
                Event::Code(code) => Some(code.into_string()),
                _ => None,
            })
            .collect()
    }

    /// The target of every link.
    pub fn links(&self) -> Vec<String> {
        self.events()
            .filter_map(|(event, _)| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some(dest_url.into_string())
                }
                _ => None,
            })
            .collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap());
                    // An equal heading gets a number.
                    let numbered = (1..).map(|number| format!("{anchor}-{number}"));
                    let mut names = std::iter::once(anchor.clone()).chain(numbered);
                    anchors.insert(names.find(|name| !anchors.contains(name)).unwrap());
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        anchors
    }

    /// The rows of the table whose first heading is `first`, without the headings.
    pub fn table(&self, first: &str) -> Vec<Vec<String>> {
        let mut tables = self.tables();
        tables.retain(|table| table[0][0] == first);
        assert_eq!(tables.len(), 1, "one table in {:?} begins with `{first}`", self.path);
        tables.remove(0).split_off(1)
    }

    /// The rows of every table, its headings first.
    pub fn tables(&self) -> Vec<Vec<Vec<String>>> {
        let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Table(_)) => tables.push(Vec::new()),
                Event::Start(Tag::TableHead | Tag::TableRow) => {
                    tables.last_mut().unwrap().push(Vec::new());
                }
                Event::Start(Tag::TableCell) => {
                    tables.last_mut().unwrap().last_mut().unwrap().push(String::new());
                }
                Event::Text(text) | Event::Code(text) => {
                    let row = tables.last_mut().and_then(|table| table.last_mut());
                    if let Some(cell) = row.and_then(|row| row.last_mut()) {
                        cell.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        tables
    }

    /// Everything that looks like a long flag, wherever it stands.
    pub fn flags(&self) -> BTreeSet<String> {
        flags(&self.text)
    }
}

/// Every `--flag` in a text.
pub fn flags(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
        .map(|name| format!("--{name}"))
        .collect()
}

/// The file name in a paragraph that ends in "as `NAME`:".
fn saved_as(paragraph: &str) -> Option<String> {
    let (_, end) = paragraph.trim_end().strip_suffix("`:")?.rsplit_once('`')?;
    let before = paragraph.trim_end().strip_suffix(&format!("`{end}`:"))?;
    before.ends_with("as ").then(|| end.to_owned())
}

/// The anchor of a heading, as GitHub makes it.
pub fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
