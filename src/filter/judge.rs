//! Judges requests by what a worker knows, and says which of them have to wait for keys.
//!
//! It learns by itself: where keys are lacking, it takes over what other workers have fetched and
//! asks the engine again, and asks for a fetch where that may help. It talks to no host: whoever
//! keeps the documents and checks the signatures does.

use std::rc::Rc;

use super::schedule::{EarlyRefresh, MAX_WAIT_MS, Schedule};
use crate::engine::{
    Await, Context, Decision, Engine, KeyRing, NoTrace, PeerCertificate, Request, Verdict, Verified,
};
use crate::jwt::{SignatureVerifier, TokenCache};

/// Bounds of the cache of verified tokens.
const CACHE_ENTRIES: usize = 2_048;
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The documents of an engine as a worker knows them.
pub trait Documents {
    /// The keys.
    fn ring(&self) -> &KeyRing;
    /// The schedule of a document, as it was last seen.
    fn schedule(&self, document: usize) -> Option<&Schedule>;
    /// Takes over what other workers have fetched of one document; whether that is news.
    fn learn(&mut self, document: usize) -> bool;
    /// Asks for a fetch because a token names a key that the document does not hold.
    fn request_early(&mut self, document: usize, now: u64) -> EarlyRefresh;
}

/// What a request comes to, for the time being.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'e> {
    /// This was decided.
    Decided(Decision<'e>),
    /// It has to wait for keys.
    Wait(Wait),
}

/// What a request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The document.
    pub document: usize,
    /// When the request came, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Finished fetches of the document when the request came.
    attempts: u64,
}

impl Wait {
    /// Whether the waiting has been long enough.
    fn is_over(&self, now: u64) -> bool {
        self.since.saturating_add(MAX_WAIT_MS) <= now
    }

    /// Whether a fetch of the document has ended since the request came.
    fn is_fetched(&self, schedule: Option<&Schedule>) -> bool {
        schedule.is_some_and(|schedule| schedule.attempts > self.attempts)
    }
}

/// Everything that the decisions of one worker depend on, but for the time and the peer.
#[derive(Debug)]
pub struct Judge<D, V> {
    engine: Engine,
    /// The documents.
    pub documents: D,
    /// What checks signatures.
    pub verifier: V,
    /// Tokens verified earlier.
    pub cache: TokenCache<Rc<Verified>>,
}

impl<D: Documents, V: SignatureVerifier> Judge<D, V> {
    /// A judge without a memory. `seed` should be random for each worker.
    pub fn new(engine: Engine, documents: D, verifier: V, seed: u64) -> Self {
        let cache = TokenCache::new(CACHE_ENTRIES, CACHE_BYTES, seed);
        Self { engine, documents, verifier, cache }
    }

    /// The policy.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Judges a request that has just come. Where there is no `room` to wait, nothing waits.
    /// Times are milliseconds since the Unix epoch.
    pub fn on_arrival(
        &mut self,
        request: &Request<'_>,
        peer: &dyn PeerCertificate,
        now: u64,
        room: bool,
    ) -> Answer<'_> {
        let Self { engine, documents, verifier, cache } = self;
        let engine: &Engine = engine;
        let mut ask = |keys: &KeyRing| {
            let context = Context { now: now / 1_000, keys, verifier, peer, cache };
            ask(engine, request, context)
        };
        let mut verdict = ask(documents.ring());
        // Another worker may have fetched since this one last looked. To ask for a fetch once in
        // every worker would use up what is granted, and the last would be refused.
        let lacking = match &verdict {
            Verdict::AwaitKeys(wait) => Some(wait.document),
            Verdict::Decided(_) => None,
        };
        if lacking.is_some_and(|document| documents.learn(document)) {
            verdict = ask(documents.ring());
        }
        match verdict {
            Verdict::Decided(decision) => Answer::Decided(decision),
            Verdict::AwaitKeys(lacking) => hold(documents, lacking, now, room),
        }
    }

    /// Whether a request that waits has something new to learn, or has waited long enough.
    pub fn is_ready(&self, wait: &Wait, now: u64) -> bool {
        wait.is_over(now) || wait.is_fetched(self.documents.schedule(wait.document))
    }

    /// Judges a request again that has waited.
    pub fn on_waking(
        &mut self,
        request: &Request<'_>,
        peer: &dyn PeerCertificate,
        now: u64,
        wait: &Wait,
    ) -> Answer<'_> {
        let Self { engine, documents, verifier, cache } = self;
        let keys = documents.ring();
        let context = Context { now: now / 1_000, keys, verifier, peer, cache };
        let lacking = match ask(engine, request, context) {
            Verdict::Decided(decision) => return Answer::Decided(decision),
            Verdict::AwaitKeys(lacking) => lacking,
        };
        let schedule = documents.schedule(lacking.document);
        let fails = schedule.is_none_or(Schedule::is_failing);
        match (lacking.unknown_key, wait.is_fetched(schedule), wait.is_over(now)) {
            // The newest document does not hold the key, or none came in time.
            (true, true, _) if !fails => Answer::Decided(lacking.unknown_key()),
            (true, false, true) => Answer::Decided(lacking.unknown_key()),
            (true, true, _) | (false, _, true) => Answer::Decided(lacking.unavailable()),
            // Nothing is fetched yet; the next attempt may come in time.
            (_, _, false) => Answer::Wait(wait.clone()),
        }
    }

    /// Turns a request away that has waited while another policy came into force: it is judged as
    /// if its keys had never come, so that this policy lets it do nothing.
    pub fn on_replaced(
        &mut self,
        request: &Request<'_>,
        peer: &dyn PeerCertificate,
        now: u64,
    ) -> Option<Decision<'_>> {
        let Self { engine, verifier, .. } = self;
        let keys = &KeyRing::new(engine.remote_jwks().len());
        let cache = &mut TokenCache::new(0, 0, 0);
        let context = Context { now: now / 1_000, keys, verifier, peer, cache };
        match ask(engine, request, context) {
            Verdict::AwaitKeys(lacking) => Some(lacking.unavailable()),
            Verdict::Decided(_) => None,
        }
    }
}

fn ask<'e>(engine: &'e Engine, request: &Request<'_>, mut context: Context<'_>) -> Verdict<'e> {
    engine.decide(request, &mut context, &mut NoTrace)
}

/// Whether a request waits for keys, or what it is told at once.
fn hold<'e>(
    documents: &mut impl Documents,
    lacking: Await<'e>,
    now: u64,
    room: bool,
) -> Answer<'e> {
    let document = lacking.document;
    let refresh = match (room, lacking.unknown_key) {
        (false, _) => EarlyRefresh::Unavailable,
        (true, false) => EarlyRefresh::Wait,
        (true, true) => documents.request_early(document, now),
    };
    match refresh {
        EarlyRefresh::Wait => {
            let attempts = documents.schedule(document).map_or(0, |schedule| schedule.attempts);
            Answer::Wait(Wait { document, since: now, attempts })
        }
        EarlyRefresh::Unknown => Answer::Decided(lacking.unknown_key()),
        EarlyRefresh::Unavailable => Answer::Decided(lacking.unavailable()),
    }
}
