//! What Kubernetes and Istio make of objects, and what is read back.

use std::path::PathBuf;
use std::process::Command;

use crate::cluster::programs;
use crate::mesh::NAMESPACE;
use crate::world::{GATEWAY, Output, World, example};

/// Documents of the project whose outputs are looked at.
fn documents() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> =
        ["envoy/examples/payments.yaml", "tests/istio/both.yaml", "tests/istio/gateway.yaml"]
            .map(|file| root.join(file))
            .to_vec();
    let folder = std::fs::read_dir(root.join("docs/migration")).unwrap();
    let gateways = folder.map(|entry| entry.unwrap().path()).filter(|path| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains("kind: Gateway"))
    });
    found.extend(gateways);
    found.sort();
    found
}

/// By istiod's own validation and every analyzer of `istioctl analyze`.
pub fn every_output_is_valid(world: &mut World) {
    let folder = world.folder();
    let mut files = Vec::new();
    for (number, document) in documents().into_iter().enumerate() {
        let text = std::fs::read_to_string(document).unwrap();
        for (kind, further) in [("old", "1.22"), ("new", "1.30")] {
            let objects = world.compile(&text, &["--istio-version", further]);
            let file = folder.join(format!("{}-{number}-{kind}.yaml", world.output.name()));
            std::fs::write(&file, objects).unwrap();
            files.push(file);
        }
    }
    let everything = include_str!("../everything.yaml");
    if world.output == Output::Plugin {
        let file = folder.join("everything.yaml");
        std::fs::write(&file, world.compile(everything, &[])).unwrap();
        files.push(file);
    }
    let routing = folder.join("routing.yaml");
    std::fs::write(&routing, example("routing.yaml")).unwrap();
    files.push(routing);
    let output =
        Command::new(programs("ISTIO_PROGRAMS").join("validate")).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("    {}", said.lines().last().unwrap());
}

/// As the documentation says it: on the client's side, on the server's, and with what a newer output
/// left out taken away.
pub fn objects_can_be_applied_and_pruned(world: &mut World) {
    let objects = world.compile(GATEWAY, &[]);
    world.cluster.kubectl(&["apply", "-f", "-", "--dry-run=server"], &objects);
    let applied = world
        .cluster
        .kubectl(&["apply", "--server-side", "-f", "-", "--force-conflicts"], &objects);
    assert!(applied.contains("serverside-applied"), "{applied}");
    let arguments = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--prune",
        "-n",
        NAMESPACE,
        "--applyset=configmaps/shared-egress-gateway",
        "-f",
        "-",
    ];
    world.cluster.kubectl(&arguments, &objects);
    let entries = |world: &World| {
        world.cluster.kubectl(&["get", "serviceentries", "-n", NAMESPACE, "-o", "name"], "")
    };
    assert!(entries(world).contains("shared-egress-gateway-httpbin.org"), "{}", entries(world));
    let without = GATEWAY.split("    - name: httpbin\n").next().unwrap().to_owned()
        + "    - name: reports\n"
        + GATEWAY.split("    - name: reports\n").nth(1).unwrap();
    world.cluster.kubectl(&arguments, &world.compile(&without, &[]));
    let left = entries(world);
    assert!(!left.contains("shared-egress-gateway-httpbin.org"), "{left}");
    assert!(left.contains("shared-egress-gateway-api.payment-provider.com"), "{left}");
    assert!(left.contains("external-apis"), "what is not ours stays: {left}");
    world.cluster.kubectl(&arguments, &objects);
    world.until_in_force();
}

/// `diff`, `check` and `explain` on what kubectl prints.
pub fn what_is_in_force_is_read_back(world: &mut World) {
    let deployed = world.deployed();
    let folder = world.folder();
    let gateway = folder.join("gateway.yaml");
    std::fs::write(&gateway, GATEWAY).unwrap();
    let file = gateway.to_str().unwrap();
    let (code, same, _) = world.try_egress_auth(&["diff", "-", file], &deployed);
    assert_eq!(code, Some(0), "{same}");
    let narrower = GATEWAY.replace("methods: [GET, POST], paths", "methods: [POST], paths");
    std::fs::write(&gateway, narrower).unwrap();
    let (code, differs, _) = world.try_egress_auth(&["diff", "-", file], &deployed);
    assert_eq!(code, Some(1), "{differs}");
    let (code, _, said) = world.try_egress_auth(&["check", "-"], &deployed);
    assert_eq!(code, Some(0), "{said}");
    let explained = world.egress_auth(
        &[
            "explain",
            "-",
            "--request",
            "GET https://reports.example.com/",
            "--source",
            "clients/batch",
        ],
        &deployed,
    );
    assert!(explained.contains("allow 200"), "{explained}");
}
