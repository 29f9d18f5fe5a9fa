//! One worker's state: decides requests, holds those that wait for keys, carries decisions out.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{LogLevel, MapType};

use super::abi;
use super::keys::Keys;
use super::peer::Peer;
use super::standing::Standing;
use super::stats::Stats;
use super::verifier::HostVerifier;
use crate::engine::{Decision, Denial, Engine, Mutations, Outcome, Request};
use crate::filter::header_map;
use crate::filter::judge::{Answer, Judge, Wait};
use crate::filter::log_limit::LogLimit;
use crate::filter::metrics::{Counter, Requests};
use crate::filter::trail;
use crate::policy::AccessLogFields;
use crate::signals::catalogue;
use crate::signals::filter_state::DecisionField;

/// Requests of one worker that may wait for keys at once.
const MAX_WAITING: usize = 1_000;
/// Milliseconds until the next tick: at once; while something waits; otherwise, and at most.
const SOON_MS: u64 = 1;
const BUSY_TICK_MS: u64 = 50;
const IDLE_TICK_MS: u64 = 1_000;

/// The state of one worker under one configuration.
#[derive(Debug)]
pub struct Worker {
    root_id: u32,
    judge: Judge<Keys, HostVerifier>,
    waiting: Vec<Waiting>,
    tick_ms: u64,
    /// When counts are handed over next, in milliseconds since the Unix epoch.
    flush_at: u64,
    requests: Requests,
    tokens: Tokens,
    standing: Standing,
    conduct: Conduct,
    /// Requests so far.
    asked: u64,
}

/// How decisions are carried out.
#[derive(Debug)]
struct Conduct {
    /// Which decisions leave fields for access logs.
    fields: AccessLogFields,
    /// Whether Envoy writes what denied requests leave in the log, as of the last tick.
    logs: bool,
    /// How many lines of them.
    log_limit: LogLimit,
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

/// What has become of a request.
#[derive(Debug)]
pub enum Passage {
    /// It goes on.
    Open,
    /// It was answered, or nothing is known of it: it never goes on.
    Refused,
    /// It waits for keys.
    Waits(Rc<Place>),
}

impl Passage {
    /// Whether the request may go on.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Refused => false,
            Self::Waits(place) => place.open.get(),
        }
    }
}

/// The place of a request among those that wait. Its stream holds it: when the stream ends, the
/// place is gone.
#[derive(Debug, Default)]
pub struct Place {
    open: Cell<bool>,
}

#[derive(Debug)]
struct Waiting {
    context_id: u32,
    place: Weak<Place>,
    wait: Wait,
}

impl Worker {
    /// Starts with an engine; the first tick fetches what no other worker has fetched. `hash`
    /// stands for the configuration in metrics. Absent if the host does not tell the time.
    pub fn new(root_id: u32, engine: Engine, hash: &str, seed: u64) -> Option<Self> {
        let now = abi::now_ms()?;
        let standing = Standing::new(engine.gateway(), hash, now);
        let fields = engine.access_log_fields();
        let conduct = Conduct { fields, logs: true, log_limit: LogLimit::default() };
        let documents = Keys::new(&engine);
        let mut worker = Self {
            root_id,
            judge: Judge::new(engine, documents, HostVerifier::probe(), seed),
            waiting: Vec::new(),
            tick_ms: 0,
            flush_at: 0,
            requests: Requests::default(),
            tokens: Tokens::new(),
            standing,
            conduct,
            asked: 0,
        };
        worker.tick_in(SOON_MS);
        Some(worker)
    }

    /// One line for the log.
    pub fn describe(&self) -> String {
        let (gateway, verifier) = (self.judge.engine().gateway(), &self.judge.verifier);
        format!("policy of {gateway} in force; signatures: {}", verifier.describe())
    }

    /// One more line where the policy does not enforce all that it says.
    pub fn describe_tried_out(&self) -> Option<String> {
        let tried_out = self.judge.engine().tried_out()?;
        Some(format!("only tried out, denies nothing: {tried_out}"))
    }

