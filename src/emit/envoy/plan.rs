//! Where requests of a server and JWKS fetches really go.
//!
//! The plan is made once from the Gateway and the options, and says for every hostname what
//! becomes of its requests, and for every cluster what it connects to. Routes and clusters are then
//! only written down from it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::secret::Secrets;
use super::tls::PeerTls;
use super::{EmitError, Options};
use crate::compile::Compiled;
use crate::compile::model::routing::UpstreamTls;
use crate::compile::model::{
    Destination, DestinationHost, JwksCluster, RouteAction, RouteRule, ServerDeployment, TrustedCa,
};
use crate::emit::hosts::Hosts;
use crate::policy::hosts::HostTable;
use crate::policy::{CertificateBound, DefaultAction};
use crate::resource::source::Origin;

/// Which cluster takes the requests for which hostname.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of the Gateway's servers.
    pub routes: Vec<Route>,
    /// Every cluster once, those for keys included.
    pub clusters: Vec<Cluster>,
    /// Hostnames of which filters have to know, but which have nowhere to go.
    pub unrouted: Vec<String>,
}

/// One hostname.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Exact hostname, `*.suffix` or `*`.
    pub hostname: String,
    /// What becomes of its requests, by the first that matches.
    pub entries: Vec<Entry>,
}

impl Route {
    /// A hostname of which every request goes to one cluster as it is.
    fn to_cluster(hostname: &str, cluster: String, host_rewrite: Option<String>) -> Self {
        let to = To::Cluster { name: cluster, host_rewrite };
        Self { hostname: hostname.to_owned(), entries: vec![Entry { rule: None, to }] }
    }
}

/// What becomes of some requests for a hostname.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The rule of the Gateway: which requests, and what is changed of them; absent: all of them,
    /// and nothing.
    pub rule: Option<RouteRule>,
    pub to: To,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) enum To {
    Cluster {
        name: String,
        /// What the upstream sees as the host; absent: what the client sent.
        host_rewrite: Option<String>,
    },
    /// Nowhere: the rule's redirect or answer.
    Client,
}

/// What a cluster connects to.
#[derive(Debug)]
pub(super) struct Cluster {
    pub name: String,
    pub target: Target,
    /// Absent: plain text.
    pub tls: Option<PeerTls>,
}

/// The peer of a cluster.
#[derive(Debug)]
pub(super) enum Target {
    /// One host: a DNS name or an IP address.
    Host { host: String, port: u16 },
    /// The host that the request names.
    AsRequested,
}

impl Plan {
    /// Whether any cluster connects to the host that the request names.
    pub fn has_dynamic(&self) -> bool {
        self.clusters.iter().any(|cluster| matches!(cluster.target, Target::AsRequested))
    }

    /// Whether any rule changes the path or the host that is asked for.
    pub fn rewrites(&self) -> bool {
        let rules =
            self.routes.iter().flat_map(|route| &route.entries).filter_map(|it| it.rule.as_ref());
        rules.into_iter().any(|it| it.rewrite_path.is_some() || it.rewrite_authority.is_some())
    }

    /// Gives exact hostnames routes of their own: those of the wildcards that cover them.
    pub fn add_hosts<'h>(&mut self, hostnames: impl Iterator<Item = &'h str>) {
        let mut table = HostTable::with_capacity(self.routes.len());
        for (index, route) in self.routes.iter().enumerate() {
            // Every route has a hostname of its own.
            let _ = table.insert(&route.hostname, index);
        }
        for hostname in hostnames {
            match table.get(hostname).and_then(|index| self.routes.get(*index)) {
                Some(route) if route.hostname == hostname => {}
                Some(route) => {
                    let route = Route { hostname: hostname.to_owned(), ..route.clone() };
                    self.routes.push(route);
                }
                None => self.unrouted.push(hostname.to_owned()),
            }
        }
    }
}

/// The plan for one Gateway.
pub(super) fn plan(compiled: &Compiled, options: &Options) -> Result<Plan, EmitError> {
    let mut planner = Planner {
        options,
        secrets: Secrets { options, namespace: &compiled.deployment.workload_namespace },
        used: BTreeSet::new(),
        plan: Plan { routes: Vec::new(), clusters: Vec::new(), unrouted: Vec::new() },
    };
    for server in &compiled.deployment.servers {
        planner.server(server)?;
    }
    for jwks in &compiled.deployment.jwks {
        planner.jwks(jwks)?;
    }
    planner.below_wildcards(compiled);
    if compiled.policy.default_action == DefaultAction::Allow {
        planner.unlisted_hosts()?;
    }
    planner.secrets.check_used(&compiled.deployment)?;
    match options.upstreams.iter().find(|upstream| !planner.used.contains(&upstream.host)) {
        Some(unused) => Err(EmitError::UnusedUpstream { host: unused.host.clone() }),
        None => Ok(planner.plan),
    }
}

