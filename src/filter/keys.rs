//! JWKS documents: fetched by one worker of the process, shared by all.
//!
//! Two values per document lie in the data that Envoy shares between workers: its
//! [`Schedule`] and the document itself. Whoever wins the compare-and-swap on the schedule
//! fetches; everybody else sees the version grow and reads the document.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::catalogue::{self, Fetched};
use super::header_map;
use super::host::{self, LogLevel, Map};
use super::metrics::{Counter, Gauge, Sink};
use super::schedule::{EarlyRefresh, FETCH_TIMEOUT_MS, Schedule, fresh_ms};
use crate::engine::{Engine, KeyRing, RemoteJwks};
use crate::jwt::{KeyOrigin, KeySet, MAX_JWKS_BYTES};

/// How often a compare-and-swap is tried again before giving up until the next tick.
const MAX_SWAPS: usize = 8;
/// Longest part of an error response that is logged.
const MAX_LOGGED_BYTES: usize = 200;

/// The documents of one engine as one worker knows them.
#[derive(Debug)]
pub struct Documents {
    documents: Vec<Document>,
    ring: KeyRing,
}

#[derive(Debug)]
struct Document {
    remote: RemoteJwks,
    /// What this worker last saw of the shared schedule.
    seen: Schedule,
    /// The call that is under way, if this worker fetches.
    call: Option<u32>,
    issuer: String,
    /// Finished fetches by result.
    fetches: Vec<(Fetched, Counter)>,
    age: Gauge,
    keys: Gauge,
}

/// Why a fetch failed: for the counter and for the log.
type Failed = (Fetched, String);

impl Documents {
    /// The documents that an engine needs, with what other workers have fetched already.
    pub fn new(engine: &Engine) -> Self {
        let documents = engine.remote_jwks().iter().enumerate().map(|(index, remote)| {
            let issuer = engine.issuer_of(index).to_owned();
            Document {
                remote: remote.clone(),
                seen: Schedule::default(),
                call: None,
                fetches: Vec::new(),
                age: Gauge::new(&catalogue::JWKS_AGE_SECONDS, [&issuer]),
                keys: Gauge::new(&catalogue::JWKS_KEYS, [&issuer]),
                issuer,
            }
        });
        let documents: Vec<Document> = documents.collect();
        let ring = KeyRing::new(documents.len());
        let mut this = Self { documents, ring };
        this.synchronize();
        this
    }

    /// The keys known to this worker.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Whether every document has been fetched at least once.
    pub fn are_complete(&self) -> bool {
        self.documents.iter().all(|document| document.seen.version > 0)
    }

    /// The schedule of a document as this worker last saw it.
    pub fn schedule(&self, document: usize) -> Option<&Schedule> {
        self.documents.get(document).map(|document| &document.seen)
    }

    /// Takes over what other workers have fetched.
    pub fn synchronize(&mut self) {
        for index in 0..self.documents.len() {
            self.learn(index);
        }
    }

    /// Hands over what was counted.
    pub fn flush(&mut self, sink: &impl Sink) {
        let counters = self.documents.iter_mut().flat_map(|document| &mut document.fetches);
        counters.for_each(|(_, counter)| counter.flush(sink));
    }

    /// Records how old and how many the keys are.
    pub fn record(&mut self, now: u64, sink: &impl Sink) {
        for (index, document) in self.documents.iter_mut().enumerate() {
            let keys = self.ring.keys(index);
            if keys.is_some() {
                let age = now.saturating_sub(document.seen.fetched_at) / 1_000;
                document.age.record(age, sink);
            }
            // Recorded without keys too: what is not there cannot be watched.
            let count = keys.map_or(0, |keys| u64::try_from(keys.len()).unwrap_or(u64::MAX));
            document.keys.record(count, sink);
        }
    }

    /// Takes over what other workers have fetched of one document; whether that is news.
    pub fn learn(&mut self, index: usize) -> bool {
        let Some(document) = self.documents.get_mut(index) else { return false };
        let (schedule, _) = document.load();
        let mut news = false;
        if schedule.version != document.seen.version
            && let Some((json, _)) = host::shared(&document.body_key())
            && let Ok(keys) = KeySet::parse(&json, KeyOrigin::Remote)
        {
            self.ring.replace(index, Arc::new(keys));
            news = true;
        }
        document.seen = schedule;
        news
    }

    /// Whether this worker is fetching.
    pub fn is_fetching(&self) -> bool {
        self.documents.iter().any(|document| document.call.is_some())
    }

    /// Starts every fetch that is due and that no other worker has started, and keeps the right
    /// to those under way. Callable in callbacks of the root context only: the response goes to
    /// the context that called, and must find it.
    pub fn fetch_due(&mut self, now: u64) {
        for document in &mut self.documents {
            if document.call.is_some() {
                document.update(|schedule| schedule.renew_lease(now));
                continue;
            }
            // Looking is cheaper than swapping, and nearly always enough.
            if document.seen.clone().take_lease(now)
                && document.update(|schedule| schedule.take_lease(now))
            {
                document.fetch(now);
            }
        }
    }

