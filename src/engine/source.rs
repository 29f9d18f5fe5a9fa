//! The workload behind a request, by its SPIFFE ID.
//!
//! The direct peer is known by the URI subject alternative name of its certificate. What stands
//! behind the peer is known only where the policy trusts that peer to say so in a header of the
//! form of Envoy's `x-forwarded-client-cert`.

use std::fmt;

use super::forwarded::{Element, last_element};
use super::request::Request;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{self, IdentityMatch};

/// Longest SPIFFE ID (SPIFFE-ID, section 2.3).
const MAX_SPIFFE_ID_BYTES: usize = 2_048;

/// What is known of the direct peer's certificate. Asked only where a decision depends on it.
pub trait PeerCertificate {
    /// The URI subject alternative names, separated by commas (no SPIFFE ID holds one); empty
    /// when there is no certificate or none in it.
    fn uri_sans(&self) -> Vec<u8>;

    /// The SHA-256 of the certificate in hexadecimal digits; empty when there is none.
    fn sha256(&self) -> Vec<u8>;
}

/// A peer without a certificate.
#[derive(Debug)]
pub struct NoPeerCertificate;

impl PeerCertificate for NoPeerCertificate {
    fn uri_sans(&self) -> Vec<u8> {
        Vec::new()
    }

    fn sha256(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A certificate of which this is known, as somebody asks about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownCertificate<'a> {
    /// As [`PeerCertificate::uri_sans`].
    pub uri_sans: &'a str,
    /// As [`PeerCertificate::sha256`].
    pub sha256: &'a str,
}

impl PeerCertificate for KnownCertificate<'_> {
    fn uri_sans(&self) -> Vec<u8> {
        self.uri_sans.as_bytes().to_vec()
    }

    fn sha256(&self) -> Vec<u8> {
        self.sha256.as_bytes().to_vec()
    }
}

/// One of which the names are known.
impl PeerCertificate for &str {
    fn uri_sans(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn sha256(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Whether a segment of a SPIFFE ID may hold this byte (SPIFFE-ID, section 2.2).
fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// A workload: its service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    namespace: String,
    service_account: String,
}

/// The text of a SPIFFE ID of a workload in one of these trust domains, whatever its path looks like
/// (SPIFFE-ID, section 2): `None` for anything else.
pub fn spiffe_id<'i>(id: &'i [u8], trust_domains: &[String]) -> Option<&'i str> {
    let id = std::str::from_utf8(id).ok().filter(|id| id.len() <= MAX_SPIFFE_ID_BYTES)?;
    let (trust_domain, path) = id.strip_prefix("spiffe://")?.split_once('/')?;
    let named = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(in_name);
    let known = trust_domains.iter().any(|known| known == trust_domain);
    (known && path.split('/').all(named)).then_some(id)
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.service_account)
    }
}

impl Workload {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The service account.
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// Reads `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; anything else, and
    /// any trust domain but these, is nobody.
    pub fn from_spiffe_id(id: &[u8], trust_domains: &[String]) -> Option<Self> {
        let id = std::str::from_utf8(id).ok().filter(|id| id.len() <= MAX_SPIFFE_ID_BYTES)?;
        let mut parts = id.strip_prefix("spiffe://")?.split('/');
        let trust_domain = parts.next()?;
        let named = |text: &&str| !matches!(*text, "" | "." | "..") && text.bytes().all(in_name);
        if parts.next() != Some("ns") {
            return None;
        }
        let namespace = parts.next().filter(named)?;
        if parts.next() != Some("sa") {
            return None;
        }
        let service_account = parts.next().filter(named)?;
        let known = trust_domains.iter().any(|known| known == trust_domain);
        (known && parts.next().is_none()).then(|| Self {
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
        })
    }
}

/// Service accounts: `namespace/service-account`, where `*` stands for any service account, and
/// `prefix*` or `*` for namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePattern {
    namespace: TextPattern,
    service_account: TextPattern,
}

/// The text is no pattern for service accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a source is `namespace/service-account`; `*` stands for any service account, and a `*` may \
     end the namespace"
)]
pub struct SourcePatternError;

