//! Which requests wait for keys, what they learn meanwhile, and what becomes of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::judge::{Answer, Documents, Judge};
use super::schedule::{EarlyRefresh, MAX_WAIT_MS, Schedule};
use crate::engine::{Decision, Engine, KeyRing, NoPeerCertificate, Outcome, Request};
use crate::jwt::testing::{self, ISSUER};
use crate::jwt::{Algorithm, KeySet, SoftwareVerifier};
use crate::signals::Reason;

const NOW: u64 = 1_700_000_000_000;
const FRESH_MS: u64 = 600_000;

/// One document, which other workers fetch.
struct Fetched {
    ring: KeyRing,
    seen: Schedule,
    /// What lies there to be learnt.
    shared: (Schedule, Option<KeySet>),
}

impl Fetched {
    fn new() -> Self {
        Self { ring: KeyRing::new(1), seen: Schedule::default(), shared: Default::default() }
    }

    /// Another worker fetches a key of this ID, or fails to.
    fn fetch(&mut self, id: Option<&str>, now: u64) {
        let (schedule, keys) = &mut self.shared;
        match id {
            Some(id) => {
                let jwk = testing::with(testing::jwk(Algorithm::Es256), &json!({"kid": id}));
                *keys = Some(testing::key_set(&[jwk]));
                schedule.succeeded(now, true, FRESH_MS, 0);
            }
            None => schedule.failed(now, 0),
        }
    }
}

impl Documents for Fetched {
    fn ring(&self) -> &KeyRing {
        &self.ring
    }

    fn schedule(&self, _: usize) -> Option<&Schedule> {
        Some(&self.seen)
    }

    fn learn(&mut self, document: usize) -> bool {
        self.seen = self.shared.0.clone();
        let news = self.shared.1.take();
        let is_news = news.is_some();
        if let Some(keys) = news {
            self.ring.replace(document, Arc::new(keys));
        }
        is_news
    }

    fn request_early(&mut self, _: usize, now: u64) -> EarlyRefresh {
        let granted = self.shared.0.request_early(now);
        self.seen = self.shared.0.clone();
        granted
    }
}

fn judge() -> Judge<Fetched, SoftwareVerifier> {
    let policy = json!({
        "version": 1,
        "gateway": "egress/test",
        "jwt_rules": [{
            "issuer": ISSUER,
            "jwks": {"remote": {"uri": "https://auth.example.com/jwks", "cluster": "auth"}},
        }],
        "servers": [{"name": "api", "hostname": "api.test", "authentication": {"jwt": [0]}}],
    });
    let engine = Engine::from_json(policy.to_string().as_bytes()).unwrap();
    Judge::new(engine, Fetched::new(), SoftwareVerifier, 1)
}

fn bearer(id: &str) -> String {
    let payload: Value = json!({"iss": ISSUER, "sub": "alice"});
    let header = json!({"alg": "ES256", "kid": id}).to_string();
    format!("Bearer {}", testing::raw_token(Algorithm::Es256, &header, payload.to_string()))
}

fn request(bearer: &str) -> Request<'_> {
    let headers: [(&[u8], &[u8]); 4] = [
        (b":authority", b"api.test"),
        (b":method", b"GET"),
        (b":path", b"/"),
        (b"authorization", bearer.as_bytes()),
    ];
    Request { headers: headers.to_vec(), claims: None }
}

/// What an answer says: the reason, or that the request waits.
fn said(answer: &Answer<'_>) -> Option<Reason> {
    match answer {
        Answer::Decided(decision) => Some(decision.reason),
        Answer::Wait(_) => None,
    }
}

/// A judge with a request that waits for the key `id`, of which another worker has fetched `known`
/// before, and what it waits for.
fn waiting(
    id: &str,
    known: Option<&str>,
) -> (Judge<Fetched, SoftwareVerifier>, super::judge::Wait) {
    let mut judge = judge();
    if known.is_some() {
        judge.documents.fetch(known, NOW);
        judge.documents.learn(0);
    }
    let bearer = bearer(id);
    let Answer::Wait(wait) = judge.on_arrival(&request(&bearer), &NoPeerCertificate, NOW, true)
    else {
        panic!("it does not wait")
    };
    (judge, wait)
}

#[test]
fn keys_that_another_worker_has_fetched_are_learnt_at_once() {
    let mut judge = judge();
    let bearer = bearer("new");
    for id in ["old", "new"] {
        judge.documents.fetch(Some(id), NOW);
        let answer = judge.on_arrival(&request(&bearer), &NoPeerCertificate, NOW, true);
        let expected = (id == "new").then_some(Reason::Allowed);
        assert_eq!(said(&answer), expected, "{id}");
    }
}

