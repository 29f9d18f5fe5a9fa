//! A parsed document as a compact tree that knows where everything was written.
//!
//! Nodes lie in one vector in the order of the text, a container before its children, each with
//! the index at which its subtree ends. Scalars refer to the source text wherever it says them
//! literally. A large Gateway has millions of nodes, so a node is 20 bytes and nothing is
//! allocated for it; paths such as `spec.http[0].name` are worked out only for diagnostics.

use super::diagnostic::Diagnostic;
use super::source::{FileId, Origin, Span};

/// One document of the input.
#[derive(Debug, Clone)]
pub struct Document<'s> {
    pub(super) file: FileId,
    pub(super) source: &'s str,
    pub(super) nodes: Vec<Raw>,
    /// Scalars that the source does not say literally: with escapes, or over several lines.
    pub(super) rewritten: String,
    /// What is wrong with the content, whatever it means: a key that is written twice, a tag.
    pub(super) findings: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
    /// Scalars: first byte of the value. Containers: one past the last node of the subtree.
    /// Aliases: index of the node they stand for.
    pub(super) first: u32,
    /// Scalars: one past the last byte of the value. Containers: number of children.
    pub(super) second: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scalar without quotes, whose text says its type.
    Plain {
        rewritten: bool,
    },
    /// A quoted or block scalar: always a string.
    Text {
        rewritten: bool,
    },
    Sequence,
    /// Children are key, value, key, value.
    Mapping,
    Alias,
}

/// A node of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document<'a>,
    index: u32,
}

/// What a node holds, by the core schema of YAML 1.2. The words `yes`, `no`, `on` and `off` are
/// strings there; only `true` and `false` are booleans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer or a float, as written.
    Number(&'a str),
    /// A string.
    String(&'a str),
    /// A list.
    Sequence,
    /// A map.
    Mapping,
}

impl Value<'_> {
    /// What the value is, for messages such as "expected a string, found a list".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Sequence => "a list",
            Self::Mapping => "a map",
        }
    }
}

impl<'s> Document<'s> {
    /// The root node; absent when the document is empty.
    pub fn root<'a>(&'a self) -> Option<Node<'a>> {
        (!self.nodes.is_empty()).then_some(Node { document: self, index: 0 })
    }

    fn raw(&self, index: u32) -> Option<Raw> {
        self.nodes.get(index as usize).copied()
    }

    /// The index after a node and everything below it.
    pub(super) fn after(&self, index: u32) -> u32 {
        match self.raw(index) {
            Some(Raw { kind: Kind::Sequence | Kind::Mapping, first, .. }) => first,
            _ => index.saturating_add(1),
        }
    }

    /// The text of a scalar as written.
    pub(super) fn scalar(&self, raw: Raw) -> Option<&str> {
        match raw.kind {
            Kind::Plain { rewritten } | Kind::Text { rewritten } => Some(self.text(raw, rewritten)),
            _ => None,
        }
    }

    fn text(&self, raw: Raw, rewritten: bool) -> &str {
        let text = if rewritten { self.rewritten.as_str() } else { self.source };
        text.get(raw.first as usize..raw.second as usize).unwrap_or_default()
    }
}

impl<'a> Node<'a> {
    /// The node itself, or what it stands for when it is an alias.
    fn raw(self) -> Option<(u32, Raw)> {
        let raw = self.document.raw(self.index)?;
        match raw.kind {
            // The parser lets an alias refer only to an earlier node that is not an alias.
            Kind::Alias => Some((raw.first, self.document.raw(raw.first)?)),
            _ => Some((self.index, raw)),
        }
    }

