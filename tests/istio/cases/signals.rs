//! Probes and metrics.

use crate::cluster::get;
use crate::mesh::STATUS;
use crate::support::eventually;
use crate::world::{GATEWAY, World, example};

/// What the agent answers to Prometheus: its own metrics and those of its Envoy.
pub fn agent_metrics() -> String {
    eventually("metrics", || get(&format!("http://127.0.0.1:{STATUS}/stats/prometheus")))
}

/// The command of the readiness probe in the example.
fn probe() -> String {
    let values: serde_json::Value =
        serde_saphyr::from_str(&example("../istio-gateway/values.yaml")).unwrap();
    let command = values["readinessProbe"]["exec"]["command"].as_array().unwrap();
    assert_eq!(command[..2], ["sh", "-c"].map(serde_json::Value::from));
    command[2].as_str().unwrap().to_owned()
}

/// A pod is ready when a policy is in force, and not before.
pub fn a_probe_tells_what_is_not_enforced(world: &mut World) {
    let probe = probe();
    let ready = |world: &World| world.gateway().exec(&probe).status.success();
    eventually("readiness", || ready(world).then_some(()));
    // A new pod whose configuration is refused: the agent is ready, requests get 500.
    let patch = r#"{"spec": {"pluginConfig": {"version": 99}}}"#;
    let name = "shared-egress-gateway";
    let change = ["patch", "wasmplugin", name, "-n", "egress", "--type=merge", "-p", patch];
    world.cluster.kubectl(&change, "");
    world.restart_gateway(&[]);
    let status = world.send(&crate::requests::good());
    assert_eq!(status, 500);
    assert!(!ready(world));
    world.apply(GATEWAY);
    world.until_in_force();
    eventually("readiness", || ready(world).then_some(()));
}

/// As `prometheus-istio.yaml` and the alerts have them; and the reason in Istio's access log.
pub fn metrics_have_the_names_that_are_looked_for(world: &mut World) {
    for row in crate::requests::table() {
        world.send(&row.asked);
    }
    eventually("the access log", || {
        let log = world.gateway().process.log();
        log.contains("egress_auth_no_rule_matched").then_some(())
    });
    eventually("all names", || {
        let metrics = agent_metrics();
        let all = [
            "egress_auth_requests_server_payment_api_mechanism_authorization_reason_allowed",
            "egress_auth_policy_info_version_",
            "_istio_translated_wasmplugin_vm_reload_success",
            "istio_agent_wasm_config_conversion_count{result=\"success\"}",
            "envoy_extension_config_discovery_http_filter_",
            "_update_rejected{",
        ];
        let missing: Vec<_> = all.iter().filter(|name| !metrics.contains(**name)).collect();
        if !missing.is_empty() {
            std::fs::write(world.folder().join("metrics"), &metrics).unwrap();
        }
        missing.is_empty().then_some(())
    });
}
