//! Policies that change under load, through a listener file that Envoy watches (LDS): good ones
//! come into force without a request lost, and wrong ones change nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use super::{Count, WORKERS, bad, good, good_token, until_it_passes};
use crate::support::envoy::Envoy;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::jwks::Jwks;
use crate::support::raw::Request;

/// Threads that send all the time, and how much each sends at most.
const THREADS: usize = 4;
const AT_MOST: usize = 20_000;
/// How often the policy changes.
const UPDATES: usize = 6;
const PAUSE: Duration = Duration::from_millis(1);
/// Where the module is configured in a listener.
const CONFIG: &str = "/filter_chains/0/filters/0/typed_config/http_filters/1/typed_config/config";

/// A Gateway that admits `/good`, and one further path.
fn gateway(issuer: &Jwks, echo: &Echo, path: &str) -> Gateway {
    let server = super::server("one", "https://one.issuer/jwks");
    let rules =
        format!("  authorization: {{local: {{rules: [{{to: [{{paths: [/good, {path}]}}]}}]}}}}\n");
    Gateway::of_servers(&(server + &rules))
        .upstream("one.issuer", issuer.address())
        .upstream("one.api", echo.address())
}

/// Puts a listener into the file that Envoy watches, whole or not at all.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}

fn resource(listener: &Value) -> String {
    let mut listener = listener.clone();
    listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
    json!({ "resources": [listener] }).to_string()
}

/// What Envoy must not take.
fn wrong(listener: &Value) -> Vec<String> {
    let changed = |pointer: &str, value: Value| {
        let mut listener = listener.clone();
        *listener.pointer_mut(&format!("{CONFIG}{pointer}")).unwrap() = value;
        resource(&listener)
    };
    vec![
        changed("/configuration/value", "{}".into()),
        changed("/configuration/value", "no policy".into()),
        changed("/vm_config/code/local/filename", "/nowhere/module.wasm".into()),
        "{\"resources\": [{".to_owned(),
    ]
}

fn run(workers: usize) {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listeners.json");
    let mut bootstrap = gateway(&issuer, &echo, "/first").bootstrap();
    let listener = |bootstrap: &Value| bootstrap["static_resources"]["listeners"][0].clone();
    let policies =
        [listener(&bootstrap), listener(&gateway(&issuer, &echo, "/second").bootstrap())];
    bootstrap["static_resources"].as_object_mut().unwrap().remove("listeners");
    bootstrap["node"] = json!({"id": "tested", "cluster": "tested"});
    bootstrap["dynamic_resources"] = json!({"lds_config": {"path_config_source": {"path": file}}});
    put(&file, &resource(&policies[0]));
    let envoy = Envoy::start_with(&bootstrap, &["egress"], workers).unwrap();
    let to = envoy.gateway();
    let (token, bad) = (good_token("one"), bad("one"));
    let good = good("one", &token);
    let mut count = Count::default();
    until_it_passes(&mut count, "the keys", &good, to);
    count.arrived(&echo);

    let stat = |name: &str| envoy.stat(&format!("listener_manager.lds.{name}")).unwrap_or(0);
    let failures = || stat("update_rejected") + stat("update_failure");
    let status = |path: &str| Request::new("GET", "one.api", path).bearer(&token).send(to).status;
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| {
            scope.spawn(|| {
                let (mut count, mut passed, mut arrived) = (Count::default(), 0, 0);
                for request in bad.iter().cycle().take(AT_MOST) {
                    passed += usize::from(count.one(true, &good, to) == 200);
                    count.one(false, request, to);
                    arrived += count.arrived(&echo);
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    std::thread::sleep(PAUSE);
                }
                (count, passed, arrived)
            })
        });
        for update in 0..UPDATES {
            let paths = ["/first", "/second"];
            let (new, old) = ((update + 1) % 2, update % 2);
            for wrong in wrong(&policies[new]) {
                let before = failures();
                put(&file, &wrong);
                eventually("a refused update", || (failures() > before).then_some(()));
                assert_eq!([status(paths[old]), status(paths[new])], [200, 403], "{wrong}");
            }
            put(&file, &resource(&policies[new]));
            eventually("the new policy", || {
                (status(paths[new]) == 200 && status(paths[old]) == 403).then_some(())
            });
        }
        done.store(true, Ordering::SeqCst);
        threads.map(|thread| thread.join().unwrap())
    });
    let (mut all_passed, mut all_arrived) = (0, 0);
    for (part, passed, arrived) in sent {
        count.add(part);
        all_passed += passed;
        all_arrived += arrived;
    }
    all_arrived += count.arrived(&echo);
    assert_eq!(all_passed, all_arrived, "answered with 200, and arrived");
    // Counts are handed over on a tick, those of a replaced policy as well.
    eventually("every request in the metrics", || {
        let all = envoy.admin("/stats/prometheus?filter=egress_auth.requests");
        let counts = all.lines().filter(|line| line.contains("egress_auth_requests{"));
        let counted: usize =
            counts.map(|it| it.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
        (counted >= count.sent).then_some(())
    });
    let what = format!("{UPDATES} policy updates, each after 4 wrong ones");
    count.finish(&what, workers, &[], "no request lost");
}

#[test]
fn policies_change_without_a_request_lost_and_wrong_ones_change_nothing() {
    WORKERS.into_iter().for_each(run);
}
