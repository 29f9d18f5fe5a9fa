//! Where a server sends requests, and what is changed on the way.

use std::time::Duration;

use crate::resource::source::Origin;

/// A rule of `routing.rules`. The first that matches a request says what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// Requests that the rule is for, any of these; empty: all.
    pub matches: Vec<RouteMatch>,
    /// What becomes of them.
    pub action: RouteAction,
    /// What stands in place of the prefix that matched, else of the whole path.
    pub rewrite_path: Option<String>,
    /// The host that the external server is asked for, perhaps with a port.
    pub rewrite_authority: Option<String>,
    /// What is changed of the request's headers.
    pub request_headers: HeaderChanges,
    /// What is changed of the answer's headers.
    pub response_headers: HeaderChanges,
    /// How long the answer may take; absent: as long as it takes.
    pub timeout: Option<Duration>,
    /// Whether a request is sent again.
    pub retries: Option<Retries>,
    /// The names of the rule's fields beside `route`, for those who do not follow them.
    pub fields: Vec<&'static str>,
    /// The rule in the document.
    pub origin: Origin,
}

/// Requests that a rule is for: all of this must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteMatch {
    /// The path without its query.
    pub path: Option<TextMatch>,
    /// Headers, by their names in lower case.
    pub headers: Vec<(String, TextMatch)>,
}

/// What a text must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMatch {
    /// This.
    Exact(String),
    /// Something that begins like this.
    Prefix(String),
    /// As a whole, something that this expression of RE2 describes.
    Regex(String),
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteAction {
    /// It is sent on.
    Forward(Box<Destination>),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// It is answered at once.
    Respond {
        /// Status of the answer.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
}

/// Where a client is sent: what is absent stays as it is in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Path.
    pub path: Option<String>,
    /// Host.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// 301, 302, 303, 307 or 308.
    pub code: u16,
}

/// What is changed of the headers of a request or an answer. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderChanges {
    /// Headers that have this value afterwards and no other.
    pub set: Vec<(String, String)>,
    /// Headers that have this value besides.
    pub add: Vec<(String, String)>,
    /// Headers that are taken out.
    pub remove: Vec<String>,
}

/// When and how often a request is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// How often at most.
    pub attempts: u32,
    /// How long each attempt may take.
    pub per_try_timeout: Option<Duration>,
    /// Conditions of Envoy.
    pub conditions: Vec<String>,
    /// Statuses of answers after which a request is sent again.
    pub statuses: Vec<u16>,
    /// How long to wait between attempts at first, and at most.
    pub back_off: Option<(Duration, Option<Duration>)>,
}

/// Where requests are sent: `serviceDestination` of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Name of the Envoy cluster: `server|<server name>`, and `route|<number>|<server name>` for
    /// further ones of a server.
    pub cluster: String,
    /// The host to connect to.
    pub host: DestinationHost,
    /// The port to connect to; where none is written, 443 with TLS and 80 without.
    pub port: u16,
    /// TLS origination; absent: plain text.
    pub tls: Option<UpstreamTls>,
    /// `serviceDestination.host` in the document.
    pub origin: Origin,
}

/// The host a server sends requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationHost {
    /// Always this host: a DNS name in lower case, or an IPv4 address.
    Fixed(String),
    /// The host that the request names. Only on servers with a wildcard hostname whose
    /// destination repeats that wildcard.
    AsRequested,
}

/// TLS towards an external host. The peer's certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Who may have issued the peer's certificate.
    pub trusted: TrustedCa,
    /// What the gateway presents itself; present in mode MUTUAL.
    pub client_certificate: Option<ClientCertificate>,
    /// The name that is asked for (SNI); absent: the destination host.
    pub server_name: Option<String>,
    /// Names of which the peer's certificate must hold one; empty: `server_name`, else the
    /// destination host.
    pub subject_alt_names: Vec<String>,
    /// What is spoken.
    pub protocol: TlsProtocol,
    /// The `tls` field in the document.
    pub origin: Origin,
}

/// The versions and cipher suites of TLS that are spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsProtocol {
    /// Whether TLS 1.2 is out of the question.
    pub only_1_3: bool,
    /// Whether TLS 1.3 is.
    pub only_1_2: bool,
    /// Suites of TLS 1.2, as OpenSSL calls them; empty: Envoy's own choice.
    pub cipher_suites: Vec<String>,
}

/// The CAs that may have issued a peer's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedCa {
    /// Those of the system.
    System,
    /// Those of a PEM file on the gateway.
    File(String),
    /// Those of a Kubernetes secret in the gateway's namespace.
    Secret(String),
}

/// What the gateway authenticates itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificate {
    /// PEM files on the gateway.
    Files {
        /// Certificate chain.
        certificate: String,
        /// Private key of the chain's first certificate.
        private_key: String,
    },
    /// A Kubernetes secret in the gateway's namespace.
    Secret(String),
}
