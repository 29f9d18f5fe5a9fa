//! The module in an image, fetched from its registry as Istio's agent fetches it (OCI Distribution
//! Specification 1.1, anonymously).

use std::io::{Cursor, Read};

use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;

use super::{Answer, MAX_BYTES, get, sha256};

/// The file with the module in a layer of files.
const PLUGIN: &str = "plugin.wasm";
/// What a layer is called that is the module itself.
const MODULE_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// What the manifest of one image is called.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// A manifest, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    #[serde(default)]
    media_type: String,
    digest: String,
}

#[derive(Debug, Deserialize)]
struct Granted {
    #[serde(alias = "access_token")]
    token: String,
}

/// A repository of a registry.
struct Repository {
    /// Up to the repository's name.
    base: String,
    name: String,
    /// What the registry asked for.
    token: Option<String>,
}

/// The module in the image with this digest. Everything on the way is what its digest says.
pub(super) fn module(image: &str, digest: &str) -> anyhow::Result<Vec<u8>> {
    let mut repository = Repository::of(image);
    let manifest = repository.get(&format!("manifests/sha256:{digest}"), digest)?;
    let manifest: Manifest = serde_json::from_slice(&manifest).context("no manifest")?;
    let [layer] = manifest.layers.as_slice() else {
        bail!("the image has {} layers, and Istio takes those with one", manifest.layers.len());
    };
    let expected = layer.digest.strip_prefix("sha256:").context("a layer without a SHA-256")?;
    let bytes = repository.get(&format!("blobs/{}", layer.digest), expected)?;
    if layer.media_type == MODULE_LAYER {
        return Ok(bytes);
    }
    let files: Box<dyn Read> = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(GzDecoder::new(Cursor::new(bytes))),
        false => Box::new(Cursor::new(bytes)),
    };
    from_archive(files)
}

fn from_archive(files: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(files.take(MAX_BYTES));
    for entry in archive.entries().context("no archive of files")? {
        let entry = entry.context("a damaged archive")?;
        let path = entry.path()?;
        if path.strip_prefix("./").unwrap_or(&path).to_str() == Some(PLUGIN) {
            let mut module = Vec::new();
            entry.take(MAX_BYTES).read_to_end(&mut module)?;
            return Ok(module);
        }
    }
    bail!("the image has no {PLUGIN} at its root")
}

impl Repository {
    /// The one in the name of an image, without its tag.
    fn of(image: &str) -> Self {
        let (first, rest) = image.split_once('/').unwrap_or(("", image));
        let is_registry = first.contains(['.', ':']) || first == "localhost";
        let (registry, path) = match (is_registry, image.contains('/')) {
            (true, _) => (first, rest.to_owned()),
            (false, true) => ("registry-1.docker.io", image.to_owned()),
            (false, false) => ("registry-1.docker.io", format!("library/{image}")),
        };
        let name = match path.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name.to_owned(),
            _ => path,
        };
        let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
        let local = host == "localhost" || host.starts_with("127.");
        let scheme = if local { "http" } else { "https" };
        Self { base: format!("{scheme}://{registry}"), name, token: None }
    }

    /// What has a digest.
    fn get(&mut self, path: &str, digest: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}/v2/{}/{path}", self.base, self.name);
        let mut answer = self.ask(&url)?;
        if answer.status == 401 && self.token.is_none() {
            self.token = Some(self.anonymous(answer.challenge.as_deref().unwrap_or_default())?);
            answer = self.ask(&url)?;
        }
        ensure!(answer.status == 200, "{url} answers with status {}", answer.status);
        let found = sha256(&answer.body);
        ensure!(found == digest, "{url} answers with bytes of the SHA-256 {found}");
        Ok(answer.body)
    }

    fn ask(&self, url: &str) -> anyhow::Result<Answer> {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("accept", MANIFESTS)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        get(url, &headers).with_context(|| url.to_owned())
    }

    /// A token for anybody, which many registries want even so.
    fn anonymous(&self, challenge: &str) -> anyhow::Result<String> {
        let field = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let realm = field("realm")
            .filter(|realm| challenge.starts_with("Bearer ") && realm.starts_with("https://"));
        let realm = realm.with_context(|| {
            format!("{} asks for credentials, and none are used here", self.base)
        })?;
        let service = field("service").unwrap_or_default();
        let url = format!("{realm}?service={service}&scope=repository:{}:pull", self.name);
        let answer = get(&url, &[])?;
        ensure!(
            answer.status == 200,
            "{} gives anybody nothing: it asks for credentials, and none are used here",
            self.base
        );
        let granted: Granted = serde_json::from_slice(&answer.body).context("no token")?;
        Ok(granted.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_where_istio_looks_for_it() {
        for (image, base, name) in [
            ("registry.test/a/b:1", "https://registry.test", "a/b"),
            ("127.0.0.1:5000/a", "http://127.0.0.1:5000", "a"),
            ("localhost/a", "http://localhost", "a"),
            ("registry.test:5000/a", "https://registry.test:5000", "a"),
            ("a/b", "https://registry-1.docker.io", "a/b"),
            ("a:1", "https://registry-1.docker.io", "library/a"),
        ] {
            let repository = Repository::of(image);
            assert_eq!((&*repository.base, &*repository.name), (base, name), "{image}");
        }
    }

    #[test]
    fn the_module_is_the_file_at_the_root_of_its_layer() {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in [("a/plugin.wasm", &b"other"[..]), ("./plugin.wasm", b"module")] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, bytes).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        assert_eq!(from_archive(archive.as_slice()).unwrap(), b"module");
        assert!(from_archive(&[][..]).is_err());
    }
}
