//! The fields of a Gateway, as far as we read them.

use crate::engine::MAX_CLOCK_SKEW_SECONDS;
use crate::policy::DEFAULT_CLOCK_SKEW_SECONDS;
use crate::resource::shape::{Field, Object, Others, Shape, Written, optional, required};

/// A Gateway document.
pub static GATEWAY: Object = Object {
    fields: &[
        required(
            "apiVersion",
            Shape::Word(&["gateway.tsb.tetrate.io/v2"]),
            "Version of the document's format",
        ),
        required("kind", Shape::Word(&["Gateway"]), "Kind of the document"),
        METADATA_FIELD,
        SPEC_FIELD,
        STATUS_FIELD,
    ],
    others: Others::Suspected,
    not_empty: None,
};

/// The same as an item of a typed list, which says the version and the kind of all its items.
pub static LISTED_GATEWAY: Object = Object {
    fields: &[METADATA_FIELD, SPEC_FIELD, STATUS_FIELD],
    others: Others::Suspected,
    not_empty: None,
};

const METADATA_FIELD: Field =
    required("metadata", Shape::Object(&METADATA), "Identity of the Gateway");
const SPEC_FIELD: Field = required("spec", Shape::Object(&SPEC), "What the Gateway does");
const STATUS_FIELD: Field =
    optional("status", Shape::Anything, "What TSB says of the Gateway; not looked at");

static METADATA: Object = Object {
    fields: &[
        required("name", Shape::Text, "Name of the Gateway"),
        optional("namespace", Shape::Text, "Namespace of the Gateway"),
    ],
    others: Others::Ignored,
    not_empty: None,
};

/// `spec` of a Gateway.
pub static SPEC: Object = Object {
    fields: &[
        optional("workloadSelector", Shape::Object(&WORKLOAD_SELECTOR), "The gateway's pods"),
        optional(
            "egressAuthorization",
            Shape::SomeOf(&Shape::Object(&EGRESS_AUTHORIZATION)),
            "Which workloads may call which hosts, allowed when any entry matches",
        )
        .instead("empty never means everyone: list entries, or remove the field"),
        optional("http", Shape::List(&Shape::Object(&SERVER)), "The HTTP servers, one a hostname"),
    ],
    others: Others::Ignored,
    not_empty: None,
};

static EGRESS_AUTHORIZATION: Object = Object {
    fields: &[
        optional(
            "from",
            Shape::Object(&EGRESS_FROM),
            "The workloads; left out: any, those without an identity included",
        )
        .instead("empty never means anyone: name workloads, or leave `from` out"),
        required("to", Shape::SomeOf(&Shape::Object(&EGRESS_TO)), "The hosts, any of the entries")
            .instead("name at least one host"),
        optional(
            "identityMatch",
            Shape::Word(&["PERMISSIVE", "PEER_CERTIFICATE", "SOURCE_IDENTITY"]),
            "Whose identity `from` is compared with",
        )
        .default(Written::Text("PERMISSIVE"))
        .instead("write PERMISSIVE, PEER_CERTIFICATE or SOURCE_IDENTITY, or leave it out"),
    ],
    others: Others::Refused,
    not_empty: Some("write at least `to` with a host"),
};

static EGRESS_FROM: Object = Object {
    fields: &[
        optional(
            "serviceAccounts",
            Shape::SomeOf(&Shape::Text),
            "`namespace/service-account`; `*` stands for any account, `.` for the gateway's \
             namespace",
        )
        .instead("empty never means anyone: name accounts, or leave `serviceAccounts` out"),
        optional(
            "resources",
            Shape::SomeOf(&Shape::Text),
            "Tenants, workspaces and groups by their full names, for the namespaces they own",
        )
        .instead("empty never means anyone: name resources, or leave `resources` out"),
        optional("mode", Shape::Anything, "Deprecated; an error that says what to write instead"),
    ],
    others: Others::Refused,
    not_empty: Some("empty never means anyone: name workloads, or leave `from` out"),
};

/// `methods` of an entry of `to`, of a rule or of `egressAuthorization`.
const METHODS: Field = optional(
    "methods",
    Shape::SomeOf(&Shape::Text),
    "Request methods in upper case, any of them; left out: any method",
)
.instead("empty never means any method: name methods, or leave `methods` out");

/// `paths` of such an entry.
const PATHS: Field = optional(
    "paths",
    Shape::SomeOf(&Shape::Text),
    "Path patterns, any of them; left out: any path",
)
.instead("empty never means any path: name paths, or leave `paths` out");

static EGRESS_TO: Object = Object {
    fields: &[required("host", Shape::Object(&EGRESS_HOST), "The external host"), METHODS, PATHS],
    others: Others::Refused,
    not_empty: Some("write at least `host`"),
};

static EGRESS_HOST: Object = Object {
    fields: &[
        optional("exact", Shape::Text, "The hostname")
            .instead("empty never means any host: write a hostname"),
        optional("prefix", Shape::Anything, "Not supported: only exact hostnames are"),
        optional("regex", Shape::Anything, "Not supported: only exact hostnames are"),
    ],
    others: Others::Refused,
    not_empty: Some("write `exact` with a hostname"),
};

static WORKLOAD_SELECTOR: Object = Object {
    fields: &[
        optional("namespace", Shape::Text, "Namespace in which the gateway's pods run"),
        optional("labels", Shape::TextMap, "Labels of the gateway's pods"),
    ],
    others: Others::Ignored,
    not_empty: None,
};

