//! Which kind of document an item is, by `apiVersion` and `kind`.
//!
//! A document of another product is passed over. One that looks like a document that would be read
//! is an error: whoever misspelt a word of it must not believe that it is enforced.

use super::diagnostic::Diagnostic;
use super::items::{Item, is_of_tsb};
use super::shape::{closest, suggest};
use super::tree::Node;

/// Version and kind of a Gateway.
const GATEWAY: (&str, &str) = ("gateway.tsb.tetrate.io/v2", "Gateway");

/// The kinds that own namespaces: apiVersion, kind, and the word for it in names of resources.
const OWNERS: [(&str, &str, &str); 8] = [
    ("api.tsb.tetrate.io/v2", "Tenant", "tenants"),
    ("tsb.tetrate.io/v2", "Tenant", "tenants"),
    ("api.tsb.tetrate.io/v2", "Workspace", "workspaces"),
    ("tsb.tetrate.io/v2", "Workspace", "workspaces"),
    ("gateway.tsb.tetrate.io/v2", "Group", "gatewaygroups"),
    ("security.tsb.tetrate.io/v2", "Group", "securitygroups"),
    ("traffic.tsb.tetrate.io/v2", "Group", "trafficgroups"),
    ("istiointernal.tsb.tetrate.io/v2", "Group", "istiointernalgroups"),
];

/// The kind for egress of TSB's older gateway API.
const EGRESS: &str = "EgressGateway";

/// Kinds of the same versions that TSB has besides, and enforces itself.
const LEFT_TO_TSB: [(&str, &[&str]); 6] = [
    (
        "gateway.tsb.tetrate.io/v2",
        &["IngressGateway", "Tier1Gateway", "SharedGatewayReferenceGrant"],
    ),
    ("security.tsb.tetrate.io/v2", &["SecuritySetting", "ServiceSecuritySetting"]),
    ("traffic.tsb.tetrate.io/v2", &["ServiceRoute", "ServiceTrafficSetting", "TrafficSetting"]),
    ("istiointernal.tsb.tetrate.io/v2", &[]),
    ("api.tsb.tetrate.io/v2", OF_HIERARCHY),
    ("tsb.tetrate.io/v2", OF_HIERARCHY),
];

const OF_HIERARCHY: &[&str] = &[
    "API",
    "Application",
    "Cluster",
    "ClusterOnboardingConfig",
    "Metric",
    "OrganizationSetting",
    "Profile",
    "ServiceAccount",
    "Service",
    "Source",
    "Team",
    "TenantSetting",
    "User",
    "WorkspaceSetting",
];

/// API groups of TSB of which no document is read. One that begins with a dot stands for all that
/// end in it.
const OTHER_GROUPS: [&str; 17] = [
    "application.tsb.tetrate.io",
    "audit.log.tetrate.io",
    "auth.tsb.tetrate.io",
    "dns.tsb.tetrate.io",
    "extension.tsb.tetrate.io",
    "install.tetrate.io",
    "marketplace.tsb.tetrate.io",
    "observability.tsb.tetrate.io",
    "observability.telemetry.tsb.tetrate.io",
    "oidc.tsb.tetrate.io",
    "onboarding.tetrate.io",
    "profile.tsb.tetrate.io",
    "rbac.tsb.tetrate.io",
    "registry.tsb.tetrate.io",
    "xcp.tetrate.io",
    ".onboarding.tetrate.io",
    ".xcp.tetrate.io",
];

/// What an item is.
#[derive(Debug)]
pub enum Kind {
    /// A Gateway.
    Gateway,
    /// Something that owns namespaces, by the word for it in names of resources.
    Owner(&'static str),
    /// An organization, which owns nothing but tenants.
    Organization,
    /// A kind that TSB enforces, with what to write where it should be enforced here.
    OfTsb(Option<&'static str>),
    /// Almost one of those that are read: what is wrong with it.
    Mistaken(Box<Diagnostic>),
    /// Anything else.
    Other,
}

/// Whether an item says that it is a Gateway.
pub fn is_gateway(item: Item<'_>) -> bool {
    (item.version, item.kind) == (Some(GATEWAY.0), Some(GATEWAY.1))
}

/// The kinds of a version that are read.
fn kinds_of(version: &str) -> impl Iterator<Item = &'static str> + Clone {
    let gateway = std::iter::once(GATEWAY);
    let owners = OWNERS.into_iter().map(|(version, kind, _)| (version, kind));
    gateway.chain(owners).filter(move |(of, _)| *of == version).map(|(_, kind)| kind)
}

/// The versions of which a kind is read.
fn versions_of(kind: &str) -> impl Iterator<Item = &'static str> + Clone {
    let gateway = std::iter::once(GATEWAY);
    let owners = OWNERS.into_iter().map(|(version, kind, _)| (version, kind));
    gateway.chain(owners).filter(move |(_, of)| *of == kind).map(|(version, _)| version)
}

