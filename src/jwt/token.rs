//! The compact form of a JWS (RFC 7515 section 3.1), taken apart but not judged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::error::{Malformed, TokenError};
use super::kind::TokenType;
use super::strict_json::{self, JsonError};
use super::{Algorithm, MAX_TOKEN_BYTES};

/// A token whose form is right. Nothing it says can be trusted before its signature is verified.
///
/// `jku`, `jwk`, `x5u`, `x5c` and every other header parameter but `alg`, `kid`, `typ`, `crit` and
/// `b64` are ignored: keys come from the configuration alone.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
    token_type: TokenType,
    claims: Claims,
    payload_base64: &'a str,
    signing_input: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a compact JWS apart.
    ///
    /// Judges the form only: three sections, strict base64url, strict JSON (no duplicate member
    /// names, nesting of at most 32), a header with a string `alg`, a string `kid` if any, no
    /// `crit`, no `b64` but `true`, a payload object with a string `iss` if any. Signature, time
    /// and the types of the other claims come later.
    ///
    /// # Errors
    /// When the token is too large or not of the form: see [`Malformed`].
    pub fn parse(text: &'a [u8]) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let (signing_input, signature) = cut_last(text).ok_or(Malformed::Form)?;
        let (header, payload) = cut_last(signing_input).ok_or(Malformed::Form)?;
        if header.contains(&b'.') {
            return Err(Malformed::Form.into());
        }

        let header = decode(header).ok_or(Malformed::HeaderBase64)?;
        let header = strict_json::parse_object(&header).map_err(|error| match error {
            JsonError::Invalid => Malformed::HeaderJson,
            JsonError::Duplicate => Malformed::HeaderDuplicate,
            JsonError::Nesting => Malformed::HeaderNesting,
        })?;
        let (algorithm, key_id) = read_header(&header)?;
        let token_type = TokenType::of(header.get("typ"));

        let payload_json = decode(payload).ok_or(Malformed::PayloadBase64)?;
        let claims = Claims::from_json(&payload_json)?;
        let payload_base64 = std::str::from_utf8(payload).map_err(|_| Malformed::PayloadBase64)?;
        let signature = decode(signature).ok_or(Malformed::SignatureBase64)?;
        Ok(Self { algorithm, key_id, token_type, claims, payload_base64, signing_input, signature })
    }

    /// The algorithm the header names, if it is one that can be accepted at all.
    ///
    /// # Errors
    /// When it is not supported.
    pub fn algorithm(&self) -> Result<Algorithm, TokenError> {
        self.algorithm.ok_or(TokenError::UnsupportedAlgorithm)
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The header's `typ`.
    pub fn token_type(&self) -> &TokenType {
        &self.token_type
    }

    /// The payload.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The payload, owned.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// The payload as it stands in the token, base64url without padding.
    pub fn payload_base64(&self) -> &'a str {
        self.payload_base64
    }

    /// What the signature covers: header and payload as they stand in the token.
    pub fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// The signature, decoded. Empty where the section is.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// What lies before and after the last dot.
fn cut_last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = text.iter().rposition(|byte| *byte == b'.')?;
    let (before, rest) = text.split_at_checked(dot)?;
    Some((before, rest.get(1..)?))
}