impl SourcePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, SourcePatternError> {
        let (namespace, service_account) = text.split_once('/').ok_or(SourcePatternError)?;
        let part = |text: &str| {
            let stem = text.strip_suffix('*').unwrap_or(text);
            let sound = !text.is_empty() && stem.bytes().all(in_name);
            sound.then(|| TextPattern::parse(text)).ok_or(SourcePatternError)
        };
        let (namespace, service_account) = (part(namespace)?, part(service_account)?);
        match service_account {
            TextPattern::Exact(_) | TextPattern::Present => Ok(Self { namespace, service_account }),
            _ => Err(SourcePatternError),
        }
    }

    /// Whether the workload is one of these.
    pub fn matches(&self, workload: &Workload) -> bool {
        self.namespace.matches(&workload.namespace)
            && self.service_account.matches(&workload.service_account)
    }
}

/// How workloads are recognised: [`policy::SourceIdentity`], compiled.
#[derive(Debug, Default)]
pub struct Identities {
    trust_domains: Vec<String>,
    propagated: Option<Propagated>,
}

#[derive(Debug)]
struct Propagated {
    header: String,
    trusted: Vec<SourcePattern>,
}

impl Propagated {
    fn trusts(&self, peer: &Workload) -> bool {
        self.trusted.iter().any(|pattern| pattern.matches(peer))
    }
}

/// Who speaks for himself and who is spoken for: whose certificate a token is compared with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// The direct peer.
    Peer,
    /// Whoever stands behind a trusted peer, as that peer says it.
    Behind(Element),
    /// A trusted peer says something that cannot be read.
    Unreadable,
}

/// Who is behind a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The direct peer.
    pub peer: Option<Workload>,
    /// The workload that a trusted peer names; absent where none is named or believed.
    pub propagated: Option<Workload>,
    /// Whether peers can name a workload at all.
    can_propagate: bool,
}

impl Identities {
    /// Compiles the policy's settings. The error names the field below `source_identity`.
    pub(crate) fn new(
        settings: policy::SourceIdentity,
    ) -> Result<Self, (String, SourcePatternError)> {
        let propagated = match settings.propagated {
            None => None,
            Some(propagated) => {
                let mut trusted = Vec::with_capacity(propagated.trusted_sources.len());
                for (index, text) in propagated.trusted_sources.iter().enumerate() {
                    let pattern = SourcePattern::parse(text);
                    let field = || format!("propagated.trusted_sources[{index}]");
                    trusted.push(pattern.map_err(|error| (field(), error))?);
                }
                Some(Propagated { header: propagated.header, trusted })
            }
        };
        Ok(Self { trust_domains: settings.trust_domains, propagated })
    }

    /// The trust domains whose workloads are known.
    pub(super) fn trust_domains(&self) -> &[String] {
        &self.trust_domains
    }

    /// The header in which peers name workloads, which must never reach an upstream.
    pub(super) fn header(&self) -> Option<&str> {
        self.propagated.as_ref().map(|propagated| propagated.header.as_str())
    }

    /// Finds out who is behind a request.
    pub(crate) fn source(&self, peer: &dyn PeerCertificate, request: &Request<'_>) -> Source {
        let peer = Workload::from_spiffe_id(&peer.uri_sans(), &self.trust_domains);
        let propagated = self.propagated.as_ref().and_then(|propagated| {
            if !propagated.trusts(peer.as_ref()?) {
                return None;
            }
            let mut values = request.values(&propagated.header);
            let value = values.next().filter(|_| values.next().is_none())?;
            Workload::from_spiffe_id(&last_element(value)?.uri?, &self.trust_domains)
        });
        Source { peer, propagated, can_propagate: self.propagated.is_some() }
    }

