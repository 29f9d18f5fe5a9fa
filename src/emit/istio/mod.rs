//! Objects for Istio: what `kubectl apply` takes.
//!
//! | module | what lives there |
//! |---|---|
//! | [`plugin`] | `--to wasm-plugin`: the filter as a WasmPlugin or TrafficExtension, and what it needs |
//! | `gateway` | what is left to the gateway, said in a note |
//! | `destination` | ServiceEntry and DestinationRule of hosts outside the mesh |
//! | `pods` | for whose pods objects hold |
//! | [`native`] | `--to istio-native`: Istio's own objects instead of the filter |
//!
//! Every object stands in the namespace of the gateway's pods and selects them by their labels.
//! Nothing here reads files.

mod destination;
mod gateway;
pub mod native;
pub mod plugin;
mod pods;

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::compile::model::Deployment;
use crate::resource::diagnostic::{Diagnostic, Diagnostics};

/// A release of Istio, as major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u16,
    minor: u16,
}

impl Version {
    /// The oldest release with every API version and path template that the outputs use.
    pub const OLDEST: Self = Self { major: 1, minor: 22 };
    /// The newest release that the outputs are written for.
    pub const NEWEST: Self = Self { major: 1, minor: 30 };
    /// What outputs are written for where no release is named: every later one takes them too.
    pub const DEFAULT: Self = Self { major: 1, minor: 29 };
    /// TrafficExtension supersedes WasmPlugin.
    pub const TRAFFIC_EXTENSION: Self = Self { major: 1, minor: 30 };
    /// WasmPlugin knows FAIL_RELOAD.
    const FAIL_RELOAD: Self = Self { major: 1, minor: 27 };
    /// RequestAuthentication knows `spaceDelimitedClaims`.
    const SPACE_DELIMITED_CLAIMS: Self = Self { major: 1, minor: 28 };
    /// Its Envoy (1.33) knows `sourced_metadata`, and calls `metadata` deprecated.
    const SOURCED_METADATA: Self = Self { major: 1, minor: 25 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The text names no release that the outputs can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It is no release.
    #[error("expected a release such as {}", Version::NEWEST)]
    Form,
    /// It is older than [`Version::OLDEST`].
    #[error("the oldest release that is supported is {}", Version::OLDEST)]
    TooOld,
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let (major, minor) = text.split_once('.').ok_or(VersionError::Form)?;
        let number = |text: &str| text.parse().map_err(|_| VersionError::Form);
        let version = Self { major: number(major)?, minor: number(minor)? };
        if version < Self::OLDEST { Err(VersionError::TooOld) } else { Ok(version) }
    }
}

/// What an output came to.
#[derive(Debug, Clone, Default)]
pub struct Emitted {
    /// The objects, in the order in which they can be applied; none when there are errors.
    pub objects: Vec<Value>,
    /// What was found on the way.
    pub findings: Diagnostics,
}

/// The objects as YAML documents. Every string that a reader of YAML 1.1, as Kubernetes is, would
/// take for something else is quoted.
///
/// # Errors
/// When an object cannot be written.
pub fn to_yaml(objects: &[Value]) -> Result<String, serde_saphyr::ser::Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string_with_options(object, options.clone())?);
    }
    Ok(text)
}

/// Most bytes of JSON that an object may take. Kubernetes stores objects of 1.5 MiB at most, with
/// all that it adds to them.
pub(super) const MAX_BYTES: usize = 1_048_576;
/// Longest value of a label.
const MAX_LABEL_BYTES: usize = 63;
/// Longest name of an object.
const MAX_NAME_BYTES: usize = 253;

/// Where objects go and what they are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'c> {
    deployment: &'c Deployment,
}

