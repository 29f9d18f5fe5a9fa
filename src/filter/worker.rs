//! One worker's state: decides requests, holds those that wait for keys, applies decisions.

use std::rc::Rc;

use super::PEER_URI_SANS;
use super::catalogue;
use super::header_map;
use super::host::{self, Action, LogLevel, Map};
use super::keys::Documents;
use super::metrics::{Counter, Gauge, Requests, Sink};
use super::report;
use super::schedule::{EarlyRefresh, MAX_WAIT_MS};
use super::verifier::HostVerifier;
use crate::engine::{
    Await, Context, Decision, Denial, Engine, Mutations, NoTrace, Outcome, PeerCertificate,
    Request, Verdict, Verified,
};
use crate::jwt::TokenCache;
use crate::policy;

/// Requests of one worker that may wait for keys at once.
const MAX_WAITING: usize = 1_000;
/// Tick at once, while something waits or is fetched, and otherwise.
const SOON_MS: u32 = 1;
const BUSY_TICK_MS: u32 = 50;
const IDLE_TICK_MS: u32 = 1_000;
/// Bounds of the cache of verified tokens.
const CACHE_ENTRIES: usize = 2_048;
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The state of one worker under one configuration.
#[derive(Debug)]
pub struct Worker {
    root_id: u32,
    engine: Engine,
    verifier: HostVerifier,
    documents: Documents,
    cache: TokenCache<Rc<Verified>>,
    waiting: Vec<Waiting>,
    tick_ms: u32,
    requests: Requests,
    tokens: Tokens,
    /// Says which policy is in force; absent once it was said.
    info: Option<Gauge>,
}

/// What the cache and the verifier count.
#[derive(Debug)]
struct Tokens {
    hit: Counter,
    miss: Counter,
    evicted: Counter,
    by_host: Counter,
    by_wasm: Counter,
}

impl Tokens {
    fn new() -> Self {
        let cache = |result| Counter::new(&catalogue::TOKEN_CACHE, [result]);
        let verify = |by| Counter::new(&catalogue::VERIFY, [by]);
        Self {
            hit: cache("hit"),
            miss: cache("miss"),
            evicted: cache("evicted"),
            by_host: verify("host"),
            by_wasm: verify("wasm"),
        }
    }
}

/// A request that waits for keys.
#[derive(Debug)]
struct Waiting {
    context_id: u32,
    document: usize,
    /// Finished fetches of the document when the request came.
    attempts: u64,
    /// When the waiting ends, in milliseconds since the Unix epoch.
    deadline: u64,
}

/// The direct peer of the current stream.
struct Peer;

impl PeerCertificate for Peer {
    /// All names where the listener notes them down (`--to envoy` makes it do so), else the
    /// first, which is all that Envoy tells of itself.
    fn uri_sans(&self) -> Vec<u8> {
        host::property(&["filter_state", PEER_URI_SANS])
            .or_else(|| host::property(&["connection", "uri_san_peer_certificate"]))
            .unwrap_or_default()
    }
}

/// What to do with a request now.
enum Step<'e> {
    Apply(Decision<'e>),
    Wait(usize),
}

impl Worker {
    /// Starts with an engine; the first tick fetches what no other worker has fetched.
    /// `hash` stands for the configuration in metrics.
    pub fn new(root_id: u32, engine: Engine, hash: &str, seed: u64) -> Self {
        let documents = Documents::new(&engine);
        let mut worker = Self {
            root_id,
            verifier: HostVerifier::probe(),
            documents,
            cache: TokenCache::new(CACHE_ENTRIES, CACHE_BYTES, seed),
            waiting: Vec::new(),
            tick_ms: 0,
            requests: Requests::default(),
            tokens: Tokens::new(),
            info: Some(Gauge::new(&catalogue::POLICY_INFO, [&policy::VERSION.to_string(), hash])),
            engine,
        };
        worker.adjust_tick();
        worker
    }

    /// One line for the log.
    pub fn describe(&self) -> String {
        format!(
            "policy of {} in force; signatures: {}",
            self.engine.gateway(),
            self.verifier.describe()
        )
    }

    /// One more line where the policy does not enforce all that it says.
    pub fn describe_tried_out(&self) -> Option<String> {
        Some(format!("only tried out, denies nothing: {}", self.engine.tried_out()?))
    }

