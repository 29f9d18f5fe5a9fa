//! The certificate that a token is bound to: `cnf` (RFC 7800) with `x5t#S256` (RFC 8705, section
//! 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::Claims;

/// Length of a SHA-256.
const BYTES: usize = 32;
/// Letters of a thumbprint that are shown.
const SHOWN: usize = 8;

/// The SHA-256 of a certificate.
#[derive(Clone, Copy)]
pub struct Thumbprint([u8; BYTES]);

impl Thumbprint {
    /// Of these bytes.
    pub fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads `x5t#S256`: base64url without padding, in its one spelling, of 32 bytes.
    pub fn from_base64url(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Reads the hexadecimal digits in which Envoy writes it, in either case.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        let mut bytes = [0; BYTES];
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        if pairs.len() != BYTES {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let value = |digit: &u8| char::from(*digit).to_digit(16);
            let both = value(high)?.checked_mul(16)?.checked_add(value(low)?)?;
            *byte = u8::try_from(both).ok()?;
        }
        Some(Self(bytes))
    }

    /// Reads either.
    pub fn read(text: &str) -> Option<Self> {
        Self::from_hex(text.as_bytes()).or_else(|| Self::from_base64url(text))
    }

    /// As `x5t#S256` writes it.
    pub fn to_base64url(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As Envoy writes it.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its beginning, as it may be shown.
    pub fn short(self) -> String {
        let text = self.to_base64url();
        format!("{}...", text.get(..SHOWN).unwrap_or_default())
    }
}

/// In the same time wherever two of them differ.
impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Thumbprint {}

impl std::fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.short())
    }
}

/// What a token says of the key of its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Nothing.
    Absent,
    /// The holder has this certificate.
    Certificate(Thumbprint),
    /// `cnf` is there, and names no certificate: a key of another kind, or nothing that can be read.
    Other,
}

impl Confirmation {
    /// Reads `cnf`. Other members of it are not understood here, and left alone where `x5t#S256` is
    /// one of them (RFC 7800, section 3.1).
    pub fn of(claims: &Claims) -> Self {
        let Some(confirmation) = claims.get("cnf") else { return Self::Absent };
        let thumbprint = match confirmation {
            Value::Object(members) => members.get("x5t#S256").and_then(Value::as_str),
            _ => None,
        };
        thumbprint.and_then(Thumbprint::from_base64url).map_or(Self::Other, Self::Certificate)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEX: &str = "6f070ac1eb1c0b8d1e1f0e0b2b3a4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d";

    #[test]
    fn hex_and_base64url_are_the_same_bytes() {
        let thumbprint = Thumbprint::from_hex(HEX.as_bytes()).unwrap();
        assert_eq!(Thumbprint::from_hex(HEX.to_ascii_uppercase().as_bytes()), Some(thumbprint));
        let text = thumbprint.to_base64url();
        assert_eq!(Thumbprint::from_base64url(&text), Some(thumbprint));
        assert_eq!(thumbprint.to_hex(), HEX);
        assert_eq!(format!("{thumbprint:?}"), format!("{}...", text.get(..8).unwrap()));
        let other = Thumbprint::from_hex(HEX.replace('5', "4").as_bytes()).unwrap();
        assert_ne!(thumbprint, other);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let (long, short, odd) = (format!("{HEX}00"), HEX.get(2..).unwrap(), HEX.get(1..).unwrap());
        for text in ["", "0", short, odd, &long, &HEX.replace('6', "g"), &HEX.replace('6', " ")] {
            assert!(Thumbprint::from_hex(text.as_bytes()).is_none(), "{text}");
        }
        let sound = Thumbprint::from_hex(HEX.as_bytes()).unwrap().to_base64url();
        for text in [
            String::new(),
            HEX.to_owned(),
            format!("{sound}="),
            format!(" {sound}"),
            format!("{sound}A"),
            sound.get(1..).unwrap().to_owned(),
            sound.replace('-', "+").replace('_', "/") + "=",
            // The last letter with bits that stand for nothing.
            format!("{}1", sound.get(..42).unwrap()),
        ] {
            assert!(Thumbprint::from_base64url(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_other_shape_of_cnf_names_no_certificate() {
        let thumbprint = Thumbprint::from_hex(HEX.as_bytes()).unwrap();
        let text = thumbprint.to_base64url();
        let of = |cnf: serde_json::Value| {
            let payload = json!({"iss": "i", "cnf": cnf}).to_string();
            Confirmation::of(&Claims::from_json(payload.as_bytes()).unwrap())
        };
        let bound = Confirmation::Certificate(thumbprint);
        assert_eq!(of(json!({"x5t#S256": text})), bound);
        assert_eq!(of(json!({"x5t#S256": text, "jkt": "x", "kid": 7})), bound);
        for cnf in [
            json!(null),
            json!(true),
            json!(0),
            json!(text),
            json!([]),
            json!([{"x5t#S256": text}]),
            json!({}),
            json!({"x5t#S256": null}),
            json!({"x5t#S256": [text]}),
            json!({"x5t#S256": {"x5t#S256": text}}),
            json!({"x5t#S256": ""}),
            json!({"x5t#S256": HEX}),
            json!({"x5t#S256": format!("{text}=")}),
            json!({"X5T#S256": text}),
            json!({"x5t": text}),
            json!({"jkt": text}),
            json!({"jwk": {"x5t#S256": text}}),
        ] {
            assert_eq!(of(cnf.clone()), Confirmation::Other, "{cnf}");
        }
        let none = Claims::from_json(br#"{"CNF":{},"cnf.x5t#S256":"x"}"#).unwrap();
        assert_eq!(Confirmation::of(&none), Confirmation::Absent);
    }
}
