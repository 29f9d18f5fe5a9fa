//! JWKS documents: fetched by one worker of the process, shared by all.
//!
//! Two values per document lie in the data that Envoy shares between workers: its
//! [`Schedule`] and the document itself. Whoever wins the compare-and-swap on the schedule
//! fetches; everybody else looks when something is due, or when there is news.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{LogLevel, MapType};

use super::abi;
use super::shared;
use crate::engine::{Engine, KeyRing, RemoteJwks};
use crate::filter::agenda::Agenda;
use crate::filter::header_map;
use crate::filter::judge::Documents;
use crate::filter::metrics::{Counter, Gauge, Sink};
use crate::filter::response::{self, Failed};
use crate::filter::schedule::{EarlyRefresh, FETCH_TIMEOUT_MS, RENEW_MS, Schedule};
use crate::jwt::{KeyOrigin, KeySet};
use crate::signals::catalogue::{self, Fetched};

/// How long at least until a document is looked at again, in milliseconds.
const PAUSE_MS: u64 = 50;
/// Where a value lies that is another one whenever a document has changed.
const NEWS: &str = "jwks|news";

/// The documents of one engine as one worker knows them.
#[derive(Debug)]
pub struct Keys {
    documents: Vec<Document>,
    ring: KeyRing,
    agenda: Agenda,
    /// What lay at [`NEWS`] when this worker last looked at every document.
    news: Option<Vec<u8>>,
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

impl Keys {
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
        // Envoy tries a configuration in one VM before any other gets it. What is there can be
        // swapped, so that of the workers that come next one fetches and not several.
        for document in &documents {
            let key = document.schedule_key();
            if shared::get(&key).is_none() {
                shared::set(&key, &Schedule::default().to_bytes(), None);
            }
        }
        let (ring, agenda) = (KeyRing::new(documents.len()), Agenda::new(documents.len()));
        let mut this = Self { documents, ring, agenda, news: None };
        this.learn_all();
        this
    }

    /// When something is due next, in milliseconds since the Unix epoch.
    pub fn next(&mut self) -> Option<u64> {
        self.agenda.earliest().map(|(at, _)| at)
    }

    /// Does what is due, and looks at the documents that requests wait for. Callable in callbacks
    /// of the root context only: the response to a fetch goes to the context that called, and must
    /// find it.
    pub fn on_tick(&mut self, now: u64, waited_for: impl Iterator<Item = usize>) {
        let news = shared::get(NEWS).map(|(news, _)| news);
        if news != self.news {
            self.news = news;
            self.learn_all();
        }
        waited_for.for_each(|document| self.agenda.set(document, now));
        while let Some(document) = self.agenda.due(now) {
            self.look(document, now);
        }
    }

    /// Takes the response of a fetch that this worker started.
    pub fn on_response(&mut self, call: u32, now: u64) {
        let fetching = |(_, document): &(usize, &mut Document)| document.call == Some(call);
        let Some((index, document)) = self.documents.iter_mut().enumerate().find(fetching) else {
            return;
        };
        document.call = None;
        let headers = abi::header_pairs(MapType::HttpCallResponseHeaders).unwrap_or_default();
        let headers = header_map::parse(&headers).unwrap_or_default();
        let body = abi::call_response_body(response::BODY_BYTES).unwrap_or_default();
        match response::read(&headers, body) {
            Ok(fetched) => {
                let known = shared::get(&document.body_key()).map(|(known, _)| known);
                let changed = document.seen.version == 0 || known.as_ref() != Some(&fetched.json);
                if changed {
                    shared::set(&document.body_key(), &fetched.json, None);
                }
                let random = random();
                document.count(Fetched::Ok);
                document.update(|it| it.succeeded(now, changed, fetched.fresh_ms, random));
                if changed {
                    shared::set(NEWS, &random.to_le_bytes(), None);
                }
            }
            Err(failed) => document.fail(now, failed),
        }
        self.learn(index);
        self.put_off(index, now);
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

    fn learn_all(&mut self) {
        for index in 0..self.documents.len() {
            self.learn(index);
        }
    }

    /// Keeps the right to the fetch that is under way, or starts one that is due and that no other
    /// worker has started.
    fn look(&mut self, index: usize, now: u64) {
        let fetches = self.documents.get(index).is_some_and(|document| document.call.is_some());
        if !fetches {
            self.learn(index);
        }
        let Some(document) = self.documents.get_mut(index) else { return };
        if fetches {
            document.update(|schedule| schedule.renew_lease(now));
        } else if document.seen.clone().take_lease(now) {
            // Looking is cheaper than swapping, and nearly always enough.
            if document.update(|schedule| schedule.take_lease(now)) {
                document.fetch(now);
            }
            self.learn(index);
        }
        self.put_off(index, now);
    }

    /// Notes down when to look at a document next.
    fn put_off(&mut self, index: usize, now: u64) {
        if let Some(document) = self.documents.get(index) {
            let at = match document.call {
                Some(_) => now.saturating_add(RENEW_MS),
                None => document.seen.look_at(now).max(now.saturating_add(PAUSE_MS)),
            };
            self.agenda.set(index, at);
        }
    }
}

impl Documents for Keys {
    fn ring(&self) -> &KeyRing {
        &self.ring
    }

