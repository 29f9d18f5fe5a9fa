//! The WasmPlugin and what it needs.

use egress_auth::compile::Compiled;
use egress_auth::emit::istio::plugin::{self, Api};
use egress_auth::emit::istio::{self, Emitted, Version};
use egress_auth::policy::Policy;
use egress_auth::resource::diagnostic::Severity;
use serde_json::{Value, json};

use super::{PAYMENTS, compiled, errors, kinds, objects};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn emit(compiled: &Compiled) -> Emitted {
    emit_as(compiled, Api::WasmPlugin)
}

pub fn emit_as(compiled: &Compiled, api: Api) -> Emitted {
    let url = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
    let sha256 = DIGEST.to_owned();
    plugin::objects(compiled, &options(url, sha256, api))
}

fn options(url: String, sha256: String, api: Api) -> plugin::Options {
    plugin::Options {
        url,
        sha256,
        version: Version::NEWEST,
        api,
        image_pull_secret: None,
        http2_hosts: Vec::new(),
    }
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

#[test]
fn keys_come_through_the_clusters_that_istio_makes() {
    let objects = objects(emit(&compiled(PAYMENTS)));
    let plugin = of_kind(&objects, "WasmPlugin")[0];
    let policy: Policy = serde_json::from_value(plugin["spec"]["pluginConfig"].clone()).unwrap();
    let jwks = serde_json::to_value(&policy.jwt_rules[0].jwks).unwrap();
    assert_eq!(jwks["remote"]["cluster"], "outbound|443||auth.example.com");
    for kind in ["ServiceEntry", "DestinationRule"] {
        let hosts: Vec<_> = of_kind(&objects, kind)
            .iter()
            .map(|object| match kind {
                "ServiceEntry" => object["spec"]["hosts"][0].clone(),
                _ => object["spec"]["host"].clone(),
            })
            .collect();
        assert_eq!(hosts, ["api.payment-provider.com", "auth.example.com", "httpbin.org"]);
    }
}

#[test]
fn tls_is_verified_by_name_everywhere_keys_included() {
    for text in [PAYMENTS, include_str!("../../istio/everything.yaml")] {
        let objects = objects(emit(&compiled(text)));
        for rule in of_kind(&objects, "DestinationRule") {
            let host = rule["spec"]["host"].as_str().unwrap();
            for port in rule["spec"]["trafficPolicy"]["portLevelSettings"].as_array().unwrap() {
                let tls = &port["tls"];
                assert_eq!(tls["sni"], host);
                let names = tls["subjectAltNames"].as_array().unwrap();
                assert!(names.contains(&json!(host)), "{rule:#}");
                assert_eq!(tls["mode"] == "MUTUAL", tls.get("clientCertificate").is_some());
                assert!(tls.get("insecureSkipVerify").is_none());
                // Nobody's default decides whether the chain is looked at.
                assert!(tls.get("caCertificates").or(tls.get("credentialName")).is_some());
            }
        }
    }
}

#[test]
fn http2_is_spoken_where_it_was_asked_for() {
    let protocols = |http2_hosts: &[&str], native: bool| {
        let http2_hosts: Vec<_> = http2_hosts.iter().map(|host| (*host).to_owned()).collect();
        let compiled = compiled(PAYMENTS);
        let emitted = if native {
            let version = Version::NEWEST;
            let options = super::native::Options { version, allow_narrower: false, http2_hosts };
            super::native::objects(&compiled, &options)
        } else {
            let url = format!("oci://registry.test/egress-auth@sha256:{DIGEST}");
            let options = options(url, DIGEST.to_owned(), Api::WasmPlugin);
            plugin::objects(&compiled, &plugin::Options { http2_hosts, ..options })
        };
        let found = errors(&emitted.findings);
        let entries = of_kind(&emitted.objects, "ServiceEntry");
        let protocols: Vec<_> = entries
            .iter()
            .map(|it| format!("{} {}", it["spec"]["hosts"][0], it["spec"]["ports"][0]["protocol"]))
            .collect();
        (protocols.join(", "), found)
    };
    let (by_default, _) = protocols(&[], true);
    assert_eq!(by_default, r#""api.payment-provider.com" "HTTPS", "httpbin.org" "HTTPS""#);
    let (asked, _) = protocols(&["httpbin.org"], true);
    assert_eq!(asked, r#""api.payment-provider.com" "HTTPS", "httpbin.org" "HTTP2""#);
    assert!(protocols(&["httpbin.org"], false).0.contains(r#""httpbin.org" "HTTP2""#));
    for native in [false, true] {
        let (_, found) = protocols(&["nowhere.test"], native);
        assert_eq!(found, ["no request is sent to `nowhere.test`, which --http2-host names"]);
    }
}

#[test]
fn a_port_of_a_host_is_reached_in_one_way() {
    let server = |name: &str, tls: &str| {
        format!(
            "  - name: {name}\n    hostname: {name}.test\n    routing: {{rules: [{{route: \
             {{serviceDestination: {{host: egress/up.test, port: 443{tls}}}}}}}]}}\n    \
             authorization: {{local: {{rules: [{{name: any}}]}}}}\n"
        )
    };
    let gateway = |servers: String| {
        compiled(&format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
             workloadSelector: {{namespace: egress, labels: {{app: g}}}}\n  http:\n{servers}"
        ))
    };
    let simple = ", tls: {mode: SIMPLE}";
    let same = gateway(server("a", simple) + &server("b", simple));
    assert_eq!(kinds(&objects(emit(&same))), ["ServiceEntry", "DestinationRule", "WasmPlugin"]);
    let different = emit(&gateway(server("a", simple) + &server("b", "")));
    assert_eq!(errors(&different.findings), ["two servers reach `up.test:443` in different ways"]);
    assert_eq!(different.objects, [Value::Null; 0]);
}

#[test]
fn hosts_that_istio_cannot_name_are_found() {
    let emitted = |host: &str, destination: &str| {
        emit(&compiled(&format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
             workloadSelector: {{namespace: egress, labels: {{app: g}}}}\n  http:\n  - name: a\n    hostname: \
             \"{host}\"\n    routing: {{rules: [{{route: {{serviceDestination: {{host: \
             \"egress/{destination}\"}}}}}}]}}\n    authorization: {{local: {{rules: []}}}}\n"
        )))
    };
    let address = emitted("a.test", "192.0.2.1");
    assert_eq!(errors(&address.findings), ["`192.0.2.1` is not a name that Istio can look up"]);
    assert_eq!(address.objects, [Value::Null; 0]);
    let wildcard = emitted("*.a.test", "*.a.test");
    let warned = "no ServiceEntry is written for the hosts of `*.a.test`";
    assert!(wildcard.findings.iter().any(|it| it.message == warned));
    assert_eq!(kinds(&objects(wildcard)), ["WasmPlugin"]);
    // What the cluster itself serves, Istio knows.
    let service = emitted("a.test", "api.payments.svc.cluster.local");
    assert_eq!(kinds(&objects(service)), ["WasmPlugin"]);
}

/// `hosts` hosts with 5 rules each, of 100 services and 40 kinds of requests.
fn large(hosts: usize) -> Compiled {
    let mut text =
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {name: large}\n\
        spec:\n  workloadSelector: {namespace: egress, labels: {app: g}}\n  http:\n"
            .to_owned();
    for host in 0..hosts {
        text += &format!(
            "  - name: server-{host}\n    hostname: api-{host}.partner.example.com\n    \
             authentication: {{jwt: {{issuer: https://auth.example.com, jwksUri: \
             https://auth.example.com/keys}}}}\n    authorization:\n      local:\n        rules:\n"
        );
        for rule in 0..5 {
            let (service, resource) = ((host + 7 * rule) % 100, (host / 3 + rule) % 40);
            text += &format!(
                "        - name: service-{service}-reads-{resource}\n          from: [{{jwt: {{sub: \
                 service-{service}@example.com}}}}]\n          to: [{{methods: [GET, POST], paths: \
                 [\"/v1/resource-{resource}/*\"]}}]\n"
            );
        }
    }
    compiled(&text)
}

#[test]
fn two_thousand_hosts_fit_and_far_more_are_refused_with_what_to_do() {
    let size = |compiled: &Compiled| json!(compiled.policy).to_string().len();
    let fits = large(2_000);
    println!("2,000 hosts with 5 rules each: {} bytes", size(&fits));
    assert!(size(&fits) < 1_048_576);
    let emitted = emit(&fits);
    let notes = emitted.findings.iter().filter(|it| it.severity == Severity::Note);
    assert_eq!(notes.count(), 1);
    assert!(kinds(&objects(emitted)).contains(&"WasmPlugin"));
    let too_large = emit(&large(9_000));
    let found = errors(&too_large.findings);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("the plugin configuration takes "), "{found:?}");
    assert!(found[0].ends_with(" bytes, of 1048576 at most"), "{found:?}");
    assert_eq!(too_large.objects, [Value::Null; 0]);
}

#[test]
fn texts_that_yaml_1_1_takes_for_something_else_stay_texts() {
    let text = json!({"list": [
        "yes", "off", "y", "null", "~", "1:30", "0x1f", "1_000", "1e3", ".5", "2001-01-01", "=",
        "*", "h:*", "*.a.test", "{*}", "@x", "a: b", "a #b", "", " x", "x\ny", "é\u{85}\u{7f}", "-",
        "%a", "`", "'", "\"", "<<", "!x", "&x", "true", "NO",
    ]});
    let yaml = istio::to_yaml(std::slice::from_ref(&text)).unwrap();
    let read: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, text);
    for word in ["yes", "off", "y", "1:30", "0x1f", "1_000", "2001-01-01", "=", "NO", "<<"] {
        assert!(
            yaml.contains(&format!("'{word}'")) || yaml.contains(&format!("\"{word}\"")),
            "{word}"
        );
    }
}