    /// Asks for a fetch because a token names a key that the document does not hold.
    pub fn request_early(&mut self, document: usize, now: u64) -> EarlyRefresh {
        match self.documents.get_mut(document) {
            Some(document) => document.update(|schedule| schedule.request_early(now)),
            None => EarlyRefresh::Unavailable,
        }
    }

    /// Takes the response of a fetch that this worker started.
    pub fn on_response(&mut self, call: u32, now: u64) {
        let Some(document) = self.documents.iter_mut().find(|d| d.call == Some(call)) else {
            return;
        };
        document.call = None;
        match read_response() {
            Ok((json, fresh_ms)) => {
                let known = host::shared(&document.body_key());
                let changed =
                    document.seen.version == 0 || known.is_none_or(|(known, _)| known != json);
                if changed {
                    host::set_shared(&document.body_key(), &json, 0);
                }
                let random = random();
                document.count(Fetched::Ok);
                document.update(|s| s.succeeded(now, changed, fresh_ms, random));
            }
            Err(failed) => document.fail(now, failed),
        }
        self.synchronize();
    }
}

impl Document {
    fn schedule_key(&self) -> String {
        format!("jwks|{}|{}|schedule", self.remote.cluster, self.remote.uri)
    }

    fn body_key(&self) -> String {
        format!("jwks|{}|{}|document", self.remote.cluster, self.remote.uri)
    }

    fn load(&self) -> (Schedule, u32) {
        match host::shared(&self.schedule_key()) {
            Some((bytes, cas)) => (Schedule::from_bytes(&bytes).unwrap_or_default(), cas),
            None => (Schedule::default(), 0),
        }
    }

    /// Changes the shared schedule. `change` may run several times, each on a fresh copy; when
    /// the swap is lost every time, what it granted is not granted.
    fn update<T: Default>(&mut self, mut change: impl FnMut(&mut Schedule) -> T) -> T {
        for _ in 0..MAX_SWAPS {
            let (mut schedule, cas) = self.load();
            let before = schedule.clone();
            let result = change(&mut schedule);
            if schedule == before {
                return result;
            }
            if host::set_shared(&self.schedule_key(), &schedule.to_bytes(), cas) {
                return result;
            }
        }
        T::default()
    }

    fn fetch(&mut self, now: u64) {
        let Some((scheme, authority, path)) = self.remote.authority_and_path() else {
            let reason = "the URI is not an absolute http or https URI".to_owned();
            return self.fail(now, (Fetched::NoCluster, reason));
        };
        let headers = [
            (":method", "GET"),
            (":scheme", scheme),
            (":authority", authority),
            (":path", path),
            ("accept", "application/json, application/jwk-set+json"),
        ]
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        self.call = host::http_call(&self.remote.cluster, &headers, FETCH_TIMEOUT_MS);
        if self.call.is_none() {
            let reason = format!("no cluster `{}` that can be called", self.remote.cluster);
            self.fail(now, (Fetched::NoCluster, reason));
        }
    }

    fn count(&mut self, fetch: Fetched) {
        if let Some((_, counter)) = self.fetches.iter_mut().find(|(known, _)| *known == fetch) {
            return counter.add(1);
        }
        let values = [&*self.issuer, fetch.as_str()];
        let mut counter = Counter::new(&catalogue::JWKS_FETCH, values);
        counter.add(1);
        self.fetches.push((fetch, counter));
    }

    fn fail(&mut self, now: u64, (fetch, reason): Failed) {
        self.count(fetch);
        let line = format!("JWKS fetch failed: uri={} reason={reason}", self.remote.uri);
        host::log(LogLevel::Warn, &line);
        let random = random();
        self.update(|schedule| schedule.failed(now, random));
    }
}

/// The document of a good response and how long it stays fresh, or why it is not good.
fn read_response() -> Result<(Vec<u8>, u64), Failed> {
    let headers = host::headers(Map::CallResponseHeaders).unwrap_or_default();
    let headers = header_map::parse(&headers).unwrap_or_default();
    let header = |name: &[u8]| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let Some(status) = header(b":status") else {
        let reason = "no response: connection failed or timed out".to_owned();
        return Err((Fetched::NoResponse, reason));
    };
    // One byte more than allowed tells a document that is too big.
    let body = host::call_response_body(MAX_JWKS_BYTES.saturating_add(1)).unwrap_or_default();
    if status != b"200" {
        // Redirects are not followed. What Envoy says of a failed connection is in the body.
        let body = body.get(..MAX_LOGGED_BYTES).unwrap_or(&body).escape_ascii();
        return Err((Fetched::Status, format!("status {}: {body}", status.escape_ascii())));
    }
    KeySet::parse(&body, KeyOrigin::Remote)
        .map_err(|error| (Fetched::from(&error), error.to_string()))?;
    Ok((body, fresh_ms(header(b"cache-control"))))
}

/// A number that differs between processes and calls, to spread fetches over time.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
