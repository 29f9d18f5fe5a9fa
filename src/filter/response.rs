//! What the response to a fetch of keys comes to.

use super::schedule::fresh_ms;
use crate::jwt::{JwksError, KeyOrigin, KeySet, MAX_JWKS_BYTES};
use crate::signals::catalogue::Fetched;

/// How many bytes of a body are asked for: one more than allowed tells a document that is too big.
pub const BODY_BYTES: usize = MAX_JWKS_BYTES.saturating_add(1);
/// Longest part of an error response that is logged.
const MAX_LOGGED_BYTES: usize = 200;

/// A document that can be used.
#[derive(Debug)]
pub struct Document {
    /// Its bytes.
    pub json: Vec<u8>,
    /// For how many milliseconds it stays fresh.
    pub fresh_ms: u64,
}

/// Why a fetch failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// For the counter.
    pub result: Fetched,
    /// For the log.
    pub reason: String,
}

impl Failed {
    /// A failure and its reason.
    pub fn new(result: Fetched, reason: impl Into<String>) -> Self {
        Self { result, reason: reason.into() }
    }
}

/// The document of a good response, or why it is not good. Without a response there are no
/// headers.
pub fn read(headers: &[(&[u8], &[u8])], body: Vec<u8>) -> Result<Document, Failed> {
    let header = |name: &[u8]| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let Some(status) = header(b":status") else {
        let reason = "no response: connection failed or timed out";
        return Err(Failed::new(Fetched::NoResponse, reason));
    };
    if status != b"200" {
        // Redirects are not followed. What Envoy says of a failed connection is in the body.
        let body = body.get(..MAX_LOGGED_BYTES).unwrap_or(&body).escape_ascii();
        let reason = format!("status {}: {body}", status.escape_ascii());
        return Err(Failed::new(Fetched::Status, reason));
    }
    match KeySet::parse(&body, KeyOrigin::Remote) {
        Ok(_) => Ok(Document { json: body, fresh_ms: fresh_ms(header(b"cache-control")) }),
        Err(error) => Err(Failed::new(result_of(&error), error.to_string())),
    }
}

fn result_of(error: &JwksError) -> Fetched {
    match error {
        JwksError::TooLarge | JwksError::TooManyKeys => Fetched::TooBig,
        JwksError::NoUsableKey(_) => Fetched::NoUsableKey,
        JwksError::Json
        | JwksError::ByteOrderMark
        | JwksError::List
        | JwksError::OneKey
        | JwksError::Discovery
        | JwksError::Certificates
        | JwksError::Duplicate
        | JwksError::Nesting
        | JwksError::NoKeys => Fetched::NotJson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[u8] = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[test]
    fn a_document_comes_with_the_time_for_which_it_is_fresh() {
        let headers: [(&[u8], &[u8]); 2] =
            [(b":status", b"200"), (b"cache-control", b"max-age=60")];
        let document = read(&headers, KEYS.to_vec()).unwrap();
        assert_eq!((document.json.as_slice(), document.fresh_ms), (KEYS, 60_000));
        assert_eq!(read(&headers[..1], KEYS.to_vec()).unwrap().fresh_ms, 600_000);
    }

    #[test]
    fn what_is_no_document_says_why() {
        let answer = |status: &'static [u8], body: &[u8]| {
            read(&[(b":status", status)], body.to_vec()).map(|_| ()).unwrap_err()
        };
        let nothing = read(&[], Vec::new()).unwrap_err();
        assert_eq!(nothing.result, Fetched::NoResponse);
        let long = answer(b"503", &[b'x'; 1_000]);
        assert_eq!(long.result, Fetched::Status);
        assert_eq!(long.reason, format!("status 503: {}", "x".repeat(200)));
        assert_eq!(answer(b"302", b"a\nb").reason, "status 302: a\\nb");
        let table: [(&[u8], Fetched); 4] = [
            (&[b' '; BODY_BYTES], Fetched::TooBig),
            (b"<html>", Fetched::NotJson),
            (b"{}", Fetched::NotJson),
            (br#"{"keys":[]}"#, Fetched::NoUsableKey),
        ];
        for (body, result) in table {
            assert_eq!(answer(b"200", body).result, result, "{:?}", answer(b"200", body));
        }
    }
}