struct Planner<'o> {
    options: &'o Options,
    secrets: Secrets<'o>,
    /// The hosts of `--upstream` that something is sent to.
    used: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    fn server(&mut self, server: &ServerDeployment) -> Result<(), EmitError> {
        if let Some(left) = server.left_to_gateway.first() {
            return Err(EmitError::LeftToGateway {
                server: server.name.clone(),
                field: left.field.clone(),
                consequence: left.consequence,
                origin: left.origin.clone(),
            });
        }
        let route = match server.routes.as_slice() {
            [] => {
                let (cluster, host_rewrite) = self.forward(server, None)?;
                Route::to_cluster(&server.hostname, cluster, host_rewrite)
            }
            rules => {
                let entries = rules.iter().map(|rule| self.entry(server, rule));
                let entries = entries.collect::<Result<_, _>>()?;
                Route { hostname: server.hostname.clone(), entries }
            }
        };
        self.plan.routes.push(route);
        Ok(())
    }

    fn entry(&mut self, server: &ServerDeployment, rule: &RouteRule) -> Result<Entry, EmitError> {
        let to = match &rule.action {
            RouteAction::Forward(destination) => {
                let (name, own) = self.forward(server, Some(destination))?;
                To::Cluster { name, host_rewrite: rule.rewrite_authority.clone().or(own) }
            }
            RouteAction::Redirect(_) | RouteAction::Respond { .. } => To::Client,
        };
        Ok(Entry { rule: Some(rule.clone()), to })
    }

    /// The cluster of a destination, and the host that the upstream is asked for unless the rule
    /// says another.
    fn forward(
        &mut self,
        server: &ServerDeployment,
        destination: Option<&Destination>,
    ) -> Result<(String, Option<String>), EmitError> {
        let wildcard = server.hostname.starts_with('*');
        let name =
            destination.map_or_else(|| format!("server|{}", server.name), |d| d.cluster.clone());
        let tls = destination.map_or(Some(None), |d| d.tls.as_ref().map(Some));
        let default_port = if tls.is_some() { 443 } else { 80 };
        let port = destination.map_or(default_port, |d| d.port);
        let host_rewrite = (!wildcard).then(|| match port {
            port if port == default_port => server.hostname.clone(),
            port => format!("{}:{port}", server.hostname),
        });
        if self.plan.clusters.iter().any(|cluster| cluster.name == name) {
            return Ok((name, host_rewrite));
        }
        let host = match destination.map(|destination| &destination.host) {
            Some(DestinationHost::Fixed(host)) => Some(host.as_str()),
            Some(DestinationHost::AsRequested) => None,
            None => (!wildcard).then_some(server.hostname.as_str()),
        };
        if let Some(target) = self
            .instead(&server.hostname, port)
            .or_else(|| host.and_then(|host| self.instead(host, port)))
            .or_else(|| self.options.stand_ins.map(|stand_ins| target(stand_ins.servers)))
        {
            self.plan.clusters.push(Cluster { name: name.clone(), target, tls: None });
            return Ok((name, host_rewrite));
        }
        if destination.is_none() && !server.traffic_mode.is_egress() {
            return Err(EmitError::NoDestination {
                server: server.name.clone(),
                hostname: server.hostname.clone(),
                origin: server.origin.clone(),
            });
        }
        let target = match host {
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                Target::Host { host, port }
            }
            None => {
                check_as_requested(server, destination, default_port)?;
                Target::AsRequested
            }
        };
        let tls = match tls {
            Some(tls) => {
                let host = match &target {
                    Target::Host { host, .. } => Some(host.as_str()),
                    Target::AsRequested => None,
                };
                Some(self.peer(host, tls, || Some(server.origin.clone()))?)
            }
            None => None,
        };
        self.plan.clusters.push(Cluster { name: name.clone(), target, tls });
        Ok((name, host_rewrite))
    }

    fn jwks(&mut self, jwks: &JwksCluster) -> Result<(), EmitError> {
        let stand_in = self.options.stand_ins.map(|stand_ins| target(stand_ins.jwks));
        let instead = self.instead(&jwks.host, jwks.port).or(stand_in);
        let tls = match &instead {
            None if jwks.tls => {
                let origin = || Some(jwks.origin.clone());
                let trusted_ca = self.secrets.trusted_ca(&jwks.host, &jwks.trusted, origin)?;
                Some(PeerTls { host: Some(jwks.host.clone()), ..PeerTls::trusting(trusted_ca) })
            }
            _ => None,
        };
        let target =
            instead.unwrap_or_else(|| Target::Host { host: jwks.host.clone(), port: jwks.port });
        self.plan.clusters.push(Cluster { name: jwks.name.clone(), target, tls });
        Ok(())
    }

    /// `--upstream` may name one host of many that a wildcard server, or the default action,
    /// covers: such a host gets a route of its own.
    fn below_wildcards(&mut self, compiled: &Compiled) {
        let open = compiled.policy.default_action == DefaultAction::Allow;
        // The suffix of a wildcard server, its port, and what becomes of its requests.
        let wildcards: Vec<(String, u16, Vec<Entry>)> = compiled
            .deployment
            .servers
            .iter()
            .filter_map(|server| {
                let suffix = server.hostname.strip_prefix('*')?;
                let port = server.destinations().next().map_or(443, |d| d.port);
                let planned = self.plan.routes.iter().find(|it| it.hostname == server.hostname)?;
                Some((suffix.to_owned(), port, planned.entries.clone()))
            })
            .collect();
        for upstream in &self.options.upstreams {
            if self.plan.routes.iter().any(|route| route.hostname == upstream.host) {
                continue;
            }
            let covering = wildcards
                .iter()
                .filter(|(suffix, ..)| upstream.host.ends_with(suffix.as_str()))
                .max_by_key(|(suffix, ..)| suffix.len());
            let Some(port) = covering.map(|(_, port, _)| *port).or(open.then_some(443)) else {
                continue;
            };
            self.used.insert(upstream.host.clone());
            let cluster = format!("upstream|{}", upstream.host);
            let port = upstream.port.unwrap_or(port);
            self.plan.clusters.push(Cluster {
                name: cluster.clone(),
                target: target(SocketAddr::new(upstream.address, port)),
                tls: None,
            });
            let mut route = Route::to_cluster(&upstream.host, cluster.clone(), None);
            if let Some((.., entries)) = covering {
                route.entries.clone_from(entries);
            }
            for entry in &mut route.entries {
                if let To::Cluster { name, .. } = &mut entry.to {
                    name.clone_from(&cluster);
                }
            }
            self.plan.routes.push(route);
        }
    }

    /// With the default action allow, hosts that no server names are reached over verified TLS.
    fn unlisted_hosts(&mut self) -> Result<(), EmitError> {
        if self.plan.routes.iter().any(|route| route.hostname == "*") {
            return Ok(());
        }
        let name = "unlisted-hosts".to_owned();
        let cluster = match self.options.stand_ins {
            Some(stand_ins) => {
                Cluster { name: name.clone(), target: target(stand_ins.servers), tls: None }
            }
            None => Cluster {
                name: name.clone(),
                target: Target::AsRequested,
                tls: Some(self.peer(None, None, || None)?),
            },
        };
        self.plan.clusters.push(cluster);
        self.plan.routes.push(Route::to_cluster("*", name, None));
        Ok(())
    }

    /// Where `--upstream` sends a host.
    fn instead(&mut self, host: &str, port: u16) -> Option<Target> {
        let upstream = self.options.upstreams.iter().find(|upstream| upstream.host == host)?;
        self.used.insert(upstream.host.clone());
        Some(target(SocketAddr::new(upstream.address, upstream.port.unwrap_or(port))))
    }

    fn peer(
        &self,
        host: Option<&str>,
        tls: Option<&UpstreamTls>,
        origin: impl Fn() -> Option<Origin>,
    ) -> Result<PeerTls, EmitError> {
        let origin = || tls.map(|tls| tls.origin.clone()).or_else(&origin);
        let trusted = tls.map_or(&TrustedCa::System, |tls| &tls.trusted);
        let trusted_ca =
            self.secrets.trusted_ca(host.unwrap_or("the requested host"), trusted, origin)?;
        let host = host.map(ToOwned::to_owned);
        let Some(tls) = tls else {
            return Ok(PeerTls { host, ..PeerTls::trusting(trusted_ca) });
        };
        Ok(PeerTls {
            host: tls.server_name.clone().or(host),
            trusted_ca,
            subject_alt_names: tls.subject_alt_names.clone(),
            client_certificate: match &tls.client_certificate {
                Some(client) => Some(self.secrets.client_certificate(client, origin)?),
                None => None,
            },
            protocol: tls.protocol.clone(),
        })
    }
}

