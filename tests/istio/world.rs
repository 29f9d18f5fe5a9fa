//! All of it together: the API, istiod, what is outside, and an output applied to a gateway.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::mesh::{self, Agent, NAMESPACE};
use crate::outside::{Outside, module_url};
use crate::process::Process;
use crate::requests::Workload;
use crate::support::tls::{Authority, Client};
use crate::support::{eventually, program};

/// An output for Istio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Plugin,
    Native,
}

impl Output {
    pub const ALL: [Self; 2] = [Self::Plugin, Self::Native];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "wasm-plugin",
            Self::Native => "istio-native",
        }
    }
}

/// The document that is in force where a case does not change it.
pub const GATEWAY: &str = include_str!("gateway.yaml");
/// What routes to the gateway and out of it, beside the committed example.
const ROUTES: &str = include_str!("routes.yaml");
/// Namespaces, accounts and the gateway's own Service: what a chart brings.
const BASE: &str = include_str!("base.yaml");

/// Everything that runs.
pub struct World {
    pub output: Output,
    pub cluster: Cluster,
    pub istiod: Option<Process>,
    pub outside: Outside,
    pub gateway: Option<Agent>,
    pub authority: Authority,
    pub clients: BTreeMap<Workload, Client>,
    /// How many gateways there were.
    started: usize,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything but the gateway.
    pub fn start() -> Self {
        let authority = Authority::new();
        trust(&authority);
        let folder = tempfile::tempdir().unwrap();
        println!("starting etcd and kube-apiserver");
        let cluster = Cluster::start(folder.path());
        cluster.apply(BASE);
        println!("starting istiod");
        let istiod = mesh::istiod(folder.path(), &cluster, &authority);
        let clients = Workload::ALL.map(|workload| {
            let account = workload.account();
            let files = Agent::certificate(folder.path(), &cluster, &authority, account);
            (workload, Client::of_mesh(&files.join("cert-chain.pem"), &files.join("key.pem")))
        });
        let outside = Outside::start(&authority);
        cluster.apply(&example("routing.yaml"));
        cluster.apply(ROUTES);
        Self {
            output: Output::Plugin,
            cluster,
            istiod: Some(istiod),
            outside,
            gateway: None,
            authority,
            clients: BTreeMap::from(clients),
            started: 0,
            folder,
        }
    }

    /// Takes what is applied away, applies an output and starts the gateway anew.
    pub fn turn_to(&mut self, output: Output) {
        self.output = output;
        self.outside.serve(Some(crate::outside::built_module()));
        self.reset();
        self.apply(GATEWAY);
        self.restart_gateway(&[]);
        self.until_in_force();
    }

    /// Takes the gateway away, and every object that an output has made.
    pub fn reset(&mut self) {
        drop(self.gateway.take());
        self.reset_objects();
    }

    /// Deletes every object that an output has made, each kind at once: kubectl takes its time over
    /// many objects.
    pub fn reset_objects(&self) {
        for kind in [
            "extensions.istio.io/v1alpha1/wasmplugins",
            "extensions.istio.io/v1alpha1/trafficextensions",
            "networking.istio.io/v1alpha3/envoyfilters",
            "networking.istio.io/v1/serviceentries",
            "networking.istio.io/v1/destinationrules",
            "security.istio.io/v1/requestauthentications",
            "security.istio.io/v1/authorizationpolicies",
        ] {
            let (version, kind) = kind.rsplit_once('/').unwrap();
            let made = "labelSelector=app.kubernetes.io/managed-by%3Degress-auth";
            let path = format!("/apis/{version}/namespaces/{NAMESPACE}/{kind}?{made}");
            self.cluster.kubectl(&["delete", "--raw", &path], "");
        }
    }

    /// What `compile` makes of a document.
    pub fn compile(&self, gateway: &str, further: &[&str]) -> String {
        let url = module_url("egress_auth");
        let mut arguments = vec!["compile", "-", "--to", self.output.name()];
        if self.output == Output::Plugin && !further.contains(&"--module-url") {
            arguments.extend(["--module-url", &url]);
        }
        arguments.extend(further);
        self.egress_auth(&arguments, gateway)
    }

    /// Runs the command with this on standard input: what it prints.
    pub fn egress_auth(&self, arguments: &[&str], input: &str) -> String {
        let (code, stdout, stderr) = self.try_egress_auth(arguments, input);
        assert_eq!(code, Some(0), "egress-auth {arguments:?}: {stderr}");
        stdout
    }

    /// The same whatever it ends with.
    pub fn try_egress_auth(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> (Option<i32>, String, String) {
        let file = self.folder.path().join("input");
        std::fs::write(&file, input).unwrap();
        let output =
            program().args(arguments).stdin(std::fs::File::open(file).unwrap()).output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        (output.status.code(), stdout, stderr)
    }

    /// Applies a document by way of `compile`.
    pub fn apply(&self, gateway: &str) {
        self.cluster.apply(&self.compile(gateway, &[]));
    }

    /// A new pod of the gateway, with further variables of its environment.
    pub fn restart_gateway(&mut self, environment: &[(&str, &str)]) {
        drop(self.gateway.take());
        self.started += 1;
        let name = format!("gateway-{}", self.started);
        let folder = self.folder.path();
        let mut agent = Agent::gateway(folder, &self.cluster, &self.authority, &name, environment);
        agent.until_ready();
        self.gateway = Some(agent);
    }

    /// The gateway.
    pub fn gateway(&self) -> &Agent {
        self.gateway.as_ref().unwrap()
    }

    /// Waits until the gateway decides as the document says.
    pub fn until_in_force(&self) {
        let good = crate::requests::good();
        eventually("the policy", || (self.send(&good) == 200).then_some(()));
    }

    /// The plugin that is in force, as kubectl prints it.
    pub fn deployed(&self) -> String {
        self.cluster
            .kubectl(&["get", "wasmplugins,trafficextensions", "-n", NAMESPACE, "-o", "yaml"], "")
    }

    /// What everybody logged at last.
    pub fn logs(&self) -> String {
        let istiod = self.istiod.iter().map(Process::tail).collect::<String>();
        let gateway = self.gateway.iter().map(|it| it.process.tail()).collect::<String>();
        format!("{}{istiod}{gateway}", self.cluster.logs())
    }

    /// Where the test keeps its files.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Takes istiod away, or brings it back.
    pub fn istiod(&mut self, there: bool) {
        self.istiod = None;
        if there {
            let folder = self.folder();
            self.istiod = Some(mesh::istiod(&folder, &self.cluster, &self.authority));
        }
    }
}

/// A committed example for Istio.
pub fn example(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/istio");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

/// Adds a CA to those of this system, which here is that of the network namespace alone.
fn trust(authority: &Authority) {
    let file = "/etc/ssl/certs/ca-certificates.crt";
    let mounted = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(mounted.contains(" /etc/ssl "), "not in the namespace that `make test-istio` makes");
    let all = std::fs::read_to_string(file).unwrap();
    let own = std::fs::read_to_string(authority.file()).unwrap();
    std::fs::write(file, format!("{all}\n{own}")).unwrap();
}
