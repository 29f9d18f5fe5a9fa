//! Example requests: what shows that two policies differ, and what an engine decides.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::engine::source::{Identities, Source};
use crate::engine::{
    Asserted, Context, Engine, KeyRing, KnownCertificate, NoTrace, Outcome, PolicyError, Request,
    Verified, holder,
};
use crate::jwt::{Claims, Confirmation, SoftwareVerifier, Thumbprint, TokenCache, TokenType};
use crate::policy::{JwtRule, Policy};

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The host that it is for.
    pub host: String,
    /// Its method.
    pub method: String,
    /// Its path without a query; absent where it has none, as CONNECT.
    pub path: Option<String>,
    /// Its token.
    pub token: Token,
    /// Who sends it.
    pub sender: Sender,
}

impl Example {
    /// Method and address, as `explain --request` takes them.
    pub fn request(&self) -> String {
        match &self.path {
            None => format!("{} {}", self.method, self.host),
            Some(path) if path.starts_with('/') => {
                format!("{} https://{}{path}", self.method, self.host)
            }
            Some(path) => format!("{} https://{} {path}", self.method, self.host),
        }
    }

    /// The request as a line of `explain --requests`.
    pub fn query(&self) -> Value {
        let mut query = Map::from_iter([("request".to_owned(), json!(self.request()))]);
        if let Some(claims) = self.token.as_map() {
            query.insert("claims".to_owned(), json!(claims));
        }
        if let Some(name) = self.token.type_name() {
            query.insert("typ".to_owned(), json!(name));
        }
        if let Some(peer) = &self.sender.peer {
            query.insert("source".to_owned(), json!(peer));
        }
        if let Some(certificate) = self.sender.own_certificate() {
            query.insert("certificate".to_owned(), json!(certificate));
        }
        if let Some((header, value)) = self.sender.handed_on() {
            query.insert("headers".to_owned(), json!({ header: value }));
        }
        Value::Object(query)
    }
}

/// The token of an example. Many examples share one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Token(Option<Arc<Written>>);

/// A token as it is written, and as the engine reads it.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    claims: Map<String, Value>,
    read: Claims,
    token_type: TokenType,
}

impl Token {
    /// A token that is valid but for what its claims say; nothing where they cannot be those of a
    /// token.
    pub fn new(claims: Map<String, Value>) -> Option<Self> {
        let text = Value::Object(claims.clone()).to_string();
        let read = Claims::from_json(text.as_bytes()).ok()?;
        let written = Written { claims, read, token_type: TokenType::Absent };
        Some(Self(Some(Arc::new(written))))
    }

    /// The same token of another type.
    #[must_use]
    pub fn of_type(mut self, token_type: &TokenType) -> Self {
        if let Some(written) = &mut self.0 {
            Arc::make_mut(written).token_type = token_type.clone();
        }
        self
    }

    /// The claims as they are written; absent where there is no token.
    pub fn as_map(&self) -> Option<&Map<String, Value>> {
        self.0.as_ref().map(|written| &written.claims)
    }

    /// The claims as the engine reads them; absent where there is no token.
    pub fn claims(&self) -> Option<&Claims> {
        self.0.as_ref().map(|written| &written.read)
    }

    /// What the engine takes for the token.
    pub(super) fn asserted(&self) -> Option<Asserted<'_>> {
        let Written { read, token_type, .. } = self.0.as_deref()?;
        Some(Asserted { claims: read, token_type })
    }

    /// The type that its header gives it; absent where there is no token, or it gives none.
    pub fn type_name(&self) -> Option<&str> {
        match &self.0.as_ref()?.token_type {
            TokenType::Named(name) => Some(name),
            TokenType::Absent | TokenType::Unreadable => None,
        }
    }
}

/// The workload that sends an example.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    /// SPIFFE ID of the direct peer; absent: it has none.
    pub peer: Option<String>,
    /// The header in which the peer hands on an identity, and the SPIFFE ID.
    pub behind: Option<(String, String)>,
    /// SHA-256 of the certificate of whoever is behind the request, in hexadecimal digits; absent
    /// where nothing depends on it.
    pub certificate: Option<String>,
}

