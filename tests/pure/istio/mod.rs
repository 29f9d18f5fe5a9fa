//! `--to wasm-plugin` and `--to istio-native`: objects that Istio's API server takes, and that
//! decide what the Gateway decides.
//!
//! | module | what is shown |
//! |---|---|
//! | `plugin` | the WasmPlugin and what it needs |
//! | `interplay` | which objects each row of the interplay table gives, and that they agree |
//! | `generated` | generated Gateways and requests, decided by the engine and by the objects |
//! | `refused` | what Istio cannot say is an error, or narrower when asked for |
//! | `types` | every object that the other tests make fits Istio's types |
//! | `evaluate`, `envoy_rbac` | what Istio and Envoy decide from the objects |

mod envoy_rbac;
mod evaluate;
mod generated;
mod interplay;
mod plugin;
mod refused;
mod types;

use egress_auth::compile::{self, Compiled, Options};
use egress_auth::emit::istio::{Emitted, Version, native};
use egress_auth::engine::source::NoPeerCertificate;
use egress_auth::engine::{Asserted, Context, Engine, KeyRing, NoTrace, Outcome, Request, Verdict};
use egress_auth::jwt::{Claims, SoftwareVerifier, TokenCache, TokenType};
use egress_auth::resource::diagnostic::{Diagnostics, Severity};
use egress_auth::resource::document;
use egress_auth::resource::source::Sources;
use serde_json::Value;

const PAYMENTS: &str = include_str!("../../../envoy/examples/payments.yaml");

/// Both mechanisms, one host under each, and one under both.
const BOTH: &str = include_str!("../../istio/both.yaml");

/// Compiles the one Gateway of a text.
fn compile_with(text: &str, options: &Options) -> Result<Compiled, Vec<String>> {
    let mut sources = Sources::default();
    sources.add("gateway.yaml".to_owned(), text.to_owned());
    let mut diagnostics = Diagnostics::default();
    let documents = document::read_all(&sources, &mut diagnostics);
    let hierarchy = document::hierarchy(&documents, &mut diagnostics);
    let gateway = document::gateways(&documents, true, &mut diagnostics).pop();
    let compiled = gateway
        .and_then(|gateway| compile::compile(gateway, &hierarchy, options, &mut diagnostics));
    compiled.filter(|_| !diagnostics.has_errors()).ok_or_else(|| errors(&diagnostics))
}

fn compiled(text: &str) -> Compiled {
    compile_with(text, &Options::default()).unwrap()
}

fn errors(diagnostics: &Diagnostics) -> Vec<String> {
    let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
    errors.map(|it| it.message.clone()).collect()
}

fn native(compiled: &Compiled, allow_narrower: bool) -> Emitted {
    let options =
        native::Options { version: Version::NEWEST, allow_narrower, http2_hosts: Vec::new() };
    native::objects(compiled, &options)
}

/// The objects, which have to be there and to fit Istio's types.
fn objects(emitted: Emitted) -> Vec<Value> {
    assert_eq!(errors(&emitted.findings), [""; 0]);
    types::assert_fit(&emitted.objects);
    emitted.objects
}

/// The kinds of what decides, without the hosts that are reached.
fn deciding(objects: &[Value]) -> Vec<&str> {
    let mut kinds = kinds(objects);
    kinds.retain(|kind| !["ServiceEntry", "DestinationRule"].contains(kind));
    kinds
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["kind"].as_str().unwrap()).collect()
}

/// A request, as both sides see it.
#[derive(Debug, Clone)]
struct Asked {
    authority: String,
    method: String,
    path: String,
    /// Those of a token whose signature holds.
    claims: Option<Value>,
    /// The URI in the client's certificate.
    source: Option<String>,
}

/// What the filter decides.
fn engine_allows(engine: &Engine, asked: &Asked) -> bool {
    let claims =
        asked.claims.as_ref().map(|it| Claims::from_json(it.to_string().as_bytes()).unwrap());
    let headers = [
        (":authority", asked.authority.as_str()),
        (":method", &asked.method),
        (":path", &asked.path),
        (":scheme", "http"),
    ];
    let request = Request {
        headers: headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
        claims: claims.as_ref().map(|claims| Asserted { claims, token_type: &TokenType::Absent }),
    };
    let source = asked.source.as_deref();
    let mut context = Context {
        now: 1_700_000_000,
        keys: &KeyRing::new(engine.remote_jwks().len()),
        verifier: &SoftwareVerifier,
        peer: source.as_ref().map_or(&NoPeerCertificate, |source| source),
        cache: &mut TokenCache::new(1, 1, 0),
    };
    match engine.decide(&request, &mut context, &mut NoTrace) {
        Verdict::Decided(decision) => matches!(decision.outcome, Outcome::Allow(_)),
        Verdict::AwaitKeys(_) => panic!("claims need no keys"),
    }
}
