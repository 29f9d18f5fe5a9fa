use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::compile::model::routing::{ClientCertificate, TlsProtocol, UpstreamTls};
use crate::compile::model::{
    Deployment, Destination, DestinationHost, JwksCluster, RouteAction, RouteRule,
    ServerDeployment, TrafficMode, TrustedCa,
};
use crate::policy::{AccessLogFields, DefaultAction, Policy, SourceIdentity};
use crate::resource::source::{FileId, Origin, Span};

fn origin() -> Origin {
    Origin { span: Span { file: FileId(0), start: 0, end: 0 }, field: "spec".to_owned() }
}

fn tls() -> UpstreamTls {
    UpstreamTls {
        trusted: TrustedCa::System,
        client_certificate: None,
        server_name: None,
        subject_alt_names: Vec::new(),
        protocol: TlsProtocol::default(),
        origin: origin(),
    }
}

fn server(
    hostname: &str,
    destination: Option<(DestinationHost, u16, Option<UpstreamTls>)>,
) -> ServerDeployment {
    let name = hostname.replace('*', "any");
    let rule = destination.map(|(host, port, tls)| {
        let cluster = format!("server|{name}");
        let destination = Destination { cluster, host, port, tls, origin: origin() };
        rule(RouteAction::Forward(Box::new(destination)))
    });
    ServerDeployment {
        name,
        hostname: hostname.to_owned(),
        traffic_mode: TrafficMode::Egress,
        routes: rule.into_iter().collect(),
        left_to_gateway: Vec::new(),
        origin: origin(),
        rules: Vec::new(),
    }
}

/// A rule that is for every request and changes nothing.
fn rule(action: RouteAction) -> RouteRule {
    RouteRule {
        matches: Vec::new(),
        action,
        rewrite_path: None,
        rewrite_authority: None,
        request_headers: Default::default(),
        response_headers: Default::default(),
        timeout: None,
        retries: None,
        fields: Vec::new(),
        origin: origin(),
    }
}

fn fixed(hostname: &str, tls: Option<UpstreamTls>) -> ServerDeployment {
    let port = if tls.is_some() { 443 } else { 80 };
    server(hostname, Some((DestinationHost::Fixed(hostname.to_owned()), port, tls)))
}

fn jwks(host: &str, ca: Option<&str>) -> JwksCluster {
    JwksCluster {
        name: format!("jwks|https|{host}|443"),
        host: host.to_owned(),
        port: 443,
        tls: true,
        trusted: ca.map_or(TrustedCa::System, |ca| TrustedCa::File(ca.to_owned())),
        origin: origin(),
    }
}

fn compiled(servers: Vec<ServerDeployment>, jwks: Vec<JwksCluster>) -> Compiled {
    Compiled {
        policy: Policy {
            version: crate::policy::VERSION,
            gateway: "egress/gateway".to_owned(),
            default_action: DefaultAction::Deny,
            access_log_fields: AccessLogFields::Denied,
            jwt_rules: Vec::new(),
            principals: Vec::new(),
            operations: Vec::new(),
            rules: Vec::new(),
            servers: Vec::new(),
            egress_rules: Vec::new(),
            egress: Vec::new(),
            source_identity: SourceIdentity::default(),
        },
        deployment: Deployment {
            namespace: "egress".to_owned(),
            workload_namespace: "egress".to_owned(),
            name: "gateway".to_owned(),
            workload_labels: BTreeMap::new(),
            same_pods: Vec::new(),
            workload_origin: origin(),
            servers,
            jwks,
        },
        silenced: BTreeMap::new(),
        unbound: None,
    }
}

fn options() -> Options {
    Options {
        listen: "127.0.0.1:10000".parse().unwrap(),
        admin: "127.0.0.1:9901".parse().unwrap(),
        wasm: "/etc/envoy/egress_auth.wasm".to_owned(),
        upstreams: Vec::new(),
        stand_ins: None,
        downstream_tls: None,
        log_names: LogNames::Plain,
        system_ca: Some("/etc/ssl/certs/ca-certificates.crt".to_owned()),
        tls_secrets: Vec::new(),
    }
}

