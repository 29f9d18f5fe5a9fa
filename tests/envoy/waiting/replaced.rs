//! Policies that replace one another while requests wait, and which are said to be in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use super::{POSITION, config, filters, gateway, get, serve, token, until_active};
use crate::support::envoy::Envoy;
use crate::support::eventually;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::Signer;

/// An Envoy that takes the filter's configuration from a file (ECDS).
struct Discovering {
    envoy: Envoy,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Discovering {
    fn start(mut bootstrap: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("filter.json");
        put(&file, &mut bootstrap);
        let filter = &mut filters(&mut bootstrap)[POSITION];
        *filter = json!({
            "name": filter["name"],
            "config_discovery": {
                "config_source": {"path_config_source": {"path": file}},
                "type_urls": [filter["typed_config"]["@type"]],
            },
        });
        bootstrap["node"] = json!({"id": "tested", "cluster": "tested"});
        let envoy = Envoy::start(&bootstrap, 1).unwrap();
        Self { envoy, file, _folder: folder }
    }

    /// Replaces the configuration by that of another bootstrap.
    fn replace(&self, mut bootstrap: Value) {
        put(&self.file, &mut bootstrap);
    }
}

/// Puts the filter's configuration into the file that Envoy watches, whole or not at all.
fn put(file: &Path, bootstrap: &mut Value) {
    let filter = &filters(bootstrap)[POSITION];
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": filter["name"],
        "typed_config": filter["typed_config"],
    });
    let new = file.with_extension("new");
    std::fs::write(&new, json!({"resources": [resource]}).to_string()).unwrap();
    std::fs::rename(&new, file).unwrap();
}

/// The policies that the metrics name, and whether they say that each is in force.
fn policies(envoy: &Envoy) -> BTreeMap<String, bool> {
    let all = envoy.admin("/stats/prometheus?filter=policy_info");
    let lines = all.lines().filter_map(|line| line.split_once("policy_info{")?.1.split_once('}'));
    lines.map(|(labels, value)| (labels.to_owned(), value.trim() == "1")).collect()
}

/// Waits until so many policies are said to be in force and so many not: those in force.
fn until_in_force(envoy: &Envoy, in_force: usize, not: usize) -> Vec<String> {
    eventually(&format!("{in_force} policies in force, {not} not"), || {
        let policies = policies(envoy);
        let holding = policies.iter().filter(|(_, holds)| **holds).map(|(name, _)| name.clone());
        let holding: Vec<String> = holding.collect();
        (holding.len() == in_force && policies.len() == in_force + not).then_some(holding)
    })
}

#[test]
fn who_waits_while_the_policy_changes_is_not_let_in_by_the_old_one() {
    let (issuer, echo) = (Jwks::with(serve(&[Signer::Issuer]), None), Echo::start().unwrap());
    let bootstrap = |paths: &str| gateway("one", paths, &issuer, echo.address()).bootstrap();
    let gateway = Discovering::start(bootstrap("/open"));
    let to = gateway.envoy.gateway();
    let known = |path: &str| get(path).header("x-one", token("one", Signer::Issuer));
    assert_eq!(known("/open").send(to).status, 200);
    assert_eq!(echo.take_received().len(), 1);

    issuer.behave(Behaviour::Hold);
    let unknown = get("/open").header("x-one", token("one", Signer::Other));
    let unknown = unknown.header("user-agent", "waiting");
    let waiting: Vec<_> = (0..5).map(|_| unknown.open(to)).collect();
    issuer.until_asked(2);
    until_active(&gateway.envoy, 5);
    gateway.replace(bootstrap("/shut"));
    eventually("the new policy", || (known("/open").send(to).status == 403).then_some(()));
    echo.take_received();
    issuer.behave(serve(&[Signer::Issuer, Signer::Other]));
    for request in waiting {
        let response = request.response();
        assert_eq!((response.status, response.header("retry-after")), (503, "1"));
    }
    assert!(echo.take_received().is_empty(), "none is let in");
    let entry = gateway.envoy.access_log("waiting").unwrap();
    assert_eq!(entry["reason"], "jwks_unavailable");
    // Sent again, it is decided by the new one.
    let shut = get("/shut").header("x-one", token("one", Signer::Other));
    assert_eq!([unknown.send(to).status, shut.send(to).status], [403, 200]);
}

#[test]
fn a_replaced_policy_is_not_in_force_though_requests_go_on_that_it_let_through() {
    let issuer = Jwks::with(serve(&[Signer::Issuer]), None);
    // It answers when it is told to.
    let upstream = Jwks::with(Behaviour::Hold, None);
    let bootstrap = |paths: &str| gateway("one", paths, &issuer, upstream.address()).bootstrap();
    let gateway = Discovering::start(bootstrap("/open"));
    let first = until_in_force(&gateway.envoy, 1, 0);
    let request = |path: &str| get(path).header("x-one", token("one", Signer::Issuer));
    let open = request("/open").open(gateway.envoy.gateway());
    upstream.until_asked(1);
    gateway.replace(bootstrap("/shut"));
    let second = until_in_force(&gateway.envoy, 1, 1);
    assert_ne!(first, second);
    // And back. The first one is still there: it says so when it is asked again.
    gateway.replace(bootstrap("/open"));
    eventually("the first policy in force again", || {
        assert_eq!(request("/neither").send(gateway.envoy.gateway()).status, 403);
        (until_in_force(&gateway.envoy, 1, 1) == first).then_some(())
    });
    upstream.behave(Behaviour::Fail(500));
    assert_eq!(open.response().status, 500);
    assert_eq!(until_in_force(&gateway.envoy, 1, 1), first);
}

#[test]
fn two_listeners_of_one_gateway_each_have_their_policy_in_force() {
    let (issuer, echo) = (Jwks::with(serve(&[Signer::Issuer]), None), Echo::start().unwrap());
    let mut bootstrap = gateway("one", "/first", &issuer, echo.address()).bootstrap();
    let mut other = gateway("one", "/second", &issuer, echo.address()).bootstrap();
    assert_eq!(config(&mut bootstrap)["vm_config"], config(&mut other)["vm_config"], "one VM");
    let mut listener = other["static_resources"]["listeners"][0].take();
    listener["name"] = "second".into();
    bootstrap["static_resources"]["listeners"].as_array_mut().unwrap().push(listener);
    let envoy = Envoy::start(&bootstrap, 2).unwrap();
    let both = until_in_force(&envoy, 2, 0);
    let [first, second] = envoy.listeners() else { panic!("two listeners") };
    let request = |path: &str| get(path).header("x-one", token("one", Signer::Issuer));
    for _ in 0..20 {
        for (path, at_first, at_second) in [("/first", 200, 403), ("/second", 403, 200)] {
            assert_eq!(request(path).send(*first).status, at_first);
            assert_eq!(request(path).send(*second).status, at_second);
        }
        assert_eq!(until_in_force(&envoy, 2, 0), both);
    }
}