/// An entry of `spec.http`.
pub static SERVER: Object = Object {
    fields: &[
        required("name", Shape::Text, "Name of the server, unique in the Gateway"),
        required("hostname", Shape::Text, "A hostname, `*.` and a suffix, or `*`"),
        optional("port", Shape::Anything, "An error on EGRESS servers"),
        optional(
            "trafficMode",
            Shape::Word(&["AUTO", "EGRESS", "INGRESS", "TRANSIT"]),
            "Which way requests go; AUTO is an egress server",
        )
        .default(Written::Text("AUTO")),
        // Routing of ingress servers is none of our business; that of egress servers is checked
        // when destinations are compiled.
        optional(
            "routing",
            Shape::Described(&Shape::Object(&ROUTING)),
            "Where requests are sent; an egress server has one rule",
        ),
        optional("authentication", Shape::Object(&AUTHENTICATION), "Who may call").instead(
            "write `jwt` with an issuer below it, or remove the field to look for no token",
        ),
        optional("authorization", Shape::Object(&AUTHORIZATION), "Who may call what").instead(
            "write `local` with rules below it, `local: {}` to deny everything, or remove the field",
        ),
    ],
    others: Others::Ignored,
    not_empty: None,
};

static AUTHENTICATION: Object = Object {
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
        required("claim", Shape::Text, "Name of the claim; dots reach into nested objects"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static AUTHORIZATION: Object = Object {
    fields: &[
        optional("local", Shape::Object(&LOCAL), "Rules that the gateway judges itself")
            .instead("list rules below it, or write `local: {}` to deny everything"),
        optional("external", Shape::Anything, "Not supported"),
    ],
    others: Others::Refused,
    not_empty: Some("write `local` with rules below it, or `local: {}` to deny everything"),
};

static LOCAL: Object = Object {
    fields: &[optional(
        "rules",
        Shape::List(&Shape::Object(&RULE)),
        "Allowed when any rule matches; none: everything is denied",
    )
    .instead("list at least one rule, or write `rules: []` to deny everything")],
    others: Others::Refused,
    not_empty: None,
};

static RULE: Object = Object {
    fields: &[
        optional("name", Shape::Text, "Name of the rule, shown in decisions"),
        optional(
            "from",
            Shape::SomeOf(&Shape::Object(&FROM)),
            "Who, any of the entries; left out: anyone",
        )
        .instead("empty never means anyone: name the principals, or leave `from` out"),
        optional(
            "to",
            Shape::SomeOf(&Shape::Object(&TO)),
            "What, any of the entries; left out: anything",
        )
        .instead("empty never means anything: name methods or paths, or leave `to` out"),
    ],
    others: Others::Refused,
    not_empty: Some("write `from`, `to` or both"),
};

static FROM: Object = Object {
    fields: &[required("jwt", Shape::Object(&PRINCIPAL), "What the verified token must hold")
        .instead("empty never means anyone: write `jwt: {}` for any verified token")],
    others: Others::Refused,
    not_empty: Some("empty never means anyone: write `jwt: {}` for any verified token"),
};

static PRINCIPAL: Object = Object {
    fields: &[
        optional("iss", Shape::Text, "Pattern for the claim `iss`"),
        optional("sub", Shape::Text, "Pattern for the claim `sub`"),
        optional("other", Shape::SomeTextMap, "Patterns for other claims, by name")
            .instead("name at least one claim, or leave `other` out"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static TO: Object = Object {
    fields: &[METHODS, PATHS],
    others: Others::Refused,
    not_empty: Some("write `methods`, `paths` or both, or leave `to` out to allow anything"),
};

static ROUTING: Object = Object {
    fields: &[required("rules", Shape::SomeOf(&Shape::Object(&ROUTING_RULE)), "The one rule")],
    others: Others::Ignored,
    not_empty: None,
};

static ROUTING_RULE: Object = Object {
    fields: &[required("route", Shape::Object(&ROUTE), "Where requests are sent")],
    others: Others::Ignored,
    not_empty: None,
};

static ROUTE: Object = Object {
    fields: &[required(
        "serviceDestination",
        Shape::Object(&SERVICE_DESTINATION),
        "The external host, and how it is reached",
    )],
    others: Others::Ignored,
    not_empty: None,
};

/// `route.serviceDestination` of an egress server. A letter too many in it or below must not turn
/// TLS off, or a pinned authority into any.
pub static SERVICE_DESTINATION: Object = Object {
    fields: &[
        required("host", Shape::Text, "`<gateway namespace>/<hostname>` of the external host"),
        optional(
            "port",
            Shape::Integer { min: 1, max: 65_535 },
            "Port of the external host; default 443 with TLS, 80 without",
        ),
        optional("tls", Shape::Object(&TLS), "TLS towards the external host; left out: plain text")
            .instead("write `mode: SIMPLE`, or leave `tls` out for plain text"),
    ],
    others: Others::Suspected,
    not_empty: None,
};

static TLS: Object = Object {
    fields: &[
        required(
            "mode",
            Shape::Word(&["DISABLED", "SIMPLE", "MUTUAL"]),
            "Plain text, TLS, or TLS with a client certificate",
        ),
        optional("files", Shape::Object(&FILES), "PEM files on the gateway"),
        optional(
            "subjectAltNames",
            Shape::List(&Shape::Text),
            "Names of which the external host's certificate must hold one; default: its hostname",
        ),
    ],
    others: Others::Suspected,
    not_empty: None,
};

static FILES: Object = Object {
    fields: &[
        optional("caCertificates", Shape::Text, "Trusted CAs; default: the system's"),
        optional("clientCertificate", Shape::Text, "What the gateway presents in mode MUTUAL"),
        optional("privateKey", Shape::Text, "The key of `clientCertificate`"),
    ],
    others: Others::Suspected,
    not_empty: None,
};