impl Sender {
    /// The name and the value of the header in which an identity is handed on.
    pub fn handed_on(&self) -> Option<(&str, String)> {
        let (header, id) = self.behind.as_ref()?;
        let value = match &self.certificate {
            Some(hash) => format!("Hash={hash};URI={id}"),
            None => format!("URI={id}"),
        };
        Some((header, value))
    }

    /// The same sender with a certificate that tokens are bound to.
    #[must_use]
    pub(super) fn showing(&self, certificate: Option<Thumbprint>) -> Self {
        Self { certificate: certificate.map(Thumbprint::to_hex), ..self.clone() }
    }

    /// Who is behind its requests to those who recognise workloads so.
    pub(super) fn source(&self, identities: &Identities) -> Source {
        self.ask(|request| identities.source(&self.peer(), request))
    }

    /// Whether a token with these claims is its own, to those who recognise workloads so.
    pub(super) fn holds(&self, rule: &JwtRule, claims: &Claims, identities: &Identities) -> bool {
        let cnf = Confirmation::of(claims);
        let judge = |request: &Request<'_>| {
            holder::judge(rule, claims, cnf, identities, &self.peer(), request, &mut NoTrace)
        };
        self.ask(judge).is_ok()
    }

    fn ask<T>(&self, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let handed_on = self.handed_on();
        let headers = handed_on.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        ask(&Request { headers: headers.collect(), claims: None })
    }

    /// The SHA-256 of the direct peer's own certificate, where something depends on it.
    pub fn own_certificate(&self) -> Option<&str> {
        self.certificate.as_deref().filter(|_| self.behind.is_none())
    }

    /// What an engine is told of the peer's certificate.
    pub fn peer(&self) -> KnownCertificate<'_> {
        KnownCertificate {
            uri_sans: self.peer.as_deref().unwrap_or_default(),
            sha256: self.own_certificate().unwrap_or_default(),
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Whether it passes.
    pub allowed: bool,
    /// Its status; 200 stands for whatever the upstream answers.
    pub status: u16,
    /// Reason code.
    pub reason: Cow<'static, str>,
    /// The rule that lets it pass.
    pub rule: Option<String>,
    /// The server that governs its host.
    pub server: Option<String>,
}

/// An engine that decides examples.
#[derive(Debug)]
pub struct Judge {
    engine: Engine,
    keys: KeyRing,
    now: u64,
}

impl Judge {
    /// Decides by a policy at `now` (Unix seconds).
    ///
    /// # Errors
    /// When the policy is not sound.
    pub fn new(policy: &Policy, now: u64) -> Result<Self, PolicyError> {
        Ok(Self { engine: Engine::new(policy.clone())?, keys: KeyRing::new(0), now })
    }

    /// The answer to an example.
    pub fn decide(&self, example: &Example) -> Answer {
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", example.method.as_bytes()),
            (b":scheme", b"https"),
            (b":authority", example.host.as_bytes()),
        ];
        headers.extend(example.path.iter().map(|path| (&b":path"[..], path.as_bytes())));
        let handed_on = example.sender.handed_on();
        headers.extend(handed_on.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let request = Request { headers, claims: example.token.asserted() };
        let mut cache: TokenCache<Rc<Verified>> = TokenCache::new(1, 1, 0);
        let mut context = Context {
            now: self.now,
            keys: &self.keys,
            verifier: &SoftwareVerifier,
            peer: &example.sender.peer(),
            cache: &mut cache,
        };
        // Claims need no keys, and nothing else that stands for a token is sent.
        let decision = self.engine.decide(&request, &mut context, &mut NoTrace).without_waiting();
        let (allowed, status) = match &decision.outcome {
            Outcome::Allow(_) => (true, 200),
            Outcome::Deny(denial) => (false, denial.status),
        };
        let rule = decision.rule.map(str::to_owned);
        let server = decision.server.map(str::to_owned);
        Answer { allowed, status, reason: decision.code(), rule, server }
    }
}
