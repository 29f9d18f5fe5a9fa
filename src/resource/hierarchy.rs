//! Tenants, workspaces and groups: documents that own namespaces.

use std::collections::HashMap;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::gateway::Text;
use super::shape::{self, Object, Others, Shape, optional, required};
use super::tree::Node;

/// The kinds that are read: apiVersion, kind, and the word for it in names of resources.
pub const KINDS: [(&str, &str, &str); 7] = [
    ("api.tsb.tetrate.io/v2", "Tenant", "tenants"),
    ("tsb.tetrate.io/v2", "Tenant", "tenants"),
    ("api.tsb.tetrate.io/v2", "Workspace", "workspaces"),
    ("tsb.tetrate.io/v2", "Workspace", "workspaces"),
    ("gateway.tsb.tetrate.io/v2", "Group", "gatewaygroups"),
    ("security.tsb.tetrate.io/v2", "Group", "securitygroups"),
    ("traffic.tsb.tetrate.io/v2", "Group", "trafficgroups"),
];

/// A document of one of these kinds.
pub static RESOURCE: Object = Object {
    fields: &[
        required("metadata", Shape::Object(&METADATA), "Identity of the resource"),
        optional("spec", Shape::Object(&SPEC), "What the resource owns"),
    ],
    others: Others::Ignored,
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
    others: Others::Ignored,
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
    /// Collects the documents that are of one of the kinds.
    pub fn new(roots: impl Iterator<Item = Node<'a>>, diagnostics: &mut Diagnostics) -> Self {
        let mut resources = HashMap::new();
        for root in roots {
            let field = |name| root.get(name).and_then(Node::string);
            let kind = KINDS.iter().find(|(version, kind, _)| {
                (Some(*version), Some(*kind)) == (field("apiVersion"), field("kind"))
            });
            let Some((_, kind, word)) = kind else { continue };
            shape::check(root, &RESOURCE, &format!("the {kind}"), diagnostics);
            let Some(name) = full_name(root, word) else { continue };
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