#[test]
fn without_room_nothing_waits_and_without_a_grant_nothing_waits_for_unknown_keys() {
    let mut judge = judge();
    let (bearer, peer) = (bearer("new"), &NoPeerCertificate);
    let ask = |judge: &mut Judge<_, _>, now, room| {
        said(&judge.on_arrival(&request(&bearer), peer, now, room))
    };
    assert_eq!(ask(&mut judge, NOW, false), Some(Reason::JwksUnavailable));
    assert_eq!(ask(&mut judge, NOW, true), None);
    for _ in 0..3 {
        judge.documents.fetch(Some("old"), NOW);
        assert_eq!(ask(&mut judge, NOW, true), None);
    }
    judge.documents.fetch(Some("old"), NOW);
    assert_eq!(ask(&mut judge, NOW, true), Some(Reason::UnknownKey));
    judge.documents.fetch(Some("old"), NOW - 20_000);
    assert_eq!(ask(&mut judge, NOW, true), Some(Reason::JwksUnavailable));
}

#[test]
fn what_waits_is_ready_when_a_fetch_has_ended_or_the_time_is_up() {
    let (mut judge, wait) = waiting("new", None);
    assert!(!judge.is_ready(&wait, NOW + MAX_WAIT_MS - 1));
    assert!(judge.is_ready(&wait, NOW + MAX_WAIT_MS));
    judge.documents.fetch(None, NOW);
    assert!(!judge.is_ready(&wait, NOW), "nobody has looked");
    judge.documents.learn(0);
    assert!(judge.is_ready(&wait, NOW));
}

#[test]
fn what_has_waited_is_decided_by_what_was_fetched() {
    let (late, bearer) = (NOW + MAX_WAIT_MS, bearer("new"));
    // The key that was there before, what a fetch brought meanwhile, the time, and the answer.
    type Fetch = Option<Option<&'static str>>;
    let table: [(Option<&str>, Fetch, u64, Option<Reason>); 11] = [
        (None, Some(Some("new")), NOW, Some(Reason::Allowed)),
        (Some("old"), Some(Some("new")), NOW, Some(Reason::Allowed)),
        // The newest document does not hold the key.
        (None, Some(Some("old")), NOW, Some(Reason::UnknownKey)),
        (Some("old"), Some(Some("old")), late, Some(Reason::UnknownKey)),
        // It failed, so the key may be new; the first keys may still come.
        (Some("old"), Some(None), NOW, Some(Reason::JwksUnavailable)),
        (Some("old"), Some(None), late, Some(Reason::JwksUnavailable)),
        (None, Some(None), NOW, None),
        (None, Some(None), late, Some(Reason::JwksUnavailable)),
        // Nothing came.
        (None, None, NOW, None),
        (None, None, late, Some(Reason::JwksUnavailable)),
        (Some("old"), None, late, Some(Reason::UnknownKey)),
    ];
    for (known, fetch, now, expected) in table {
        let (mut judge, wait) = waiting("new", known);
        if let Some(fetched) = fetch {
            judge.documents.fetch(fetched, NOW);
            judge.documents.learn(0);
        }
        let answer = judge.on_waking(&request(&bearer), &NoPeerCertificate, now, &wait);
        assert_eq!(said(&answer), expected, "{known:?} {fetch:?} {now}");
        if let Answer::Wait(again) = answer {
            assert_eq!(again, wait, "it waits for what it came for, and no longer");
        }
    }
}

#[test]
fn a_policy_that_was_replaced_lets_nobody_in_whatever_it_knows() {
    let (mut judge, _) = waiting("new", None);
    judge.documents.fetch(Some("new"), NOW);
    judge.documents.learn(0);
    let bearer = bearer("new");
    // The token is even known.
    let answer = judge.on_arrival(&request(&bearer), &NoPeerCertificate, NOW, true);
    assert_eq!(said(&answer), Some(Reason::Allowed));
    let refused: Option<Decision<'_>> =
        judge.on_replaced(&request(&bearer), &NoPeerCertificate, NOW);
    let Some(Decision { outcome: Outcome::Deny(denial), reason, server, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((denial.status, reason, server), (503, Reason::JwksUnavailable, Some("api")));
    let retry = [("retry-after", "1".to_owned())];
    assert_eq!(denial.headers, retry);
}
