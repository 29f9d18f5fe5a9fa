//! A policy that changes, one that is refused, and one that is large.

use std::time::{Duration, Instant};

use crate::requests::{Workload, asked, gateway, good};
use crate::support::raw::Connection;
use crate::support::{eventually, within};
use crate::world::{GATEWAY, Output, World};

/// What is admitted is not, after this.
fn narrower() -> String {
    GATEWAY.replace("methods: [GET, POST], paths", "methods: [POST], paths")
}

/// The next request is decided by the new policy; as a plugin, on connections that are open too.
pub fn a_change_holds_for_the_next_request(world: &mut World) {
    let mut open = Connection::open(&world.clients[&Workload::Payments], gateway());
    let good = good();
    assert_eq!(good.request.send_on(&mut open).unwrap().status, 200);
    world.apply(&narrower());
    let applied = Instant::now();
    match world.output {
        Output::Plugin => {
            eventually("403 on the open connection", || {
                let status = good.request.send_on(&mut open).expect("it stays open").status;
                (status == 403).then_some(())
            });
        }
        // Objects of Istio's are part of the listener, whose connections drain when it changes.
        Output::Native => eventually("403", || (world.send(&good) == 403).then_some(())),
    }
    println!("    the change held after {:.1} s", applied.elapsed().as_secs_f64());
    world.apply(GATEWAY);
    world.until_in_force();
}

/// A configuration that cannot be taken leaves what is in force.
pub fn what_is_refused_changes_nothing(world: &mut World) {
    match world.output {
        Output::Plugin => {
            let patch = r#"{"spec": {"pluginConfig": {"version": 99}}}"#;
            let name = "shared-egress-gateway";
            let arguments =
                ["patch", "wasmplugin", name, "-n", "egress", "--type=merge", "-p", patch];
            world.cluster.kubectl(&arguments, "");
            eventually("a refusal that is counted", || {
                let statistics = world.gateway().statistics();
                let refused = statistics.lines().any(|line| {
                    line.starts_with("extension_config_discovery.http_filter.")
                        && line.contains(".update_rejected: ")
                        && !line.ends_with(": 0")
                });
                refused.then_some(())
            });
            let log = world.gateway().process.log();
            assert!(log.contains("configuration refused: policy field `version`"), "{log}");
        }
        Output::Native => {
            let objects = world.compile(GATEWAY, &[]);
            // That of the AuthorizationPolicy. An EnvoyFilter is looked at by nobody.
            let wrong = objects.replace("\n  action: ALLOW", "\n  action: ALOW");
            assert_ne!(objects, wrong);
            let output = world.cluster.try_kubectl(&["apply", "--server-side", "-f", "-"], &wrong);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains("ALOW"), "{said}");
        }
    }
    super::decisions::the_table_holds(world);
    world.apply(GATEWAY);
    world.until_in_force();
}

/// A gateway goes on deciding, and learns what changed meanwhile.
pub fn without_istiod_all_stays_as_it_is(world: &mut World) {
    world.istiod(false);
    super::decisions::the_table_holds(world);
    world.apply(&narrower());
    let changed = within(Duration::from_secs(2), || (world.send(&good()) == 403).then_some(()));
    assert!(changed.is_none(), "nobody can have told the gateway");
    world.istiod(true);
    eventually("the change", || (world.send(&good()) == 403).then_some(()));
    world.apply(GATEWAY);
    world.until_in_force();
}

/// 1,000 hosts besides, in one Gateway.
pub fn a_thousand_hosts(world: &mut World) {
    use std::fmt::Write as _;
    let mut large = GATEWAY.to_owned();
    for number in 0..1_000 {
        let _ = write!(
            large,
            "    - name: large-{number}\n      hostname: large-{number}.example.com\n      \
             trafficMode: EGRESS\n      authorization: {{local: {{rules: [{{name: any, to: \
             [{{methods: [GET], paths: [/v1/{number}/*]}}]}}]}}}}\n"
        );
    }
    let large = large.replace("methods: [GET, POST], paths", "methods: [GET], paths");
    let began = Instant::now();
    world.apply(&large);
    println!("    1,000 hosts were applied after {:.1} s", began.elapsed().as_secs_f64());
    let of_large = asked(Workload::Payments, "GET", "large-999.example.com", "/v1/998/x", None);
    let posted = asked(
        Workload::Payments,
        "POST",
        "api.payment-provider.com",
        "/v1/payments/42",
        Some(&crate::requests::token(&serde_json::json!({}))),
    );
    eventually("the large policy", || (world.send(&posted) == 403).then_some(()));
    println!("    and held after {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(world.send(&good()), 200);
    assert_eq!(world.send(&of_large), 403);
    world.reset_objects();
    world.apply(GATEWAY);
    eventually("the small one", || (world.send(&posted) == 200).then_some(()));
}
