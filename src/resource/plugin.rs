//! What was compiled before: the object by which Istio is told of the filter, as `kubectl get -o yaml`
//! prints it, or the filter's configuration alone.

use std::fmt;

use super::items::Item;
use super::tree::{Node, Value};

/// Version of the kinds by which Istio is told of filters.
const VERSION: &str = "extensions.istio.io/v1alpha1";

/// A document with a policy that was compiled before.
#[derive(Debug, Clone, Copy)]
pub struct Plugin<'a> {
    /// Its kind; absent for a configuration alone.
    kind: Option<&'a str>,
    /// The whole document.
    pub node: Node<'a>,
    /// What the filter reads.
    config: Option<Node<'a>>,
}

impl<'a> Plugin<'a> {
    /// An item that is one. Plugins of others are none.
    pub fn of(item: Item<'a>) -> Option<Self> {
        let plugin = match (item.version, item.kind) {
            (Some(VERSION), Some(kind @ ("WasmPlugin" | "TrafficExtension"))) => {
                let config = wasm(item.node, kind).and_then(|wasm| wasm.get("pluginConfig"));
                Self { kind: Some(kind), node: item.node, config }
            }
            (None, None) => Self { kind: None, node: item.node, config: Some(item.node) },
            _ => return None,
        };
        let ours = plugin.config.is_some_and(is_policy) || plugin.is_labelled();
        ours.then_some(plugin)
    }

    /// What the filter reads, where there is anything.
    pub fn config(self) -> Option<Node<'a>> {
        self.config.filter(|config| !config.is_null())
    }

    /// `namespace/name` of the Gateway that it was compiled from.
    pub fn gateway(self) -> Option<&'a str> {
        self.config?.get("gateway")?.string()
    }

    /// Its own namespace and name in Kubernetes.
    pub fn name(self) -> Option<(&'a str, &'a str)> {
        let metadata = self.node.get("metadata")?;
        Some((metadata.get("namespace")?.string()?, metadata.get("name")?.string()?))
    }

    /// Where the gateway's pods get the module.
    pub fn url(self) -> Option<&'a str> {
        wasm(self.node, self.kind?)?.get("url")?.scalar_text()
    }

    /// What Istio compares the module with. One of digits alone reads as a number.
    pub fn sha256(self) -> Option<&'a str> {
        wasm(self.node, self.kind?)?.get("sha256")?.scalar_text()
    }

    /// The labels of the gateway's pods.
    pub fn workload_labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let spec = self.node.get("spec").filter(|_| self.kind.is_some());
        spec.and_then(|spec| spec.get("selector")?.get("matchLabels"))
            .into_iter()
            .flat_map(Node::entries)
            .filter_map(|(key, value)| Some((key.scalar_text()?, value.scalar_text()?)))
    }

    fn is_labelled(self) -> bool {
        let labels = self.node.get("metadata").and_then(|metadata| metadata.get("labels"));
        let managed_by = labels.and_then(|labels| labels.get("app.kubernetes.io/managed-by"));
        managed_by.and_then(Node::string) == Some("egress-auth")
    }
}

impl fmt::Display for Plugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.name()) {
            (Some(kind), Some((namespace, name))) => {
                write!(f, "the {kind} {}/{}", namespace.escape_debug(), name.escape_debug())
            }
            (Some(kind), None) => write!(f, "a {kind}"),
            (None, _) => f.write_str("a plugin configuration"),
        }
    }
}

/// What is said about the module.
fn wasm<'a>(object: Node<'a>, kind: &str) -> Option<Node<'a>> {
    let spec = object.get("spec")?;
    if kind == "TrafficExtension" { spec.get("wasm") } else { Some(spec) }
}

/// Whether a map is the filter's configuration: by the three fields that it has to have.
fn is_policy(config: Node<'_>) -> bool {
    let number = |node: Node<'_>| matches!(node.value(), Value::Number(_));
    let list = |node: Node<'_>| node.value() == Value::Sequence;
    config.get("version").is_some_and(number)
        && config.get("gateway").is_some_and(|gateway| gateway.string().is_some())
        && config.get("servers").is_some_and(list)
}