    /// Decides a request whose headers have arrived.
    pub fn on_request(&mut self, context_id: u32) -> Passage {
        self.asked = self.asked.saturating_add(1);
        let Some(now) = abi::now_ms() else { return refuse_broken() };
        let Some(map) = abi::header_pairs(MapType::HttpRequestHeaders) else {
            return refuse_broken();
        };
        let Some(headers) = header_map::parse(&map) else { return refuse_broken() };
        let request = Request { headers, claims: None };
        let room = self.has_room();
        let wait = match self.judge.on_arrival(&request, &Peer, now, room) {
            Answer::Decided(decision) => {
                self.requests.count(&decision);
                return self.conduct.apply(&decision, &request, now);
            }
            Answer::Wait(wait) => wait,
        };
        let place = Rc::new(Place::default());
        self.waiting.push(Waiting { context_id, place: Rc::downgrade(&place), wait });
        // Only the root context can fetch: it outlives this stream.
        self.tick_in(SOON_MS);
        Passage::Waits(place)
    }

    /// Whether one more request may wait. Those that have ended are looked for when it matters.
    fn has_room(&mut self) -> bool {
        if self.waiting.len() >= MAX_WAITING {
            self.forget_ended();
        }
        self.waiting.len() < MAX_WAITING
    }

    fn forget_ended(&mut self) {
        self.waiting.retain(|waiting| waiting.place.strong_count() > 0);
    }

    /// Removes from request trailers what no header may say, as upstreams may treat them so; whether
    /// the host did what that takes.
    pub fn clean_trailers(&self) -> bool {
        let Some(map) = abi::header_pairs(MapType::HttpRequestTrailers) else { return false };
        let Some(trailers) = header_map::parse(&map) else { return false };
        let engine = self.judge.engine();
        let mut forged =
            trailers.iter().filter(|(name, value)| engine.is_reserved_trailer(name, value));
        forged.all(|(name, _)| abi::remove_header(MapType::HttpRequestTrailers, name))
    }

    /// Fetches what is due, takes over what others fetched, and lets waiting requests go on.
    /// `open` counts the requests that have not ended.
    pub fn on_tick(&mut self, open: usize) {
        let Some(now) = abi::now_ms() else { return };
        self.conduct.logs = abi::logs(LogLevel::Info);
        let waited_for = self.waiting.iter().map(|waiting| waiting.wait.document);
        self.judge.documents.on_tick(now, waited_for);
        self.wake(now);
        if self.flush_at <= now {
            self.flush_at = now.saturating_add(IDLE_TICK_MS);
            self.standing.on_flush(now, self.asked, open);
            self.judge.documents.record(now, &Stats);
            self.flush();
            log_denials(&self.conduct.log_limit.counts());
        }
        self.adjust_tick(now);
    }

    /// Takes the response of a fetch.
    pub fn on_fetched(&mut self, call: u32) {
        let Some(now) = abi::now_ms() else { return };
        self.judge.documents.on_response(call, now);
        self.wake(now);
        self.adjust_tick(now);
    }

    /// The configuration is not used any more.
    pub fn on_end(&mut self) {
        self.standing.end();
        self.flush();
        log_denials(&self.conduct.log_limit.last_counts());
    }

    /// Hands over what was counted.
    fn flush(&mut self) {
        let Judge { documents, verifier, cache, .. } = &mut self.judge;
        self.requests.flush(&Stats);
        documents.flush(&Stats);
        let (by_host, by_wasm) = verifier.counts();
        for (counter, total) in [
            (&mut self.tokens.hit, cache.hits()),
            (&mut self.tokens.miss, cache.misses()),
            (&mut self.tokens.evicted, cache.evictions()),
            (&mut self.tokens.by_host, by_host),
            (&mut self.tokens.by_wasm, by_wasm),
        ] {
            counter.add_up_to(total);
            counter.flush(&Stats);
        }
    }

