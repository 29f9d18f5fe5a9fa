//! A module that is another one, or not to be had.

use std::path::Path;
use std::time::Duration;

use crate::outside::{built_module, module_url};
use crate::process::Process;
use crate::requests::{good, table};
use crate::support::trap::trapping;
use crate::support::{eventually, within};
use crate::world::{GATEWAY, World};

/// What fetches that fail are counted as.
const CONVERSIONS: &str = "istio_agent_wasm_config_conversion_count{result=\"fetch_failure\"}";

/// Applies the document with a module of this name.
fn roll_out(world: &World, name: &str) {
    let url = module_url(name);
    world.cluster.apply(&world.compile(GATEWAY, &["--module-url", &url]));
}

fn until_denied(world: &World) {
    eventually("deny-all", || (world.send(&good()) == 403).then_some(()));
}

/// A module with another checksum takes the place of a filter that works; the right one brings it
/// back, once the plugin names it anew.
pub fn a_wrong_checksum_denies_until_it_is_right(world: &mut World) {
    let mut other = built_module();
    other.extend(b"\x00\x05\x04test");
    world.outside.serve(Some(other));
    let url = module_url("wrong");
    // What is said beforehand.
    let file = world.folder().join("gateway.yaml");
    std::fs::write(&file, GATEWAY).unwrap();
    let check = ["check", file.to_str().unwrap(), "--module-url", &url];
    let (code, _, said) = world.try_egress_auth(&check, "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("apply nothing before both are one"), "{said}");
    roll_out(world, "wrong");
    until_denied(world);
    // How the agent's deny-all is told from a denial of ours.
    eventually("the reason in the access log", || {
        let log = world.gateway().process.log();
        log.contains("rbac_access_denied_matched_policy[none]").then_some(())
    });
    let metrics = super::signals::agent_metrics();
    assert!(
        metrics.contains("istio_agent_wasm_remote_fetch_count{result=\"checksum_mismatched\"}"),
        "{metrics}"
    );
    assert!(metrics.contains(CONVERSIONS), "{metrics}");
    // Putting the right one there is not enough.
    world.outside.serve(Some(built_module()));
    let (code, _, said) = world.try_egress_auth(&check, "");
    assert_eq!(code, Some(0), "{said}");
    let recovered = within(Duration::from_secs(3), || (world.send(&good()) == 200).then_some(()));
    assert!(recovered.is_none(), "it is fetched again by itself");
    roll_out(world, "egress_auth");
    world.until_in_force();
}

/// A policy that changes needs no registry while the module is kept; another module does, and is
/// not tried again.
pub fn without_the_registry_policies_still_change(world: &mut World) {
    world.outside.serve(None);
    let narrower = GATEWAY.replace("methods: [GET, POST], paths", "methods: [POST], paths");
    world.apply(&narrower);
    eventually("the new policy", || (world.send(&good()) == 403).then_some(()));
    world.apply(GATEWAY);
    world.until_in_force();
    // Module and policy together: what is in force is gone, and `compile` has said so.
    let deployed = world.folder().join("deployed.yaml");
    std::fs::write(&deployed, world.deployed()).unwrap();
    let url = module_url("away");
    let arguments = [
        "compile",
        "-",
        "--to",
        "wasm-plugin",
        "--module-url",
        &url,
        "--in-force",
        deployed.to_str().unwrap(),
    ];
    let (code, objects, said) = world.try_egress_auth(&arguments, &narrower);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("module and policy change together"), "{said}");
    world.cluster.apply(&objects);
    eventually("a fetch that failed", || {
        super::signals::agent_metrics().contains(CONVERSIONS).then_some(())
    });
    until_denied(world);
    world.outside.serve(Some(built_module()));
    roll_out(world, "egress_auth");
    world.until_in_force();
}

