//! Tenants, workspaces and groups: documents that own namespaces.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::gateway::Text;
use super::shape::{self, Object, Others, Shape, optional, required};
use super::tree::Node;

/// A document of one of these.
pub static RESOURCE: Object = Object {
    fields: &[
        optional("apiVersion", Shape::Text, "Version of the document's format"),
        optional("kind", Shape::Text, "Kind of the document"),
        required("metadata", Shape::Object(&METADATA), "Identity of the resource"),
        optional("spec", Shape::Object(&SPEC), "What the resource owns"),
    ],
    others: Others::Suspected,
    not_empty: None,
};

static METADATA: Object = Object {
    fields: &[
        required("name", Shape::Text, "Name of the resource"),
        optional("organization", Shape::Text, "Organization that it belongs to"),
        optional("tenant", Shape::Text, "Tenant that it belongs to"),
        optional("workspace", Shape::Text, "Workspace that it belongs to"),
    ],
    others: Others::Ignored,
    not_empty: None,
};

static SPEC: Object = Object {
    fields: &[optional("namespaceSelector", Shape::Object(&SELECTOR), "The namespaces")],
    others: Others::Suspected,
    not_empty: None,
};

static SELECTOR: Object = Object {
    fields: &[required(
        "names",
        Shape::List(&Shape::Text),
        "`cluster/namespace`; `*` stands for any cluster, and may end the namespace",
    )],
    others: Others::Refused,
    not_empty: None,
};

/// A tenant, a workspace or a group.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a>(Node<'a>);

impl<'a> Resource<'a> {
    /// The document.
    pub fn node(self) -> Node<'a> {
        self.0
    }

    /// `spec.namespaceSelector.names`; absent where there is no selector.
    pub fn names(self) -> Option<impl Iterator<Item = Text<'a>>> {
        let names = self.0.get("spec")?.get("namespaceSelector")?.get("names")?;
        Some(names.items().filter_map(|node| Some(Text { text: node.string()?, node })))
    }
}

/// Every resource of the input, by its full name, such as
/// `organizations/o/tenants/t/workspaces/w`.
#[derive(Debug, Default)]
pub struct Hierarchy<'a>(HashMap<String, Resource<'a>>);

impl<'a> Hierarchy<'a> {
    /// Collects documents, each with the word for its kind in names of resources.
    pub fn new(
        documents: impl Iterator<Item = (Node<'a>, &'static str)>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut resources = HashMap::new();
        for (root, word) in documents {
            let kind = root.get("kind").and_then(Node::string).unwrap_or("resource");
            shape::check(root, &RESOURCE, &format!("the {kind}"), diagnostics);
            let Some(name) = full_name(root, word) else {
                diagnostics.extend(nameless(root, kind, word));
                continue;
            };
            let resource = Resource(root);
            if let Some(first) = resources.insert(name.clone(), resource) {
                diagnostics.push(
                    Diagnostic::error(format!("`{name}` is written twice"))
                        .on(name_node(root))
                        .related(name_node(first.0).span(), "first written here")
                        .hint("remove one of the documents"),
                );
            }
        }
        Self(resources)
    }

    /// The resource of that full name.
    pub fn get(&self, name: &str) -> Option<Resource<'a>> {
        self.0.get(name).copied()
    }

    /// Every full name, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn name_node(root: Node<'_>) -> Node<'_> {
    root.get("metadata").and_then(|metadata| metadata.get("name")).unwrap_or(root)
}

/// What is missing for a resource to have a full name; nothing where that was reported already.
fn nameless(root: Node<'_>, kind: &str, word: &str) -> Option<Diagnostic> {
    root.get("metadata")?.get("name")?.string()?;
    let needed = match word {
        "tenants" => "`organization`",
        "workspaces" => "`organization` and `tenant`",
        _ => "`organization`, `tenant` and `workspace`",
    };
    let message =
        format!("no resource name can mean this {kind}: it does not say where it belongs");
    Some(Diagnostic::note(message).on(name_node(root)).hint(format!(
        "write {needed} below `metadata`, or as annotations such as `tsb.tetrate.io/organization`"
    )))
}

/// Where a resource stands: from `metadata` itself, else from its annotations.
fn full_name(root: Node<'_>, word: &str) -> Option<String> {
    let metadata = root.get("metadata")?;
    let text = |key: &str| {
        metadata.get(key).and_then(Node::string).or_else(|| {
            let annotations = metadata.get("annotations")?;
            annotations.get(&format!("tsb.tetrate.io/{key}"))?.string()
        })
    };
    let name = metadata.get("name")?.string()?;
    let organization = text("organization")?;
    Some(match word {
        "tenants" => format!("organizations/{organization}/tenants/{name}"),
        "workspaces" => {
            format!("organizations/{organization}/tenants/{}/workspaces/{name}", text("tenant")?)
        }
        groups => format!(
            "organizations/{organization}/tenants/{}/workspaces/{}/{groups}/{name}",
            text("tenant")?,
            text("workspace")?,
        ),
    })
}
