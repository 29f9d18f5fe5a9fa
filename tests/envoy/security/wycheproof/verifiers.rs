//! Both ways in which the filter has signatures checked: in the module, and by Envoy's BoringSSL.
//! In place of the latter stands ring, whose cryptography is BoringSSL's; what Envoy is handed is
//! built and read by the filter's own code.

use egress_auth::jwt::{Algorithm, Key, SignatureVerifier, SoftwareVerifier, host_call};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};

/// Both, by name.
pub const ALL: [(&str, &dyn SignatureVerifier); 2] =
    [("the module", &SoftwareVerifier), ("BoringSSL", &BoringVerifier)];

/// What the filter does where Envoy offers its function `verify_signature`.
struct BoringVerifier;

impl SignatureVerifier for BoringVerifier {
    fn supports(&self, algorithm: Algorithm) -> bool {
        SoftwareVerifier.supports(algorithm)
    }

    fn verify(&self, key: &Key, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        // ring has no P-521.
        if !host_call::supports(algorithm) || algorithm == Algorithm::Es512 {
            return SoftwareVerifier.verify(key, algorithm, input, signature);
        }
        host_call::encode(key, algorithm, input, signature)
            .is_some_and(|argument| host_call::decode(verify_signature(&argument)))
    }
}

/// What that function does with its argument: `VerifySignatureArguments` in, and out
/// `VerifySignatureResult`.
fn verify_signature(argument: &[u8]) -> &'static [u8] {
    let [hash, key, signature, text] = fields(argument);
    // ring wants the point, or the modulus and exponent, without what X.509 puts before them: the
    // algorithm, and lengths in three bytes for RSA keys of these sizes.
    let (algorithm, start): (&dyn VerificationAlgorithm, _) = match (hash, key.len()) {
        (b"sha256", 91) => (&ECDSA_P256_SHA256_ASN1, 26),
        (b"sha384", 120) => (&ECDSA_P384_SHA384_ASN1, 23),
        (b"sha256", _) => (&RSA_PKCS1_2048_8192_SHA256, 24),
        (b"sha384", _) => (&RSA_PKCS1_2048_8192_SHA384, 24),
        (b"sha512", _) => (&RSA_PKCS1_2048_8192_SHA512, 24),
        _ => panic!("no such hash"),
    };
    let holds = UnparsedPublicKey::new(algorithm, &key[start..]).verify(text, signature).is_ok();
    if holds { &[0x08, 0x01] } else { b"\x12\x0bnot verified" }
}

/// Four fields of bytes, in the order of their numbers.
fn fields(mut message: &[u8]) -> [&[u8]; 4] {
    std::array::from_fn(|index| {
        assert_eq!(usize::from(message[0]), ((index + 1) << 3) | 2);
        let (mut length, mut at) = (0, 1);
        loop {
            length |= usize::from(message[at] & 0x7F) << (7 * (at - 1));
            at += 1;
            if message[at - 1] < 0x80 {
                break;
            }
        }
        let field = &message[at..at + length];
        message = &message[at + length..];
        field
    })
}