/// With the module in the gateway's image there is nothing to fetch.
pub fn a_module_in_the_image_needs_no_registry(world: &mut World) {
    world.outside.serve(None);
    let file = world.folder().join("egress_auth.wasm");
    std::fs::write(&file, built_module()).unwrap();
    let url = format!("file://{}", file.display());
    world.cluster.apply(&world.compile(GATEWAY, &["--module-url", &url]));
    // A new pod, which has nothing but its image.
    world.restart_gateway(&[]);
    world.until_in_force();
    super::decisions::the_table_holds(world);
    world.outside.serve(Some(built_module()));
    world.apply(GATEWAY);
    world.until_in_force();
}

/// FAIL_RELOAD: nothing passes that must not, and what may passes again.
pub fn a_module_that_crashes_is_started_again(world: &mut World) {
    let file = world.folder().join("trapping.wasm");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/egress_auth.wasm");
    std::fs::write(&file, trapping(&module, 30)).unwrap();
    let url = format!("file://{}", file.display());
    world.cluster.apply(&world.compile(GATEWAY, &["--module-url", &url]));
    let refused: Vec<_> =
        table().into_iter().filter(|row| row.expected(world.output) != 200).collect();
    let good = good();
    eventually("a crash", || {
        // Whichever request it comes at.
        let mut crashed = world.send(&good) == 503;
        for row in &refused {
            let status = world.send(&row.asked);
            assert_ne!(status, 200, "{}", row.what);
            crashed |= status == 503;
        }
        crashed.then_some(())
    });
    world.until_in_force();
    eventually("a crash that is counted", || {
        let metrics = super::signals::agent_metrics();
        let reloads = metrics.lines().find(|line| {
            line.starts_with("envoy_wasm_")
                && line.contains("_vm_reload_success{")
                && !line.ends_with(" 0")
        });
        reloads.map(|line| println!("    {line}"))
    });
    world.apply(GATEWAY);
    world.until_in_force();
}

/// Where the registry listens, which agents take for one without TLS.
const REGISTRY: &str = "127.0.0.1:5000";

/// A module as an image, in a real registry: fetched once, and kept when the registry is gone.
pub fn an_image_is_fetched_and_kept(world: &mut World) {
    let folder = world.folder().join("registry");
    std::fs::create_dir_all(&folder).unwrap();
    let config = serde_json::json!({
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": folder.join("images")}},
        "http": {"addr": REGISTRY},
    });
    std::fs::write(folder.join("config.yaml"), config.to_string()).unwrap();
    let arguments = ["serve", "config.yaml"].map(str::to_owned);
    let program = Path::new("docker-registry");
    let mut registry = Process::start("registry", program, &folder, &arguments, &[]);
    let url = format!("http://{REGISTRY}/v2/");
    registry.until("being there", || crate::cluster::get(&url));
    let digest = folder.join("digest");
    let archive = concat!("oci-archive:", env!("CARGO_MANIFEST_DIR"), "/dist/egress_auth.oci.tar");
    let copied = std::process::Command::new("skopeo")
        .args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "--digestfile"])
        .arg(&digest)
        .args([archive, &format!("docker://{REGISTRY}/egress-auth:test")])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let digest = std::fs::read_to_string(digest).unwrap();
    let image = format!("oci://{REGISTRY}/egress-auth@{}", digest.trim());
    let gateway = world.folder().join("gateway.yaml");
    std::fs::write(&gateway, GATEWAY).unwrap();
    let check = ["check", gateway.to_str().unwrap(), "--module-url", &image];
    world.egress_auth(&check, "");
    let with_image = |world: &World, text: &str| {
        world.cluster.apply(&world.compile(text, &["--module-url", &image]));
    };
    with_image(world, GATEWAY);
    world.restart_gateway(&[]);
    world.until_in_force();
    super::decisions::the_table_holds(world);
    drop(registry);
    let (code, _, said) = world.try_egress_auth(&check, "");
    assert_eq!(code, Some(1), "{said}");
    let narrower = GATEWAY.replace("methods: [GET, POST], paths", "methods: [POST], paths");
    with_image(world, &narrower);
    eventually("the new policy", || (world.send(&good()) == 403).then_some(()));
    world.apply(GATEWAY);
    world.until_in_force();
}
