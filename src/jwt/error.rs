//! Why a token or a key set is not accepted, in fixed sentences that never quote the input.
//!
//! Where Envoy's `jwt_authn` filter has a sentence for the case, it is used word for word, so
//! that clients and dashboards which know the one know the other.

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// Over [`super::MAX_TOKEN_BYTES`].
    TooLarge,
    /// Not a JWS in compact form with a JSON header and payload, or a registered claim has a
    /// wrong type.
    Malformed(Malformed),
    /// No JWT rule names the issuer, or the token has none.
    UnknownIssuer,
    /// `alg` is `none` or unknown, or can never fit the issuer's keys.
    UnsupportedAlgorithm,
    /// No key fits the token's `kid` and `alg`.
    UnknownKey,
    /// No candidate key verifies the signature.
    BadSignature,
    /// The time is past `exp`.
    Expired,
    /// The time is before `nbf`.
    NotYetValid,
    /// `exp` is absent where it is required, or too far in the future.
    LifetimeTooLong,
    /// `aud` names none of the accepted audiences.
    WrongAudience,
    /// The header's `typ` is none of the accepted types.
    WrongType,
    /// A claim that the rule asks for is absent, or null.
    MissingClaim,
    /// Whoever sends the token is not the one that it was issued to.
    WrongHolder,
}

/// What about the token's form is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Not three sections.
    Form,
    /// The header is not base64url (RFC 4648 section 5, unpadded, no stray bits).
    HeaderBase64,
    /// The header is not a JSON object.
    HeaderJson,
    /// A member name occurs twice in one object of the header.
    HeaderDuplicate,
    /// The header is nested too deeply.
    HeaderNesting,
    /// `alg` is absent or not a string.
    HeaderAlg,
    /// `kid` is not a string.
    HeaderKid,
    /// `crit` is present (RFC 7515 section 4.1.11): no extension is understood here.
    HeaderCrit,
    /// `b64` is present and not `true` (RFC 7797).
    HeaderB64,
    /// The payload is not base64url.
    PayloadBase64,
    /// The payload is not a JSON object.
    PayloadJson,
    /// A member name occurs twice in one object of the payload.
    PayloadDuplicate,
    /// The payload is nested too deeply.
    PayloadNesting,
    /// `iss` is not a string.
    Issuer,
    /// `sub` is not a string.
    Subject,
    /// `exp` is not a number.
    Expiration,
    /// `nbf` is not a number.
    NotBefore,
    /// `aud` is neither a string nor an array of strings.
    Audience,
    /// The signature is not base64url.
    SignatureBase64,
}

impl TokenError {
    /// The sentence for the body of the answer.
    pub fn body(&self) -> &'static str {
        match self {
            Self::TooLarge => "Jwt is too large",
            Self::Malformed(malformed) => malformed.body(),
            Self::UnknownIssuer => "Jwt issuer is not configured",
            Self::UnsupportedAlgorithm => "Jwt header [alg] is not supported",
            Self::UnknownKey => "Jwks doesn't have key to match kid or alg from Jwt",
            Self::BadSignature => "Jwt verification fails",
            Self::Expired => "Jwt is expired",
            Self::NotYetValid => "Jwt not yet valid",
            Self::LifetimeTooLong => "Jwt lifetime is unlimited or too long",
            Self::WrongAudience => "Audiences in Jwt are not allowed",
            Self::WrongType => "Jwt header [typ] is not allowed",
            Self::MissingClaim => "Jwt has not every required claim",
            Self::WrongHolder => "Jwt was issued to another client",
        }
    }
}