/// Every version of which some kind is read.
fn versions() -> impl Iterator<Item = &'static str> + Clone {
    LEFT_TO_TSB.into_iter().map(|(version, _)| version)
}

/// The kind that is read and that a word almost is.
fn meant(kind: &str) -> Option<&'static str> {
    closest(kind, ["Gateway", "Tenant", "Workspace", "Group"].into_iter())
}

impl Kind {
    /// Finds out what an item is.
    pub fn of(item: Item<'_>) -> Self {
        let kind = match (item.version, item.kind) {
            (Some(version), Some(kind)) => Self::named(item.node, version, kind),
            _ => incomplete(item.node).map_or(Self::Other, |it| Self::Mistaken(Box::new(it))),
        };
        match kind {
            Self::Other => {
                embedded(item.node, DEPTH).map_or(Self::Other, |it| Self::Mistaken(Box::new(it)))
            }
            known => known,
        }
    }

    fn named(node: Node<'_>, version: &str, kind: &str) -> Self {
        if (version, kind) == GATEWAY {
            return Self::Gateway;
        }
        if let Some((_, _, word)) = OWNERS.iter().find(|it| (it.0, it.1) == (version, kind)) {
            return Self::Owner(word);
        }
        let mistaken = |field: &str, message: String, hint: String| {
            let place = node.get(field).unwrap_or(node);
            Self::Mistaken(Box::new(Diagnostic::error(message).on(place).hint(hint)))
        };
        if !is_of_tsb(version) {
            let near = |known: &&str| strsim::damerau_levenshtein(known, version) <= 3;
            let ours = versions_of(kind).find(near).or_else(|| {
                let core = !version.contains('/') && meant(kind) == Some(kind);
                versions_of(kind).next().filter(|_| core && has_fields_of(node, kind))
            });
            return match ours {
                Some(ours) => mistaken(
                    "apiVersion",
                    format!("there is no {kind} of apiVersion `{}`", version.escape_debug()),
                    format!("did you mean `{ours}`?"),
                ),
                None => Self::Other,
            };
        }
        if ["api.tsb.tetrate.io/v2", "tsb.tetrate.io/v2"].contains(&version)
            && kind == "Organization"
        {
            return Self::Organization;
        }
        let group = version.split('/').next().unwrap_or_default();
        let other = |known: &str| match known.starts_with('.') {
            true => group.ends_with(known),
            false => group == known,
        };
        if OTHER_GROUPS.into_iter().any(other) {
            return Self::OfTsb(None);
        }
        if let Some((_, left)) = LEFT_TO_TSB.iter().find(|(known, _)| *known == version) {
            if left.contains(&kind) {
                return Self::OfTsb(instead_of(kind));
            }
            let near = closest(kind, left.iter().copied().chain(kinds_of(version)).chain([EGRESS]));
            if version == GATEWAY.0 && near == Some(EGRESS) {
                return mistaken(
                    "kind",
                    "an EgressGateway is of TSB's older gateway API: nothing of it is enforced here"
                        .to_owned(),
                    "write `kind: Gateway`, with a server `trafficMode: EGRESS` below `http` for \
                     each host and `egressAuthorization` in place of `authorization`"
                        .to_owned(),
                );
            }
            let known = kinds_of(version);
            let hint = match closest(kind, known.clone().chain(left.iter().copied())) {
                Some(word) => format!("did you mean `{word}`?"),
                None => suggest(kind, known),
            };
            let message = format!("there is no kind `{}` of {version}", kind.escape_debug());
            return mistaken("kind", message, hint);
        }
        let message = format!("there is no apiVersion `{}`", version.escape_debug());
        let hint = match (versions_of(kind).next(), meant(kind)) {
            (Some(_), _) => suggest(version, versions_of(kind)),
            (None, Some(meant)) => suggest(version, versions_of(meant)),
            (None, None) => suggest(version, versions()),
        };
        mistaken("apiVersion", message, hint)
    }
}

/// As deep as documents stand in others, in wrappers of tools.
const DEPTH: usize = 6;

/// A document that would be read if it stood by itself, within one that is passed over.
fn embedded(node: Node<'_>, depth: usize) -> Option<Diagnostic> {
    let inner = |child: Node<'_>| {
        let text = |field| child.get(field).and_then(Node::string);
        let ours = match (text("apiVersion"), text("kind")) {
            (Some(version), Some(kind)) if is_of_tsb(version) => {
                !matches!(Kind::named(child, version, kind), Kind::Other | Kind::OfTsb(_))
            }
            _ => false,
        };
        match ours {
            true => Some(
                Diagnostic::error("a document within another one is not read")
                    .on(child)
                    .hint("write it by itself, or as an entry of `items` of a `kind: List`"),
            ),
            false => embedded(child, depth.checked_sub(1)?),
        }
    };
    node.entries().map(|(_, value)| value).chain(node.items()).find_map(inner)
}

