//! Where requests of a server and JWKS fetches really go.
//!
//! The plan is made once from the Gateway and the options, and says for every hostname which
//! cluster takes its requests, and for every cluster what it connects to. Routes and clusters are
//! then only written down from it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::tls::PeerTls;
use super::{EmitError, Options};
use crate::compile::Compiled;
use crate::compile::model::{
    Destination, DestinationHost, JwksCluster, ServerDeployment, UpstreamTls,
};
use crate::policy::DefaultAction;
use crate::policy::hosts::HostTable;

/// `HOST=ADDR[:PORT]`: where a hostname is sent in plain text instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Hostname in lower case, or the wildcard hostname of a server.
    pub host: String,
    /// The address to connect to instead.
    pub address: IpAddr,
    /// The port to connect to instead; absent: the destination's own.
    pub port: Option<u16>,
}

/// The text does not say where a host is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It is not of that form.
    #[error(
        "expected HOST=ADDR or HOST=ADDR:PORT with an IP address, such as \
         httpbin.org=127.0.0.1:8080"
    )]
    Form,
    /// The port is 0.
    #[error("nothing listens on port 0; leave the port out to keep that of the host")]
    Port,
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let (host, target) = text.split_once('=').ok_or(UpstreamError::Form)?;
        if host.is_empty() {
            return Err(UpstreamError::Form);
        }
        let host = host.to_ascii_lowercase();
        if let Ok(socket) = target.parse::<SocketAddr>() {
            if socket.port() == 0 {
                return Err(UpstreamError::Port);
            }
            return Ok(Self { host, address: socket.ip(), port: Some(socket.port()) });
        }
        let bare =
            target.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(target);
        let address = bare.parse().map_err(|_| UpstreamError::Form)?;
        Ok(Self { host, address, port: None })
    }
}

/// Local servers, in plain text, that take the place of the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIns {
    /// Takes the requests of every server.
    pub servers: SocketAddr,
    /// Answers every JWKS fetch.
    pub jwks: SocketAddr,
}

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
    /// Name of the cluster.
    pub cluster: String,
    /// What the upstream sees as the host; absent: what the client sent.
    pub host_rewrite: Option<String>,
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
    match options.upstreams.iter().find(|upstream| !planner.used.contains(&upstream.host)) {
        Some(unused) => Err(EmitError::UnusedUpstream { host: unused.host.clone() }),
        None => Ok(planner.plan),
    }
}

