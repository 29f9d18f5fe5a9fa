//! The direct peer of the current stream.

use proxy_wasm::hostcalls;

use crate::engine::PeerCertificate;
use crate::signals::PEER_URI_SANS;

/// Asks the host for its certificate.
pub struct Peer;

impl PeerCertificate for Peer {
    /// All names where the listener notes them down (`--to envoy` makes it do so), else the
    /// first, which is all that Envoy tells of itself.
    fn uri_sans(&self) -> Vec<u8> {
        property(["filter_state", PEER_URI_SANS])
            .or_else(|| property(["connection", "uri_san_peer_certificate"]))
            .unwrap_or_default()
    }

    fn sha256(&self) -> Vec<u8> {
        property(["connection", "sha256_peer_certificate_digest"]).unwrap_or_default()
    }
}

fn property(path: [&str; 2]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}
