//! Signatures checked by Envoy's BoringSSL where it offers that, in this module elsewhere.
//!
//! The host's check takes some 20 microseconds of RSA where pure Rust in wasm takes 600. It is
//! used for a family of algorithms only after it has answered both a right and a wrong signature
//! of that family correctly.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proxy_wasm::hostcalls;

use crate::jwt::{
    Algorithm, Key, KeyOrigin, KeySet, SignatureVerifier, SoftwareVerifier, host_call,
};

/// RFC 7515, appendix A.2: RS256.
const RSA: (&str, &str) = (
    r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#,
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
);
/// RFC 7515, appendix A.3: ES256.
const ECDSA: (&str, &str) = (
    r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
);

/// RFC 7515, appendix A.4: ES512. Its payload is a text and no claims.
const P521: (&str, &str) = (
    r#"{"keys":[{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}]}"#,
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
);

/// Checks signatures with the host where it can.
#[derive(Debug)]
pub struct HostVerifier {
    rsa: bool,
    ecdsa: bool,
    /// ECDSA on P-521, which this module cannot check itself.
    p521: bool,
    by_host: Cell<u64>,
    by_wasm: Cell<u64>,
}

impl HostVerifier {
    /// Asks the host for known answers.
    pub fn probe() -> Self {
        Self {
            rsa: answers_rightly(Algorithm::Rs256, RSA),
            ecdsa: answers_rightly(Algorithm::Es256, ECDSA),
            p521: answers_rightly(Algorithm::Es512, P521),
            by_host: Cell::default(),
            by_wasm: Cell::default(),
        }
    }

    /// What checks which signatures, for the log.
    pub fn describe(&self) -> String {
        let by = |host| if host { "Envoy" } else { "wasm" };
        let p521 = if self.p521 { "" } else { ", ES512 by nobody: it is refused" };
        format!("RS* by {}, ES* by {}{p521}, others by wasm", by(self.rsa), by(self.ecdsa))
    }
}

impl HostVerifier {
    /// How many signatures the host and this module checked.
    pub fn counts(&self) -> (u64, u64) {
        (self.by_host.get(), self.by_wasm.get())
    }
}

impl SignatureVerifier for HostVerifier {
    fn supports(&self, algorithm: Algorithm) -> bool {
        (algorithm == Algorithm::Es512 && self.p521) || SoftwareVerifier.supports(algorithm)
    }

    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> bool {
        let host = match algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => self.rsa,
            Algorithm::Es256 | Algorithm::Es384 => self.ecdsa,
            Algorithm::Es512 => self.p521,
            _ => false,
        };
        let counter = if host { &self.by_host } else { &self.by_wasm };
        counter.set(counter.get().saturating_add(1));
        match host {
            true => ask_host(key, algorithm, signing_input, signature),
            false => SoftwareVerifier.verify(key, algorithm, signing_input, signature),
        }
    }
}

fn ask_host(key: &Key, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
    host_call::encode(key, algorithm, signing_input, signature)
        .and_then(|argument| {
            hostcalls::call_foreign_function(host_call::FUNCTION, Some(&argument)).ok().flatten()
        })
        .is_some_and(|result| host_call::decode(&result))
}

fn answers_rightly(algorithm: Algorithm, (jwks, token): (&str, &str)) -> bool {
    let Ok(keys) = KeySet::parse(jwks.as_bytes(), KeyOrigin::Inline) else { return false };
    let candidates = keys.candidates(algorithm, None);
    let Some(key) = candidates.first() else { return false };
    let Some((signing_input, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let check = |text: &[u8]| ask_host(key, algorithm, text, &signature);
    check(signing_input.as_bytes()) && !check(b"another text")
}
