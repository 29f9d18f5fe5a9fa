//! istiod, and agents with an Envoy each, all as they are published, with flags and environment as in
//! a cluster.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cluster::{Cluster, get, programs};
use crate::process::Process;
use crate::support::envoy;
use crate::support::tls::Authority;

/// The namespace of the gateway.
pub const NAMESPACE: &str = "egress";
/// Where the agent of the gateway says how it is, and what it counts.
pub const STATUS: u16 = 15020;
/// Where its Envoy's admin interface is.
pub const ADMIN: u16 = 15000;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Starts istiod beside an API, with a CA of ours.
pub fn istiod(folder: &Path, cluster: &Cluster, authority: &Authority) -> Process {
    let ca = folder.join("ca");
    std::fs::create_dir_all(&ca).unwrap();
    for (name, from) in [
        ("ca-cert.pem", authority.file()),
        ("root-cert.pem", authority.file()),
        ("cert-chain.pem", authority.file()),
        ("ca-key.pem", authority.key_file()),
    ] {
        std::fs::copy(from, ca.join(name)).unwrap();
    }
    let mesh = json!({
        "enableTracing": false,
        "enablePrometheusMerge": false,
        "accessLogFile": "/dev/stdout",
        "rootNamespace": "istio-system",
        "trustDomain": "cluster.local",
    });
    std::fs::write(folder.join("mesh.json"), mesh.to_string()).unwrap();
    let config = cluster.config();
    let arguments = [
        "discovery",
        "--kubeconfig",
        config.to_str().unwrap(),
        "--meshConfig",
        "mesh.json",
        "--httpAddr=127.0.0.1:15008",
        "--grpcAddr=127.0.0.1:15010",
        "--secureGRPCAddr=127.0.0.1:15012",
        "--httpsAddr=127.0.0.1:15017",
        "--monitoringAddr=127.0.0.1:15014",
    ]
    .map(str::to_owned);
    let environment = pairs(&[
        // Filters that an Envoy of nobody's make does not have.
        ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
        ("PILOT_ENABLE_ALPN_FILTER", "false"),
        ("ROOT_CA_DIR", ca.to_str().unwrap()),
        ("POD_NAMESPACE", "istio-system"),
        ("CLUSTER_ID", "Kubernetes"),
        ("REVISION", "default"),
        ("ENABLE_LEADER_ELECTION", "false"),
        ("INJECTION_WEBHOOK_CONFIG_NAME", ""),
        ("VALIDATION_WEBHOOK_CONFIG_NAME", ""),
        ("PILOT_ENABLE_GATEWAY_API", "false"),
        ("PILOT_ENABLE_AMBIENT", "false"),
        ("PILOT_ENABLE_ANALYSIS", "false"),
        ("CLOUD_PLATFORM", "none"),
    ]);
    let executable = programs("ISTIO_PROGRAMS").join("pilot-discovery");
    let mut istiod = Process::start("istiod", &executable, folder, &arguments, &environment);
    istiod.until("being ready", || get("http://127.0.0.1:15008/ready"));
    istiod
}

/// An agent in a folder of its own.
pub struct Agent {
    pub process: Process,
    pub folder: PathBuf,
}

