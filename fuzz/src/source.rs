//! The workload behind a request: SPIFFE IDs and `x-forwarded-client-cert`.

use std::sync::LazyLock;

use egress_auth::engine::source::Workload;
use egress_auth::engine::{Context, Engine, KeyRing, NoTrace, Outcome, Request, Verdict};
use egress_auth::jwt::{SoftwareVerifier, TokenCache};
use serde_json::json;

use super::plain;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let policy = json!({
        "version": 1,
        "gateway": "egress/fuzzed",
        "servers": [],
        "egress": [{"hostname": "a.test", "rules": [0]}],
        "egress_rules": [{"name": "r", "from": ["n/a"], "identity": "source_identity"}],
        "source_identity": {
            "trust_domains": ["cluster.local"],
            "propagated": {"header": "xfcc", "trusted_sources": ["gw/gw"]},
        },
    });
    Engine::from_json(policy.to_string().as_bytes()).expect("a policy")
});

/// Checks one request: the first line is the peer's SANs, the others are values of the header.
pub fn check(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let peer = lines.next().unwrap_or_default();
    let values: Vec<&[u8]> = lines.take(8).collect();

    let domain = "cluster.local";
    let text = std::str::from_utf8(peer).ok();
    let known = text.and_then(|peer| plain::workload(peer, domain));
    let ours = Workload::from_spiffe_id(peer, &[domain.to_owned()]);
    if peer.len() <= 2_048 {
        let ours = ours.as_ref().map(|it| it.to_string().replace('/', "/sa/"));
        assert_eq!(ours.as_deref(), known);
    } else {
        assert_eq!(ours, None);
    }

    let mut headers = vec![(&b":authority"[..], &b"a.test"[..]), (b":method", b"GET")];
    headers.extend(values.iter().map(|value| (&b"xfcc"[..], *value)));
    let peer = Sans(peer);
    let request = Request { headers, ..Request::default() };
    let mut cache = TokenCache::new(1, 1, 7);
    let mut context = Context {
        now: 0,
        keys: &KeyRing::new(0),
        verifier: &SoftwareVerifier,
        peer: &peer,
        cache: &mut cache,
    };
    let Verdict::Decided(decision) = ENGINE.decide(&request, &mut context, &mut NoTrace) else {
        panic!("no keys are needed");
    };
    if let Outcome::Allow(mutations) = decision.outcome {
        assert_eq!(known, Some("gw/sa/gw"), "only a trusted peer is believed");
        let [value] = values[..] else { panic!("a repeated header is believed") };
        let value = String::from_utf8_lossy(value);
        // Of the list only the right-most element counts.
        let element = plain::last_element(&value).replace('\\', "");
        assert!(element.contains("spiffe://cluster.local/ns/n/sa/a"), "{value}");
        assert!(mutations.remove.iter().any(|name| name == "xfcc"), "it goes no further");
    }
}

/// A certificate's SANs as they are.
struct Sans<'a>(&'a [u8]);

impl egress_auth::engine::PeerCertificate for Sans<'_> {
    fn uri_sans(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn sha256(&self) -> Vec<u8> {
        Vec::new()
    }
}
