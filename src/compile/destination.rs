//! Where a server sends requests.

use super::hostname::canonical_host;
use super::model::{ClientCertificate, Destination, DestinationHost, TrafficMode, UpstreamTls};
use super::{Compiler, Place};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::gateway::Server;
use crate::resource::gateway::fields::SERVICE_DESTINATION;
use crate::resource::shape;
use crate::resource::tree::{Node, Value};

const HINT: &str = "write one rule: `rules: [{route: {serviceDestination: {host: \
                    <gateway namespace>/<hostname>}}}]`";

impl<'a> Compiler<'a, '_> {
    /// The destination of a server. Other servers than egress ones may route in ways that are
    /// none of our business: whatever does not fit is no destination there, and no error.
    pub(super) fn destination(
        &mut self,
        server: Server<'a>,
        hostname: Option<&str>,
        mode: TrafficMode,
    ) -> Option<Destination> {
        let namespace = self.gateway.workload_namespace();
        let mut found = Diagnostics::default();
        let place = &self.place;
        let reader = Reader { server, hostname, namespace, place, found: &mut found };
        let destination = reader.destination();
        if mode.is_egress() {
            self.diagnostics.append(found);
        } else if found.has_errors() {
            return None;
        }
        destination
    }
}

struct Reader<'a, 'd> {
    server: Server<'a>,
    hostname: Option<&'d str>,
    namespace: Option<&'a str>,
    place: &'d Place<'a>,
    found: &'d mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    fn error(&mut self, node: Node<'a>, message: impl Into<String>, hint: &str) {
        self.found.push(Diagnostic::error(message).at(&self.place.origin(node)).hint(hint));
    }

    fn destination(mut self) -> Option<Destination> {
        let (routing, rules) = self.server.routing()?;
        let mut rules_written = rules.map(Node::items).into_iter().flatten();
        let Some(rule) = rules_written.next() else {
            self.error(rules.unwrap_or(routing), "`routing` has no rule", HINT);
            return None;
        };
        if let Some(second) = rules_written.next() {
            self.error(second, "an egress server sends all its requests to one destination", HINT);
            return None;
        }
        for (field, parent) in [("tls", rule.get("route")), ("tls", Some(rule))] {
            if let Some((key, _)) = parent.and_then(|parent| parent.entry(field)) {
                self.error(
                    key,
                    "`tls` here would be ignored, and requests sent in plain text",
                    "indent it to stand below `serviceDestination`, beside its `host`",
                );
            }
        }
        if let Some((key, _)) = rule.entry("match") {
            let message = "an egress server sends all its requests to one destination";
            self.error(key, message, "remove `match`; paths are restricted by `authorization`");
        }
        let Some(node) = rule.get("route").and_then(|route| route.get("serviceDestination")) else {
            self.error(rule, "an egress server routes to a `serviceDestination` only", HINT);
            return None;
        };
        shape::check(node, &SERVICE_DESTINATION, "`serviceDestination`", self.found);
        let host_node = node.get("host")?;
        let host = self.host(host_node)?;
        let tls = self.tls(node);
        let port = match node.get("port").map(Node::value) {
            Some(Value::Number(port)) => port.parse().ok()?,
            _ if tls.is_some() => 443,
            _ => 80,
        };
        let origin = self.place.origin(host_node);
        let cluster = format!("server|{}", self.server.name()?.text);
        Some(Destination { cluster, host, port, tls, origin })
    }

    fn host(&mut self, node: Node<'a>) -> Option<DestinationHost> {
        let written = node.string()?;
        let hint = "write `<gateway namespace>/<hostname>`, such as `egress/httpbin.org`";
        let Some((namespace, host)) = written.split_once('/') else {
            self.error(node, "`host` names no namespace", hint);
            return None;
        };
        if self.namespace.is_some_and(|own| own != namespace) {
            let own = self.namespace.unwrap_or_default();
            self.error(
                node,
                format!("`host` names the namespace `{}`", namespace.escape_debug()),
                &format!("the destination is in the gateway's own: write `{own}/{host}`"),
            );
            return None;
        }
        if host.starts_with('*') {
            if self.hostname == Some(host.to_ascii_lowercase().as_str()) {
                return Some(DestinationHost::AsRequested);
            }
            let hint = "write one hostname, or the wildcard of the server's own `hostname`";
            self.error(node, "`host` names no single host", hint);
            return None;
        }
        match canonical_host(host) {
            Ok(host) => Some(DestinationHost::Fixed(host)),
            Err(error) => {
                self.error(node, format!("the host `{}` {error}", host.escape_debug()), hint);
                None
            }
        }
    }

    fn tls(&mut self, destination: Node<'a>) -> Option<UpstreamTls> {
        let tls = destination.get("tls").filter(|tls| !tls.is_null())?;
        let files = tls.get("files");
        let file = |name| files.and_then(|files| files.get(name)?.string().map(str::to_owned));
        let (certificate, private_key) = (file("clientCertificate"), file("privateKey"));
        let client_certificate = match tls.get("mode")?.string()? {
            "DISABLED" => return None,
            "MUTUAL" => {
                if certificate.is_none() || private_key.is_none() {
                    let hint = "write `files.clientCertificate` and `files.privateKey`";
                    let message = "mode MUTUAL needs a client certificate and its key";
                    self.error(files.unwrap_or(tls), message, hint);
                }
                certificate.zip(private_key).map(|(certificate, private_key)| ClientCertificate {
                    certificate,
                    private_key,
                })
            }
            _ => {
                if certificate.is_some() || private_key.is_some() {
                    let hint = "write `mode: MUTUAL`, or remove the client certificate and its key";
                    let message = "a client certificate is not presented in mode SIMPLE";
                    self.error(files.unwrap_or(tls), message, hint);
                }
                None
            }
        };
        Some(UpstreamTls {
            ca_certificates: file("caCertificates"),
            client_certificate,
            subject_alt_names: tls
                .get("subjectAltNames")
                .into_iter()
                .flat_map(Node::items)
                .filter_map(|name| name.string().map(str::to_owned))
                .collect(),
            origin: self.place.origin(tls),
        })
    }
}