struct Planner<'o> {
    options: &'o Options,
    /// The hosts of `--upstream` that something is sent to.
    used: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    fn server(&mut self, server: &ServerDeployment) -> Result<(), EmitError> {
        let wildcard = server.hostname.starts_with('*');
        let destination = server.destination.as_ref();
        let name =
            destination.map_or_else(|| format!("server|{}", server.name), |d| d.cluster.clone());
        let tls = destination.map_or(Some(None), |d| d.tls.as_ref().map(Some));
        let default_port = if tls.is_some() { 443 } else { 80 };
        let port = destination.map_or(default_port, |d| d.port);
        let host_rewrite = (!wildcard).then(|| match port {
            port if port == default_port => server.hostname.clone(),
            port => format!("{}:{port}", server.hostname),
        });
        self.plan.routes.push(Route {
            hostname: server.hostname.clone(),
            cluster: name.clone(),
            host_rewrite,
        });
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
            self.plan.clusters.push(Cluster { name, target, tls: None });
            return Ok(());
        }
        if destination.is_none() && !server.traffic_mode.is_egress() {
            return Err(EmitError::NoDestination {
                server: server.name.clone(),
                hostname: server.hostname.clone(),
                origin: server.origin.clone(),
            });
        }
        let (target, tls) = match host {
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let tls = tls
                    .map(|tls| self.peer(Some(&host), tls, || Some(server.origin.clone())))
                    .transpose()?;
                (Target::Host { host, port }, tls)
            }
            None => {
                check_as_requested(server, destination, default_port)?;
                let tls = tls
                    .map(|tls| self.peer(None, tls, || Some(server.origin.clone())))
                    .transpose()?;
                (Target::AsRequested, tls)
            }
        };
        self.plan.clusters.push(Cluster { name, target, tls });
        Ok(())
    }

    fn jwks(&mut self, jwks: &JwksCluster) -> Result<(), EmitError> {
        let stand_in = self.options.stand_ins.map(|stand_ins| target(stand_ins.jwks));
        let instead = self.instead(&jwks.host, jwks.port).or(stand_in);
        let tls = match &instead {
            None if jwks.tls => Some(PeerTls {
                host: Some(jwks.host.clone()),
                trusted_ca: self.trusted_ca(&jwks.host, jwks.ca_certificates.as_ref(), || {
                    Some(jwks.origin.clone())
                })?,
                subject_alt_names: Vec::new(),
                client_certificate: None,
            }),
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
        let ports: Vec<(String, u16)> = compiled
            .deployment
            .servers
            .iter()
            .filter_map(|server| {
                let suffix = server.hostname.strip_prefix('*')?;
                Some((suffix.to_owned(), server.destination.as_ref().map_or(443, |d| d.port)))
            })
            .collect();
        for upstream in &self.options.upstreams {
            if self.plan.routes.iter().any(|route| route.hostname == upstream.host) {
                continue;
            }
            let covering = ports
                .iter()
                .filter(|(suffix, _)| upstream.host.ends_with(suffix.as_str()))
                .max_by_key(|(suffix, _)| suffix.len())
                .map(|(_, port)| *port)
                .or(open.then_some(443));
            let Some(port) = covering else { continue };
            self.used.insert(upstream.host.clone());
            let cluster = format!("upstream|{}", upstream.host);
            let port = upstream.port.unwrap_or(port);
            self.plan.clusters.push(Cluster {
                name: cluster.clone(),
                target: target(SocketAddr::new(upstream.address, port)),
                tls: None,
            });
            self.plan.routes.push(Route {
                hostname: upstream.host.clone(),
                cluster,
                host_rewrite: None,
            });
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
        let route = Route { hostname: "*".to_owned(), cluster: name, host_rewrite: None };
        self.plan.routes.push(route);
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
        origin: impl Fn() -> Option<crate::resource::source::Origin>,
    ) -> Result<PeerTls, EmitError> {
        let ca = tls.and_then(|tls| tls.ca_certificates.as_ref());
        let origin = || tls.map(|tls| tls.origin.clone()).or_else(&origin);
        Ok(PeerTls {
            host: host.map(ToOwned::to_owned),
            trusted_ca: self.trusted_ca(host.unwrap_or("the requested host"), ca, origin)?,
            subject_alt_names: tls.map(|tls| tls.subject_alt_names.clone()).unwrap_or_default(),
            client_certificate: tls.and_then(|tls| tls.client_certificate.clone()),
        })
    }

    fn trusted_ca(
        &self,
        host: &str,
        named: Option<&String>,
        origin: impl Fn() -> Option<crate::resource::source::Origin>,
    ) -> Result<String, EmitError> {
        named
            .or(self.options.system_ca.as_ref())
            .cloned()
            .ok_or_else(|| EmitError::NoTrustedCa { host: host.to_owned(), origin: origin() })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_name_a_host_and_an_address() {
        let parse = |text: &str| text.parse::<Upstream>();
        let upstream = parse("HttpBin.org=127.0.0.1:8080").unwrap();
        assert_eq!((upstream.host.as_str(), upstream.port), ("httpbin.org", Some(8080)));
        assert_eq!(parse("a.test=127.0.0.1").unwrap().port, None);
        assert_eq!(parse("a.test=[::1]").unwrap().address, "::1".parse::<IpAddr>().unwrap());
        assert_eq!(parse("a.test=[::1]:81").unwrap().port, Some(81));
        for wrong in [
            "",
            "a.test",
            "=127.0.0.1",
            "a.test=localhost",
            "a.test=127.0.0.1:99999",
            "a.test=[::1]:0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
