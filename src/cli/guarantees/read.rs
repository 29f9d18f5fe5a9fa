//! A file with guarantees to guarantees, with errors that say where and what to write instead.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::fields::{GUARANTEES, KINDS};
use crate::compile::values::never_pattern;
use crate::compile::{hostname, method, path};
use crate::engine::source::SourcePattern;
use crate::policy::Principal;
use crate::prove::guarantee::Demand;
use crate::prove::region::{Area, Region};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::shape;
use crate::resource::source::Span;
use crate::resource::tree::Node;

/// A guarantee.
#[derive(Debug, Clone)]
pub struct Guarantee {
    /// What holds.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// What is asked.
    pub what: What,
}

/// What a guarantee asks.
#[derive(Debug, Clone)]
pub enum What {
    /// Something of the policy alone.
    Demand(Box<Demand>),
    /// That the policy allows nothing which the one that stands here denies.
    NoMoreThan(PathBuf),
}

/// Reads the guarantees of one document. Paths are relative to `folder`.
pub fn guarantees(root: Node<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Vec<Guarantee> {
    let mut found = Diagnostics::default();
    shape::check(root, &GUARANTEES, "the file", &mut found);
    let mut guarantees = Vec::new();
    if !found.has_errors() {
        let mut names: HashMap<&str, Node<'_>> = HashMap::new();
        let mut reader = Reader { diagnostics: &mut found };
        for node in root.get("guarantees").into_iter().flat_map(Node::items) {
            if let Some(name) = node.get("name")
                && let Some(first) = names.insert(name.string().unwrap_or_default(), name)
            {
                let message = "two guarantees have this name";
                let diagnostic = Diagnostic::error(message)
                    .on(name)
                    .related(first.span(), "the first of them")
                    .hint("give each a name of its own");
                reader.diagnostics.push(diagnostic);
            }
            guarantees.extend(reader.guarantee(node, folder));
        }
    }
    diagnostics.append(found);
    guarantees
}

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
}

fn texts<'a>(node: Node<'a>, field: &str) -> Option<impl Iterator<Item = (&'a str, Node<'a>)>> {
    let items = node.get(field)?.items();
    Some(items.filter_map(|item| Some((item.string()?, item))))
}

impl Reader<'_> {
    fn error(&mut self, node: Node<'_>, message: impl Into<String>, hint: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(message).on(node).hint(hint));
    }

    fn guarantee(&mut self, node: Node<'_>, folder: &Path) -> Option<Guarantee> {
        let kinds: Vec<_> = KINDS.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        let [kind] = kinds[..] else {
            let place = kinds.get(1).and_then(|kind| node.entry(kind)).map_or(node, |(key, _)| key);
            let all = KINDS.map(|kind| format!("`{kind}`")).join(", ");
            let message = match kinds.is_empty() {
                true => "the guarantee does not say what holds",
                false => "a guarantee says one thing",
            };
            self.error(place, message, format!("write one of {all}"));
            return None;
        };
        let written = node.get(kind)?;
        let what = match kind {
            "never" => What::Demand(Box::new(Demand::Never(self.region(written)))),
            "always" => What::Demand(Box::new(Demand::Always(self.region(written)))),
            "onlyFrom" => What::Demand(Box::new(Demand::Never(self.only_from(written)))),
            _ => What::NoMoreThan(folder.join(written.string()?)),
        };
        let name = node.get("name")?;
        Some(Guarantee { name: name.string()?.to_owned(), span: name.span(), what })
    }

    fn region(&mut self, node: Node<'_>) -> Region {
        let except = node.get("not").map(|node| self.area(node));
        Region { area: self.area(node), except }
    }

    /// Whoever is not one of those who alone may reach hosts.
    fn only_from(&mut self, node: Node<'_>) -> Region {
        let all = self.area(node);
        if all.workloads.is_none() && all.tokens.is_none() {
            let hint = "add `workloads`, `tokens` or both; if nobody may, write `never`";
            self.error(node, "`onlyFrom` does not say who may reach the hosts", hint);
        }
        let except = Area { workloads: all.workloads, tokens: all.tokens, ..Area::default() };
        let area = Area { workloads: None, tokens: None, ..all };
        Region { area, except: Some(except) }
    }

    fn area(&mut self, node: Node<'_>) -> Area {
        let mut area = Area::default();
        if let Some(hosts) = texts(node, "hosts") {
            let hosts = hosts.filter_map(|(text, item)| match hostname::canonical(text) {
                Ok(host) => Some(host),
                Err(error) => {
                    let hint = match hostname::without_the_rest(text) {
                        Some(meant) => format!("write `{meant}`"),
                        None => "write a hostname, such as `api.example.com`".to_owned(),
                    };
                    self.error(
                        item,
                        format!("the hostname `{}` {error}", text.escape_debug()),
                        hint,
                    );
                    None
                }
            });
            area.hosts = Some(hosts.collect());
        }
        if let Some(workloads) = texts(node, "workloads") {
            for (text, item) in workloads {
                if text.starts_with("./") {
                    let message = format!("`{}` does not name the namespace", text.escape_debug());
                    self.error(item, message, "write the namespace of the gateway itself");
                } else if let Err(error) = SourcePattern::parse(text) {
                    let message = format!("`{}` names no workloads", text.escape_debug());
                    self.error(item, message, error.to_string());
                }
                area.workloads.get_or_insert_default().push(text.to_owned());
            }
        }
        if let Some(tokens) = node.get("tokens") {
            tokens.items().for_each(|token| self.check_patterns(token));
            area.tokens = Some(tokens.items().map(principal).collect());
        }
        for (field, judge, list) in [
            ("methods", method::judge as fn(&str) -> Option<Diagnostic>, &mut area.methods),
            ("paths", path::judge as fn(&str) -> Option<Diagnostic>, &mut area.paths),
        ] {
            for (text, item) in texts(node, field).into_iter().flatten() {
                self.diagnostics.extend(judge(text).map(|finding| finding.on(item)));
                // What is about nothing would hold of everything.
                if let Some((why, hint)) = path::mistaken(text).filter(|_| field == "paths") {
                    let shown = text.escape_debug();
                    self.error(item, format!("the path pattern `{shown}`: {why}"), hint);
                }
                list.get_or_insert_default().push(text.to_owned());
            }
        }
        area
    }

    /// Refuses patterns that no value fits, and the one that only seems to fit any.
    fn check_patterns(&mut self, token: Node<'_>) {
        let own = ["iss", "sub"].into_iter().filter_map(|name| token.get(name));
        let others = token.get("other").into_iter().flat_map(Node::entries).map(|(_, value)| value);
        for node in own.chain(others) {
            let Some(text) = node.string() else { continue };
            let found = match text {
                ".*" => Some(("it is no regular expression here".to_owned(), "write `*`")),
                _ => never_pattern(text),
            };
            if let Some((why, hint)) = found {
                let message = format!("no value fits `{}`: {why}", text.escape_debug());
                self.error(node, message, hint);
            }
        }
    }
}

fn principal(node: Node<'_>) -> Principal {
    let text = |field: &str| node.get(field).and_then(Node::string).map(str::to_owned);
    let other = node.get("other").into_iter().flat_map(Node::entries);
    let other: BTreeMap<_, _> = other
        .filter_map(|(name, value)| {
            Some((name.scalar_text()?.to_owned(), value.string()?.to_owned()))
        })
        .collect();
    Principal { iss: text("iss"), sub: text("sub"), other }
}
