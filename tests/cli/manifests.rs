//! The committed example and the documentation are what the program writes.

use std::path::Path;
use std::process::Command;

/// What the example is made of, and how.
const COMMANDS: [(&str, &[&str]); 2] = [
    (
        "wasm-plugin.yaml",
        &[
            "--to",
            "wasm-plugin",
            "--module-url",
            "oci://registry.example.com/egress-auth@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
    ),
    ("native.yaml", &["--to", "istio-native"]),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/istio")
}

/// After a wanted change, write the files anew with `BLESS=1 make test TESTS=manifests`, and review the difference.
#[test]
fn the_example_is_current() {
    for (file, arguments) in COMMANDS {
        let output = Command::new(env!("CARGO_BIN_EXE_egress-auth"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["compile", "envoy/examples/payments.yaml"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = folder().join(file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &output.stdout).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), committed, "{file}");
    }
}

#[test]
fn what_the_documentation_shows_is_in_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documentation = std::fs::read_to_string(root.join("docs/istio.md")).unwrap();
    let shown: Vec<_> = documentation
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert!(!shown.is_empty());
    let written = COMMANDS.map(|(file, _)| std::fs::read_to_string(folder().join(file)).unwrap());
    for yaml in shown {
        assert!(written.iter().any(|file| file.contains(yaml)), "{yaml}");
    }
}

/// Service Bridge is given the configuration that Istio is given, beside the rules it was made of.
#[test]
fn service_bridge_gets_the_same_configuration() {
    let read = |file: &str| -> Vec<serde_json::Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy").join(file);
        serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let of_istio = read("istio/wasm-plugin.yaml");
    let plugin = of_istio.iter().find(|object| object["kind"] == "WasmPlugin").unwrap();
    let extension = &read("tsb/wasm-extension.yaml")[0];
    for field in ["url", "phase", "priority"] {
        assert_eq!(extension["spec"][field], plugin["spec"][field], "{field}");
    }
    let [name, organization] =
        ["name", "organization"].map(|it| extension["metadata"][it].as_str().unwrap());
    let mut expected = read("examples/payments.yaml").remove(0);
    expected["spec"]["wasmPlugins"] = serde_json::json!([{
        "fqn": format!("organizations/{organization}/extensions/{name}"),
        "config": plugin["spec"]["pluginConfig"],
    }]);
    assert_eq!(read("tsb/gateway.yaml"), [expected]);
}
