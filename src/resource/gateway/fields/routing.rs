//! Where a server sends requests, and what is changed on the way.

use crate::resource::shape::{Object, Others, Shape, Written, misplaced, optional, required};

/// `routing` of a server.
pub static ROUTING: Object = Object {
    fields: &[
        required(
            "rules",
            Shape::SomeOf(&Shape::Object(&ROUTING_RULE)),
            "The first rule that matches a request says what becomes of it",
        )
        .instead(
            "write one rule at least, as in `rules: [{route: {serviceDestination: {host: \
                  egress/api.example.com}}}]`",
        ),
        optional("corsPolicy", Shape::Anything, "What browsers may do with pages of other origins")
            .left_to_gateway(CORS),
    ],
    others: Others::Named,
    not_empty: None,
};

const CORS: &str = "preflights are requests like any other here, and answers get no CORS headers";

const IN_PLAIN_TEXT: &str = "requests would be sent in plain text: indent it to stand below \
                             `serviceDestination`, beside its `host`";

/// An entry of `routing.rules`.
pub static ROUTING_RULE: Object = Object {
    fields: &[
        optional(
            "match",
            Shape::SomeOf(&Shape::Object(&MATCH)),
            "Requests that the rule is for, any of the entries; left out: all",
        )
        .instead("empty never means every request: leave `match` out")
        .also(&["matches"]),
        optional("route", Shape::Object(&ROUTE), "Where requests are sent")
            .instead("write `serviceDestination` below it"),
        optional("redirect", Shape::Object(&REDIRECT), "Sends the client elsewhere instead"),
        optional("directResponse", Shape::Object(&RESPONSE), "Answers at once instead"),
        optional("modify", Shape::Object(&MODIFY), "What is changed of requests and answers"),
        optional(
            "timeout",
            Shape::Duration,
            "How long the answer may take, such as `3s`; left out or `0s`: as long as it takes",
        ),
        optional("retries", Shape::Object(&RETRIES), "Whether a request is sent again")
            .also(&["retry", "retryPolicy"]),
        optional("corsPolicy", Shape::Anything, "The same as for all rules, for this one")
            .left_to_gateway(CORS),
        optional("extensions", Shape::Anything, "Extensions of the gateway for this rule")
            .left_to_gateway("they do not run in a stand-alone Envoy"),
        optional(
            "disableExternalAuthorization",
            Shape::Boolean,
            "Whether `authorization.external` is left out for this rule",
        )
        .left_to_gateway("no request is authorized externally here, so nothing is left out"),
        misplaced("tls", IN_PLAIN_TEXT),
        optional("name", Shape::Anything, "For people"),
    ],
    others: Others::Named,
    not_empty: Some("write `route` with a `serviceDestination` below it"),
};

static MATCH: Object = Object {
    fields: &[
        optional("uri", Shape::Object(&TEXT_MATCH), "The path, without its query").also(&["path"]),
        optional(
            "headers",
            Shape::Map(&Shape::Object(&TEXT_MATCH)),
            "Headers by their names, all of them",
        )
        .instead("name at least one header, or leave `headers` out"),
    ],
    others: Others::Refused,
    not_empty: Some("empty never means every request: write `uri`, `headers` or both"),
};

static TEXT_MATCH: Object = Object {
    fields: &[
        optional("exact", Shape::Text, "The whole text"),
        optional("prefix", Shape::Text, "What it begins with"),
        optional("regex", Shape::Text, "A regular expression (RE2) over the whole text"),
    ],
    others: Others::Refused,
    not_empty: Some("write `exact`, `prefix` or `regex`"),
};

static MODIFY: Object = Object {
    fields: &[
        optional("rewrite", Shape::Object(&REWRITE), "What the external host sees of the URI"),
        optional("headers", Shape::Object(&HEADERS), "Headers of requests and of answers"),
    ],
    others: Others::Refused,
    not_empty: Some("write `rewrite` or `headers`, or leave `modify` out"),
};

static REWRITE: Object = Object {
    fields: &[
        optional(
            "uri",
            Shape::Text,
            "Stands in place of the prefix that matched, else of the whole path; without `match` \
             that prefix is `/`",
        )
        .also(&["path"]),
        optional("authority", Shape::Text, "The host that the external server is asked for")
            .also(&["host", "hostname"]),
    ],
    others: Others::Refused,
    not_empty: Some("write `uri`, `authority` or both"),
};

static HEADERS: Object = Object {
    fields: &[
        optional("request", Shape::Object(&HEADER_CHANGES), "Headers of the request"),
        optional("response", Shape::Object(&HEADER_CHANGES), "Headers of the answer"),
    ],
    others: Others::Refused,
    not_empty: Some("write `request` or `response`"),
};

static HEADER_CHANGES: Object = Object {
    fields: &[
        optional("set", Shape::TextMap, "Headers with these values and no others, by name"),
        optional("add", Shape::TextMap, "Headers to which these values are added, by name"),
        optional("remove", Shape::List(&Shape::Text), "Names of headers that are taken out"),
    ],
    others: Others::Refused,
    not_empty: Some("write `set`, `add` or `remove`"),
};