impl Malformed {
    /// The sentence for the body of the answer.
    pub fn body(&self) -> &'static str {
        match self {
            Self::Form => {
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            }
            Self::HeaderBase64 => "Jwt header is an invalid Base64url encoded",
            Self::HeaderJson => "Jwt header is an invalid JSON",
            Self::HeaderDuplicate => "Jwt header has a duplicate member",
            Self::HeaderNesting => "Jwt header is nested too deeply",
            Self::HeaderAlg => "Jwt header [alg] field is required and must be a string",
            Self::HeaderKid => "Jwt header [kid] field is not a string",
            Self::HeaderCrit => "Jwt header [crit] field is not supported",
            Self::HeaderB64 => "Jwt header [b64] field is not supported",
            Self::PayloadBase64 => "Jwt payload is an invalid Base64url encoded",
            Self::PayloadJson => "Jwt payload is an invalid JSON",
            Self::PayloadDuplicate => "Jwt payload has a duplicate member",
            Self::PayloadNesting => "Jwt payload is nested too deeply",
            Self::Issuer => "Jwt payload [iss] field is not a string",
            Self::Subject => "Jwt payload [sub] field is not a string",
            Self::Expiration => "Jwt payload [exp] field is not a number",
            Self::NotBefore => "Jwt payload [nbf] field is not a number",
            Self::Audience => "Jwt payload [aud] field is not a string or string list",
            Self::SignatureBase64 => "Jwt signature is an invalid Base64url encoded",
        }
    }
}

impl From<Malformed> for TokenError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

// By hand, because `body` already is the one place of these sentences.
impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.body())
    }
}

impl std::error::Error for TokenError {}

/// Why a JWKS document is not accepted as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Over [`super::MAX_JWKS_BYTES`].
    #[error("the JWKS is over {} KiB", super::MAX_JWKS_BYTES / 1024)]
    TooLarge,
    /// Not JSON.
    #[error("the JWKS is not valid JSON")]
    Json,
    /// It begins with U+FEFF, which is no JSON (RFC 8259 section 8.1).
    #[error("the JWKS begins with a byte order mark")]
    ByteOrderMark,
    /// A list, as of the keys alone.
    #[error("the JWKS is a list and not an object")]
    List,
    /// One key (RFC 7517 section 4).
    #[error("the JWKS is one key and not a set of keys")]
    OneKey,
    /// What an issuer says of itself (OpenID Connect Discovery 1.0, section 3).
    #[error("the JWKS is a discovery document")]
    Discovery,
    /// Certificates in PEM by key ID, as some issuers publish them beside their JWKS.
    #[error("the JWKS is a map of certificates")]
    Certificates,
    /// A member name occurs twice in one object.
    #[error("the JWKS has a duplicate member name")]
    Duplicate,
    /// Nested too deeply.
    #[error("the JWKS is nested too deeply")]
    Nesting,
    /// The document is not an object with an array `keys`.
    #[error("the JWKS has no array \"keys\"")]
    NoKeys,
    /// None of the keys can be used. Carries the reasons, as `KeySet::skipped` would.
    #[error("the JWKS has no usable key{}", reasons(.0))]
    NoUsableKey(Vec<String>),
    /// Over [`super::MAX_KEYS`] usable keys.
    #[error("the JWKS has over {} usable keys", super::MAX_KEYS)]
    TooManyKeys,
}

impl JwksError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyKeys => "keep the keys that the issuer still signs with",
            Self::Json | Self::NoKeys => {
                "write a JWKS as JSON text (RFC 7517), as in `{\"keys\": [...]}`"
            }
            Self::ByteOrderMark => "save it as UTF-8 without a byte order mark",
            Self::List => "put the keys into an object: `{\"keys\": [...]}`",
            Self::OneKey => "put the key into a set: `{\"keys\": [...]}`",
            Self::Discovery => "take the document that its `jwks_uri` names",
            Self::Certificates => {
                "take the issuer's JWKS (RFC 7517), which its discovery document names as `jwks_uri`"
            }
            Self::Duplicate => "write each member once",
            Self::Nesting => "a JWKS is an object that holds a list of objects",
            Self::NoUsableKey(_) => {
                "keys that verify tokens are RSA of 2048 bits or more, EC on P-256, P-384 or \
                 P-521, OKP on Ed25519, and `oct` of 32 bytes or more, but only inline"
            }
        }
    }
}

fn reasons(skipped: &[String]) -> String {
    if skipped.is_empty() { String::new() } else { format!(": {}", skipped.join("; ")) }
}
