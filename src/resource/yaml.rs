//! YAML text, and JSON as a part of YAML, to [`Document`]s.
//!
//! The events come from `granit-parser`, the parser below serde-saphyr, which says where every
//! event stands; going through serde would lose that. What this reader refuses beyond bad
//! syntax: keys that are written twice, keys that are not scalars, merge keys, custom tags, and
//! aliases that would blow a small text up.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::{FileId, Span};
use super::syntax;
use super::tree::{Document, Kind, Raw};

/// How many nodes aliases may add to what the text itself says, in one document.
const MAX_ALIASED_NODES: u64 = 4_000_000;

/// Up to this many keys, comparing each with each is cheaper than hashing them.
const FEW_KEYS: usize = 8;

/// Reads every document of one text. After a syntax error the rest of the text is not read.
pub fn read<'s>(file: FileId, source: &'s str, diagnostics: &mut Diagnostics) -> Vec<Document<'s>> {
    let mut documents = parse(file, source, diagnostics);
    for document in &mut documents {
        diagnostics.extend(std::mem::take(&mut document.findings));
    }
    documents
}

/// Reads every document of one text. What is wrong with its content, such as a key that is written
/// twice, stays with each document; what makes it no YAML goes to `diagnostics`.
pub fn parse<'s>(
    file: FileId,
    source: &'s str,
    diagnostics: &mut Diagnostics,
) -> Vec<Document<'s>> {
    if u32::try_from(source.len()).is_err() {
        diagnostics.push(
            Diagnostic::error("the file is too large")
                .span(Span { file, start: 0, end: 0 })
                .hint("split it into files of less than 4 GiB"),
        );
        return Vec::new();
    }
    let mut reader = Reader { file, source, diagnostics, documents: Vec::new(), building: None };
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let at = |marker: &Marker| byte(source, marker.byte_offset());
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((event, span)) => {
                let span = Span { file, start: at(&span.start), end: at(&span.end) };
                if reader.event(event, span).is_none() {
                    break;
                }
            }
            Err(error) => {
                let start = at(error.marker());
                let span = Span { file, start, end: start };
                let message = error.kind().to_string();
                reader.diagnostics.push(syntax::error(source, span, &message));
                break;
            }
        }
    }
    reader.documents
}

/// A byte offset of the parser, kept within the text.
fn byte(source: &str, offset: Option<usize>) -> u32 {
    let offset = offset.unwrap_or_default().min(source.len());
    u32::try_from(offset).unwrap_or(u32::MAX)
}

struct Reader<'s, 'd> {
    file: FileId,
    source: &'s str,
    diagnostics: &'d mut Diagnostics,
    documents: Vec<Document<'s>>,
    building: Option<Building<'s>>,
}

/// A document of which not all has been read.
struct Building<'s> {
    document: Document<'s>,
    /// Indices of the containers that are still open.
    open: Vec<u32>,
    /// Nodes by the parser's number for their anchor.
    anchors: HashMap<usize, u32>,
    /// Nodes of the subtree of every container that aliases reach into, aliases followed.
    expanded: HashMap<u32, u64>,
    aliased: u64,
}

