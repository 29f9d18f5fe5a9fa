//! A Gateway document: the table of its fields ([`fields`]) and typed views of its tree.
//!
//! A view is a node with a name for what it is; it holds nothing of its own, and every value
//! that it returns still knows where it was written. Views say nothing about a tree that did not
//! pass [`Gateway::check`]: what is missing or of a wrong type reads as absent.

mod check;
pub mod fields;

use super::shape::closest;
use super::tree::{Node, Value};

/// A string and where it was written.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// The string.
    pub text: &'a str,
    /// Where it was written.
    pub node: Node<'a>,
}

/// A whole Gateway document.
#[derive(Debug, Clone, Copy)]
pub struct Gateway<'a>(pub Node<'a>);

/// An entry of `spec.http`.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a>(pub Node<'a>);

/// `authentication` of a server.
#[derive(Debug, Clone, Copy)]
pub struct Authentication<'a>(pub Node<'a>);

/// A JWT rule: `authentication.jwt`, or an entry of `authentication.rules.jwt`.
#[derive(Debug, Clone, Copy)]
pub struct JwtRule<'a>(pub Node<'a>);

/// `authorization` of a server.
#[derive(Debug, Clone, Copy)]
pub struct Authorization<'a>(pub Node<'a>);

/// An entry of `authorization.local.rules`.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a>(pub Node<'a>);

/// An entry of `spec.egressAuthorization`.
#[derive(Debug, Clone, Copy)]
pub struct EgressEntry<'a>(pub Node<'a>);

/// `trafficMode` of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TrafficMode {
    /// An egress server, as [`TrafficMode::Egress`].
    #[default]
    Auto,
    /// From the mesh to an external host.
    Egress,
    /// From outside into the mesh.
    Ingress,
    /// Between clusters.
    Transit,
}

impl TrafficMode {
    /// Whether the rules for egress servers hold.
    pub fn is_egress(self) -> bool {
        matches!(self, Self::Auto | Self::Egress)
    }
}

fn text<'a>(node: Node<'a>, field: &str) -> Option<Text<'a>> {
    let node = node.get(field)?;
    Some(Text { text: node.string()?, node })
}

fn texts<'a>(node: Node<'a>, field: &str) -> impl Iterator<Item = Text<'a>> + use<'a> {
    node.get(field)
        .into_iter()
        .flat_map(Node::items)
        .filter_map(|node| Some(Text { text: node.string()?, node }))
}

fn boolean(node: Node<'_>, field: &str) -> Option<bool> {
    match node.get(field)?.value() {
        Value::Boolean(value) => Some(value),
        _ => None,
    }
}

fn integer(node: Node<'_>, field: &str) -> Option<u64> {
    match node.get(field)?.value() {
        Value::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether a map holds a field with such a name, even misspelt. What is missing only because its
/// name is misspelt needs no second error.
fn names(node: Node<'_>, fields: &[&str]) -> bool {
    node.entries()
        .filter_map(|(key, _)| key.scalar_text())
        .any(|key| closest(key, fields.iter().copied()).is_some())
}

/// A field that is present and not null.
fn present<'a>(node: Node<'a>, field: &str) -> Option<Node<'a>> {
    node.get(field).filter(|value| !value.is_null())
}