/// Decodes base64url as RFC 7515 section 2 wants it: no padding, no whitespace, and no bits set
/// beyond the last byte, so that one byte string has one spelling.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn read_header(
    header: &Map<String, Value>,
) -> Result<(Option<Algorithm>, Option<String>), Malformed> {
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => Algorithm::parse(name),
        _ => return Err(Malformed::HeaderAlg),
    };
    if header.contains_key("crit") {
        return Err(Malformed::HeaderCrit);
    }
    // `b64` may be false only together with `crit` (RFC 7797 section 6), but a sender that
    // forgets `crit` still signed something else than the encoded payload.
    if header.get("b64").is_some_and(|value| *value != Value::Bool(true)) {
        return Err(Malformed::HeaderB64);
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return Err(Malformed::HeaderKid),
    };
    Ok((algorithm, key_id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::base64url;
    use super::*;

    fn compact(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", base64url(header), base64url(payload))
    }

    fn error(text: &str) -> TokenError {
        Token::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = compact(r#"{"alg":"ES256","kid":"k"}"#, r#"{"iss":"i","sub":"s"}"#);
        let token = Token::parse(text.as_bytes()).unwrap();
        assert_eq!(token.algorithm(), Ok(Algorithm::Es256));
        assert_eq!(token.key_id(), Some("k"));
        assert_eq!(token.claims().issuer(), Some("i"));
        assert_eq!(token.signature(), b"sig");
        assert_eq!(token.payload_base64(), base64url(r#"{"iss":"i","sub":"s"}"#));
        assert_eq!(token.signing_input(), text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn three_sections_make_a_token() {
        let form = TokenError::Malformed(Malformed::Form);
        for text in ["", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "...", r#"{"payload":"x"}"#] {
            assert_eq!(error(text), form, "{text}");
        }
        // A detached payload (RFC 7515 appendix F) leaves its section empty.
        let detached = format!("{}..c2ln", base64url(r#"{"alg":"ES256"}"#));
        assert_eq!(error(&detached), Malformed::PayloadJson.into());
    }

    #[test]
    fn base64url_has_one_spelling() {
        let header = base64url(r#"{"alg":"ES256"}"#);
        // "{}" is e30 with two bits to spare; e31 sets one of them.
        for payload in ["e30=", "e31", "e3 0", "e30\n", " e30", "e3+", "e3/", "e", "é30", "e30\0"]
        {
            let text = format!("{header}.{payload}.c2ln");
            assert_eq!(error(&text), Malformed::PayloadBase64.into(), "{payload:?}");
            let text = format!("{payload}.e30.c2ln");
            assert_eq!(error(&text), Malformed::HeaderBase64.into(), "{payload:?}");
            let text = format!("{header}.e30.{payload}");
            assert_eq!(error(&text), Malformed::SignatureBase64.into(), "{payload:?}");
        }
        assert!(Token::parse(format!("{header}.e30.").as_bytes()).is_ok());
    }

    #[test]
    fn the_header_is_checked() {
        let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        let table = [
            (r#""x""#, Malformed::HeaderJson),
            (r"{}", Malformed::HeaderAlg),
            (r#"{"alg":null}"#, Malformed::HeaderAlg),
            (r#"{"alg":["ES256"]}"#, Malformed::HeaderAlg),
            (r#"{"alg":"ES256","kid":7}"#, Malformed::HeaderKid),
            (r#"{"alg":"ES256","kid":null}"#, Malformed::HeaderKid),
            (r#"{"alg":"ES256","crit":[]}"#, Malformed::HeaderCrit),
            (r#"{"alg":"ES256","crit":["b64"],"b64":true}"#, Malformed::HeaderCrit),
            (r#"{"alg":"ES256","b64":false}"#, Malformed::HeaderB64),
            (r#"{"alg":"ES256","b64":"false"}"#, Malformed::HeaderB64),
            (r#"{"alg":"ES256","alg":"none"}"#, Malformed::HeaderDuplicate),
            (r#"{"alg":"ES256","x":{"y":1,"y":1}}"#, Malformed::HeaderDuplicate),
            (&deep, Malformed::HeaderNesting),
        ];
        for (header, expected) in table {
            assert_eq!(error(&compact(header, "{}")), expected.into(), "{header}");
        }
        assert!(Token::parse(compact(r#"{"alg":"x","b64":true}"#, "{}").as_bytes()).is_ok());
    }

    #[test]
    fn the_payload_is_checked() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        let table = [
            ("[]", Malformed::PayloadJson),
            ("{}x", Malformed::PayloadJson),
            (r#"{"exp":1,"exp":2}"#, Malformed::PayloadDuplicate),
            (&deep, Malformed::PayloadNesting),
            (r#"{"iss":null}"#, Malformed::Issuer),
        ];
        for (payload, expected) in table {
            let text = compact(r#"{"alg":"ES256"}"#, payload);
            assert_eq!(error(&text), expected.into(), "{payload}");
        }
    }

    #[test]
    fn the_size_is_bounded() {
        let start = format!("{}.e30.", base64url(r#"{"alg":"ES256"}"#));
        let padded = |len: usize| format!("{start}{}", "A".repeat(len - start.len()));
        assert!(Token::parse(padded(MAX_TOKEN_BYTES).as_bytes()).is_ok());
        assert_eq!(error(&padded(MAX_TOKEN_BYTES + 1)), TokenError::TooLarge);
        assert_eq!(error(&".".repeat(1 << 20)), TokenError::TooLarge);
    }

    #[test]
    fn errors_never_quote_the_token() {
        let text = compact(r#"{"alg":"ES256","kid":["secret"]}"#, "{}");
        assert_eq!(error(&text).to_string(), "Jwt header [kid] field is not a string");
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>) {
            let _ = Token::parse(&bytes);
        }

        #[test]
        fn no_header_and_payload_make_parsing_panic(header: String, payload: String) {
            let _ = Token::parse(compact(&header, &payload).as_bytes());
        }

        #[test]
        fn what_is_parsed_is_what_stands_there(text in "[A-Za-z0-9_-]{0,20}(\\.[A-Za-z0-9_-]{0,40}){2}") {
            if let Ok(token) = Token::parse(text.as_bytes()) {
                let signature = base64url(token.signature());
                let input = String::from_utf8_lossy(token.signing_input());
                prop_assert_eq!(format!("{input}.{signature}"), text);
            }
        }
    }
}
