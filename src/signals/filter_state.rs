//! Filter state: what the filter leaves behind for access logs, and what a listener for it.

/// Connection filter state in which a listener may note down all URI subject alternative names of
/// the peer's certificate, separated by commas.
pub const PEER_URI_SANS: &str = "egress_auth.peer_uri_sans";

/// The five fields of a decision, which the filter sets and access logs read. Envoy puts `wasm.`
/// before the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionField {
    /// `allow` or `deny`.
    Decision,
    /// The reason code.
    Reason,
    /// The server's name.
    Server,
    /// The rule's name.
    Rule,
    /// What decided.
    Mechanism,
}

impl DecisionField {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Decision, Self::Reason, Self::Server, Self::Rule, Self::Mechanism];

    /// Its name in filter state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decision => "egress_auth.decision",
            Self::Reason => "egress_auth.reason",
            Self::Server => "egress_auth.server",
            Self::Rule => "egress_auth.rule",
            Self::Mechanism => "egress_auth.mechanism",
        }
    }
}