impl<'a> Gateway<'a> {
    fn spec(self) -> Option<Node<'a>> {
        self.0.get("spec")
    }

    /// `metadata.name`.
    pub fn name(self) -> Option<&'a str> {
        self.0.get("metadata")?.get("name")?.string()
    }

    /// `metadata.namespace`, else that of the workload selector.
    pub fn namespace(self) -> Option<&'a str> {
        self.0
            .get("metadata")
            .and_then(|metadata| metadata.get("namespace")?.string())
            .or_else(|| self.workload_selector()?.get("namespace")?.string())
    }

    /// The namespace in which the gateway's pods run: that of the workload selector, else
    /// `metadata.namespace`.
    pub fn workload_namespace(self) -> Option<&'a str> {
        self.workload_selector()
            .and_then(|selector| selector.get("namespace")?.string())
            .or_else(|| self.namespace())
    }

    fn workload_selector(self) -> Option<Node<'a>> {
        self.spec()?.get("workloadSelector")
    }

    /// `spec.workloadSelector.labels`.
    pub fn workload_labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.workload_selector()
            .and_then(|selector| selector.get("labels"))
            .into_iter()
            .flat_map(Node::entries)
            .filter_map(|(key, value)| Some((key.scalar_text()?, value.string()?)))
    }

    /// `spec.workloadSelector.labels`, else the nearest thing that is written.
    pub fn workload_place(self) -> Node<'a> {
        let labels = self.workload_selector().and_then(|selector| selector.get("labels"));
        labels
            .or_else(|| Some(self.spec()?.entry("workloadSelector")?.0))
            .or_else(|| self.0.get("metadata")?.get("name"))
            .unwrap_or(self.0)
    }

    /// `spec.http`.
    pub fn servers(self) -> impl Iterator<Item = Server<'a>> {
        self.spec().and_then(|spec| spec.get("http")).into_iter().flat_map(Node::items).map(Server)
    }
}

impl<'a> Gateway<'a> {
    /// `spec.egressAuthorization`.
    pub fn egress_authorization(self) -> impl Iterator<Item = EgressEntry<'a>> {
        let entries = self.spec().and_then(|spec| spec.get("egressAuthorization"));
        entries.into_iter().flat_map(Node::items).map(EgressEntry)
    }

    /// Every annotation, as key and value.
    pub fn annotations(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let annotations = self.0.get("metadata").and_then(|metadata| metadata.get("annotations"));
        annotations.into_iter().flat_map(Node::entries)
    }

    /// An annotation.
    pub fn annotation(self, key: &str) -> Option<Text<'a>> {
        text(self.0.get("metadata")?.get("annotations")?, key)
    }
}

impl<'a> EgressEntry<'a> {
    /// `from`; absent: any workload.
    pub fn from(self) -> Option<Node<'a>> {
        self.0.get("from")
    }

    /// `from.serviceAccounts`.
    pub fn service_accounts(self) -> impl Iterator<Item = Text<'a>> {
        self.from().into_iter().flat_map(|from| texts(from, "serviceAccounts"))
    }

    /// `from.resources`.
    pub fn resources(self) -> impl Iterator<Item = Text<'a>> {
        self.from().into_iter().flat_map(|from| texts(from, "resources"))
    }

    /// `to`.
    pub fn to(self) -> impl Iterator<Item = Node<'a>> {
        self.0.get("to").into_iter().flat_map(Node::items)
    }

    /// `host.exact` of an entry of `to`.
    pub fn host(to: Node<'a>) -> Option<Text<'a>> {
        text(to.get("host")?, "exact")
    }

    /// `identityMatch`.
    pub fn identity_match(self) -> Option<Text<'a>> {
        text(self.0, "identityMatch")
    }
}