    /// What the node holds.
    pub fn value(self) -> Value<'a> {
        let Some((_, raw)) = self.raw() else { return Value::Null };
        match raw.kind {
            Kind::Plain { rewritten } => resolve(self.document.text(raw, rewritten)),
            Kind::Text { rewritten } => Value::String(self.document.text(raw, rewritten)),
            Kind::Sequence => Value::Sequence,
            Kind::Mapping => Value::Mapping,
            Kind::Alias => Value::Null,
        }
    }

    /// The text of a string; absent for every other value.
    pub fn string(self) -> Option<&'a str> {
        match self.value() {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the node is null.
    pub fn is_null(self) -> bool {
        self.value() == Value::Null
    }

    /// The text of any scalar as written, whatever its type.
    pub fn scalar_text(self) -> Option<&'a str> {
        self.raw().and_then(|(_, raw)| self.document.scalar(raw))
    }

    /// The children of a list; nothing for every other value.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        self.children(Kind::Sequence)
    }

    /// Keys and values of a map in the order of the text; nothing for every other value.
    pub fn entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let mut children = self.children(Kind::Mapping);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a key of a map, with its key.
    pub fn entry(self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        self.entries().find(|(name, _)| name.scalar_text() == Some(key))
    }

    /// The value of a key of a map. A field that is null counts as present.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.entry(key).map(|(_, value)| value)
    }

    /// How many items or entries a container has.
    pub fn len(self) -> usize {
        match self.raw() {
            Some((_, Raw { kind: Kind::Sequence, second, .. })) => second as usize,
            Some((_, Raw { kind: Kind::Mapping, second, .. })) => (second / 2) as usize,
            _ => 0,
        }
    }

    /// Whether a container has no items or entries.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn children(self, kind: Kind) -> impl Iterator<Item = Node<'a>> {
        let (mut next, end) = match self.raw() {
            Some((index, raw)) if raw.kind == kind => (index.saturating_add(1), raw.first),
            _ => (0, 0),
        };
        std::iter::from_fn(move || {
            let index = next;
            next = self.document.after(index);
            (index < end).then_some(Node { document: self.document, index })
        })
    }

    /// Where the node is written; for an alias, where the alias is.
    pub fn span(self) -> Span {
        let (start, end) = self.document.raw(self.index).map_or((0, 0), |raw| (raw.start, raw.end));
        Span { file: self.document.file, start, end }
    }

    /// Where the node is written, with its path.
    pub fn origin(self) -> Origin {
        Origin { span: self.span(), field: self.path() }
    }

    /// The node's path from the document's root, such as `spec.http[0].name`; a key has the path
    /// of its value.
    pub fn path(self) -> String {
        let root = Node { document: self.document, index: 0 };
        self.path_below(root, String::new())
    }

    /// The node's path, given that of a container. Finding a path walks over everything before
    /// the node at each level, so in long lists it pays to start at an entry.
    pub fn path_below(self, container: Node<'a>, mut path: String) -> String {
        let ends = self.document.after(container.index);
        if !(container.index..ends).contains(&self.index) {
            return if container.index == 0 { path } else { self.path() };
        }
        let mut at = Some(container);
        while let Some(node) = at.filter(|node| node.index < self.index) {
            let within = |child: Node<'a>| self.index < self.document.after(child.index);
            at = match node.value() {
                Value::Sequence => node.items().enumerate().find(|(_, item)| within(*item)).map(
                    |(position, item)| {
                        path.push_str(&format!("[{position}]"));
                        item
                    },
                ),
                Value::Mapping => {
                    node.entries().find(|(_, value)| within(*value)).map(|(key, value)| {
                        push_key(&mut path, key.scalar_text().unwrap_or_default());
                        value
                    })
                }
                _ => None,
            };
        }
        path
    }
}

/// Appends a field name to a path. Names with dots, as in annotations, go into brackets.
fn push_key(path: &mut String, key: &str) {
    if key.contains(['.', '[', ']', '/']) {
        path.push_str(&format!("[{key:?}]"));
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// What a scalar without quotes says.
fn resolve(text: &str) -> Value<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Boolean(true),
        "false" | "False" | "FALSE" => Value::Boolean(false),
        _ if is_number(text) => Value::Number(text),
        _ => Value::String(text),
    }
}

/// Whether a text is a number of YAML's core schema.
fn is_number(text: &str) -> bool {
    let all = |text: &str, allowed: fn(&u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| allowed(&byte))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |byte| matches!(byte, b'0'..=b'7'));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return true,
        _ if matches!(text, ".nan" | ".NaN" | ".NAN") => return true,
        _ => {}
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            all(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), u8::is_ascii_digit)
        })
}

impl Diagnostic {
    /// Points at a node.
    pub fn on(self, node: Node<'_>) -> Self {
        self.at(&node.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_without_quotes_follow_the_core_schema() {
        for number in ["0", "-1", "+7", "1.5", ".5", "1.", "1e3", "1.5E-3", "0x1F", "0o17", ".inf"]
        {
            assert_eq!(resolve(number), Value::Number(number));
        }
        for string in ["yes", "no", "on", "off", "1.2.3", "1h", "-", ".", "e3", "0x", "1_000", "y"]
        {
            assert_eq!(resolve(string), Value::String(string));
        }
        assert_eq!(resolve("true"), Value::Boolean(true));
        assert_eq!(resolve("~"), Value::Null);
    }
}
