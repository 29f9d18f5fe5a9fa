//! The module crashes. It does not by itself, so it is made to.

use std::path::Path;
use std::time::Duration;

use egress_auth::demo::echo::Echo;

use super::{Count, WORKERS, bad, good, good_token, one_issuer, until_it_passes};
use crate::support::eventually;
use crate::support::jwks::Jwks;
use crate::support::trap::trapping;

/// Requests that a VM lives for.
const LIFE: i32 = 100;
/// How often some VM has to crash and to come back.
const CRASHES: u64 = 3;
/// Rounds of requests in which it has to.
const ROUNDS: usize = 2_000;

fn run(workers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trapping.wasm");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/egress_auth.wasm");
    std::fs::write(&file, trapping(&module, LIFE)).unwrap();
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, echo.address())
        .arguments(["--wasm", file.to_str().unwrap()])
        .start(workers);
    let to = envoy.gateway();
    let (token, bad) = (good_token("one"), bad("one"));
    let good = good("one", &token);
    let mut count = Count::default();
    until_it_passes(&mut count, "the keys", &good, to);
    count.arrived(&echo);

    let reloads = || {
        let all = envoy.admin("/stats");
        let line = all.lines().find(|line| line.contains("vm_reload_success"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    for round in 0.. {
        assert!(round < ROUNDS, "too few crashes: {:?}", reloads());
        let mut passed = usize::from(count.one(true, &good, to) == 200);
        if passed == 0 {
            // Envoy starts another VM by itself.
            count.fault_ends();
        }
        for request in &bad {
            count.one(false, request, to);
        }
        passed += usize::from(count.one(true, &good, to) == 200);
        assert_eq!(count.arrived(&echo), passed, "answered with 200, and arrived");
        if reloads().is_some_and(|times| times >= CRASHES) {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    eventually("a VM that works", || (count.one(true, &good, to) == 200).then_some(()));
    count.arrived(&echo);
    assert!(envoy.log().contains("unreachable"), "{}", envoy.log());
    let remark = "503 until the VM is started again; then none";
    count.finish("the module crashes", workers, &[503], remark);
}

#[test]
fn a_crashed_module_lets_nothing_in_and_comes_back() {
    WORKERS.into_iter().for_each(run);
}
