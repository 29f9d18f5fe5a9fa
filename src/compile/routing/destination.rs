//! Where a rule sends requests.

use super::Reader;
use crate::compile::hostname::{canonical_host, without_the_rest};
use crate::compile::model::{Destination, DestinationHost};
use crate::resource::tree::{Node, Value};

impl<'a> Reader<'a, '_> {
    pub(super) fn service_destination(&mut self, node: Node<'a>) -> Option<Destination> {
        let host_node = node.get("host")?;
        let host = self.host(host_node)?;
        let as_requested = host == DestinationHost::AsRequested;
        let tls = self.tls(node, as_requested);
        let port = match node.get("port").map(Node::value) {
            Some(Value::Number(port)) => port.parse().ok()?,
            _ if tls.is_some() => 443,
            _ => 80,
        };
        let origin = self.place.origin(host_node);
        // Rules that share a destination share its cluster, so it is named when all are known.
        Some(Destination { cluster: String::new(), host, port, tls, origin })
    }

    fn host(&mut self, node: Node<'a>) -> Option<DestinationHost> {
        let written = node.string().filter(|written| !written.is_empty())?;
        let hint = "write `<gateway namespace>/<hostname>`, such as `egress/httpbin.org`";
        let own = self.namespace;
        let Some((namespace, host)) = written.split_once('/') else {
            let hint = match (own, canonical_host(written)) {
                (Some(own), Ok(host)) => format!("write `{own}/{host}`"),
                _ => hint.to_owned(),
            };
            self.error(node, "`host` names no namespace", hint);
            return None;
        };
        if let Some(own) = own.filter(|own| *own != namespace) {
            let host = without_the_rest(written).filter(|_| written.contains("://"));
            let (message, meant) = match host {
                Some(host) => ("`host` is no URL".to_owned(), host),
                None => (
                    format!("`host` names the namespace `{}`", namespace.escape_debug()),
                    written.split_once('/').map_or("", |(_, host)| host).to_owned(),
                ),
            };
            let hint = format!("the destination is in the gateway's own: write `{own}/{meant}`");
            self.error(node, message, hint);
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
                let meant = without_the_rest(host).map(|host| match written.contains(':') {
                    true => format!("write `{namespace}/{host}`, and its port as `port`"),
                    false => format!("write `{namespace}/{host}`"),
                });
                let message = format!("the host `{}` {error}", host.escape_debug());
                self.error(node, message, meant.unwrap_or_else(|| hint.to_owned()));
                None
            }
        }
    }
}