    /// Decides a request whose headers have arrived.
    pub fn on_request(&mut self, context_id: u32) -> Action {
        let Some(now) = host::now_ms() else { return refuse_broken() };
        let Some(map) = host::headers(Map::RequestHeaders) else { return refuse_broken() };
        let Some(headers) = header_map::parse(&map) else { return refuse_broken() };
        let request = Request { headers, claims: None };
        let mut verdict =
            decide(&self.engine, &self.documents, &self.verifier, &mut self.cache, &request, now);
        // Another worker may have fetched since this one last looked. To ask for a fetch once in
        // every worker would use up what is granted, and the last would be refused.
        let lacking = match &verdict {
            Verdict::AwaitKeys(wait) => Some(wait.document),
            Verdict::Decided(_) => None,
        };
        if lacking.is_some_and(|document| self.documents.learn(document)) {
            verdict = decide(
                &self.engine,
                &self.documents,
                &self.verifier,
                &mut self.cache,
                &request,
                now,
            );
        }
        let step = match verdict {
            Verdict::Decided(decision) => Step::Apply(decision),
            Verdict::AwaitKeys(wait) => {
                hold(&mut self.documents, self.waiting.len() < MAX_WAITING, wait, now)
            }
        };
        let document = match step {
            Step::Apply(decision) => {
                self.requests.count(&decision);
                return apply(&self.engine, &decision, &request);
            }
            Step::Wait(document) => document,
        };
        let attempts = self.documents.schedule(document).map_or(0, |schedule| schedule.attempts);
        let deadline = now.saturating_add(MAX_WAIT_MS);
        self.waiting.push(Waiting { context_id, document, attempts, deadline });
        // Only the root context can fetch: it outlives this stream.
        self.tick_every(SOON_MS);
        Action::Pause
    }

    /// Removes from request trailers what no header may say: upstreams may treat them as headers.
    pub fn on_request_trailers(&self) -> Action {
        let Some(map) = host::headers(Map::RequestTrailers) else { return refuse_broken() };
        let Some(trailers) = header_map::parse(&map) else { return refuse_broken() };
        let forged =
            trailers.iter().filter(|(name, value)| self.engine.is_reserved_trailer(name, value));
        for (name, _) in forged {
            if !host::remove_header(Map::RequestTrailers, name) {
                return refuse_broken();
            }
        }
        Action::Continue
    }

    /// Fetches what is due, takes over what others fetched, and lets waiting requests go on.
    pub fn on_tick(&mut self) {
        let Some(now) = host::now_ms() else { return };
        self.documents.synchronize();
        self.documents.fetch_due(now);
        self.wake(now);
        self.flush(now);
        self.adjust_tick();
    }

    /// Hands over what was counted and not yet handed over, for the last time.
    pub fn end(mut self) {
        self.flush_counts();
    }

    /// Hands over what was counted since the last tick.
    fn flush(&mut self, now: u64) {
        let sink = &host::Stats;
        if let Some(info) = self.info.take() {
            replace_gauge(&format!("policy_info|{}", self.engine.gateway()), info, sink);
        }
        self.documents.record(now, sink);
        self.flush_counts();
    }

    fn flush_counts(&mut self) {
        let sink = &host::Stats;
        self.requests.flush(sink);
        self.documents.flush(sink);
        let (by_host, by_wasm) = self.verifier.counts();
        for (counter, total) in [
            (&mut self.tokens.hit, self.cache.hits()),
            (&mut self.tokens.miss, self.cache.misses()),
            (&mut self.tokens.evicted, self.cache.evictions()),
            (&mut self.tokens.by_host, by_host),
            (&mut self.tokens.by_wasm, by_wasm),
        ] {
            counter.add_up_to(total);
            counter.flush(sink);
        }
    }

    /// Takes the response of a fetch.
    pub fn on_fetched(&mut self, call: u32) {
        let Some(now) = host::now_ms() else { return };
        self.documents.on_response(call, now);
        self.wake(now);
        self.adjust_tick();
    }

    /// Forgets waiting requests that have ended, and decides again every other one that has
    /// something new to learn.
    fn wake(&mut self, now: u64) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.retain(|waiting| host::set_effective_context(waiting.context_id));
        let documents = &self.documents;
        let is_ready = |waiting: &mut Waiting| {
            let attempts = documents.schedule(waiting.document).map_or(0, |s| s.attempts);
            waiting.deadline <= now || attempts > waiting.attempts
        };
        let ready: Vec<Waiting> = self.waiting.extract_if(.., is_ready).collect();
        for waiting in ready {
            if host::set_effective_context(waiting.context_id) {
                self.decide_again(waiting, now);
            }
        }
        host::set_effective_context(self.root_id);
    }

    fn decide_again(&mut self, waiting: Waiting, now: u64) {
        let map = host::headers(Map::RequestHeaders);
        let Some(headers) = map.as_deref().and_then(header_map::parse) else {
            refuse_broken();
            return;
        };
        let request = Request { headers, claims: None };
        let verdict =
            decide(&self.engine, &self.documents, &self.verifier, &mut self.cache, &request, now);
        let decision = match verdict {
            Verdict::Decided(decision) => decision,
            Verdict::AwaitKeys(wait) => {
                let schedule = self.documents.schedule(wait.document);
                let fetched = schedule.is_some_and(|s| s.attempts > waiting.attempts);
                let failing = schedule.is_none_or(|schedule| schedule.is_failing());
                match (wait.unknown_key, fetched, waiting.deadline <= now) {
                    // The newest document does not hold the key, or none came in time.
                    (true, true, _) if !failing => wait.unknown_key(),
                    (true, false, true) => wait.unknown_key(),
                    (true, true, _) | (false, _, true) => wait.unavailable(),
                    // Nothing is fetched yet; the next attempt may come in time.
                    (_, _, false) => return self.waiting.push(waiting),
                }
            }
        };
        self.requests.count(&decision);
        if matches!(apply(&self.engine, &decision, &request), Action::Continue) {
            host::resume_request();
        }
    }

    /// Ticks often while something waits, and now and then otherwise.
    fn adjust_tick(&mut self) {
        let wanted = match () {
            () if !self.waiting.is_empty() || self.documents.is_fetching() => BUSY_TICK_MS,
            () if !self.documents.are_complete() => BUSY_TICK_MS,
            () => IDLE_TICK_MS,
        };
        self.tick_every(wanted);
    }

    fn tick_every(&mut self, milliseconds: u32) {
        if milliseconds != self.tick_ms {
            self.tick_ms = milliseconds;
            host::set_tick_period(milliseconds);
        }
    }
}

