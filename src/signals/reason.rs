//! The stable codes that a decision carries, the same in logs, metrics and `explain`.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every code, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Every code as users see it, in the same order.
            pub const CODES: &'static [&'static str] = &[$($code,)+];

            /// The code as users see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What the code means: its comment here, which the reference repeats.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a request was allowed or denied.
    Reason {
        /// What governs the host admits the request.
        Allowed => "allowed",
        /// Nothing checks requests to this host, on purpose.
        Passthrough => "passthrough",
        /// `:authority` names no host, or one that servers could take for another.
        BadAuthority => "bad_authority",
        /// No server governs the host.
        UnlistedHost => "unlisted_host",
        /// A token is required and the request has none.
        MissingToken => "missing_token",
        /// Two different tokens, or a repeated token header.
        MultipleTokens => "multiple_tokens",
        /// The token is over 16 KiB.
        TokenTooLarge => "token_too_large",
        /// The token is not a JWS in compact form with a JSON header and a JSON payload, or one
        /// of its registered claims has a wrong type.
        MalformedToken => "malformed_token",
        /// No JWT rule of this server names the token's issuer.
        UnknownIssuer => "unknown_issuer",
        /// `alg` is none, unknown, or not usable with the issuer's keys.
        UnsupportedAlgorithm => "unsupported_algorithm",
        /// The issuer has no key that fits the token.
        UnknownKey => "unknown_key",
        /// No candidate key verifies the signature.
        BadSignature => "bad_signature",
        /// The time is past `exp`.
        Expired => "expired",
        /// The time is before `nbf`.
        NotYetValid => "not_yet_valid",
        /// `exp` is absent where it is required, or too far in the future.
        LifetimeTooLong => "lifetime_too_long",
        /// `aud` names none of the accepted audiences.
        WrongAudience => "wrong_audience",
        /// `typ` is none of the accepted types of tokens.
        WrongTokenType => "wrong_token_type",
        /// A claim that every token must have is absent, or null.
        MissingClaim => "missing_claim",
        /// The token is bound to another certificate or workload than that of the sender, or to
        /// none where it must be.
        WrongHolder => "wrong_holder",
        /// The issuer's keys have not been fetched.
        JwksUnavailable => "jwks_unavailable",
        /// The path holds bytes or escapes that servers read in unsafe ways.
        BadPath => "bad_path",
        /// Servers read the path differently, and the readings do not share one decision.
        AmbiguousPath => "ambiguous_path",
        /// No authorization rule admits the request.
        NoRuleMatched => "no_rule_matched",
        /// `egressAuthorization` asks for a workload and the request has no identity.
        SourceUnknown => "source_unknown",
        /// `egressAuthorization` does not admit the workload.
        SourceNotAllowed => "source_not_allowed",
    }
}

codes! {
    /// What decided.
    Mechanism {
        /// `authentication.jwt` of the server.
        Authentication => "authentication",
        /// `authorization.local` of the server.
        Authorization => "authorization",
        /// `egressAuthorization` of the Gateway.
        EgressAuthorization => "egressAuthorization",
        /// Nothing is checked for this host, on purpose.
        Passthrough => "passthrough",
        /// Nothing governs the host.
        None => "none",
    }
}
