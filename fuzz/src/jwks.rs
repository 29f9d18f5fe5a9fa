//! JWKS documents.

use egress_auth::jwt::{
    Algorithm, KeyOrigin, KeySet, MAX_CANDIDATES, MAX_JWKS_BYTES, MAX_KEYS, SignatureVerifier as _,
    SoftwareVerifier, host_call,
};

/// Checks one document.
pub fn check(input: &[u8]) {
    let remote = KeySet::parse(input, KeyOrigin::Remote);
    let Ok(keys) = KeySet::parse(input, KeyOrigin::Inline) else {
        assert!(remote.is_err(), "a remote set has no keys that an inline one has not");
        return;
    };
    assert!(input.len() <= MAX_JWKS_BYTES);
    assert!((1..=MAX_KEYS).contains(&keys.len()));
    assert!(remote.as_ref().map_or(0, KeySet::len) <= keys.len());
    for algorithm in Algorithm::ALL.iter().copied() {
        let all = keys.candidates(algorithm, None);
        assert!(all.len() <= keys.len());
        assert!(keys.crowded().is_some() || all.len() <= MAX_CANDIDATES);
        for key in &all {
            assert!(key.fits(algorithm));
            let encoded = key.spki_der().is_some();
            assert!(encoded || !host_call::supports(algorithm), "Envoy can be asked");
            assert!(!encoded || !algorithm.is_symmetric(), "a secret for Envoy");
            assert!(!SoftwareVerifier.verify(key, algorithm, b"text", b""));
            assert!(!SoftwareVerifier.verify(key, algorithm, b"text", &[0; 64]));
            if let Some(id) = key.id() {
                let named = keys.candidates(algorithm, Some(id));
                assert!(!named.is_empty() && named.iter().all(|key| key.id() == Some(id)));
            }
        }
        if let Ok(remote) = &remote {
            let remote = remote.candidates(algorithm, None);
            assert!(!algorithm.is_symmetric() || remote.is_empty(), "a secret from afar");
        }
    }
}