impl<'a> Server<'a> {
    /// `name`.
    pub fn name(self) -> Option<Text<'a>> {
        text(self.0, "name")
    }

    /// `hostname`.
    pub fn hostname(self) -> Option<Text<'a>> {
        text(self.0, "hostname")
    }

    /// The key of `port`.
    pub fn port(self) -> Option<Node<'a>> {
        self.0.entry("port").filter(|(_, value)| !value.is_null()).map(|(key, _)| key)
    }

    /// `trafficMode`; where it is not written, TRANSIT with the deprecated `transit: true` and else
    /// AUTO.
    pub fn traffic_mode(self) -> TrafficMode {
        match text(self.0, "trafficMode").map(|mode| mode.text) {
            Some("EGRESS") => TrafficMode::Egress,
            Some("INGRESS") => TrafficMode::Ingress,
            Some("TRANSIT") => TrafficMode::Transit,
            None if self.transit().is_some() => TrafficMode::Transit,
            _ => TrafficMode::Auto,
        }
    }

    /// The key of `transit: true`.
    pub fn transit(self) -> Option<Node<'a>> {
        let (key, value) = self.0.entry("transit")?;
        (value.value() == Value::Boolean(true)).then_some(key)
    }

    /// `trafficMode` as it is written.
    pub fn written_mode(self) -> Option<Text<'a>> {
        text(self.0, "trafficMode")
    }

    /// `routing`.
    pub fn routing(self) -> Option<Node<'a>> {
        present(self.0, "routing")
    }

    /// `authentication`.
    pub fn authentication(self) -> Option<Authentication<'a>> {
        self.0.get("authentication").map(Authentication)
    }

    /// `challengeScopes`.
    pub fn challenge_scopes(self) -> bool {
        boolean(self.0, "challengeScopes").unwrap_or(false)
    }

    /// `authorization`.
    pub fn authorization(self) -> Option<Authorization<'a>> {
        self.0.get("authorization").map(Authorization)
    }
}

impl<'a> Authentication<'a> {
    /// `jwt`.
    pub fn jwt(self) -> Option<JwtRule<'a>> {
        self.0.get("jwt").map(JwtRule)
    }

    /// `rules`.
    pub fn rules(self) -> Option<Node<'a>> {
        self.0.get("rules")
    }

    /// The JWT rules of `jwt` and of `rules.jwt`.
    pub fn jwt_rules(self) -> impl Iterator<Item = JwtRule<'a>> {
        let several = self.rules().and_then(|rules| rules.get("jwt"));
        self.jwt().into_iter().chain(several.into_iter().flat_map(Node::items).map(JwtRule))
    }

    /// Whether anything in it is meant to name an issuer; a field of another mechanism counts.
    pub fn names_issuer(self) -> bool {
        names(self.0, &["jwt", "rules", "oidc"])
    }

    /// `requireJwt`; absent where it is not written.
    pub fn require_jwt(self) -> Option<(bool, Node<'a>)> {
        let node = self.0.get("requireJwt")?;
        let value = boolean(self.0, "requireJwt").or_else(|| boolean(node, "value"))?;
        Some((value, node))
    }

    /// The key of `oidc`.
    pub fn oidc(self) -> Option<Node<'a>> {
        self.0.entry("oidc").map(|(key, _)| key)
    }
}

