//! Documents to a policy.
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | what compiling one Gateway yields: the policy, and what deploying it takes |
//! | [`select`] | which Gateway of the input is compiled |
//! | `server` | one entry of `spec.http` |
//! | `hostname` | hostnames in canonical form |
//! | `authentication`, `header`, `jwks` | JWT rules, their header names and their keys |
//! | `binding` | what kind of token counts, and in whose hands |
//! | `authorization`, [`method`], [`path`] | rules, and the methods and paths in them |
//! | `egress` | `egressAuthorization`, and how it meets the servers |
//! | `namespaces` | tenants, workspaces and groups to namespaces |
//! | `shadow` | what is only tried out |
//! | `routing` | where a server sends requests, and what is changed on the way |
//! | [`same_pods`] | several Gateways for the same pods |
//! | [`deployed`] | a policy that was compiled before, read back |
//! | `left_out` | what the gateway does, and not what is made here |
//! | `lint`, `covers`, `redundant`, `redundant_parts`, [`values`], `path_lint` | what is allowed but most likely not meant |
//! | [`acknowledge`] | warnings that the Gateway itself answers |
//! | `table` | what repeats is written once |
//!
//! Compiling goes on after an error, so that one run reports them all. What a document looks
//! like is in [`crate::resource`]; what a deployment looks like is in [`crate::emit`]. Nothing
//! here reads or writes files.

pub mod acknowledge;
mod authentication;
mod authorization;
mod binding;
mod covers;
pub mod deployed;
mod egress;
mod header;
pub mod hostname;
mod jwks;
mod left_out;
mod lint;
pub mod method;
pub mod model;
mod namespaces;
pub mod path;
mod path_lint;
mod redundant;
mod redundant_parts;
mod routing;
pub mod same_pods;
pub mod select;
mod server;
pub mod shadow;
mod table;
pub mod values;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

pub use model::Compiled;

use crate::policy::{self, AccessLogFields, DefaultAction, Policy};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::gateway::{Gateway, Server};
use crate::resource::hierarchy::Hierarchy;
use crate::resource::source::Origin;
use crate::resource::tree::Node;
use crate::resource::warning::Warning;
use binding::Holders;
use left_out::LeftOut;
use model::Deployment;
use routing::OfFilter;
use same_pods::Neighbour;
use table::Table;

/// What compiling depends on besides the Gateway.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What happens to a request for a host that nothing governs.
    pub default_action: DefaultAction,
    /// The cluster that the gateway is in, which resolves `cluster/namespace` selectors.
    pub cluster: Option<String>,
    /// How workloads are recognised.
    pub source_identity: policy::SourceIdentity,
    /// Hostnames whose authorization is only tried out.
    pub shadow: Vec<String>,
    /// Hostnames whose authentication is only tried out.
    pub shadow_authentication: Vec<String>,
    /// Where issuers that were asked keep their keys.
    pub discovered: Discovered,
    /// Every Gateway of the input.
    pub neighbours: Vec<Neighbour>,
}

/// The `jwks_uri` of issuers that were asked for it, or why there is none.
pub type Discovered = BTreeMap<String, Result<String, String>>;

/// Compiles one Gateway. Reports everything that is wrong with it, and returns nothing when that
/// includes an error. `hierarchy` holds the tenants, workspaces and groups that it may name.
pub fn compile<'a>(
    gateway: Gateway<'a>,
    hierarchy: &Hierarchy<'a>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Compiled> {
    let mut found = Diagnostics::default();
    gateway.check(&mut found);
    let place = Place { node: gateway.0, path: gateway.0.path() };
    let tables = Tables::default();
    let mut compiler = Compiler {
        gateway,
        hierarchy,
        options,
        diagnostics: &mut found,
        tables,
        place,
        named_in_egress: HashSet::new(),
        of_filter: None,
        left: LeftOut::default(),
        of_rules: HashMap::new(),
        silenced: BTreeMap::new(),
        holders: Holders::default(),
    };
    compiler.named_in_egress = compiler.hosts_named_in_egress();
    let identity = compiler.identity();
    let mut servers = compiler.servers();
    compiler.count_servers_of_rules();
    compiler.propose_types();
    let unbound = compiler.holders.unbound();
    compiler.report_left_out();
    let mut egress = compiler.egress(&servers);
    compiler.check_annotations();
    compiler.shadow(&mut servers, &mut egress);
    compiler.check_headers();
    compiler.warn_of_redundant(&servers, &egress);
    let same_pods = compiler.same_pods();
    compiler.acknowledge();
    let silenced = compiler.silenced;
    let tables = compiler.tables;
    let failed = found.has_errors();
    diagnostics.append(found);
    let (namespace, name) = identity?;
    if failed {
        return None;
    }
    let (servers, deployments): (Vec<_>, Vec<_>) = servers.into_iter().unzip();
    Some(Compiled {
        policy: Policy {
            version: policy::VERSION,
            gateway: format!("{namespace}/{name}"),
            default_action: options.default_action,
            access_log_fields: AccessLogFields::default(),
            jwt_rules: tables.jwt_rules.into_vec(),
            principals: tables.principals.into_vec(),
            operations: tables.operations.into_vec(),
            rules: tables.rules.into_vec(),
            servers,
            egress_rules: tables.egress_rules.into_vec(),
            egress,
            source_identity: options.source_identity.clone(),
        },
        deployment: Deployment {
            namespace: namespace.to_owned(),
            workload_namespace: gateway.workload_namespace().unwrap_or(namespace).to_owned(),
            name: name.to_owned(),
            workload_labels: gateway
                .workload_labels()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            workload_origin: gateway.workload_place().origin(),
            same_pods,
            jwks: jwks::with_own_cas(tables.clusters, &deployments),
            servers: deployments,
        },
        silenced,
        unbound,
    })
}

