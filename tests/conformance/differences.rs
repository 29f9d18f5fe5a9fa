//! The differences between the filter and Envoy's own filters, each with its reason.

use serde_json::Value;

use super::requests::Asked;
use super::tokens::Peculiarity;

/// What the difference means for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Envoy's own filters deny what the filter allows.
    Stricter,
    /// Envoy's own filters allow what the filter denies.
    Laxer,
    /// Both deny, with different status codes.
    OtherStatus,
}

impl Effect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stricter => "stricter",
            Self::Laxer => "laxer",
            Self::OtherStatus => "other status",
        }
    }
}

/// A kind of difference.
pub struct Kind {
    pub name: &'static str,
    pub effects: &'static [Effect],
    pub reason: &'static str,
    explains: fn(&Pair<'_>) -> bool,
}

/// One request under one policy, and what was said.
pub struct Pair<'p> {
    pub asked: &'p Asked,
    /// The access-log entry of the filter's listener.
    pub filter: &'p Value,
    /// That of the other listener.
    pub native: &'p Value,
    /// Whether something in the policy has only a narrower form.
    pub narrowed: bool,
}

impl Pair<'_> {
    fn reason(&self) -> &str {
        self.filter["reason"].as_str().unwrap_or_default()
    }

    fn statuses(&self) -> (u64, u64) {
        (self.filter["status"].as_u64().unwrap(), self.native["status"].as_u64().unwrap())
    }

    fn native_details(&self) -> &str {
        self.native["details"].as_str().unwrap_or_default()
    }

    /// Whether the answer came from the upstream, or would have if there were one.
    fn allowed(entry: &Value) -> bool {
        let status = entry["status"].as_u64().unwrap();
        status < 400 || (status == 404 && entry["details"] == "direct_response")
    }

    fn token(&self, peculiarities: &[Peculiarity]) -> bool {
        peculiarities.contains(&self.asked.token)
    }
}

use Effect::{Laxer, OtherStatus, Stricter};
use Peculiarity as P;