impl<'c> Place<'c> {
    /// The place of a Gateway's objects; nothing when its name cannot name any, or when it does
    /// not say whose pods they are for: an object without a selector holds for every pod of its
    /// namespace.
    fn new(deployment: &'c Deployment, findings: &mut Diagnostics) -> Option<Self> {
        if deployment.workload_labels.is_empty() {
            findings.push(
                Diagnostic::error(
                    "the Gateway names no labels of its pods, so Istio's objects would hold for \
                     every pod of the namespace",
                )
                .at(&deployment.workload_origin)
                .hint(
                    "write the labels of the gateway's pods below `spec.workloadSelector`, as in \
                     `labels: {app: egress-gateway}`",
                ),
            );
            return None;
        }
        for (what, text) in
            [("name", &deployment.name), ("namespace", &deployment.workload_namespace)]
        {
            if !is_dns_name(text) || text.len() > MAX_LABEL_BYTES {
                findings.push(
                    Diagnostic::error(format!(
                        "the {what} `{}` of the Gateway cannot name objects of Kubernetes",
                        text.escape_debug()
                    ))
                    .hint(format!(
                        "use lower-case letters, digits, `-` and `.`, at most {MAX_LABEL_BYTES}"
                    )),
                );
                return None;
            }
        }
        for (key, value) in &deployment.workload_labels {
            if !is_label_key(key) || !is_label_value(value) {
                findings.push(
                    Diagnostic::error(format!(
                        "no pod can have the label `{}: {}`",
                        key.escape_debug(),
                        value.escape_debug()
                    ))
                    .at(&deployment.workload_origin)
                    .hint(format!(
                        "use letters, digits, `-`, `_` and `.`, at most {MAX_LABEL_BYTES}; keys \
                         may have a DNS name and `/` before that"
                    )),
                );
                return None;
            }
        }
        pods::check(deployment, findings);
        Some(Self { deployment })
    }

    /// An object with the Gateway's name.
    fn object(self, api_version: &str, kind: &str, spec: Value) -> Value {
        self.named(api_version, kind, &self.deployment.name, spec)
    }

    /// The name of an object that is about a host; nothing when it would be too long.
    fn name_for(self, host: &str) -> Option<String> {
        let name = format!("{}-{host}", self.deployment.name);
        (name.len() <= MAX_NAME_BYTES).then_some(name)
    }

    fn named(self, api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
        json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": self.deployment.workload_namespace,
                // By these, `kubectl apply --prune` finds what a newer output left out.
                "labels": {
                    "app.kubernetes.io/managed-by": "egress-auth",
                    "app.kubernetes.io/instance": self.deployment.name,
                },
            },
            "spec": spec,
        })
    }

    /// Adds `field` with the labels of the gateway's pods below `key`.
    fn select(self, spec: &mut Value, field: &str, key: &str) {
        set(spec, field, json!({key: self.deployment.workload_labels}));
    }
}

/// Whether `text` is a DNS name in lower case (RFC 1123), as Kubernetes and Istio want them.
pub fn is_dns_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= MAX_NAME_BYTES
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(allowed)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Whether `text` can be the value of a label of Kubernetes.
fn is_label_value(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let at_ends = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= MAX_LABEL_BYTES
        && text.bytes().all(plain)
        && at_ends(text.bytes().next())
        && at_ends(text.bytes().next_back())
}

/// Whether `text` can be the key of one: a name, perhaps behind a DNS name.
fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(it, name)| (Some(it), name));
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_name)
}

/// Refuses what Kubernetes would not store.
fn check_size(what: &str, value: &Value, hint: &str, findings: &mut Diagnostics) {
    let bytes = value.to_string().len();
    if bytes > MAX_BYTES {
        findings.push(
            Diagnostic::error(format!("{what} takes {bytes} bytes, of {MAX_BYTES} at most"))
                .hint(hint),
        );
    }
}

/// Sets a field of an object.
fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value.into());
    }
}

/// An object of the fields that are there and not empty.
fn fields(list: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let present = list.into_iter().filter(|(_, value)| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    Value::Object(present.map(|(field, value)| (field.to_owned(), value)).collect::<Map<_, _>>())
}
