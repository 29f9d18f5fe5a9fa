//! Kubernetes' API: etcd, a kube-apiserver, and kubectl to speak to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use egress_auth::demo::server::client;

use crate::process::Process;
use crate::support::eventually;

/// The folder with programs that an environment variable names.
pub fn programs(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable);
    folder.unwrap_or_else(|| panic!("${variable} is not set: `make test-istio` does")).into()
}

/// Files of Istio's module.
pub fn istio_source() -> PathBuf {
    programs("ISTIO_SOURCE")
}

/// What the one who may do everything says.
const TOKEN: &str = "everything";

/// The running API.
pub struct Cluster {
    folder: PathBuf,
    pub processes: Vec<Process>,
}

impl Cluster {
    /// Starts it, with the kinds that Istio defines.
    pub fn start(folder: &Path) -> Self {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let etcd = Process::start(
            "etcd",
            Path::new("etcd"),
            folder,
            &[
                "--data-dir=etcd",
                "--listen-client-urls=http://127.0.0.1:12379",
                "--advertise-client-urls=http://127.0.0.1:12379",
                "--listen-peer-urls=http://127.0.0.1:12380",
                "--initial-advertise-peer-urls=http://127.0.0.1:12380",
                "--initial-cluster=default=http://127.0.0.1:12380",
                // What is lost when this machine fails is lost with the test.
                "--unsafe-no-fsync",
            ]
            .map(str::to_owned),
            &[],
        );
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(folder.join("accounts.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("accounts.pub"), key.public_key_pem()).unwrap();
        let tokens = format!("{TOKEN},admin,1,\"system:masters\"\n");
        std::fs::write(folder.join("tokens.csv"), tokens).unwrap();
        let mut api = Process::start(
            "kube-apiserver",
            &programs("KUBERNETES_PROGRAMS").join("kube-apiserver"),
            folder,
            &[
                "--etcd-servers=http://127.0.0.1:12379",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--secure-port=16443",
                "--cert-dir=api",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                "--service-account-key-file=accounts.pub",
                "--service-account-signing-key-file=accounts.key",
                "--token-auth-file=tokens.csv",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--disable-admission-plugins=ServiceAccount",
                "--anonymous-auth=false",
            ]
            .map(str::to_owned),
            &[],
        );
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": "https://127.0.0.1:16443",
                "insecure-skip-tls-verify": true,
            }}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::write(folder.join("kubeconfig"), config.to_string()).unwrap();
        let mut cluster = Self { folder: folder.to_owned(), processes: vec![etcd] };
        api.until("being ready", || {
            cluster.try_kubectl(&["get", "--raw=/readyz"], "").status.success().then_some(())
        });
        cluster.processes.push(api);
        let kinds = istio_source().join("manifests/charts/base/files/crd-all.gen.yaml");
        cluster.kubectl(&["apply", "--server-side", "-f", &text(&kinds)], "");
        eventually("Istio's kinds", || {
            let kinds = cluster.try_kubectl(&["get", "wasmplugins,trafficextensions", "-A"], "");
            kinds.status.success().then_some(())
        });
        cluster
    }

    /// The kubeconfig of the one who may do everything.
    pub fn config(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Runs kubectl with this on standard input.
    pub fn try_kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(programs("KUBERNETES_PROGRAMS").join("kubectl"))
            .args(arguments)
            .env("KUBECONFIG", self.config())
            .env("KUBECTL_APPLYSET", "true")
            .env("HOME", &self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writing = std::thread::spawn(move || {
            // kubectl may end before it has read everything.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        output
    }

    /// The same where it has to succeed: what it printed.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_kubectl(arguments, input);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        assert!(output.status.success(), "kubectl {arguments:?}: {stderr}");
        stdout
    }

    /// Applies objects as the documentation does.
    pub fn apply(&self, objects: &str) {
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], objects);
    }

    /// A token of a service account, as its pods have one.
    pub fn token(&self, namespace: &str, account: &str) -> String {
        self.kubectl(
            &["create", "token", account, "-n", namespace, "--audience=istio-ca", "--duration=2h"],
            "",
        )
    }

    /// The last lines of both logs.
    pub fn logs(&self) -> String {
        self.processes.iter().map(Process::tail).collect()
    }
}

/// What a URL of this machine answers with 200.
pub fn get(url: &str) -> Option<String> {
    let mut response = client().get(url).call().ok()?;
    (response.status() == 200).then(|| response.body_mut().read_to_string().ok()).flatten()
}