/// What to write today instead of a kind of TSB's older gateway API.
fn instead_of(kind: &str) -> Option<&'static str> {
    match kind {
        "IngressGateway" => Some(
            "it is of TSB's older gateway API; to have tokens checked here, write `kind: Gateway` \
             and servers with `trafficMode: INGRESS`",
        ),
        "Tier1Gateway" => Some(
            "it is of TSB's older gateway API; to have tokens checked here, write `kind: Gateway` \
             and servers with `trafficMode: INGRESS` or `TRANSIT`",
        ),
        _ => None,
    }
}

/// A key that is written, or something close to it that is not it.
fn entry_near<'a>(node: Node<'a>, name: &'static str) -> Option<(Node<'a>, Node<'a>)> {
    node.entry(name).or_else(|| {
        node.entries().find(|(key, _)| {
            let text = key.scalar_text().unwrap_or_default();
            closest(text, std::iter::once(name)).is_some()
        })
    })
}

/// Whether a document has fields that only a document of that kind has. Where it stands in TSB's
/// hierarchy says so too.
fn has_fields_of(node: Node<'_>, kind: &str) -> bool {
    let in_hierarchy = entry_near(node, "metadata").is_some_and(|(_, metadata)| {
        let names = |parent: Node<'_>, test: fn(&str) -> bool| {
            parent.entries().any(|(key, _)| test(key.scalar_text().unwrap_or_default()))
        };
        names(metadata, |key| matches!(key, "organization" | "tenant" | "workspace"))
            || metadata.get("annotations").is_some_and(|annotations| {
                names(annotations, |key| key.starts_with("tsb.tetrate.io/"))
            })
    });
    let own: &[&'static str] = match kind {
        "Gateway" => &["workloadSelector", "egressAuthorization", "http"],
        _ => &["namespaceSelector"],
    };
    let spec = entry_near(node, "spec").map(|(_, spec)| spec);
    in_hierarchy
        || spec.is_some_and(|spec| own.iter().any(|field| entry_near(spec, field).is_some()))
}

/// The string of an entry.
fn value_of<'a>(entry: Option<(Node<'a>, Node<'a>)>) -> Option<&'a str> {
    entry?.1.string()
}

/// What is wrong with a document that lacks `apiVersion` or `kind`, if it looks like one that would
/// be read.
fn incomplete(node: Node<'_>) -> Option<Diagnostic> {
    let [version, kind] = ["apiVersion", "kind"].map(|name| entry_near(node, name));
    let kind_meant = value_of(kind).and_then(meant);
    let ours = match (value_of(version), value_of(kind)) {
        (Some(version), _) if is_of_tsb(version) => true,
        (_, Some(_)) => kind_meant.is_some_and(|kind| has_fields_of(node, kind)),
        (_, None) => is_bare_gateway(node),
    };
    if !ours {
        return None;
    }
    let names: [(&'static str, _); 2] = [("apiVersion", version), ("kind", kind)];
    for (name, entry) in names {
        let hint = || match name {
            "kind" => value_of(version).map_or_else(
                || "write `kind: Gateway`".to_owned(),
                |version| {
                    let kinds: Vec<_> = kinds_of(version).map(|it| format!("`{it}`")).collect();
                    match kinds.is_empty() {
                        true => "write `kind`, such as `kind: Gateway`".to_owned(),
                        false => format!("write `kind`, one of {}", kinds.join(", ")),
                    }
                },
            ),
            _ => {
                let versions: Vec<_> = versions_of(kind_meant.unwrap_or("Gateway"))
                    .map(|version| format!("`apiVersion: {version}`"))
                    .collect();
                format!("write {}", versions.join(" or "))
            }
        };
        match entry {
            Some((key, value)) if value.string().is_some() => {
                let written = key.scalar_text().unwrap_or_default();
                if written != name {
                    let message = format!("unknown field `{}`", written.escape_debug());
                    let hint = format!("did you mean `{name}`?");
                    return Some(Diagnostic::error(message).on(key).hint(hint));
                }
            }
            Some((_, value)) => {
                let message = format!("`{name}` is {}", value.value().describe());
                return Some(Diagnostic::error(message).on(value).hint(hint()));
            }
            None => {
                let place = node.entries().next().map_or(node, |(key, _)| key);
                let message = format!("the document has no `{name}`");
                return Some(Diagnostic::error(message).on(place).hint(hint()));
            }
        }
    }
    None
}

/// Whether a document that says nothing about its kind can only be a Gateway.
fn is_bare_gateway(node: Node<'_>) -> bool {
    let has = |spec: Node<'_>, field| spec.get(field).is_some();
    node.get("spec").is_some_and(|spec| {
        has(spec, "workloadSelector") && (has(spec, "http") || has(spec, "egressAuthorization"))
    })
}
