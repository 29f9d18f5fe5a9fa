//! What tests with a real Envoy share: documents are compiled by the real program, Envoy runs the
//! real module, and whatever it talks to is a real server on loopback. Nothing is simulated, and
//! every process and server ends with its handle.
//!
//! | module | what lives there |
//! |---|---|
//! | [`gateway`] | a Gateway document, compiled and started |
//! | [`envoy`] | the Envoy process: ports, access log, admin interface |
//! | [`raw`] | HTTP/1.1 requests, byte for byte |
//! | [`http2`] | HTTP/2 requests, with trailers |
//! | [`jwks`] | an issuer's key server, and the ways in which such servers fail |
//! | [`upstream`] | an upstream with TLS and HTTP/2 that remembers what arrived |
//! | [`tls`] | certificate authorities and certificates |
//! | [`keys`] | keys of every algorithm, and signatures |
//! | [`token`] | recipes for tokens, good and bad |
//! | [`trap`] | the module with a crash built in |
//! | [`tried`] | rows of the table of `make security` |
//! | [`table`] | tables of requests and answers, run through `explain` and through Envoy |
//!
//! A test file uses some of this, hence the permission for dead code.
#![allow(dead_code)]

use std::time::{Duration, Instant};

pub mod envoy;
pub mod gateway;
pub mod http2;
pub mod jwks;
pub mod keys;
pub mod raw;
pub mod table;
pub mod tls;
pub mod token;
pub mod trap;
pub mod tried;
pub mod upstream;

/// Long enough for a busy machine; nothing waits this long when it works.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Waits for something that has to happen, and says what did not.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(LIMIT, look).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// Looks until there is something to see, but not for ever.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = look();
        if found.is_some() || began.elapsed() > limit {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The program under test.
pub fn program() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