/// One Gateway on its way to a policy.
struct Compiler<'a, 'd> {
    gateway: Gateway<'a>,
    hierarchy: &'d Hierarchy<'a>,
    options: &'d Options,
    diagnostics: &'d mut Diagnostics,
    tables: Tables,
    /// The server being compiled and its path.
    place: Place<'a>,
    /// Every hostname that `egressAuthorization` names.
    named_in_egress: HashSet<String>,
    /// Headers that the filter reads or writes, once they are asked for.
    of_filter: Option<Rc<OfFilter>>,
    /// What servers say that is left to the gateway.
    left: LeftOut,
    /// Of each JWT rule that is warned of: where the findings are, and the paths of other servers
    /// that have it too.
    of_rules: HashMap<u32, (Range<usize>, Vec<String>)>,
    /// As [`Compiled::silenced`].
    silenced: BTreeMap<String, Vec<usize>>,
    /// What JWT rules say of the holder of a token.
    holders: Holders<'a>,
}

/// A node and its path, from which the paths of nodes below it are found quickly.
#[derive(Debug, Clone)]
struct Place<'a> {
    node: Node<'a>,
    path: String,
}

impl<'a> Place<'a> {
    /// Where a node is written.
    fn origin(&self, node: Node<'a>) -> Origin {
        Origin { span: node.span(), field: node.path_below(self.node, self.path.clone()) }
    }
}

/// What servers share.
#[derive(Default)]
struct Tables {
    jwt_rules: Table<policy::JwtRule>,
    principals: Table<policy::Principal>,
    operations: Table<policy::Operation>,
    rules: Table<policy::Rule>,
    egress_rules: Table<policy::EgressRule>,
    clusters: Vec<model::JwksCluster>,
    cluster_names: HashSet<String>,
}

impl<'a> Compiler<'a, '_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, node: Node<'a>, message: impl Into<String>, hint: impl Into<String>) {
        let origin = self.place.origin(node);
        self.report(Diagnostic::error(message).at(&origin).hint(hint));
    }

    fn warn(
        &mut self,
        name: Warning,
        node: Node<'a>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let origin = self.place.origin(node);
        self.report(Diagnostic::warning(message).at(&origin).hint(hint).named(name));
    }

    /// Namespace and name of the Gateway.
    fn identity(&mut self) -> Option<(&'a str, &'a str)> {
        if self.gateway.namespace().is_none() {
            let place = self.gateway.0.get("metadata").unwrap_or(self.gateway.0);
            self.error(
                place,
                "the Gateway has no namespace",
                "write `spec.workloadSelector.namespace`, or `metadata.namespace`",
            );
        }
        Some((self.gateway.namespace()?, self.gateway.name()?))
    }

    fn servers(&mut self) -> Vec<(policy::Server, model::ServerDeployment)> {
        let gateway = self.gateway;
        let servers: Vec<Server<'a>> = gateway.servers().collect();
        if servers.is_empty() {
            self.warn(
                Warning::NoServers,
                gateway.0.get("spec").unwrap_or(gateway.0),
                "the Gateway has no HTTP servers, so nothing governs any host",
                "list servers below `spec.http`",
            );
        }
        let mut names: HashMap<&str, Node<'a>> = HashMap::with_capacity(servers.len());
        let mut hosts: HashMap<String, Node<'a>> = HashMap::with_capacity(servers.len());
        let mut compiled = Vec::with_capacity(servers.len());
        let whole = self.place.clone();
        for (position, server) in servers.into_iter().enumerate() {
            let path = match whole.path.as_str() {
                "" => format!("spec.http[{position}]"),
                item => format!("{item}.spec.http[{position}]"),
            };
            self.place = Place { node: server.0, path };
            if let Some(name) = server.name()
                && let Some(first) = names.insert(name.text, name.node)
            {
                let message = format!("two servers have the name `{}`", name.text);
                self.report(
                    Diagnostic::error(message)
                        .at(&self.place.origin(name.node))
                        .related(first.span(), "the first of them")
                        .hint("give each server a name of its own"),
                );
            }
            let hostname = self.hostname(server);
            if let (Some(hostname), Some(written)) = (&hostname, server.hostname())
                && let Some(first) = hosts.insert(hostname.clone(), written.node)
            {
                self.report(
                    Diagnostic::error(format!("two servers have the hostname `{hostname}`"))
                        .at(&self.place.origin(written.node))
                        .related(first.span(), "the first of them")
                        .hint("hostnames are compared in lower case and without a trailing dot"),
                );
            }
            compiled.extend(self.server(server, hostname));
        }
        self.place = whole;
        compiled
    }
}
