//! The fields of a Gateway: those of TSB's Gateway API from release 1.6 on, and ours.
//!
//! | module | what lives there |
//! |---|---|
//! | `authentication` | JWT rules |
//! | `authorization` | rules on requests, and `egressAuthorization` |
//! | [`routing`] | where a server sends requests, and what is changed on the way |
//!
//! A field that TSB has and that is not ours says so ([`Field::left_to_gateway`]), with what
//! follows; nothing that is written is dropped in silence.

mod authentication;
mod authorization;
pub mod routing;

use self::authentication::AUTHENTICATION;
use self::authorization::{AUTHORIZATION, EGRESS_AUTHORIZATION};
pub use self::authorization::{METHODS, PRINCIPAL};
use self::routing::ROUTING;
use crate::resource::shape::{
    Field, Object, Others, Shape, Written, misplaced, optional, required,
};

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

const BESIDE_HOSTNAME: &str = "it belongs to a server: indent it to stand beside its `hostname`";

/// `spec` of a Gateway.
pub static SPEC: Object = Object {
    fields: &[
        optional("workloadSelector", Shape::Object(&WORKLOAD_SELECTOR), "The gateway's pods")
            .also(&["selector"]),
        optional(
            "egressAuthorization",
            Shape::SomeOf(&Shape::Object(&EGRESS_AUTHORIZATION)),
            "Which workloads may call which hosts, allowed when any entry matches",
        )
        .instead("empty never means everyone: list entries, or remove the field"),
        optional("http", Shape::List(&Shape::Object(&SERVER)), "The HTTP servers, one a hostname")
            .also(&["servers"]),
        optional("tcp", Shape::Anything, "Servers of other protocols than HTTP").left_to_gateway(
            "connections to these servers are not governed here, and have no listener in a \
             stand-alone Envoy",
        ),
        optional("tls", Shape::Anything, "Servers that pass TLS through").left_to_gateway(
            "connections to these servers are not governed here, and have no listener in a \
             stand-alone Envoy",
        ),
        optional("waf", Shape::Anything, "Rules of a web application firewall")
            .left_to_gateway("requests are not searched for attacks here"),
        optional("wasmPlugins", Shape::Anything, "Other Wasm extensions of the gateway")
            .left_to_gateway("they do not run in a stand-alone Envoy"),
        misplaced("authentication", BESIDE_HOSTNAME),
        misplaced("authorization", BESIDE_HOSTNAME),
        optional("configGenerationMetadata", Shape::Anything, "Labels of what TSB generates"),
        optional("description", Shape::Anything, "For people"),
        optional("displayName", Shape::Anything, "For people"),
        optional("etag", Shape::Anything, "Which version TSB has stored"),
        optional("fqn", Shape::Anything, "The full name that TSB gives the Gateway"),
    ],
    others: Others::Named,
    not_empty: None,
};

static WORKLOAD_SELECTOR: Object = Object {
    fields: &[
        optional("namespace", Shape::Text, "Namespace in which the gateway's pods run"),
        optional("labels", Shape::TextMap, "Labels of the gateway's pods").also(&["matchLabels"]),
    ],
    others: Others::Named,
    not_empty: None,
};

/// An entry of `spec.http`.
pub static SERVER: Object = Object {
    fields: &[
        required("name", Shape::Text, "Name of the server, unique in the Gateway"),
        required("hostname", Shape::Text, "A hostname, `*.` and a suffix, or `*`")
            .also(&["host", "hosts", "domain", "domains"]),
        optional("port", Shape::Anything, "An error on EGRESS servers"),
        optional(
            "trafficMode",
            Shape::Word(&["AUTO", "EGRESS", "INGRESS", "TRANSIT"]),
            "Which way requests go; AUTO is an egress server",
        )
        .default(Written::Text("AUTO")),
        optional("transit", Shape::Boolean, "Deprecated; `true` is `trafficMode: TRANSIT`"),
        // Routing of other servers is none of our business; that of egress servers is checked when
        // it is compiled.
        optional(
            "routing",
            Shape::Described(&Shape::Object(&ROUTING)),
            "Where requests are sent, and what is changed on the way",
        ),
        optional("authentication", Shape::Object(&AUTHENTICATION), "Who may call").instead(
            "write `jwt` with an issuer below it, or remove the field to look for no token",
        ),
        optional("authorization", Shape::Object(&AUTHORIZATION), "Who may call what").instead(
            "write `local` with rules below it, `local: {}` to deny everything, or remove the field",
        ),
        optional(
            "challengeScopes",
            Shape::Boolean,
            "Whether a 403 names the scopes that a token lacks, where it lacks nothing else \
             (RFC 6750, section 3.1)",
        )
        .default(Written::Boolean(false)),
        optional("tls", Shape::Anything, "TLS with clients; an error on EGRESS servers")
            .left_to_gateway("a stand-alone Envoy has --mtls-cert in its place"),
        optional("rateLimiting", Shape::Anything, "How often clients may call")
            .left_to_gateway("requests are neither counted nor limited here"),
        optional("openapi", Shape::Anything, "An OpenAPI document that requests must fit")
            .left_to_gateway("requests are not compared with the document here"),
        optional("extensions", Shape::Anything, "Extensions of the gateway for this hostname")
            .left_to_gateway("they do not run in a stand-alone Envoy"),
        optional("failoverSettings", Shape::Anything, "Which clusters take over from others")
            .left_to_gateway("a stand-alone Envoy sends requests to one destination"),
        misplaced("egressAuthorization", "`egressAuthorization` belongs directly below `spec`"),
    ],
    others: Others::Named,
    not_empty: None,
};
