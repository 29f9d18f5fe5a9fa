//! The fields of a cases file.

use crate::engine::{Mechanism, Reason};
use crate::resource::shape::{Object, Others, Shape, Written, optional, required};

/// A cases file.
pub static CASES: Object = Object {
    fields: &[
        required(
            "gateways",
            Shape::SomeOf(&Shape::Text),
            "Files or folders with the Gateway under test, relative to the cases file",
        ),
        optional(
            "options",
            Shape::Object(&OPTIONS),
            "The flags with which the Gateway is deployed",
        ),
        optional("defaults", Shape::Object(&DEFAULTS), "What cases have that say nothing else"),
        required("cases", Shape::SomeOf(&Shape::Object(&CASE)), "The cases, in order"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static OPTIONS: Object = Object {
    fields: &[
        optional(
            "gateway",
            Shape::Text,
            "`namespace/name` of the Gateway, where there are several",
        ),
        optional(
            "defaultAction",
            Shape::Word(&["deny", "allow"]),
            "What happens to a request for a host that nothing governs",
        )
        .default(Written::Text("deny")),
        optional(
            "discover",
            Shape::Boolean,
            "Whether issuers are asked where they keep the keys that no JWT rule names",
        )
        .default(Written::Boolean(false)),
        optional("cluster", Shape::Text, "The cluster that the gateway is in"),
        optional(
            "trustDomains",
            Shape::SomeOf(&Shape::Text),
            "Trust domains of workload identities",
        )
        .default(Written::Texts(&["cluster.local"])),
        optional(
            "sourceIdentityHeader",
            Shape::Text,
            "Header in which trusted peers hand on the identity of the workload behind them",
        ),
        optional(
            "trustSources",
            Shape::SomeOf(&Shape::Text),
            "The peers that are believed, as `namespace/service-account` or `namespace/*`",
        ),
        optional(
            "shadow",
            Shape::SomeOf(&Shape::Text),
            "Hostnames whose authorization is only tried out",
        ),
        optional(
            "shadowAuthentication",
            Shape::SomeOf(&Shape::Text),
            "Hostnames whose authentication is only tried out",
        ),
        optional(
            "jwks",
            Shape::SomeTextMap,
            "JWKS files by issuer, relative to the cases file, for cases with a `token`",
        ),
    ],
    others: Others::Refused,
    not_empty: Some("write options, or leave it out"),
};

static DEFAULTS: Object = Object {
    fields: &[
        optional(
            "claims",
            Shape::Object(&MAP),
            "Claims that are added to those of every case that has `claims`",
        ),
        optional("typ", Shape::TextOrEmpty, TYP),
        optional("source", Shape::Text, SOURCE),
        optional("certificate", Shape::Text, CERTIFICATE),
        optional("headers", Shape::Object(&MAP), "Headers of every request"),
    ],
    others: Others::Refused,
    not_empty: Some("write defaults, or leave it out"),
};

const SOURCE: &str = "The workload that sends the request: `namespace/service-account` in the \
                      first trust domain, a SPIFFE ID, or `none` for one without a certificate";

const TYP: &str = "The type of the token that `claims` stands for, as `typ` of its header";

const CERTIFICATE: &str = "The client certificate: a PEM file, relative to the cases file, or its \
                           SHA-256 in hexadecimal digits or as `x5t#S256`";

static CASE: Object = Object {
    fields: &[
        required("name", Shape::Text, "What the case shows, as a sentence"),
        required("request", Shape::Text, "Method and URL, as in `GET https://api.test/v1/items`"),
        optional(
            "claims",
            Shape::Object(&MAP),
            "Claims that stand for a token which is valid but for what they say themselves",
        ),
        optional("token", Shape::Text, "The token, sent as `Authorization: Bearer`"),
        optional("typ", Shape::TextOrEmpty, TYP),
        optional("source", Shape::Text, SOURCE),
        optional("certificate", Shape::Text, CERTIFICATE),
        optional("headers", Shape::Object(&MAP), "Headers of the request"),
        required("expect", Shape::Object(&EXPECT), "What must become of the request"),
    ],
    others: Others::Refused,
    not_empty: None,
};

/// A map with any names.
static MAP: Object = Object { fields: &[], others: Others::Ignored, not_empty: None };

static EXPECT: Object = Object {
    fields: &[
        required("decision", Shape::Word(&["allow", "deny"]), "Whether the request may pass"),
        optional(
            "status",
            Shape::Integer { min: 200, max: 503 },
            "Status that the gateway answers; 200 where it lets the request pass",
        ),
        optional(
            "reason",
            Shape::Code { words: Reason::CODES, prefix: "shadow_" },
            "Reason code; with the prefix `shadow_` where a denial is only reported",
        ),
        optional(
            "rule",
            Shape::Text,
            "Name of the rule that admits the request; `none` where none does",
        ),
        optional(
            "server",
            Shape::Text,
            "Name of the server that governs the host; `none` where none does",
        ),
        optional("mechanism", Shape::Word(Mechanism::CODES), "What decides"),
    ],
    others: Others::Refused,
    not_empty: None,
};
