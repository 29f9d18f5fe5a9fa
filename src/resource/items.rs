//! Documents and lists of documents to single items: what `kubectl get -o yaml` and `-o json` print
//! holds many documents in one.

use super::diagnostic::Diagnostic;
use super::shape::closest;
use super::tree::{Node, Value};

/// One document, be it on its own or an item of a list.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The document itself.
    pub node: Node<'a>,
    /// Its `apiVersion`, else what a typed list says of it; absent where neither is a string.
    pub version: Option<&'a str>,
    /// Its `kind`, likewise.
    pub kind: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn new(node: Node<'a>, of_list: Option<Self>) -> Self {
        let field = |name| node.get(name).and_then(Node::string);
        let own = Self { node, version: field("apiVersion"), kind: field("kind") };
        // Only an item that says nothing itself is what its list says that it is.
        match of_list.filter(|_| !names_kind(node)) {
            Some(list) => Self { node, ..list },
            None => own,
        }
    }
}

/// Whether a map has a field that says what it is, be it a misspelt one.
fn names_kind(node: Node<'_>) -> bool {
    node.entries()
        .filter_map(|(key, _)| key.scalar_text())
        // Many other things have a version.
        .filter(|key| !key.eq_ignore_ascii_case("version"))
        .any(|key| closest(key, ["apiVersion", "kind"].into_iter()).is_some())
}

/// Whether an `apiVersion` is of a group of TSB.
pub fn is_of_tsb(version: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    group == "tetrate.io" || group.ends_with(".tetrate.io")
}

/// Adds the items of a document, those of lists in lists too. What is no list is one item itself.
pub fn expand<'a>(root: Node<'a>, items: &mut Vec<Item<'a>>, findings: &mut Vec<Diagnostic>) {
    expand_item(Item::new(root, None), items, findings);
}

fn expand_item<'a>(item: Item<'a>, items: &mut Vec<Item<'a>>, findings: &mut Vec<Diagnostic>) {
    let node = item.node;
    match node.value() {
        Value::Null => {}
        // A list of other things, such as the operations of a patch, is skipped as a whole.
        Value::Sequence if node.items().any(names_kind) => {
            node.items().for_each(|child| expand_item(Item::new(child, None), items, findings));
        }
        Value::Mapping => match Listed::read(item) {
            Some(Listed::Items(list, of_list)) => list
                .items()
                .for_each(|child| expand_item(Item::new(child, of_list), items, findings)),
            Some(Listed::Wrong(finding)) => findings.push(*finding),
            None => items.push(item),
        },
        _ => items.push(item),
    }
}

/// What a list holds.
enum Listed<'a> {
    /// Its `items`, with what it says of those that say nothing themselves.
    Items(Node<'a>, Option<Item<'a>>),
    /// Nothing that can be read.
    Wrong(Box<Diagnostic>),
}

impl<'a> Listed<'a> {
    /// Reads a `v1` `List` or a typed one, such as `GatewayList`; absent for anything else.
    fn read(list: Item<'a>) -> Option<Self> {
        let kind = list.kind?.strip_suffix("List")?;
        let typed = (!kind.is_empty()).then_some(Item { kind: Some(kind), ..list });
        let ours = typed.is_none() || list.version.is_some_and(is_of_tsb);
        let wrong = |node: Node<'a>, message: String, hint: &str| {
            // What a list of another product holds is not read anyway.
            ours.then(|| Self::Wrong(Box::new(Diagnostic::error(message).on(node).hint(hint))))
        };
        let Some(items) = list.node.get("items") else {
            let keys = || {
                list.node.entries().filter(|(key, _)| {
                    let text = key.scalar_text().unwrap_or_default();
                    closest(text, std::iter::once("items")).is_some()
                })
            };
            let (key, _) = keys().next()?;
            let text = key.scalar_text().unwrap_or_default();
            let message = format!("`{}` is not a field of a list", text.escape_debug());
            return wrong(key, message, "did you mean `items`?");
        };
        match items.value() {
            // As Kubernetes writes an empty list now and then.
            Value::Null => Some(Self::Items(items, typed)),
            Value::Sequence if typed.is_none() || ours || items.items().any(names_kind) => {
                Some(Self::Items(items, typed.filter(|_| ours)))
            }
            Value::Sequence => None,
            other => wrong(
                items,
                format!("`items` must be a list, not {}", other.describe()),
                "write each document as an entry that begins with `- `",
            ),
        }
    }
}
