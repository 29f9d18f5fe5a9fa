//! JWT rules.

use crate::engine::MAX_CLOCK_SKEW_SECONDS;
use crate::policy::DEFAULT_CLOCK_SKEW_SECONDS;
use crate::resource::shape::{Object, Others, Shape, Written, optional, required};

/// `authentication` of a server.
pub(super) static AUTHENTICATION: Object = Object {
    fields: &[
        optional("jwt", Shape::Object(&JWT_RULE), "The one issuer of tokens")
            .instead("write at least the `issuer` and its `jwksUri`"),
        optional("rules", Shape::Object(&AUTHENTICATION_RULES), "Several issuers of tokens")
            .instead("write `jwt` with a list of JWT rules below it"),
        optional(
            "requireJwt",
            Shape::BooleanOrValue,
            "Whether a request without a token is refused",
        )
        .default(Written::Boolean(true))
        .instead("write true or false; left out, a token is required"),
        optional("oidc", Shape::Anything, "Not supported on egress servers"),
    ],
    others: Others::Refused,
    not_empty: Some("write `jwt` with an issuer below it"),
};

static AUTHENTICATION_RULES: Object = Object {
    fields: &[required(
        "jwt",
        Shape::SomeOf(&Shape::Object(&JWT_RULE)),
        "A list of JWT rules, each issuer at most once",
    )
    .instead("list at least one JWT rule")],
    others: Others::Refused,
    not_empty: Some("write `jwt` with a list of JWT rules below it"),
};

static JWT_RULE: Object = Object {
    fields: &[
        required("issuer", Shape::Text, "The exact value of the claim `iss`"),
        optional(
            "audiences",
            Shape::List(&Shape::Text),
            "Accepted values of the claim `aud`, any of them; none: it is not checked",
        ),
        optional("jwksUri", Shape::Text, "Where the issuer's keys are fetched, http or https"),
        optional("jwks", Shape::Text, "The issuer's keys themselves, as JSON text (RFC 7517)")
            .instead("write the JWKS as text, as in `jwks: '{\"keys\": [...]}'`"),
        optional(
            "fromHeaders",
            Shape::SomeOf(&Shape::Object(&FROM_HEADER)),
            "Request headers that may hold the token",
        )
        .instead("name headers, or leave `fromHeaders` out"),
        optional("fromCookies", Shape::SomeOf(&Shape::Text), "Cookies that may hold the token")
            .instead("name cookies, or leave `fromCookies` out"),
        optional(
            "fromParams",
            Shape::SomeOf(&Shape::Text),
            "Query parameters that may hold the token",
        )
        .instead("name parameters, or leave `fromParams` out"),
        optional(
            "outputPayloadToHeader",
            Shape::Text,
            "Header that carries the verified payload upstream, base64url without padding",
        ),
        optional(
            "outputClaimToHeaders",
            Shape::List(&Shape::Object(&CLAIM_TO_HEADER)),
            "Headers that carry single claims upstream",
        ),
        optional("forwardOriginalToken", Shape::Boolean, "Whether the token itself goes upstream")
            .default(Written::Boolean(false)),
        optional(
            "clockSkewSeconds",
            Shape::Integer { min: 0, max: MAX_CLOCK_SKEW_SECONDS },
            "Tolerance for `exp` and `nbf`",
        )
        .default(Written::Number(DEFAULT_CLOCK_SKEW_SECONDS)),
        optional("requireExpiration", Shape::Boolean, "Whether a token without `exp` is refused")
            .default(Written::Boolean(false)),
        optional(
            "maxLifetimeSeconds",
            Shape::Integer { min: 1, max: u64::MAX },
            "Upper bound on the time until `exp`; implies `requireExpiration`",
        ),
        optional(
            "tokenTypes",
            Shape::SomeOf(&Shape::TextOrEmpty),
            "Accepted types of tokens (`typ` of the header), any of them; \"\" for a token without \
             one; left out: it is not looked at",
        )
        .instead("list types such as `at+jwt`, or leave `tokenTypes` out"),
        optional(
            "requiredClaims",
            Shape::SomeOf(&Shape::Text),
            "Claims that every token must have, and not as null, as in `other` of a rule",
        )
        .instead("name claims, or leave `requiredClaims` out"),
        optional(
            "certificateBound",
            Shape::Word(&["ignored", "ifPresent", "required"]),
            "Whether a token counts only with the certificate that its `cnf` names (RFC 8705)",
        )
        .default(Written::Text("ignored"))
        .instead("write ignored, ifPresent or required, or leave it out"),
        optional(
            "workloadBound",
            Shape::Word(&["spiffe", "kubernetes"]),
            "How the subject of a token names the workload that must send it; left out: it does not",
        )
        .instead("write spiffe or kubernetes, or leave it out"),
    ],
    others: Others::Refused,
    not_empty: Some("write at least the `issuer` and its `jwksUri`"),
};

static FROM_HEADER: Object = Object {
    fields: &[
        required("name", Shape::Text, "Name of the header"),
        optional(
            "prefix",
            Shape::TextOrEmpty,
            "Text before the token, its last space included; a value without it holds no token",
        ),
    ],
    others: Others::Refused,
    not_empty: None,
};

static CLAIM_TO_HEADER: Object = Object {
    fields: &[
        required("header", Shape::Text, "Name of the header"),
        required(
            "claim",
            Shape::Text,
            "Name of the claim, or a path by dots or brackets, as in `other` of a rule",
        ),
    ],
    others: Others::Refused,
    not_empty: None,
};