fn with_upstreams(upstreams: &[&str]) -> Options {
    Options { upstreams: upstreams.iter().map(|text| text.parse().unwrap()).collect(), ..options() }
}

fn cluster<'b>(bootstrap: &'b Value, name: &str) -> &'b Value {
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    clusters.iter().find(|cluster| cluster["name"] == name).unwrap()
}

fn validation(cluster: &Value) -> &Value {
    &cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
}

fn manager(bootstrap: &Value) -> &Value {
    let listener = &bootstrap["static_resources"]["listeners"][0];
    &listener["filter_chains"][0]["filters"][0]["typed_config"]
}

fn domains(bootstrap: &Value) -> Vec<(&str, &str)> {
    let hosts = manager(bootstrap)["route_config"]["virtual_hosts"].as_array().unwrap();
    hosts
        .iter()
        .map(|host| {
            let route = &host["routes"][0]["route"];
            (host["domains"][0].as_str().unwrap(), route["cluster"].as_str().unwrap_or("-"))
        })
        .collect()
}

/// The socket address a cluster connects to.
fn endpoint(cluster: &Value) -> String {
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    let address = &endpoint["address"]["socket_address"];
    format!("{}:{}", address["address"].as_str().unwrap(), address["port_value"])
}

#[test]
fn a_whole_bootstrap() {
    let gateway = compiled(
        vec![fixed("api.example.com", Some(tls())), fixed("plain.example.com", None)],
        vec![jwks("auth.example.com", None)],
    );
    insta::assert_json_snapshot!(bootstrap(&gateway, &options()).unwrap());
}

