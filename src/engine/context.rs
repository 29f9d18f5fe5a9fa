//! What the engine is given with every request.

use std::rc::Rc;

use super::keyring::KeyRing;
use super::source::PeerCertificate;
use super::verified::Verified;
use crate::jwt::{SignatureVerifier, TokenCache};

/// What a decision depends on beside the policy and the request.
pub struct Context<'a> {
    /// Seconds since the Unix epoch.
    pub now: u64,
    /// The keys fetched so far.
    pub keys: &'a KeyRing,
    /// What checks signatures.
    pub verifier: &'a dyn SignatureVerifier,
    /// The direct peer's certificate.
    pub peer: &'a dyn PeerCertificate,
    /// Tokens verified earlier. It saves work and never changes an answer.
    pub cache: &'a mut TokenCache<Rc<Verified>>,
}