/// Every kind that is known. The first that explains a difference names it.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "malformed-port",
        effects: &[Laxer],
        reason: "What follows the colon of a host is no number. The filter answers with 400; Envoy \
                 leaves it out, and judges the request as one for the host before it.",
        explains: |pair| {
            let host = &pair.asked.host;
            pair.reason() == "bad_authority" && host.contains(':') && !host.contains(['@', '['])
        },
    },
    Kind {
        name: "malformed-authority",
        effects: &[OtherStatus],
        reason: "The authority is none that a request can carry. The filter answers with 400 before \
                 anything else; Envoy asks for a token first where a wildcard covers it, and denies \
                 it then.",
        explains: |pair| pair.reason() == "bad_authority",
    },
    Kind {
        name: "address-in-brackets",
        effects: &[Stricter],
        reason: "The host is an IPv6 address, and only `*` covers it. The filter judges it as any \
                 host; Envoy's filters would have to tell its canonical form from others by a \
                 regular expression, and deny every form instead.",
        explains: |pair| pair.asked.host.starts_with('['),
    },
    Kind {
        name: "refused-path",
        effects: &[OtherStatus],
        reason: "Rules admit some readings of the path and not others, or none of its bytes are \
                 sound. The filter answers with 400; Envoy's filters deny it with 403.",
        explains: |pair| matches!(pair.reason(), "ambiguous_path" | "bad_path"),
    },
    Kind {
        name: "uncertain-path",
        effects: &[Stricter],
        reason: "Servers read the path in different ways. The filter judges every reading and finds \
                 that rules admit all of them; Envoy judges one, and denies what it cannot be \
                 certain of.",
        explains: |pair| {
            let path = pair.filter["path"].as_str().unwrap_or_default();
            let special = path.contains(['%', ';', '\\']) || path.contains("//");
            special && pair.native_details().starts_with("rbac_access_denied")
        },
    },
    Kind {
        name: "scheme-in-lower-case",
        effects: &[Stricter, Laxer, OtherStatus],
        reason: "The token follows `bearer` in lower case. The filter compares the scheme without \
                 regard to case (RFC 9110, section 11.1); Envoy finds no token there, so the \
                 request is one without a token.",
        explains: |pair| pair.token(&[P::LowerCaseScheme]),
    },
    Kind {
        name: "several-tokens",
        effects: &[Stricter, Laxer, OtherStatus],
        reason: "A token header is repeated or holds a list. The filter refuses that; Envoy \
                 verifies every token that it finds, all have to be valid, and the claims of the \
                 last count.",
        explains: |pair| pair.token(&[P::TwoTokens, P::TwiceTheSame, P::List]),
    },
    Kind {
        name: "text-around-a-token",
        effects: &[Stricter, Laxer, OtherStatus],
        reason: "The token has text before its prefix or behind it, or more space than one. The \
                 filter takes exactly what stands behind the prefix, without space; Envoy looks \
                 for the prefix anywhere in the header.",
        explains: |pair| pair.token(&[P::TextInFront, P::TextBehind, P::SpaceInFront]),
    },
    Kind {
        name: "expiry-of-zero",
        effects: &[Laxer, OtherStatus],
        reason: "`exp` is 0, or less than a second after. The filter takes it for the time that it \
                 is, in 1970; Envoy takes it for none.",
        explains: |pair| pair.token(&[P::ZeroExpiry]) && pair.reason() == "expired",
    },
    Kind {
        name: "critical-header",
        effects: &[Laxer, OtherStatus],
        reason: "The token names header parameters that have to be understood (`crit`; RFC 7515, \
                 section 4.1.11). The filter understands none and refuses it; Envoy does not look.",
        explains: |pair| pair.token(&[P::Critical]) && pair.reason() == "malformed_token",
    },
    Kind {
        name: "fully-specified-algorithm",
        effects: &[Stricter, OtherStatus],
        reason: "The token says `Ed25519` (RFC 9864). The filter takes it for what `EdDSA` means \
                 with such a key; Envoy knows that name alone.",
        explains: |pair| pair.token(&[P::FullySpecified]),
    },
    Kind {
        name: "claims-before-signature",
        effects: &[OtherStatus],
        reason: "The signature of the token does not hold, and it is not meant for this audience \
                 either. The filter judges the signature first and answers with 401; Envoy the \
                 audience, and answers with 403.",
        explains: |pair| {
            matches!(pair.reason(), "bad_signature" | "unknown_key" | "unsupported_algorithm")
                && pair.native_details().contains("Audiences_in_Jwt")
        },
    },
    Kind {
        name: "one-header-two-prefixes",
        effects: &[Laxer, OtherStatus],
        reason: "Two issuers of a server look for tokens in the same header, one behind a prefix \
                 and one without. The filter finds two different tokens in such a header and \
                 refuses it; Envoy goes by each issuer alone, and one has to be content.",
        explains: |pair| {
            let prefixed =
                |(name, value): &(String, String)| name == "x-token" && value.starts_with("JWT ");
            pair.reason() == "multiple_tokens" && pair.asked.headers.iter().any(prefixed)
        },
    },
    Kind {
        name: "narrowed-policy",
        effects: &[Stricter],
        reason: "The policy was compiled with `--allow-narrower`, which named the part that Envoy \
                 cannot say.",
        explains: |pair| pair.narrowed && pair.native["status"] == 403,
    },
];

/// The kind of difference between two answers, if they differ; an error when none explains it.
pub fn kind(pair: &Pair<'_>) -> Result<Option<&'static Kind>, ()> {
    let (filter, native) = (Pair::allowed(pair.filter), Pair::allowed(pair.native));
    let effect = match (filter, native) {
        _ if pair.statuses().0 == pair.statuses().1 => return Ok(None),
        (true, false) => Stricter,
        (false, true) => Laxer,
        (true, true) => return Err(()),
        (false, false) => OtherStatus,
    };
    let fits = |kind: &&Kind| kind.effects.contains(&effect) && (kind.explains)(pair);
    KINDS.iter().find(fits).map(Some).ok_or(())
}

/// The document holds every kind with its effects and its reason, and no other.
pub fn check_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conformance.md");
    let document = std::fs::read_to_string(path).unwrap();
    let sections: Vec<_> = document.split("\n### `").skip(1).collect();
    let names: Vec<_> = sections.iter().map(|it| it.split('`').next().unwrap()).collect();
    let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(names, known, "docs/conformance.md does not hold the known differences");
    for (section, kind) in sections.iter().zip(KINDS) {
        let written = format!("{}`: {}\n\n{}\n", kind.name, effects(kind), kind.reason);
        assert!(
            section.starts_with(&written),
            "docs/conformance.md, {}: write\n{written}",
            kind.name
        );
    }
}

/// The effects of a kind, as people read them.
pub fn effects(kind: &Kind) -> String {
    kind.effects.iter().map(|effect| effect.name()).collect::<Vec<_>>().join(", ")
}
