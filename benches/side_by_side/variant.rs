//! What stands in the filter chain. Every variant is what `egress-auth compile` says for the same
//! Gateway document, with the same changes to all of them:
//!
//! - no access log: writing it costs more than any of the filters;
//! - Envoy answers allowed requests itself (`direct_response`), so that the filter chain is what
//!   is measured and not an upstream;
//! - the clusters go, since nothing leads to them any more.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use egress_auth::emit::envoy::FILTER_NAME;

use super::envoy::PROGRAM;

/// The verified tokens that this filter remembers. `jwt_authn` gets room for as many.
const CACHED_TOKENS: u64 = 2_048;

/// What stands in the filter chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The same listener without a filter that decides.
    None,
    /// `jwt_authn` and `rbac` per virtual host, with a token cache: what an expert writes.
    Native,
    /// The same without a token cache.
    NativeUncached,
    /// One `rbac` filter that holds the policies of all hosts, with a token cache.
    NativeLinear,
    /// This filter.
    Filter,
    /// This filter as another module has it, such as that of an earlier commit.
    OtherModule,
}

impl Variant {
    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Native => "native, expert form",
            Self::NativeUncached => "native, no token cache",
            Self::NativeLinear => "native, linear form",
            Self::Filter => "egress-auth",
            Self::OtherModule => "egress-auth, the other module",
        }
    }

    /// Flags of `compile`.
    fn output(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Filter | Self::OtherModule => &["--to", "envoy"],
            Self::Native | Self::NativeUncached => &["--to", "envoy-native"],
            Self::NativeLinear => &["--to", "envoy-native", "--linear"],
        }
    }

    /// The bootstrap for a document, which is put into `folder`, with a module.
    pub fn bootstrap(
        self,
        document: &Value,
        flags: &[String],
        module: &Path,
        folder: &Path,
    ) -> anyhow::Result<Value> {
        let file = folder.join("gateway.yaml");
        std::fs::write(&file, document.to_string())?;
        let output = Command::new(PROGRAM)
            .arg("compile")
            .arg(&file)
            .args(self.output())
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--wasm"])
            .arg(module)
            .args(flags)
            .output()
            .with_context(|| format!("cannot run {PROGRAM}"))?;
        ensure!(
            output.status.success(),
            "compile {} failed:\n{}",
            self.output().join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        let mut bootstrap = serde_json::from_slice(&output.stdout)?;
        self.edit(&mut bootstrap)?;
        Ok(bootstrap)
    }

    fn edit(self, bootstrap: &mut Value) -> anyhow::Result<()> {
        let resources = object(bootstrap.pointer_mut("/static_resources"))?;
        resources.remove("clusters");
        let chain = "/static_resources/listeners/0/filter_chains/0/filters";
        // The connection manager is the last: what knows the peer stands before it.
        let last = array(bootstrap.pointer_mut(chain))?.last_mut();
        let manager = object(last.and_then(|filter| filter.get_mut("typed_config")))?;
        manager.remove("access_log");
        let hosts = manager.get_mut("route_config").and_then(|it| it.get_mut("virtual_hosts"));
        for host in array(hosts)? {
            for route in array(host.get_mut("routes"))? {
                let route = object(Some(route))?;
                if route.remove("route").is_some() {
                    route.insert("direct_response".to_owned(), json!({"status": 200}));
                }
            }
        }
        let filters = array(manager.get_mut("http_filters"))?;
        match self {
            Self::None => {
                let before = filters.len();
                filters.retain(|filter| filter.get("name") != Some(&FILTER_NAME.into()));
                ensure!(filters.len() + 1 == before, "no filter to take away");
            }
            Self::Filter | Self::OtherModule => {}
            Self::Native | Self::NativeLinear | Self::NativeUncached => {
                let cached = self != Self::NativeUncached;
                let changed = filters.iter_mut().map(|filter| set_token_cache(filter, cached));
                ensure!(changed.sum::<usize>() > 0, "no provider of tokens");
            }
        }
        Ok(())
    }
}

/// Gives the providers of a `jwt_authn` filter a token cache, or takes it away; how many there
/// were.
fn set_token_cache(filter: &mut Value, cached: bool) -> usize {
    let providers = filter.pointer_mut("/typed_config/providers");
    let Some(Value::Object(providers)) = providers else { return 0 };
    for provider in providers.values_mut() {
        let Value::Object(provider) = provider else { continue };
        provider.remove("jwt_cache_config");
        if cached {
            let size = json!({"jwt_cache_size": CACHED_TOKENS});
            provider.insert("jwt_cache_config".to_owned(), size);
        }
    }
    providers.len()
}

/// The filter's module.
pub fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/egress_auth.wasm")
}

fn object(value: Option<&mut Value>) -> anyhow::Result<&mut serde_json::Map<String, Value>> {
    value.and_then(Value::as_object_mut).context("an object is missing in what compile says")
}

fn array(value: Option<&mut Value>) -> anyhow::Result<&mut Vec<Value>> {
    value.and_then(Value::as_array_mut).context("a list is missing in what compile says")
}