/// Sets a gauge to one and the gauge that stood in its place to zero. Nobody tells a policy that it
/// is not in force any more, so the one that replaces it says so, once: the gauge's name is shared
/// by all workers of the process under `key`.
fn replace_gauge(key: &str, mut gauge: Gauge, sink: &impl Sink) {
    let previous = host::shared(key).and_then(|(name, _)| String::from_utf8(name).ok());
    if let Some(name) = previous.filter(|name| name != gauge.name()) {
        Gauge::named(name).record(0, sink);
    }
    host::set_shared(key, gauge.name().as_bytes(), 0);
    gauge.record(1, sink);
}

/// Decides by the keys that this worker knows now. It takes the parts of a worker that it needs,
/// so that the others can change while the decision lives.
fn decide<'e>(
    engine: &'e Engine,
    documents: &Documents,
    verifier: &HostVerifier,
    cache: &mut TokenCache<Rc<Verified>>,
    request: &Request<'_>,
    now: u64,
) -> Verdict<'e> {
    let keys = documents.ring();
    let mut context = Context { now: now / 1_000, keys, verifier, peer: &Peer, cache };
    engine.decide(request, &mut context, &mut NoTrace)
}

/// Whether a request waits for keys, or what it is told at once.
fn hold<'e>(documents: &mut Documents, room: bool, wait: Await<'e>, now: u64) -> Step<'e> {
    let document = wait.document;
    match (wait.unknown_key, room) {
        (_, false) => Step::Apply(wait.unavailable()),
        (false, true) => Step::Wait(document),
        (true, true) => match documents.request_early(document, now) {
            EarlyRefresh::Wait => Step::Wait(document),
            EarlyRefresh::Unknown => Step::Apply(wait.unknown_key()),
            EarlyRefresh::Unavailable => Step::Apply(wait.unavailable()),
        },
    }
}

/// Carries a decision out on the current stream.
fn apply(engine: &Engine, decision: &Decision<'_>, request: &Request<'_>) -> Action {
    if engine.is_logged(decision) {
        for (path, value) in report::fields(decision) {
            host::set_property(path, &value);
        }
    }
    if decision.shadow && host::logs(LogLevel::Info) {
        host::log(LogLevel::Info, &report::line("would deny", decision, 200, request));
    }
    match &decision.outcome {
        Outcome::Allow(mutations) => match mutate(mutations) {
            true => Action::Continue,
            false => refuse_broken(),
        },
        Outcome::Deny(denial) => {
            if host::logs(LogLevel::Info) {
                let line = report::line("denied", decision, denial.status, request);
                host::log(LogLevel::Info, &line);
            }
            let details = format!("egress_auth_{}", decision.reason);
            reply(denial, &details)
        }
    }
}

/// Changes the request headers; false if the host refuses any change.
fn mutate(mutations: &Mutations<'_>) -> bool {
    let map = Map::RequestHeaders;
    mutations.remove.iter().all(|name| host::remove_header(map, name.as_bytes()))
        && mutations.set.iter().all(|(name, value)| host::set_header(map, name, value))
}

/// Answers the current stream. It stays paused, and the reply ends it.
fn reply(denial: &Denial, details: &str) -> Action {
    let headers: Vec<(&[u8], &[u8])> =
        denial.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    host::send_local_reply(denial.status, details, &headers, denial.body);
    Action::Pause
}

/// Something that must work did not: the request is refused rather than let through unchecked.
pub fn refuse_broken() -> Action {
    host::log(LogLevel::Error, "refused: the host did not do what the filter needs");
    host::send_local_reply(500, "egress_auth_broken", &[], "Authorization is not available");
    Action::Pause
}