    fn schedule(&self, document: usize) -> Option<&Schedule> {
        self.documents.get(document).map(|document| &document.seen)
    }

    fn learn(&mut self, index: usize) -> bool {
        let Some(document) = self.documents.get_mut(index) else { return false };
        let schedule = document.load();
        let mut news = false;
        if schedule.version != document.seen.version
            && let Some((json, _)) = shared::get(&document.body_key())
            && let Ok(keys) = KeySet::parse(&json, KeyOrigin::Remote)
        {
            self.ring.replace(index, Arc::new(keys));
            news = true;
        }
        document.seen = schedule;
        news
    }

    fn request_early(&mut self, index: usize, now: u64) -> EarlyRefresh {
        let Some(document) = self.documents.get_mut(index) else {
            return EarlyRefresh::Unavailable;
        };
        let granted = document.update(|schedule| schedule.request_early(now));
        self.learn(index);
        granted
    }
}

impl Document {
    fn schedule_key(&self) -> String {
        format!("jwks|{}|{}|schedule", self.remote.cluster, self.remote.uri)
    }

    fn body_key(&self) -> String {
        format!("jwks|{}|{}|document", self.remote.cluster, self.remote.uri)
    }

    fn load(&self) -> Schedule {
        let shared = shared::get(&self.schedule_key());
        shared.and_then(|(bytes, _)| Schedule::from_bytes(&bytes)).unwrap_or_default()
    }

    /// Changes the shared schedule. `change` may run several times, each on a fresh copy; when
    /// the swap is lost every time, what it granted is not granted.
    fn update<T: Default>(&mut self, mut change: impl FnMut(&mut Schedule) -> T) -> T {
        shared::update(&self.schedule_key(), |bytes| {
            let mut schedule = bytes.and_then(Schedule::from_bytes).unwrap_or_default();
            let before = schedule.clone();
            let result = change(&mut schedule);
            (result, (schedule != before).then(|| schedule.to_bytes()))
        })
    }

    fn fetch(&mut self, now: u64) {
        let Some((scheme, authority, path)) = self.remote.authority_and_path() else {
            let reason = "the URI is not an absolute http or https URI";
            return self.fail(now, Failed::new(Fetched::NoCluster, reason));
        };
        let headers = vec![
            (":method", "GET"),
            (":scheme", scheme),
            (":authority", authority),
            (":path", path),
            ("accept", "application/json, application/jwk-set+json"),
        ];
        let timeout = Duration::from_millis(FETCH_TIMEOUT_MS);
        let cluster = &self.remote.cluster;
        match hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), timeout) {
            Ok(call) => self.call = Some(call),
            Err(_) => {
                let reason = format!("no cluster `{cluster}` that can be called");
                self.fail(now, Failed::new(Fetched::NoCluster, reason));
            }
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

    fn fail(&mut self, now: u64, failed: Failed) {
        self.count(failed.result);
        let line = format!("JWKS fetch failed: uri={} reason={}", self.remote.uri, failed.reason);
        abi::log(LogLevel::Warn, &line);
        let random = random();
        self.update(|schedule| schedule.failed(now, random));
    }
}

/// A number that differs between processes and calls, to spread fetches over time.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
