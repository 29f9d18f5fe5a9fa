//! Rules on requests: those of a server, and `egressAuthorization`.

use crate::resource::shape::{Field, Object, Others, Shape, Written, optional, required};

/// `authorization` of a server.
pub(super) static AUTHORIZATION: Object = Object {
    fields: &[
        optional("local", Shape::Object(&LOCAL), "Rules that the gateway judges itself")
            .instead("list rules below it, or write `local: {}` to deny everything"),
        optional("external", Shape::Anything, "Not supported"),
        optional(
            "meshInternalAuthz",
            Shape::Anything,
            "Not supported: `external` of older releases",
        ),
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

/// A pattern over a token.
pub static PRINCIPAL: Object = Object {
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

/// An entry of `egressAuthorization`.
pub(super) static EGRESS_AUTHORIZATION: Object = Object {
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

/// `methods` of an entry of `to`, of a rule or of `egressAuthorization`, and of a guarantee.
pub const METHODS: Field = optional(
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
