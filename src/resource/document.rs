//! Which documents of the input are of a kind that is read.

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::gateway::Gateway;
use super::hierarchy::Hierarchy;
use super::items::{self, Item};
use super::kinds::{self, Kind};
use super::plugin::Plugin;
use super::source::{Sources, Span};
use super::tree::Document;
use super::yaml;

/// Reads every document of every text. What is wrong with their content stays with them: it
/// matters only in documents that are read.
pub fn read_all<'s>(sources: &'s Sources, diagnostics: &mut Diagnostics) -> Vec<Document<'s>> {
    sources.iter().flat_map(|(file, source)| yaml::parse(file, &source.text, diagnostics)).collect()
}

/// What the documents hold that has a policy.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// The Gateways.
    pub gateways: Vec<Gateway<'a>>,
    /// What was compiled before; none where there are Gateways, which say more.
    pub plugins: Vec<Plugin<'a>>,
}

/// The Gateways among the documents, as [`find`] finds them.
pub fn gateways<'a>(
    documents: &'a [Document<'a>],
    strict: bool,
    diagnostics: &mut Diagnostics,
) -> Vec<Gateway<'a>> {
    find(documents, strict, diagnostics).gateways
}

/// The Gateways among the documents, or else what was compiled from some. Documents of other kinds
/// are skipped with a note; with `strict`, with an error. What looks like a document that would be
/// read is an error always.
pub fn find<'a>(
    documents: &'a [Document<'a>],
    strict: bool,
    diagnostics: &mut Diagnostics,
) -> Found<'a> {
    let mut all = documents.iter().flat_map(|document| items_of(document, &mut Vec::new()));
    let has_gateway = all.any(kinds::is_gateway);
    let Found { mut gateways, mut plugins } = Found::default();
    for document in documents {
        let mut wrong = Vec::new();
        let items = items_of(document, &mut wrong);
        let read = !wrong.is_empty();
        let mut found = Diagnostics::default();
        let mut skipped = Vec::new();
        let mut any = read;
        for item in items {
            if let Some(plugin) = Plugin::of(item).filter(|_| !has_gateway) {
                any = true;
                plugins.push(plugin);
                continue;
            }
            let kind = Kind::of(item);
            any |= !matches!(kind, Kind::OfTsb(_) | Kind::Other);
            match kind {
                Kind::Gateway => gateways.push(Gateway(item.node)),
                Kind::Owner(_) | Kind::Organization => {}
                Kind::Mistaken(finding) => found.push(*finding),
                Kind::OfTsb(instead) => {
                    skipped.push(item.node.span());
                    found.push(left_to_tsb(item, instead, strict));
                }
                Kind::Other => {
                    skipped.push(item.node.span());
                    found.push(skip(item, strict));
                }
            }
        }
        // The content of what is skipped has no errors: other programs read it otherwise.
        let matters = |finding: &&Diagnostic| {
            let within = |skipped: &Span| finding.span.is_some_and(|span| skipped.holds(span));
            any && !skipped.iter().any(within)
        };
        diagnostics.extend(document.findings.iter().filter(matters).cloned());
        diagnostics.extend(wrong);
        diagnostics.append(found);
    }
    Found { gateways, plugins }
}

/// The tenants, workspaces and groups among the documents.
pub fn hierarchy<'a>(
    documents: &'a [Document<'a>],
    diagnostics: &mut Diagnostics,
) -> Hierarchy<'a> {
    let items = documents.iter().flat_map(|document| items_of(document, &mut Vec::new()));
    let owners = items.filter_map(|item| match Kind::of(item) {
        Kind::Owner(word) => Some((item.node, word)),
        _ => None,
    });
    Hierarchy::new(owners, diagnostics)
}

fn items_of<'a>(document: &'a Document<'a>, wrong: &mut Vec<Diagnostic>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    if let Some(root) = document.root() {
        items::expand(root, &mut items, wrong);
    }
    items
}

/// A note that something is passed over; with `strict`, an error.
fn passed_over(item: Item<'_>, message: String, strict: bool) -> Diagnostic {
    let severity = if strict { Severity::Error } else { Severity::Note };
    let root = item.node;
    let place = root.entry("kind").or_else(|| root.entries().next());
    let node = place.map_or(root, |(_, value)| value);
    let diagnostic = Diagnostic::new(severity, message).span(node.span());
    match strict {
        true => diagnostic.hint("take it out of the input, or leave out --strict"),
        false => diagnostic,
    }
}

fn left_to_tsb(item: Item<'_>, instead: Option<&'static str>, strict: bool) -> Diagnostic {
    let (version, kind) = (item.version.unwrap_or_default(), item.kind.unwrap_or_default());
    let message = format!("left to TSB, nothing of it is enforced here: {version} {kind}");
    let diagnostic = passed_over(item, message, strict);
    match instead {
        Some(instead) => diagnostic.hint(instead),
        None => diagnostic,
    }
}

fn skip(item: Item<'_>, strict: bool) -> Diagnostic {
    let message = match (item.version, item.kind) {
        (Some(version), Some(kind)) => format!("skipped a document of kind {version} {kind}"),
        _ => "skipped a document without `apiVersion` and `kind`".to_owned(),
    };
    let diagnostic = passed_over(item, message, strict);
    match item.kind {
        Some("Gateway") => diagnostic
            .hint("a Gateway that egress-auth reads has `apiVersion: gateway.tsb.tetrate.io/v2`"),
        _ => diagnostic,
    }
}
