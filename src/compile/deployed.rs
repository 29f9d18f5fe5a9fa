//! A policy that was compiled before, read back from what is deployed.

use super::model::{Compiled, Deployment};
use super::select::GatewayName;
use crate::engine::Engine;
use crate::policy::Policy;
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::json;
use crate::resource::plugin::Plugin;
use crate::resource::tree::Node;

/// The policy of a plugin, if it is sound. Of how it is deployed it says the pods alone.
pub fn read(plugin: Plugin<'_>, diagnostics: &mut Diagnostics) -> Option<Compiled> {
    let policy = policy(plugin, diagnostics)?;
    let (namespace, name) = policy.gateway.split_once('/').unwrap_or(("", &policy.gateway));
    let workload_namespace = plugin.name().map_or(namespace, |(namespace, _)| namespace);
    let deployment = Deployment {
        namespace: namespace.to_owned(),
        workload_namespace: workload_namespace.to_owned(),
        name: name.to_owned(),
        workload_labels: plugin
            .workload_labels()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        workload_origin: plugin.node.origin(),
        same_pods: Vec::new(),
        servers: Vec::new(),
        jwks: Vec::new(),
    };
    let silenced = std::collections::BTreeMap::new();
    Some(Compiled { policy, deployment, silenced, unbound: None })
}

fn policy(plugin: Plugin<'_>, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let Some(config) = plugin.config() else {
        let error = Diagnostic::error(format!("{plugin} has no configuration")).on(plugin.node);
        diagnostics.push(error.hint("what is deployed so denies every request"));
        return None;
    };
    let json = match json::value(config) {
        Ok(json) => json.to_string(),
        Err(error) => {
            diagnostics.push(*error);
            return None;
        }
    };
    // As the filter reads it: what it refuses is not in force anywhere.
    if let Err(error) = Engine::from_json(json.as_bytes()) {
        let place = field(config, &error.field);
        diagnostics.push(
            Diagnostic::error(error.to_string())
                .on(place)
                .hint("a filter of this version refuses it and keeps the policy before it"),
        );
        return None;
    }
    Policy::from_json(json.as_bytes()).ok()
}

/// The node of a field such as `servers[0].hostname`; the nearest that is there.
fn field<'a>(config: Node<'a>, path: &str) -> Node<'a> {
    let names = path.split(['.', '[']).filter(|name| !name.is_empty());
    let mut at = config;
    for name in names {
        let below = match name.strip_suffix(']') {
            Some(index) => index.parse().ok().and_then(|index| at.items().nth(index)),
            None => at.get(name),
        };
        match below {
            Some(below) => at = below,
            None => break,
        }
    }
    at
}

/// The plugins that are meant: those of the named Gateway, or all.
pub fn named<'a>(
    plugins: &[Plugin<'a>],
    wanted: Option<&GatewayName>,
    diagnostics: &mut Diagnostics,
) -> Vec<Plugin<'a>> {
    let is_wanted = |plugin: &&Plugin<'a>| {
        wanted.is_none_or(|wanted| plugin.gateway() == Some(wanted.to_string().as_str()))
    };
    let found: Vec<_> = plugins.iter().filter(is_wanted).copied().collect();
    if let (true, Some(wanted)) = (found.is_empty(), wanted) {
        diagnostics.push(
            Diagnostic::error(format!("the input holds no policy of the Gateway {wanted}"))
                .hint(format!("it holds {}", list(plugins))),
        );
    }
    found
}

/// The one plugin that is meant. Everything else is an error.
pub fn one<'a>(
    plugins: &[Plugin<'a>],
    wanted: Option<&GatewayName>,
    diagnostics: &mut Diagnostics,
) -> Option<Plugin<'a>> {
    let found = named(plugins, wanted, diagnostics);
    if let [_, second, ..] = found.as_slice() {
        diagnostics.push(
            Diagnostic::error(format!("the input holds {} policies", found.len()))
                .on(second.node.get("metadata").unwrap_or(second.node))
                .hint(format!("choose one with --gateway: {}", list(plugins))),
        );
        return None;
    }
    found.first().copied()
}

fn list(plugins: &[Plugin<'_>]) -> String {
    let mut names: Vec<_> = plugins.iter().filter_map(|plugin| plugin.gateway()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