/// Whether clients can show what tokens are bound to.
pub(super) fn check_holders(compiled: &Compiled, options: &Options) -> Result<(), EmitError> {
    if options.downstream_tls.is_some() {
        return Ok(());
    }
    let bound = compiled.policy.jwt_rules.iter().zip(0u32..).find_map(|(rule, index)| {
        let field = match (rule.certificate_bound, rule.workload_bound) {
            (CertificateBound::Required, _) => "certificateBound: required",
            (_, Some(_)) => "workloadBound",
            _ => return None,
        };
        Some((field, rule, index))
    });
    let Some((field, rule, index)) = bound else { return Ok(()) };
    let origin = Hosts::new(compiled).origin_of_jwt_rule(index).cloned();
    Err(EmitError::NoHolders { field, issuer: rule.issuer.clone(), origin })
}

/// What sending requests to the host that they name cannot do.
fn check_as_requested(
    server: &ServerDeployment,
    destination: Option<&Destination>,
    expected: u16,
) -> Result<(), EmitError> {
    let Some(destination) = destination else { return Ok(()) };
    if destination.port != expected {
        return Err(EmitError::DynamicPort {
            server: server.name.clone(),
            port: destination.port,
            expected,
            origin: destination.origin.clone(),
        });
    }
    match &destination.tls {
        Some(tls) if !tls.subject_alt_names.is_empty() => Err(EmitError::DynamicSubjectAltNames {
            server: server.name.clone(),
            origin: tls.origin.clone(),
        }),
        _ => Ok(()),
    }
}

fn target(socket: SocketAddr) -> Target {
    Target::Host { host: socket.ip().to_string(), port: socket.port() }
}