#[test]
fn every_tls_peer_is_verified_by_ca_and_name() {
    let mutual = UpstreamTls {
        trusted: TrustedCa::File("/ca.pem".to_owned()),
        client_certificate: Some(ClientCertificate::Files {
            certificate: "/client.pem".to_owned(),
            private_key: "/client.key".to_owned(),
        }),
        subject_alt_names: vec!["other.test".to_owned(), "spiffe://td/a".to_owned()],
        ..tls()
    };
    let gateway = compiled(
        vec![
            fixed("api.test", Some(tls())),
            fixed("192.0.2.1", Some(tls())),
            fixed("mutual.test", Some(mutual)),
            server("unrouted.test", None),
            server("*.wild.test", None),
        ],
        vec![jwks("auth.test", Some("/auth-ca.pem"))],
    );
    let bootstrap = bootstrap(&gateway, &options()).unwrap();
    let name = |name: &str| json!([{"san_type": "DNS", "matcher": {"exact": name}}]);
    let names = |cluster: &Value| validation(cluster)["match_typed_subject_alt_names"].clone();
    let sni = |cluster: &Value| cluster["transport_socket"]["typed_config"]["sni"].clone();

    let api = cluster(&bootstrap, "server|api.test");
    assert_eq!((sni(api), names(api)), ("api.test".into(), name("api.test")));
    assert_eq!(validation(api)["trusted_ca"]["filename"], "/etc/ssl/certs/ca-certificates.crt");

    let ip = cluster(&bootstrap, "server|192.0.2.1");
    assert_eq!(sni(ip), Value::Null);
    assert_eq!(names(ip), json!([{"san_type": "IP_ADDRESS", "matcher": {"exact": "192.0.2.1"}}]));

    let mutual = cluster(&bootstrap, "server|mutual.test");
    assert_eq!(sni(mutual), "mutual.test");
    assert_eq!(validation(mutual)["trusted_ca"]["filename"], "/ca.pem");
    assert_eq!(
        names(mutual),
        json!([
            {"san_type": "DNS", "matcher": {"exact": "other.test"}},
            {"san_type": "URI", "matcher": {"exact": "spiffe://td/a"}},
        ])
    );
    let common = &mutual["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(common["tls_certificates"][0]["private_key"]["filename"], "/client.key");

    let unrouted = cluster(&bootstrap, "server|unrouted.test");
    assert_eq!(endpoint(unrouted), "unrouted.test:443");
    assert_eq!(names(unrouted), name("unrouted.test"));

    let wild = cluster(&bootstrap, "server|any.wild.test");
    assert!(validation(wild)["trusted_ca"]["filename"].is_string());
    let http = &wild["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
        ["upstream_http_protocol_options"];
    assert_eq!(*http, json!({"auto_sni": true, "auto_san_validation": true}));
    assert_eq!(manager(&bootstrap)["strip_any_host_port"], true);

    let keys = cluster(&bootstrap, "jwks|https|auth.test|443");
    assert_eq!((sni(keys), names(keys)), ("auth.test".into(), name("auth.test")));
    assert_eq!(validation(keys)["trusted_ca"]["filename"], "/auth-ca.pem");
}

#[test]
fn without_a_trusted_ca_there_is_no_output() {
    let none = Options { system_ca: None, ..options() };
    for gateway in [
        compiled(vec![fixed("api.test", Some(tls()))], vec![]),
        compiled(vec![server("*", None)], vec![]),
        compiled(vec![], vec![jwks("auth.test", None)]),
    ] {
        let error = bootstrap(&gateway, &none).unwrap_err();
        assert!(matches!(error, EmitError::NoTrustedCa { .. }), "{error}");
        assert!(error.origin().is_some());
    }
    let named = compiled(vec![], vec![jwks("auth.test", Some("/ca.pem"))]);
    assert!(bootstrap(&named, &none).is_ok());
}

#[test]
fn upstreams_take_the_place_of_hosts_in_plain_text() {
    let gateway = compiled(
        vec![fixed("api.test", Some(tls())), server("*.wild.test", None)],
        vec![jwks("auth.test", None)],
    );
    let options = with_upstreams(&[
        "api.test=127.0.0.1",
        "auth.test=127.0.0.1:8081",
        "one.wild.test=127.0.0.1:8082",
    ]);
    let bootstrap = bootstrap(&gateway, &options).unwrap();
    for (name, address) in [
        ("server|api.test", "127.0.0.1:443"),
        ("jwks|https|auth.test|443", "127.0.0.1:8081"),
        ("upstream|one.wild.test", "127.0.0.1:8082"),
    ] {
        let cluster = cluster(&bootstrap, name);
        assert_eq!(endpoint(cluster), address);
        assert_eq!(cluster["transport_socket"], Value::Null, "{name}");
    }
    assert_eq!(
        domains(&bootstrap),
        [
            ("api.test", "server|api.test"),
            ("*.wild.test", "server|any.wild.test"),
            ("one.wild.test", "upstream|one.wild.test"),
            ("*", "-"),
        ]
    );
}

#[test]
fn an_upstream_that_nothing_uses_is_an_error() {
    let gateway = compiled(vec![fixed("api.test", Some(tls()))], vec![]);
    let error = bootstrap(&gateway, &with_upstreams(&["apl.test=127.0.0.1"])).unwrap_err();
    assert!(matches!(error, EmitError::UnusedUpstream { .. }), "{error}");
}

#[test]
fn only_exact_hosts_are_rewritten_and_only_other_ports_are_named() {
    let gateway = compiled(
        vec![
            fixed("api.test", Some(tls())),
            server(
                "port.test",
                Some((DestinationHost::Fixed("real.test".to_owned()), 8443, Some(tls()))),
            ),
            server("*.test", Some((DestinationHost::Fixed("one.test".to_owned()), 80, None))),
        ],
        vec![],
    );
    let bootstrap = bootstrap(&gateway, &options()).unwrap();
    let hosts = &manager(&bootstrap)["route_config"]["virtual_hosts"];
    let rewrite = |index: usize| hosts[index]["routes"][0]["route"]["host_rewrite_literal"].clone();
    assert_eq!(rewrite(0), "api.test");
    assert_eq!(rewrite(1), "port.test:8443");
    assert_eq!(rewrite(2), Value::Null);
    assert_eq!(endpoint(cluster(&bootstrap, "server|port.test")), "real.test:8443");
    assert_eq!(manager(&bootstrap)["strip_any_host_port"], Value::Null);
}

#[test]
fn servers_into_the_mesh_need_a_destination() {
    let mut ingress = server("in.test", None);
    ingress.traffic_mode = TrafficMode::Ingress;
    let gateway = compiled(vec![ingress], vec![]);
    let error = bootstrap(&gateway, &options()).unwrap_err().to_string();
    assert!(error.contains("--upstream in.test="), "{error}");
    assert!(bootstrap(&gateway, &with_upstreams(&["in.test=127.0.0.1:80"])).is_ok());
}

#[test]
fn what_a_dynamic_destination_cannot_do_is_an_error() {
    let as_requested = |port, tls| {
        let server = server("*.test", Some((DestinationHost::AsRequested, port, Some(tls))));
        bootstrap(&compiled(vec![server], vec![]), &options())
    };
    assert!(as_requested(443, tls()).is_ok());
    let error = as_requested(8443, tls()).unwrap_err();
    assert!(matches!(error, EmitError::DynamicPort { .. }), "{error}");
    let named = UpstreamTls { subject_alt_names: vec!["a.test".to_owned()], ..tls() };
    let error = as_requested(443, named).unwrap_err();
    assert!(matches!(error, EmitError::DynamicSubjectAltNames { .. }), "{error}");
}

#[test]
fn unlisted_hosts_are_routed_only_with_default_action_allow() {
    let mut gateway = compiled(vec![fixed("api.test", None)], vec![]);
    let denied = bootstrap(&gateway, &options()).unwrap();
    assert_eq!(domains(&denied), [("api.test", "server|api.test"), ("*", "-")]);
    gateway.policy.default_action = DefaultAction::Allow;
    let allowed = bootstrap(&gateway, &options()).unwrap();
    assert_eq!(domains(&allowed), [("api.test", "server|api.test"), ("*", "unlisted-hosts")]);
}

#[test]
fn the_parts_of_a_dynamic_configuration_are_those_of_the_static_one() {
    let gateway = compiled(vec![fixed("api.test", Some(tls()))], vec![jwks("auth.test", None)]);
    let whole = bootstrap(&gateway, &options()).unwrap();
    let parts = dynamic(&gateway, &options(), Path::new("/run/x")).unwrap();
    assert_eq!(Value::from(parts.resources.clusters), whole["static_resources"]["clusters"]);
    assert_eq!(parts.resources.routes, manager(&whole)["route_config"]);
    assert_eq!(parts.resources.filter, manager(&whole)["http_filters"][1]["typed_config"]);
    let filters = manager(&parts.bootstrap)["http_filters"].as_array().unwrap();
    let filter = filters.iter().find(|filter| filter["name"] == FILTER_NAME).unwrap();
    let source = &filter["config_discovery"]["config_source"];
    assert_eq!(source["path_config_source"]["path"], "/run/x/filter.json");
}

#[test]
fn clients_must_present_a_certificate_where_mtls_is_configured() {
    let options = Options {
        downstream_tls: Some(DownstreamTls {
            certificate: "/gateway.pem".to_owned(),
            private_key: "/gateway.key".to_owned(),
            trusted_ca: "/mesh-ca.pem".to_owned(),
        }),
        ..options()
    };
    let bootstrap = bootstrap(&compiled(vec![], vec![]), &options).unwrap();
    let chain = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    let context = &chain["transport_socket"]["typed_config"];
    assert_eq!(context["require_client_certificate"], true);
    let validation = &context["common_tls_context"]["validation_context"];
    assert_eq!(validation["trusted_ca"]["filename"], "/mesh-ca.pem");
}
