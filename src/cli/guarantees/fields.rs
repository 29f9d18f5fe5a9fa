//! The fields of a file with guarantees.

use crate::resource::gateway::fields::{METHODS, PRINCIPAL};
use crate::resource::shape::{Field, Object, Others, Shape, optional, required};

/// A file with guarantees.
pub static GUARANTEES: Object = Object {
    fields: &[required(
        "guarantees",
        Shape::SomeOf(&Shape::Object(&GUARANTEE)),
        "The guarantees, in order",
    )],
    others: Others::Refused,
    not_empty: None,
};

/// The fields of a guarantee that say what it is, of which it has one.
pub const KINDS: [&str; 4] = ["never", "always", "onlyFrom", "noMoreThan"];

static GUARANTEE: Object = Object {
    fields: &[
        required("name", Shape::Text, "What holds, as a sentence"),
        optional("never", Shape::Object(&REGION), "Requests of which none may pass"),
        optional(
            "always",
            Shape::Object(&REGION),
            "Requests that must all pass; spoken of are those with a path that every server reads \
             alike, and with a good token or none",
        ),
        optional(
            "onlyFrom",
            Shape::Object(&ONLY_FROM),
            "Hosts, and who alone may reach them: whoever is all that is named",
        ),
        optional(
            "noMoreThan",
            Shape::Text,
            "A file or folder with another policy, relative to this file: no request may pass that it \
             denies",
        ),
    ],
    others: Others::Refused,
    not_empty: None,
};

static REGION: Object = Object {
    fields: &[
        HOSTS,
        WORKLOADS,
        TOKENS,
        METHODS,
        PATHS,
        optional("not", Shape::Object(&AREA), "Requests that are left out: those with all of this"),
    ],
    others: Others::Refused,
    not_empty: Some(EVERYTHING),
};

static AREA: Object = Object {
    fields: &[HOSTS, WORKLOADS, TOKENS, METHODS, PATHS],
    others: Others::Refused,
    not_empty: Some("name what is left out, or leave `not` out"),
};

static ONLY_FROM: Object = Object {
    fields: &[
        Field {
            required: true,
            doc: "Hostnames, any of them: exact, `*.example.com`, or `*` for any host",
            ..HOSTS
        },
        WORKLOADS,
        TOKENS,
        METHODS,
        PATHS,
    ],
    others: Others::Refused,
    not_empty: Some("write `hosts`, and `workloads`, `tokens` or both"),
};

const EVERYTHING: &str =
    "empty never means everything: write `hosts: [\"*\"]` for all requests to all hosts";

const HOSTS: Field = optional(
    "hosts",
    Shape::SomeOf(&Shape::Text),
    "Hostnames, any of them: exact, `*.example.com`, or `*`; left out: any host",
)
.instead("empty never means any host: name hosts, or leave `hosts` out");

const WORKLOADS: Field = optional(
    "workloads",
    Shape::SomeOf(&Shape::Text),
    "`namespace/service-account`, any of them; `*` stands for any account, and may end a namespace. \
     It is the direct peer, or whom a trusted peer speaks for; left out: any, those without an \
     identity included",
)
.instead("empty never means anyone: name workloads, or leave `workloads` out");

static TOKEN: Shape = Shape::Object(&PRINCIPAL);

const TOKENS: Field = optional(
    "tokens",
    Shape::SomeOf(&TOKEN),
    "What the token holds, any of the entries, as in `from.jwt` of a Gateway; `{}` is any token. Left \
     out: any, and none",
)
.instead("empty never means anyone: write `tokens: [{}]` for any token, or leave `tokens` out");

const PATHS: Field = optional(
    "paths",
    Shape::SomeOf(&Shape::Text),
    "Path patterns as in a Gateway, any of them; left out: any path. A path that servers read in \
     several ways is meant as soon as one of its readings matches",
)
.instead("empty never means any path: name paths, or leave `paths` out");