    /// Forgets waiting requests that have ended, and decides again every other one that has
    /// something new to learn, or whose policy was replaced.
    fn wake(&mut self, now: u64) {
        self.forget_ended();
        if self.waiting.is_empty() {
            return;
        }
        let replaced_before = self.standing.replaced_before();
        let judge = &self.judge;
        let is_ready = |waiting: &mut Waiting| {
            waiting.wait.since < replaced_before || judge.is_ready(&waiting.wait, now)
        };
        let ready: Vec<Waiting> = self.waiting.extract_if(.., is_ready).collect();
        for waiting in ready {
            if let Some(place) = waiting.place.upgrade()
                && hostcalls::set_effective_context(waiting.context_id).is_ok()
            {
                let replaced = waiting.wait.since < replaced_before;
                self.decide_again(waiting, &place, now, replaced);
            }
        }
        // What follows is the root's. The host knows it: it is calling it.
        let _ = hostcalls::set_effective_context(self.root_id);
    }

    fn decide_again(&mut self, waiting: Waiting, place: &Place, now: u64, replaced: bool) {
        let map = abi::header_pairs(MapType::HttpRequestHeaders);
        let Some(headers) = map.as_deref().and_then(header_map::parse) else {
            refuse_broken();
            return;
        };
        let request = Request { headers, claims: None };
        let answer = match replaced {
            true => self.judge.on_replaced(&request, &Peer, now).map(Answer::Decided),
            false => Some(self.judge.on_waking(&request, &Peer, now, &waiting.wait)),
        };
        let decision = match answer {
            Some(Answer::Decided(decision)) => decision,
            Some(Answer::Wait(_)) => return self.waiting.push(waiting),
            None => {
                refuse_broken();
                return;
            }
        };
        self.requests.count(&decision);
        if self.conduct.apply(&decision, &request, now).is_open() {
            place.open.set(true);
            abi::resume_request();
        }
    }

    /// Ticks when something is due next, and often while something waits.
    fn adjust_tick(&mut self, now: u64) {
        let due = self.judge.documents.next().unwrap_or(u64::MAX).min(self.flush_at);
        let most = if self.waiting.is_empty() { IDLE_TICK_MS } else { BUSY_TICK_MS };
        self.tick_in(due.saturating_sub(now).clamp(SOON_MS, most));
    }

    fn tick_in(&mut self, milliseconds: u64) {
        if milliseconds != self.tick_ms {
            self.tick_ms = milliseconds;
            // The crate panics where the host refuses, for nothing would ever be fetched then.
            let _ = hostcalls::set_tick_period(Duration::from_millis(milliseconds));
        }
    }
}

impl Conduct {
    /// Carries a decision out on the current stream.
    fn apply(&mut self, decision: &Decision<'_>, request: &Request<'_>, now: u64) -> Passage {
        if trail::leaves_fields(self.fields, decision) {
            for field in DecisionField::ALL {
                abi::set_property(field.name(), &trail::value(field, decision));
            }
        }
        if self.logs && trail::leaves_line(decision) && self.log_limit.admits(decision, now) {
            log_denials(&[trail::line(decision, request)]);
        }
        match &decision.outcome {
            Outcome::Allow(mutations) if mutate(mutations) => Passage::Open,
            Outcome::Allow(_) => refuse_broken(),
            Outcome::Deny(denial) => reply(denial, &format!("egress_auth_{}", decision.reason)),
        }
    }
}

fn log_denials(lines: &[String]) {
    lines.iter().for_each(|line| abi::log(LogLevel::Info, line));
}

/// Changes the request headers; false if the host refuses any change.
fn mutate(mutations: &Mutations<'_>) -> bool {
    let remove = |name: &[u8]| abi::remove_header(MapType::HttpRequestHeaders, name);
    mutations.remove.iter().all(|name| remove(name.as_bytes()))
        && mutations.set.iter().all(|(name, value)| abi::set_header(name, value))
}

/// Answers the current stream. It stays paused, and the reply ends it.
fn reply(denial: &Denial, details: &str) -> Passage {
    let headers: Vec<(&[u8], &[u8])> =
        denial.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    abi::send_local_reply(denial.status, details, &headers, denial.body);
    Passage::Refused
}

/// Something that must work did not: the request is refused rather than let through unchecked.
pub fn refuse_broken() -> Passage {
    abi::log(LogLevel::Error, "refused: the host did not do what the filter needs");
    abi::send_local_reply(500, "egress_auth_broken", &[], "Authorization is not available");
    Passage::Refused
}