static REDIRECT: Object = Object {
    fields: &[
        optional("uri", Shape::Text, "The path instead of the request's").also(&["path"]),
        optional("authority", Shape::Text, "The host instead of the request's")
            .also(&["host", "hostname"]),
        optional("port", Shape::Integer { min: 1, max: 65_535 }, "The port instead"),
        optional("scheme", Shape::Word(&["http", "https"]), "The scheme instead"),
        optional(
            "redirectCode",
            Shape::Integer { min: 300, max: 399 },
            "301, 302, 303, 307 or 308",
        )
        .default(Written::Number(301))
        .also(&["code", "statusCode"]),
    ],
    others: Others::Refused,
    not_empty: Some("write `uri`, `authority`, `port` or `scheme`"),
};

static RESPONSE: Object = Object {
    fields: &[
        required("status", Shape::Integer { min: 200, max: 599 }, "Status of the answer"),
        optional("body", Shape::Object(&BODY), "Its body, at most 4,096 bytes"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static BODY: Object = Object {
    fields: &[
        optional("string", Shape::TextOrEmpty, "The body as text"),
        optional("bytes", Shape::TextOrEmpty, "The body in base64"),
    ],
    others: Others::Refused,
    not_empty: Some("write `string` or `bytes`"),
};

static RETRIES: Object = Object {
    fields: &[
        required("attempts", Shape::Integer { min: 0, max: 100 }, "How often at most; 0: never"),
        optional("perTryTimeout", Shape::Duration, "How long each attempt may take"),
        optional(
            "retryOn",
            Shape::Text,
            "Envoy's conditions (`x-envoy-retry-on`, `x-envoy-retry-grpc-on`) and status codes, \
             separated by commas",
        )
        .default(Written::Text("connect-failure,refused-stream,unavailable,cancelled")),
        optional("retryBackOff", Shape::Object(&BACK_OFF), "How long to wait between attempts")
            .also(&["backoff"]),
    ],
    others: Others::Refused,
    not_empty: None,
};

static BACK_OFF: Object = Object {
    fields: &[
        required("baseInterval", Shape::Duration, "What waiting begins with"),
        optional("maxInterval", Shape::Duration, "How long it is at most"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static ROUTE: Object = Object {
    fields: &[
        optional(
            "serviceDestination",
            Shape::Object(&SERVICE_DESTINATION),
            "The external host, and how it is reached",
        )
        .instead("write its `host`"),
        optional("clusterDestination", Shape::Anything, "An error on egress servers"),
        misplaced("tls", IN_PLAIN_TEXT),
    ],
    others: Others::Named,
    not_empty: Some("write `serviceDestination` below it"),
};

/// `route.serviceDestination` of an egress server. A letter too many in it or below must not turn
/// TLS off, or a pinned authority into any.
static SERVICE_DESTINATION: Object = Object {
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
    others: Others::Refused,
    not_empty: None,
};

/// The oldest and newest TLS that may be asked for (RFC 8996 retires what is older).
pub const TLS_VERSIONS: &[&str] = &["TLS_AUTO", "TLSV1_2", "TLSV1_3"];

static TLS: Object = Object {
    fields: &[
        required(
            "mode",
            Shape::Word(&["DISABLED", "SIMPLE", "MUTUAL"]),
            "Plain text, TLS, or TLS with a client certificate",
        ),
        optional("files", Shape::Object(&FILES), "PEM files on the gateway"),
        optional(
            "secretName",
            Shape::Text,
            "The Kubernetes secret with the trusted CAs and, in mode MUTUAL, the client \
             certificate and its key; instead of `files`",
        )
        .instead("name the secret, or leave `secretName` out")
        .also(&["credentialName", "secret", "secretRef"]),
        optional(
            "subjectAltNames",
            Shape::List(&Shape::Text),
            "Names of which the external host's certificate must hold one; default: that of `sni`, \
             else its hostname",
        ),
        optional("sni", Shape::Text, "The name that is asked for; default: the hostname")
            .also(&["serverName"]),
        optional(
            "minProtocolVersion",
            Shape::Word(TLS_VERSIONS),
            "The oldest TLS that is spoken; `TLS_AUTO` and by default: 1.2",
        ),
        optional(
            "maxProtocolVersion",
            Shape::Word(TLS_VERSIONS),
            "The newest TLS that is spoken; `TLS_AUTO` and by default: 1.3",
        ),
        optional(
            "cipherSuites",
            Shape::SomeOf(&Shape::Text),
            "Suites of TLS 1.2, those with forward secrecy and authenticated encryption",
        )
        .instead("name suites, or leave `cipherSuites` out"),
        optional("insecureSkipVerify", Shape::Boolean, "`true` is an error: peers are verified"),
    ],
    others: Others::Refused,
    not_empty: None,
};

static FILES: Object = Object {
    fields: &[
        optional("caCertificates", Shape::Text, "Trusted CAs; default: the system's")
            .also(&["caCertificate", "ca"]),
        optional("clientCertificate", Shape::Text, "What the gateway presents in mode MUTUAL")
            .also(&["certificate", "serverCertificate"]),
        optional("privateKey", Shape::Text, "The key of `clientCertificate`").also(&["key"]),
    ],
    others: Others::Refused,
    not_empty: Some("name a file, or leave `files` out"),
};
