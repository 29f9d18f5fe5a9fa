//! Envoy's configuration: what `egress-auth compile` says, with the filter's part in a file that
//! Envoy follows (ECDS), so that a new policy comes into force on connections that stand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use egress_auth::emit::envoy::FILTER_NAME;
use serde_json::{Value, json};

use super::shared::envoy::PROGRAM;
use super::shared::gateway::{Shape, hostname};

const JWKS_HOST: &str = "auth.example.com";
const FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// The configuration, in a folder of its own.
pub struct Configuration {
    folder: PathBuf,
    issuer: SocketAddr,
    upstream: SocketAddr,
    version: AtomicUsize,
}

impl Configuration {
    /// Keeps its files in `folder`.
    pub fn new(folder: &Path, issuer: SocketAddr, upstream: SocketAddr) -> Self {
        Self { folder: folder.to_owned(), issuer, upstream, version: AtomicUsize::new(0) }
    }

    /// The bootstrap; the policy is put where Envoy will find it.
    pub fn bootstrap(&self, shape: Shape) -> anyhow::Result<Value> {
        let mut bootstrap = self.compile(shape)?;
        self.put(&self.take_filter(&mut bootstrap)?)?;
        Ok(bootstrap)
    }

    /// The filter's configuration for another policy, to be [`Configuration::put`].
    pub fn next(&self, shape: Shape) -> anyhow::Result<Value> {
        self.take_filter(&mut self.compile(shape)?)
    }

    /// The version that was put last.
    pub fn version(&self) -> String {
        self.version.load(Ordering::SeqCst).to_string()
    }

    fn file(&self) -> PathBuf {
        self.folder.join("filter.json")
    }

    fn compile(&self, shape: Shape) -> anyhow::Result<Value> {
        // Keys are fetched; those in the document are of nobody.
        let mut document = shape.document("");
        for server in list(document.pointer_mut("/spec/http"))? {
            let jwt = server.pointer_mut("/authentication/jwt").and_then(Value::as_object_mut);
            let jwt = jwt.context("a server without JWT")?;
            jwt.remove("jwks");
            jwt.insert("jwksUri".to_owned(), format!("https://{JWKS_HOST}/jwks").into());
        }
        let file = self.folder.join("gateway.yaml");
        std::fs::write(&file, document.to_string())?;
        let mut command = Command::new(PROGRAM);
        command.arg("compile").arg(&file).args(["--to", "envoy", "--listen", "127.0.0.1:0"]);
        command.args(["--admin", "127.0.0.1:0", "--upstream"]);
        command.arg(format!("{JWKS_HOST}={}", self.issuer));
        for host in 0..shape.hosts {
            command.arg("--upstream").arg(format!("{}={}", hostname(host), self.upstream));
        }
        let output = command.output().with_context(|| format!("cannot run {PROGRAM}"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "compile failed:\n{errors}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Takes the filter's configuration out of a bootstrap and has Envoy look for it in the file.
    fn take_filter(&self, bootstrap: &mut Value) -> anyhow::Result<Value> {
        let filters = list(bootstrap.pointer_mut(FILTERS))?;
        let ours = |filter: &&mut Value| filter.get("name") == Some(&FILTER_NAME.into());
        let filter = filters.iter_mut().find(ours).context("no filter")?;
        let config = filter.get("typed_config").context("no configuration")?.clone();
        *filter = json!({
            "name": FILTER_NAME,
            "config_discovery": {
                "config_source": {"path_config_source": {"path": self.file()}},
                "type_urls": [config.get("@type")],
            },
        });
        Ok(config)
    }

    /// Puts it where Envoy looks, whole or not at all: Envoy reads the file when another takes its place.
    pub fn put(&self, filter: &Value) -> anyhow::Result<()> {
        self.version.fetch_add(1, Ordering::SeqCst);
        let response = json!({
            "version_info": self.version(),
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": FILTER_NAME,
                "typed_config": filter,
            }],
        });
        let new = self.folder.join("filter.json.new");
        std::fs::write(&new, response.to_string())?;
        Ok(std::fs::rename(&new, self.file())?)
    }
}

fn list(value: Option<&mut Value>) -> anyhow::Result<&mut Vec<Value>> {
    value.and_then(Value::as_array_mut).context("a list is missing in what compile says")
}
