//! Flags of the outputs for Istio.

use std::path::Path;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use sha2::{Digest as _, Sha256};

use super::envoy_args::EnvoyArgs;
use crate::emit::istio::Version;
use crate::emit::istio::plugin::{self, Api};
use crate::resource::input::read_file;

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
}

/// `--extension-api`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiArg {
    /// A WasmPlugin, which every release has
    WasmPlugin,
    /// A TrafficExtension, from Istio 1.30 on
    TrafficExtension,
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
        let url = self.module_url.clone().context("name the module: --module-url")?;
        ensure!(
            url.chars().all(|character| character.is_ascii_graphic()),
            "`{}` is not a URL: write everything but letters, digits and signs of ASCII as %XX",
            url.escape_debug()
        );
        let sha256 = match url.split_once("://") {
            // What Istio compares is the digest of the image, not that of the module in it.
            Some(("oci", image)) => digest(image).with_context(|| {
                format!("{url} names no digest: write oci://registry/image@sha256:<64 digits>")
            })?,
            Some(("https" | "http" | "file", rest)) => {
                ensure!(!rest.is_empty(), "{url} names nothing");
                sha256_of(&envoy.module()?)?
            }
            Some(_) => anyhow::bail!("{url} is not an oci, https, http or file URL"),
            None => {
                anyhow::bail!("{url} names no scheme: write oci://{url}, https://..., or another")
            }
        };
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
        Ok(plugin::Options { url, sha256, version, api })
    }
}

/// The digest in `image@sha256:<digest>`.
fn digest(image: &str) -> Option<String> {
    let (name, digest) = image.split_once("@sha256:")?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (!name.is_empty() && digest.len() == 64 && digest.bytes().all(hexadecimal))
        .then(|| digest.to_owned())
}

fn sha256_of(module: &Path) -> anyhow::Result<String> {
    let bytes = read_file(module)?;
    ensure!(bytes.starts_with(b"\0asm"), "{} is not a WebAssembly module", module.display());
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
