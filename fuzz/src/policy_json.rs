//! The filter's configuration.

use egress_auth::engine::{Context, Engine, KeyRing, NoPeerCertificate, NoTrace, Request};
use egress_auth::jwt::{SoftwareVerifier, TokenCache};
use egress_auth::policy::Policy;

/// Checks one configuration.
pub fn check(input: &[u8]) {
    let policy: Result<Policy, _> = serde_json::from_slice(input);
    let engine = Engine::from_json(input);
    let Ok(policy) = policy else {
        assert!(engine.is_err());
        return;
    };
    let written = serde_json::to_vec(&policy).expect("a policy can be written");
    let again: Policy = serde_json::from_slice(&written).expect("and read again");
    assert_eq!(policy, again);
    let Ok(engine) = engine else {
        assert!(Engine::from_json(&written).is_err());
        return;
    };
    let keys = KeyRing::new(engine.remote_jwks().len());
    let hosts = policy.servers.iter().map(|server| server.hostname.replace('*', "x"));
    for host in hosts.chain(["".into(), "unlisted.test".into()]) {
        let headers = vec![
            (&b":authority"[..], host.as_bytes()),
            (b":method", b"GET"),
            (b":path", b"/a/..%2f?access_token=a.b.c"),
            (b"authorization", b"Bearer e30.e30."),
        ];
        let mut cache = TokenCache::new(4, 1_024, 7);
        let mut context = Context {
            now: 1_000,
            keys: &keys,
            verifier: &SoftwareVerifier,
            peer: &NoPeerCertificate,
            cache: &mut cache,
        };
        let request = Request { headers, ..Request::default() };
        let first = engine.decide(&request, &mut context, &mut NoTrace);
        // What was remembered changes no answer.
        assert_eq!(engine.decide(&request, &mut context, &mut NoTrace), first);
    }
}