impl Agent {
    /// Starts the agent of the gateway, as one of its pods has it; further variables are what
    /// `proxyMetadata` and `env` make.
    pub fn gateway(
        folder: &Path,
        cluster: &Cluster,
        authority: &Authority,
        name: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let envoy = envoy::path();
        let folder = folder.join(name);
        let config = json!({
            "discoveryAddress": "127.0.0.1:15012",
            "binaryPath": envoy.to_str().unwrap(),
            "configPath": folder.join("envoy").to_str().unwrap(),
            "statusPort": STATUS,
            "proxyAdminPort": ADMIN,
            "concurrency": 1,
            "terminationDrainDuration": "1s",
            "proxyStatsMatcher": {
                "inclusionPrefixes": ["wasmcustom.egress_auth", "wasm.", "extension_config_discovery"],
            },
        });
        let labels = json!({"app": "egress-gateway", "istio": "egress-gateway"});
        let mut variables = vec![
            ("POD_NAME", "egress-gateway-0".to_owned()),
            ("SERVICE_ACCOUNT", "egress-gateway".to_owned()),
            ("PROXY_CONFIG", config.to_string()),
            ("ISTIO_METAJSON_LABELS", labels.to_string()),
        ];
        variables.extend(environment.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let account = (NAMESPACE, "egress-gateway");
        Self::start(folder, cluster, authority, "router", account, &variables)
    }

    /// Has an agent fetch the certificate of a service account: the folder with `cert-chain.pem` and
    /// `key.pem`.
    pub fn certificate(
        folder: &Path,
        cluster: &Cluster,
        authority: &Authority,
        account: (&str, &str),
    ) -> PathBuf {
        let folder = folder.join(format!("{}-{}", account.0, account.1));
        let certificates = folder.join("certificates");
        std::fs::create_dir_all(&certificates).unwrap();
        let config = json!({
            "discoveryAddress": "127.0.0.1:15012",
            "configPath": folder.join("envoy").to_str().unwrap(),
            "statusPort": 15030,
            "proxyAdminPort": 15031,
        });
        let variables = [
            ("POD_NAME", format!("{}-0", account.1)),
            ("SERVICE_ACCOUNT", account.1.to_owned()),
            ("PROXY_CONFIG", config.to_string()),
            ("DISABLE_ENVOY", "true".to_owned()),
            ("OUTPUT_CERTS", certificates.to_str().unwrap().to_owned()),
        ];
        let mut agent = Self::start(folder, cluster, authority, "sidecar", account, &variables);
        agent.process.until("a certificate", || {
            let names = ["cert-chain.pem", "key.pem"];
            names.iter().all(|name| certificates.join(name).is_file()).then_some(())
        });
        certificates
    }

    fn start(
        folder: PathBuf,
        cluster: &Cluster,
        authority: &Authority,
        role: &str,
        (namespace, account): (&str, &str),
        variables: &[(&str, String)],
    ) -> Self {
        let secrets = folder.join("var/run/secrets");
        for name in ["tokens", "istio"] {
            std::fs::create_dir_all(secrets.join(name)).unwrap();
        }
        let token = cluster.token(namespace, account);
        std::fs::write(secrets.join("tokens/istio-token"), token.trim()).unwrap();
        std::fs::copy(authority.file(), secrets.join("istio/root-cert.pem")).unwrap();
        let bootstrap =
            crate::cluster::istio_source().join("tools/packaging/common/envoy_bootstrap.json");
        let mut environment = pairs(&[
            ("POD_NAMESPACE", namespace),
            ("INSTANCE_IP", "10.77.0.2"),
            ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
            ("ISTIOD_SAN", "istiod.istio-system.svc"),
            ("ISTIO_BOOTSTRAP", bootstrap.to_str().unwrap()),
            ("CLOUD_PLATFORM", "none"),
            ("PEER_METADATA_DISCOVERY", "false"),
        ]);
        for (name, value) in variables {
            environment.push(((*name).to_owned(), value.clone()));
        }
        let executable = programs("ISTIO_PROGRAMS").join("pilot-agent");
        let arguments = ["proxy", role].map(str::to_owned);
        let process = Process::start("agent", &executable, &folder, &arguments, &environment);
        Self { process, folder }
    }

    /// Waits until the agent says that its Envoy is ready.
    pub fn until_ready(&mut self) {
        let url = format!("http://127.0.0.1:{STATUS}/healthz/ready");
        self.process.until("being ready", || get(&url));
    }

    /// The statistics of its Envoy, by their names.
    pub fn statistics(&self) -> String {
        get(&format!("http://127.0.0.1:{ADMIN}/stats")).unwrap_or_default()
    }

    /// Runs a command of the agent's program in its place, as `kubectl exec` does.
    pub fn exec(&self, command: &str) -> std::process::Output {
        let path = std::env::var("PATH").unwrap_or_default();
        std::process::Command::new("sh")
            .args(["-c", command])
            .env("PATH", format!("{}:{path}", programs("ISTIO_PROGRAMS").display()))
            .current_dir(&self.folder)
            .output()
            .unwrap()
    }
}
