//! Every metric: its name, its labels and what it says. The filter counts by this table, the
//! emitted Envoy configuration makes tags of its labels, and the reference is written from it.
//!
//! A metric's name carries its labels, as `egress_auth.requests;server=api;reason=allowed`.

use std::fmt::Write as _;

/// Beginning of every metric's name.
pub const PREFIX: &str = "egress_auth";

/// A metric with its labels.
#[derive(Debug, Clone, Copy)]
pub struct Metric<const LABELS: usize> {
    /// Its name, after [`PREFIX`] and a dot.
    pub name: &'static str,
    /// Whether it adds up.
    pub kind: Kind,
    /// Its labels, in the order in which values are given.
    pub labels: [Label; LABELS],
    /// What it says.
    pub doc: &'static str,
}

/// Whether a metric adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it was last set to.
    Gauge,
}

/// A label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Which values it has.
    pub doc: &'static str,
}

const SERVER: Label =
    Label { name: "server", doc: "name of the server that governs the host, or `-`" };
const MECHANISM: Label = Label { name: "mechanism", doc: "what decided" };
const REASON: Label = Label {
    name: "reason",
    doc: "the reason code, with the prefix `shadow_` where a denial is only reported",
};
const ISSUER: Label = Label { name: "issuer", doc: "`issuer` of the JWT rule" };

/// Decisions.
pub const REQUESTS: Metric<3> = Metric {
    name: "requests",
    kind: Kind::Counter,
    labels: [SERVER, MECHANISM, REASON],
    doc: "Decisions on requests",
};

/// Fetches of keys.
pub const JWKS_FETCH: Metric<2> = Metric {
    name: "jwks_fetch",
    kind: Kind::Counter,
    labels: [
        ISSUER,
        Label {
            name: "result",
            doc: "`ok`, or why there are no new keys: `no_cluster`, `no_response`, `status`, \
                  `too_big`, `not_json`, `no_usable_key`",
        },
    ],
    doc: "Finished fetches of an issuer's keys",
};

/// How old keys are.
pub const JWKS_AGE_SECONDS: Metric<1> = Metric {
    name: "jwks_age_seconds",
    kind: Kind::Gauge,
    labels: [ISSUER],
    doc: "Time since the issuer's keys were fetched; not there before the first fetch that succeeds",
};

/// How many keys there are.
pub const JWKS_KEYS: Metric<1> = Metric {
    name: "jwks_keys",
    kind: Kind::Gauge,
    labels: [ISSUER],
    doc: "Keys of the issuer that can be used; 0 before the first fetch that succeeds",
};

/// Use of the cache of verified tokens.
pub const TOKEN_CACHE: Metric<1> = Metric {
    name: "token_cache",
    kind: Kind::Counter,
    labels: [Label {
        name: "result",
        doc: "`hit`, `miss`, or `evicted` for tokens that went for want of room",
    }],
    doc: "Look-ups in the cache of verified tokens, and what it lost",
};

/// Signatures that were verified.
pub const VERIFY: Metric<1> = Metric {
    name: "verify",
    kind: Kind::Counter,
    labels: [Label {
        name: "by",
        doc: "`host` for Envoy's cryptography, `wasm` for the module's own",
    }],
    doc: "Signatures that were verified",
};

/// Which policy is in force.
pub const POLICY_INFO: Metric<2> = Metric {
    name: "policy_info",
    kind: Kind::Gauge,
    labels: [
        Label { name: "version", doc: "version of the policy's format" },
        Label { name: "hash", doc: "hash of the filter's configuration" },
    ],
    doc: "1 while the policy is in force, 0 once another is",
};

/// How a fetch of keys ended: the values of the label `result` of [`JWKS_FETCH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// There are new keys.
    Ok,
    /// Envoy has no cluster to ask.
    NoCluster,
    /// No answer came, or not in time.
    NoResponse,
    /// The answer's status was not 200.
    Status,
    /// The answer is longer, or has more keys, than is read.
    TooBig,
    /// The answer is no JWKS document.
    NotJson,
    /// None of the keys can be used.
    NoUsableKey,
}

impl Fetched {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::NoCluster,
        Self::NoResponse,
        Self::Status,
        Self::TooBig,
        Self::NotJson,
        Self::NoUsableKey,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoCluster => "no_cluster",
            Self::NoResponse => "no_response",
            Self::Status => "status",
            Self::TooBig => "too_big",
            Self::NotJson => "not_json",
            Self::NoUsableKey => "no_usable_key",
        }
    }
}

/// A metric, whatever its labels.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its name, after [`PREFIX`] and a dot.
    pub name: &'static str,
    /// Whether it adds up.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it says.
    pub doc: &'static str,
}

impl<const LABELS: usize> Metric<LABELS> {
    const fn described(&'static self) -> Described {
        Described { name: self.name, kind: self.kind, labels: &self.labels, doc: self.doc }
    }

    /// The name with the values of the labels.
    pub fn with(&self, values: [&str; LABELS]) -> String {
        let mut out = format!("{PREFIX}.{}", self.name);
        for (label, value) in self.labels.iter().zip(values) {
            // What would end the label, or the line on which a stat is printed, cannot stand in it.
            let clean = |c: char| if c == ';' || c.is_control() { '_' } else { c };
            let value: String = value.chars().map(clean).collect();
            // Writing to a string cannot fail.
            let _ = write!(out, ";{}={value}", label.name);
        }
        out
    }
}

/// Every metric.
pub const ALL: [Described; 7] = [
    REQUESTS.described(),
    JWKS_FETCH.described(),
    JWKS_AGE_SECONDS.described(),
    JWKS_KEYS.described(),
    TOKEN_CACHE.described(),
    VERIFY.described(),
    POLICY_INFO.described(),
];

/// Every label that a metric's name can carry, once.
pub fn labels() -> Vec<&'static str> {
    let mut names = Vec::new();
    for label in ALL.iter().flat_map(|metric| metric.labels) {
        if !names.contains(&label.name) {
            names.push(label.name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_fetches_are_those_that_are_described() {
        let [_, result] = JWKS_FETCH.labels;
        let described: Vec<&str> = result.doc.split('`').skip(1).step_by(2).collect();
        assert_eq!(described, Fetched::ALL.map(Fetched::as_str));
    }

    #[test]
    fn labels_cannot_be_broken_out_of() {
        assert_eq!(
            REQUESTS.with(["a;reason=x\n", "authorization", "allowed"]),
            "egress_auth.requests;server=a_reason=x_;mechanism=authorization;reason=allowed"
        );
    }
}
