//! The Envoy in front of the servers: the emitted configuration, with a listener for each of them.
//!
//! There are two listeners a server: with the connection manager that is emitted, and with Envoy's
//! defaults in its place, which normalize nothing. Two more have no server behind them and only
//! say what the filter decides.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::Client;
use super::policies::Policy;
use super::process::Servers;
use super::support::envoy::Envoy;
use super::support::gateway::Gateway;
use super::{headers, hosts};

/// The name of the listeners without a server.
const JUDGE: &str = "judge";

/// A running Envoy.
pub struct Front {
    listeners: BTreeMap<(String, bool), SocketAddr>,
    _envoy: Envoy,
}

impl Front {
    /// Starts it.
    pub fn start(policies: &[&Policy], servers: &Servers) -> Self {
        let documents: String = policies.iter().map(|policy| policy.server()).collect();
        let documents = documents + &headers::servers() + &hosts::servers();
        let names = policies.iter().map(|policy| policy.host.as_str());
        // Every cluster gets a server's own address below.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let gateway = names
            .chain(headers::HOSTS)
            .chain(hosts::HOSTS)
            .fold(Gateway::of_servers(&documents).by_default(), |gateway, host| {
                gateway.upstream(host, nowhere)
            });
        let emitted = gateway.bootstrap();
        let mut bootstrap = emitted.clone();
        let mut names = Vec::new();
        let mut listeners = Vec::new();
        let servers = servers.ports.iter().map(|(name, port)| (*name, Some(*port)));
        let mut clusters = Vec::new();
        for (name, port) in servers.chain([(JUDGE, None)]) {
            clusters.extend(port.map(|port| cluster_of(&emitted, name, port)));
            for defaults in [false, true] {
                let mut listener = listener_of(&emitted, port.map(|_| name));
                let listens_as = format!("{name}{}", if defaults { "+" } else { "" });
                listener["name"] = listens_as.clone().into();
                if defaults {
                    leave_defaults(&mut listener);
                }
                listeners.push(listener);
                names.push((listens_as, (name.to_owned(), defaults)));
            }
        }
        bootstrap["static_resources"] = json!({"listeners": listeners, "clusters": clusters});
        let asked: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let envoy = Envoy::start_with(&bootstrap, &asked, 1)
            .unwrap_or_else(|refused| panic!("Envoy did not start:\n{}", refused.log));
        let addresses = envoy.listeners().to_vec();
        let listeners = names.into_iter().map(|(_, key)| key).zip(addresses).collect();
        Self { listeners, _envoy: envoy }
    }

    /// A client of one server through the gateway; with Envoy's defaults for what is emitted.
    pub fn to(&self, server: &str, defaults: bool) -> Client {
        Client::new(self.listeners[&(server.to_owned(), defaults)])
    }

    /// A client of the gateway with no server behind it: it answers 200 to what is let through.
    pub fn judge(&self, defaults: bool) -> Client {
        self.to(JUDGE, defaults)
    }
}

const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";

/// The emitted listener, with one cluster for all hosts.
fn listener_of(emitted: &Value, cluster: Option<&str>) -> Value {
    let mut listener = emitted["static_resources"]["listeners"][0].clone();
    let manager = listener.pointer_mut(MANAGER).unwrap();
    // Nobody reads a line for each of millions of requests.
    manager.as_object_mut().unwrap().remove("access_log");
    let hosts = manager["route_config"]["virtual_hosts"].as_array_mut().unwrap();
    for route in hosts.iter_mut().flat_map(|host| host["routes"].as_array_mut().unwrap()) {
        match cluster {
            Some(cluster) if !route["route"].is_null() => {
                route["route"]["cluster"] = cluster.into()
            }
            None if route.as_object_mut().unwrap().remove("route").is_some() => {
                route["direct_response"] = json!({"status": 200});
            }
            _ => {}
        }
    }
    listener
}

/// Takes away all that is emitted for the connection manager but what it cannot do without.
fn leave_defaults(listener: &mut Value) {
    let kept = ["@type", "stat_prefix", "route_config", "http_filters"];
    let manager = listener.pointer_mut(MANAGER).unwrap();
    manager.as_object_mut().unwrap().retain(|field, _| kept.contains(&field.as_str()));
}

/// An emitted cluster, at this server.
fn cluster_of(emitted: &Value, name: &str, port: u16) -> Value {
    let mut cluster = emitted["static_resources"]["clusters"][0].clone();
    cluster["name"] = name.into();
    cluster["load_assignment"]["cluster_name"] = name.into();
    let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    cluster.pointer_mut(address).unwrap()["port_value"] = port.into();
    cluster
}
