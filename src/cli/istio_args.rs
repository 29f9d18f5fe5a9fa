//! Flags of the outputs for Istio.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use super::envoy_args::EnvoyArgs;
use super::module_url::{self, ModuleUrl};
use crate::compile::hostname;
use crate::emit::istio::plugin::{self, Api};
use crate::emit::istio::{Version, is_dns_name};

/// Flags of the outputs for Istio.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Istio")]
pub struct IstioArgs {
    /// Where the gateway's pods get the filter's module, for --to wasm-plugin: an https, http or
    /// file URL, or an oci one with a digest (oci://registry/image@sha256:...)
    #[arg(long, value_name = "URL", required_if_eq("to", "wasm-plugin"))]
    pub module_url: Option<String>,
    /// The release of Istio, at least 1.22, and 1.29 unless it is given; from 1.30 on, --to wasm-plugin
    /// writes a TrafficExtension
    #[arg(long, value_name = "X.Y")]
    pub istio_version: Option<Version>,
    /// By which kind of object --to wasm-plugin tells Istio of the filter, whatever its release has
    #[arg(long, value_enum, value_name = "KIND")]
    pub extension_api: Option<ApiArg>,
    /// The Secret, in the gateway's namespace, with which Istio pulls the image of an oci URL
    #[arg(long, value_name = "NAME", requires = "module_url", value_parser = secret_name)]
    pub image_pull_secret: Option<String>,
    /// A host that the gateway speaks HTTP/2 to, which gRPC needs; HTTP/1.1 to all others; repeatable
    #[arg(long = "http2-host", value_name = "HOST", value_parser = http2_host)]
    pub http2_hosts: Vec<String>,
    /// What is deployed now, as `kubectl get wasmplugins,trafficextensions -o yaml` prints it: says
    /// what would change at once; default: the file that is written to
    #[arg(long, value_name = "FILE")]
    pub in_force: Option<PathBuf>,
}

/// `--extension-api`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiArg {
    /// A WasmPlugin, which every release has
    WasmPlugin,
    /// A TrafficExtension, from Istio 1.30 on
    TrafficExtension,
}

/// Reads the name of a Secret.
///
/// # Errors
/// When Kubernetes has none of that name.
fn secret_name(text: &str) -> Result<String, &'static str> {
    match is_dns_name(text) {
        true => Ok(text.to_owned()),
        false => Err("expected the name of a Secret, such as registry-credentials"),
    }
}

/// Reads `--http2-host`, with the host in the form in which Gateways have it.
///
/// # Errors
/// When the text is not a hostname.
fn http2_host(text: &str) -> Result<String, String> {
    hostname::canonical(text).map_err(|error| format!("the host {error}"))
}

impl IstioArgs {
    /// The release of Istio.
    pub fn version(&self) -> Version {
        self.istio_version.unwrap_or(Version::DEFAULT)
    }

    /// What the WasmPlugin takes beside the Gateway.
    ///
    /// # Errors
    /// When the URL is of no kind that Istio loads, or names an image without its digest, or the
    /// module cannot be read.
    pub fn plugin_options(&self, envoy: &EnvoyArgs) -> anyhow::Result<plugin::Options> {
        let text = self.module_url.as_deref().context("name the module: --module-url")?;
        let url = ModuleUrl::parse(text)?;
        let sha256 = match &url {
            // What Istio compares is the digest of the image, not that of the module in it.
            ModuleUrl::Image { digest, .. } => digest.clone(),
            ModuleUrl::Http(_) | ModuleUrl::File(_) => sha256_of(&envoy.module()?)?,
        };
        ensure!(
            self.image_pull_secret.is_none() || matches!(url, ModuleUrl::Image { .. }),
            "--image-pull-secret goes with an oci URL only: {text} names no image"
        );
        let version = self.version();
        let api = match self.extension_api {
            None => Api::of(version),
            Some(ApiArg::WasmPlugin) => Api::WasmPlugin,
            Some(ApiArg::TrafficExtension) => {
                ensure!(
                    version >= Version::TRAFFIC_EXTENSION,
                    "Istio {version} has no TrafficExtension: name the release that you have, \
                     --istio-version {} or later",
                    Version::TRAFFIC_EXTENSION
                );
                Api::TrafficExtension
            }
        };
        Ok(plugin::Options {
            url: text.to_owned(),
            sha256,
            version,
            api,
            image_pull_secret: self.image_pull_secret.clone(),
            http2_hosts: self.http2_hosts.clone(),
        })
    }
}

fn sha256_of(module: &Path) -> anyhow::Result<String> {
    Ok(module_url::sha256(&module_url::read_module(module)?))
}
