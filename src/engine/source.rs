//! The workload behind a request, by its SPIFFE ID.
//!
//! The direct peer is known by the URI subject alternative name of its certificate. What stands
//! behind the peer is known only where the policy trusts that peer to say so in a header of the
//! form of Envoy's `x-forwarded-client-cert`.

use std::fmt;

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
}

/// A peer without a certificate.
#[derive(Debug)]
pub struct NoPeerCertificate;

impl PeerCertificate for NoPeerCertificate {
    fn uri_sans(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl PeerCertificate for &str {
    fn uri_sans(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
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

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.service_account)
    }
}

impl Workload {
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
            let peer = peer.as_ref()?;
            if !propagated.trusted.iter().any(|pattern| pattern.matches(peer)) {
                return None;
            }
            let mut values = request.values(&propagated.header);
            let value = values.next().filter(|_| values.next().is_none())?;
            Workload::from_spiffe_id(&last_uri(value)?, &self.trust_domains)
        });
        Source { peer, propagated, can_propagate: self.propagated.is_some() }
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

/// The one `URI` of the right-most element of an `x-forwarded-client-cert` list: what the direct
/// peer says of its own client. Absent when there is none, or more than one, or the list cannot
/// be taken apart.
fn last_uri(value: &[u8]) -> Option<Vec<u8>> {
    let mut uri: Option<Vec<u8>> = None;
    let mut key: Vec<u8> = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    let mut in_value = false;
    // A value may stand in double quotes as a whole; within them a backslash escapes.
    let mut quoted = false;
    let mut closed = false;
    let mut bytes = value.iter().copied();
    loop {
        let byte = bytes.next();
        match byte {
            None if quoted => return None,
            None | Some(b',' | b';') if !quoted => {
                if in_value && key.trim_ascii().eq_ignore_ascii_case(b"uri") {
                    if uri.is_some() {
                        return None;
                    }
                    uri = Some(std::mem::take(&mut text));
                } else if !in_value && !key.trim_ascii().is_empty() {
                    return None;
                }
                if byte == Some(b',') {
                    uri = None;
                }
                key.clear();
                text.clear();
                (in_value, closed) = (false, false);
                if byte.is_none() {
                    return uri.filter(|uri| !uri.is_empty());
                }
            }
            Some(b'=') if !in_value => in_value = true,
            Some(byte) if !in_value => key.push(byte),
            Some(_) if closed => return None,
            Some(b'"') if quoted => (quoted, closed) = (false, true),
            Some(b'"') if text.is_empty() => quoted = true,
            Some(b'"') => return None,
            Some(b'\\') if quoted => text.push(bytes.next()?),
            Some(byte) => text.push(byte),
            None => return None,
        }
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

    #[test]
    fn only_the_last_element_of_a_forwarded_list_counts() {
        let table: [(&[u8], Option<&str>); 22] = [
            (b"URI=spiffe://x", Some("spiffe://x")),
            (b"By=spiffe://gw;Hash=ab;URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a,URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a , uri=spiffe://x", Some("spiffe://x")),
            (b"By=a;URI=\"spiffe://x\"", Some("spiffe://x")),
            (b"Subject=\"CN=a,URI=b;URI=c\";URI=spiffe://x", Some("spiffe://x")),
            (b"Subject=\"a\\\",URI=evil\";URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a,By=b", None),
            (b"URI=spiffe://a,", None),
            (b"URI=spiffe://a;URI=spiffe://b", None),
            (b"URI=", None),
            (b"", None),
            (b"garbage", None),
            (b"URI=spiffe://a;garbage", None),
            (b"URI=\"spiffe://a", None),
            (b"URI=\"spiffe://a\"b", None),
            (b"URI=spiffe://a\"b\"", None),
            (b"URI=\"spiffe://a\\", None),
            (b";URI=spiffe://x;", Some("spiffe://x")),
            (b"Subject=\"\";URI=spiffe://x", Some("spiffe://x")),
            (b"DNS=a;DNS=b;URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a=b", Some("spiffe://a=b")),
        ];
        for (value, expected) in table {
            let found = last_uri(value).map(|uri| String::from_utf8(uri).unwrap());
            assert_eq!(found.as_deref(), expected, "{}", value.escape_ascii());
        }
    }
}