impl<'s> Reader<'s, '_> {
    /// Takes one event; `None` stops reading.
    fn event(&mut self, event: Event<'s>, span: Span) -> Option<()> {
        match event {
            Event::DocumentStart(..) => {
                self.building = Some(Building {
                    document: Document {
                        file: self.file,
                        source: self.source,
                        nodes: Vec::new(),
                        rewritten: String::new(),
                        findings: Vec::new(),
                    },
                    open: Vec::new(),
                    anchors: HashMap::new(),
                    expanded: HashMap::new(),
                    aliased: 0,
                });
            }
            Event::DocumentEnd => {
                self.documents.extend(self.building.take().map(|building| building.document));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = self.scalar_is_plain(style, tag.as_deref(), span);
                self.building.as_mut()?.scalar(&text, style, plain, anchor, span);
                self.refuse_merge_key(&text, style, span);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "seq", span);
                self.refuse_container_key(span);
                self.building.as_mut()?.open(Kind::Sequence, anchor, span);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "map", span);
                self.refuse_container_key(span);
                self.building.as_mut()?.open(Kind::Mapping, anchor, span);
            }
            Event::SequenceEnd => {
                self.building.as_mut()?.close(span);
            }
            Event::MappingEnd => {
                let mapping = self.building.as_mut()?.close(span)?;
                self.refuse_duplicate_keys(mapping);
            }
            Event::Alias(anchor) => {
                self.refuse_container_key(span);
                let building = self.building.as_mut()?;
                if building.alias(anchor, span).is_none() {
                    self.diagnostics.push(
                        Diagnostic::error("aliases make this document too large")
                            .span(span)
                            .hint("write fewer aliases (`*name`) of large or nested anchors"),
                    );
                    return None;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Whether a scalar's text says its type; reports tags that say it otherwise.
    fn scalar_is_plain(&mut self, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> bool {
        match tag.map(Tag::core_suffix) {
            None => style == ScalarStyle::Plain,
            Some(Some("str")) => false,
            Some(Some("null" | "bool" | "int" | "float")) => true,
            Some(_) => {
                self.refuse_tag(tag, "", span);
                false
            }
        }
    }

    /// Notes down something about the content of the document that is being read.
    fn content(&mut self, finding: Diagnostic) {
        if let Some(building) = &mut self.building {
            building.document.findings.push(finding);
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, allowed: &str, span: Span) {
        let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(allowed)) else { return };
        self.content(
            Diagnostic::error(format!("the YAML tag `{}` is not supported", tag.original()))
                .span(span)
                .hint("leave the tag out"),
        );
    }

    fn refuse_merge_key(&mut self, text: &str, style: ScalarStyle, span: Span) {
        let is_key = self.building.as_ref().is_some_and(Building::last_is_key);
        if is_key && text == "<<" && style == ScalarStyle::Plain {
            self.content(
                Diagnostic::error("YAML merge keys (`<<`) are not supported")
                    .span(span)
                    .hint("write the fields out; an alias (`field: *name`) can stand for a value"),
            );
        }
    }

    /// Reports a list, a map or an alias where a key must stand.
    fn refuse_container_key(&mut self, span: Span) {
        if self.building.as_ref().is_some_and(Building::expects_key) {
            let hint = match syntax::is_template(self.source, span.start as usize) {
                true => syntax::RENDER,
                false => "write a word before each `:`; one that begins with a sign needs quotes",
            };
            self.content(Diagnostic::error("a key must be a plain word").span(span).hint(hint));
        }
    }

    fn refuse_duplicate_keys(&mut self, mapping: u32) {
        let Some(building) = &self.building else { return };
        let keys: Vec<Raw> = building.keys(mapping).collect();
        let text = |raw: &Raw| building.document.scalar(*raw).unwrap_or_default();
        let mut duplicates = Vec::new();
        if keys.len() <= FEW_KEYS {
            for (position, key) in keys.iter().enumerate() {
                let earlier = keys.iter().take(position).find(|other| text(other) == text(key));
                duplicates.extend(earlier.map(|earlier| (*earlier, *key)));
            }
        } else {
            let mut seen = HashMap::with_capacity(keys.len());
            for key in &keys {
                duplicates.extend(seen.insert(text(key), *key).map(|earlier| (earlier, *key)));
            }
        }
        let span = |raw: Raw| Span { file: self.file, start: raw.start, end: raw.end };
        let findings: Vec<_> = duplicates
            .into_iter()
            .map(|(earlier, key)| {
                let message = format!("the key `{}` is written twice in one map", text(&key));
                Diagnostic::error(message)
                    .span(span(key))
                    .related(span(earlier), "first written here")
                    .hint("remove one of them, or merge their values")
            })
            .collect();
        findings.into_iter().for_each(|finding| self.content(finding));
    }
}

impl Building<'_> {
    fn next_index(&self) -> u32 {
        u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX)
    }

    fn innermost(&self) -> Option<Raw> {
        self.document.nodes.get(*self.open.last()? as usize).copied()
    }

    /// Whether the next child of the innermost container is a key.
    fn expects_key(&self) -> bool {
        self.innermost().is_some_and(|raw| raw.kind == Kind::Mapping && raw.second % 2 == 0)
    }

    /// Whether the newest child of the innermost container is a key.
    fn last_is_key(&self) -> bool {
        self.innermost().is_some_and(|raw| raw.kind == Kind::Mapping && raw.second % 2 == 1)
    }

    /// Adds a node to the innermost container and returns its index.
    fn add(&mut self, raw: Raw) -> u32 {
        let index = self.next_index();
        if let Some(parent) =
            self.open.last().and_then(|parent| self.document.nodes.get_mut(*parent as usize))
        {
            parent.second = parent.second.saturating_add(1);
        }
        self.document.nodes.push(raw);
        index
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, plain: bool, anchor: usize, span: Span) {
        let quotes =
            u32::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let literal = span.start.saturating_add(quotes) as usize;
        let literally =
            self.document.source.get(literal..).is_some_and(|rest| rest.starts_with(text));
        if !literally {
            self.document.rewritten.push_str(text);
        }
        let first = if literally {
            literal
        } else {
            self.document.rewritten.len().saturating_sub(text.len())
        };
        let second = first.saturating_add(text.len());
        let rewritten = !literally;
        let index = self.add(Raw {
            start: span.start,
            end: span.end,
            kind: if plain { Kind::Plain { rewritten } } else { Kind::Text { rewritten } },
            first: u32::try_from(first).unwrap_or(u32::MAX),
            second: u32::try_from(second).unwrap_or(u32::MAX),
        });
        if anchor > 0 {
            self.anchors.insert(anchor, index);
        }
    }

    fn open(&mut self, kind: Kind, anchor: usize, span: Span) {
        let index =
            self.add(Raw { start: span.start, end: span.end, kind, first: u32::MAX, second: 0 });
        self.open.push(index);
        if anchor > 0 {
            self.anchors.insert(anchor, index);
        }
    }

    fn close(&mut self, span: Span) -> Option<u32> {
        let index = self.open.pop()?;
        let end = self.next_index();
        let last = self.document.nodes.last().map_or(span.end, |raw| raw.end);
        let raw = self.document.nodes.get_mut(index as usize)?;
        raw.first = end;
        // A block container's closing event stands at the next token: end at the last child.
        raw.end = if span.end > span.start { span.end } else { last }.max(raw.start);
        Some(index)
    }

    /// Adds an alias; `None` when aliases make the document too large, or refer to themselves.
    fn alias(&mut self, anchor: usize, span: Span) -> Option<()> {
        let mut target = *self.anchors.get(&anchor)?;
        if let Raw { kind: Kind::Alias, first, .. } = *self.document.nodes.get(target as usize)? {
            target = first;
        }
        self.aliased = self.aliased.saturating_add(self.expanded_nodes(target)?);
        if self.aliased > MAX_ALIASED_NODES {
            return None;
        }
        let (start, end) = (span.start, span.end);
        self.add(Raw { start, end, kind: Kind::Alias, first: target, second: 0 });
        Some(())
    }

    /// How many nodes a closed subtree has when its aliases are followed.
    fn expanded_nodes(&mut self, target: u32) -> Option<u64> {
        if let Some(known) = self.expanded.get(&target) {
            return Some(*known);
        }
        let raw = *self.document.nodes.get(target as usize)?;
        let end = match raw.kind {
            Kind::Sequence | Kind::Mapping if raw.first == u32::MAX => return None,
            Kind::Sequence | Kind::Mapping => raw.first,
            _ => target.saturating_add(1),
        };
        let mut count = 0_u64;
        for raw in self.document.nodes.get(target as usize..end as usize)? {
            let nodes = match raw.kind {
                // Its target was counted when the alias was added.
                Kind::Alias => *self.expanded.get(&raw.first)?,
                _ => 1,
            };
            count = count.saturating_add(nodes);
        }
        self.expanded.insert(target, count);
        Some(count)
    }

    /// The scalar keys of a closed mapping.
    fn keys(&self, mapping: u32) -> impl Iterator<Item = Raw> {
        let nodes = &self.document.nodes;
        let end = nodes.get(mapping as usize).map_or(0, |raw| raw.first);
        let mut index = mapping.saturating_add(1);
        let mut is_key = false;
        std::iter::from_fn(move || {
            while index < end {
                let raw = nodes.get(index as usize)?;
                index = self.document.after(index);
                is_key = !is_key;
                if is_key && matches!(raw.kind, Kind::Plain { .. } | Kind::Text { .. }) {
                    return Some(*raw);
                }
            }
            None
        })
    }
}
