//! Which documents of the input are of a kind we read.

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::gateway::Gateway;
use super::hierarchy::{Hierarchy, KINDS};
use super::source::Sources;
use super::tree::{Document, Node};
use super::yaml;

/// Reads every document of every text.
pub fn read_all<'s>(sources: &'s Sources, diagnostics: &mut Diagnostics) -> Vec<Document<'s>> {
    sources.iter().flat_map(|(file, source)| yaml::read(file, &source.text, diagnostics)).collect()
}

/// The Gateways among the documents. Documents of other kinds are skipped with a note; with
/// `strict`, with an error.
pub fn gateways<'a>(
    documents: &'a [Document<'a>],
    strict: bool,
    diagnostics: &mut Diagnostics,
) -> Vec<Gateway<'a>> {
    let mut gateways = Vec::new();
    for root in roots(documents) {
        let field = |name| root.get(name).and_then(Node::string);
        match (field("apiVersion"), field("kind")) {
            (Some("gateway.tsb.tetrate.io/v2"), Some("Gateway")) => {
                gateways.push(Gateway(root));
            }
            (Some(version), Some(kind))
                if KINDS.iter().any(|known| (known.0, known.1) == (version, kind)) => {}
            (version, kind) => diagnostics.push(skipped(root, version, kind, strict)),
        }
    }
    gateways
}

/// The tenants, workspaces and groups among the documents.
pub fn hierarchy<'a>(
    documents: &'a [Document<'a>],
    diagnostics: &mut Diagnostics,
) -> Hierarchy<'a> {
    Hierarchy::new(roots(documents), diagnostics)
}

fn roots<'a>(documents: &'a [Document<'a>]) -> impl Iterator<Item = Node<'a>> {
    documents.iter().filter_map(Document::root).filter(|root| !root.is_null())
}

fn skipped(root: Node<'_>, version: Option<&str>, kind: Option<&str>, strict: bool) -> Diagnostic {
    let severity = if strict { Severity::Error } else { Severity::Note };
    let message = match (version, kind) {
        (Some(version), Some(kind)) => format!("skipped a document of kind {version} {kind}"),
        _ => "skipped a document without `apiVersion` and `kind`".to_owned(),
    };
    let place = root.entry("kind").or_else(|| root.entries().next());
    let span = place.map_or(root.span(), |(_, value)| value.span());
    let diagnostic = Diagnostic::new(severity, message).span(span);
    match kind {
        Some("Gateway") => diagnostic
            .hint("a Gateway that egress-auth reads has `apiVersion: gateway.tsb.tetrate.io/v2`"),
        Some(kind) if kind.eq_ignore_ascii_case("Gateway") => {
            diagnostic.hint("kinds are case-sensitive: write `kind: Gateway`")
        }
        _ => diagnostic,
    }
}