impl<'a> JwtRule<'a> {
    /// `issuer`.
    pub fn issuer(self) -> Option<Text<'a>> {
        text(self.0, "issuer")
    }

    /// `audiences`.
    pub fn audiences(self) -> impl Iterator<Item = Text<'a>> {
        texts(self.0, "audiences")
    }

    /// `jwksUri`.
    pub fn jwks_uri(self) -> Option<Text<'a>> {
        text(self.0, "jwksUri")
    }

    /// `jwks`.
    pub fn jwks(self) -> Option<Text<'a>> {
        text(self.0, "jwks")
    }

    /// Whether anything in it is meant to say where keys come from.
    pub fn names_keys(self) -> bool {
        names(self.0, &["jwks", "jwksUri"])
    }

    /// `fromHeaders`: the name and the prefix of each.
    pub fn from_headers(self) -> impl Iterator<Item = (Text<'a>, Option<Text<'a>>)> {
        let entries = self.0.get("fromHeaders").into_iter().flat_map(Node::items);
        entries.filter_map(|entry| Some((text(entry, "name")?, text(entry, "prefix"))))
    }

    /// `fromCookies`.
    pub fn from_cookies(self) -> impl Iterator<Item = Text<'a>> {
        texts(self.0, "fromCookies")
    }

    /// `fromParams`.
    pub fn from_params(self) -> impl Iterator<Item = Text<'a>> {
        texts(self.0, "fromParams")
    }

    /// Whether no location of any kind is listed, so that the default ones hold.
    pub fn uses_default_locations(self) -> bool {
        ["fromHeaders", "fromCookies", "fromParams"]
            .into_iter()
            .all(|field| self.0.get(field).is_none_or(Node::is_empty))
    }

    /// `outputPayloadToHeader`.
    pub fn output_payload_to_header(self) -> Option<Text<'a>> {
        text(self.0, "outputPayloadToHeader")
    }

    /// `outputClaimToHeaders`: header and claim of each.
    pub fn output_claim_to_headers(self) -> impl Iterator<Item = (Text<'a>, &'a str)> {
        self.0
            .get("outputClaimToHeaders")
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|entry| Some((text(entry, "header")?, text(entry, "claim")?.text)))
    }

    /// `forwardOriginalToken`.
    pub fn forward_original_token(self) -> bool {
        boolean(self.0, "forwardOriginalToken").unwrap_or(false)
    }

    /// `clockSkewSeconds`.
    pub fn clock_skew_seconds(self) -> Option<u64> {
        integer(self.0, "clockSkewSeconds")
    }

    /// `requireExpiration`.
    pub fn require_expiration(self) -> bool {
        boolean(self.0, "requireExpiration").unwrap_or(false)
    }

    /// `maxLifetimeSeconds`.
    pub fn max_lifetime_seconds(self) -> Option<u64> {
        integer(self.0, "maxLifetimeSeconds")
    }

    /// `tokenTypes`.
    pub fn token_types(self) -> Option<impl Iterator<Item = Text<'a>>> {
        self.0.get("tokenTypes")?;
        Some(texts(self.0, "tokenTypes"))
    }

    /// `requiredClaims`.
    pub fn required_claims(self) -> impl Iterator<Item = Text<'a>> {
        texts(self.0, "requiredClaims")
    }

    /// `certificateBound`.
    pub fn certificate_bound(self) -> Option<Text<'a>> {
        text(self.0, "certificateBound")
    }

    /// `workloadBound`.
    pub fn workload_bound(self) -> Option<Text<'a>> {
        text(self.0, "workloadBound")
    }
}

impl<'a> Authorization<'a> {
    /// `local`.
    pub fn local(self) -> Option<Node<'a>> {
        self.0.get("local")
    }

    /// The key of `external`, or of what older releases called so between clusters.
    pub fn external(self) -> Option<Node<'a>> {
        let entry = self.0.entry("external").or_else(|| self.0.entry("meshInternalAuthz"));
        entry.map(|(key, _)| key)
    }

    /// `local.rules`.
    pub fn rules(self) -> impl Iterator<Item = Rule<'a>> {
        self.local()
            .and_then(|local| local.get("rules"))
            .into_iter()
            .flat_map(Node::items)
            .map(Rule)
    }
}

impl<'a> Rule<'a> {
    /// `name`.
    pub fn name(self) -> Option<Text<'a>> {
        text(self.0, "name")
    }

    /// The `jwt` of every entry of `from`; absent where `from` is.
    pub fn from(self) -> Option<impl Iterator<Item = Node<'a>>> {
        Some(self.0.get("from")?.items().filter_map(|entry| entry.get("jwt")))
    }

    /// Every entry of `to`; absent where `to` is.
    pub fn to(self) -> Option<impl Iterator<Item = Node<'a>>> {
        Some(self.0.get("to")?.items())
    }

    /// A list of strings of an entry of `to`; absent where the list is.
    pub fn list(entry: Node<'a>, field: &str) -> Option<impl Iterator<Item = Text<'a>>> {
        entry.get(field)?;
        Some(texts(entry, field))
    }

    /// A string of a `jwt` of `from`.
    pub fn pattern(jwt: Node<'a>, field: &str) -> Option<Text<'a>> {
        text(jwt, field)
    }
}