    /// Whose token a request carries: the direct peer's, unless it is trusted and speaks for another.
    pub(super) fn spoken(&self, peer: &dyn PeerCertificate, request: &Request<'_>) -> Spoken {
        let Some(propagated) = &self.propagated else { return Spoken::Peer };
        let mut values = request.values(&propagated.header);
        // Without the header nobody can be spoken for, whoever the peer is.
        let Some(value) = values.next() else { return Spoken::Peer };
        let peer = Workload::from_spiffe_id(&peer.uri_sans(), &self.trust_domains);
        if !peer.is_some_and(|peer| propagated.trusts(&peer)) {
            return Spoken::Peer;
        }
        match last_element(value).filter(|_| values.next().is_none()) {
            Some(element) => Spoken::Behind(element),
            None => Spoken::Unreadable,
        }
    }
}

impl Source {
    /// The identities that a rule looks at.
    pub fn identities(&self, identity: IdentityMatch) -> impl Iterator<Item = &Workload> {
        let (peer, propagated) = match identity {
            IdentityMatch::PeerCertificate => (true, false),
            IdentityMatch::SourceIdentity => (!self.can_propagate, true),
            IdentityMatch::Permissive => (true, true),
        };
        let peer = self.peer.as_ref().filter(|_| peer);
        peer.into_iter().chain(self.propagated.as_ref().filter(|_| propagated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Vec<String> {
        vec!["cluster.local".to_owned(), "prod.example".to_owned()]
    }

    #[test]
    fn only_one_shape_of_spiffe_id_names_a_workload() {
        let known = ["spiffe://cluster.local/ns/a/sa/b", "spiffe://prod.example/ns/a/sa/b"];
        for id in known {
            let workload = Workload::from_spiffe_id(id.as_bytes(), &domains()).unwrap();
            assert_eq!(workload.to_string(), "a/b");
        }
        for id in [
            "",
            "spiffe://cluster.local",
            "spiffe://cluster.local/ns/a/sa/",
            "spiffe://cluster.local/ns//sa/b",
            "spiffe://cluster.local/ns/a/sa/b/",
            "spiffe://cluster.local/ns/a/sa/b/c",
            "spiffe://cluster.local/ns/a/sb/b",
            "spiffe://cluster.local/NS/a/sa/b",
            "spiffe://cluster.local/ns/../sa/b",
            "spiffe://cluster.local/ns/a%2f/sa/b",
            "spiffe://cluster.local/ns/a/sa/b,spiffe://cluster.local/ns/a/sa/c",
            "spiffe://cluster.local/ns/a/sa/*",
            "spiffe://cluster.localx/ns/a/sa/b",
            "spiffe://other.example/ns/a/sa/b",
            "SPIFFE://cluster.local/ns/a/sa/b",
            "https://cluster.local/ns/a/sa/b",
            " spiffe://cluster.local/ns/a/sa/b",
            "spiffe://cluster.local/ns/a/sa/b\n",
        ] {
            assert_eq!(Workload::from_spiffe_id(id.as_bytes(), &domains()), None, "{id}");
        }
        assert_eq!(
            Workload::from_spiffe_id(b"spiffe://cluster.local/ns/\xff/sa/b", &domains()),
            None
        );
        let long = format!("spiffe://cluster.local/ns/a/sa/{}", "b".repeat(MAX_SPIFFE_ID_BYTES));
        assert_eq!(Workload::from_spiffe_id(long.as_bytes(), &domains()), None);
    }

    #[test]
    fn patterns_cover_accounts_namespaces_and_prefixes() {
        let workload = |text: &str| {
            let (namespace, service_account) = text.split_once('/').unwrap();
            Workload { namespace: namespace.into(), service_account: service_account.into() }
        };
        let table = [
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/b", "aa/b", false),
            ("a/*", "a/b", true),
            ("a/*", "ab/b", false),
            ("a*/*", "ab/b", true),
            ("a*/*", "ba/b", false),
            ("*/*", "x/y", true),
            ("*/b", "x/b", true),
            ("A/b", "a/b", false),
        ];
        for (pattern, source, expected) in table {
            let parsed = SourcePattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(&workload(source)), expected, "{pattern} on {source}");
        }
        for text in ["", "a", "a/", "/b", "a/b*", "a/b/c", "a*b/c", "*a/b", "a b/c", "**/b"] {
            assert_eq!(SourcePattern::parse(text), Err(SourcePatternError), "{text}");
        }
    }
}
