//! The names of warnings: what a Gateway says by when it acknowledges one.

/// The name of a warning. Names are stable: documents hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Warning {
    /// Tokens are looked for where external APIs want their own.
    DefaultTokenLocation,
    /// Tokens are looked for in `authorization` without `Bearer `.
    TokenWithoutPrefix,
    /// `audiences` is empty.
    AudiencesUnchecked,
    /// Keys are fetched without TLS.
    KeysInPlainText,
    /// Keys are looked for where the gateway cannot fetch any.
    KeysUnreachable,
    /// A `jwksUri` of something else than keys.
    NotAJwks,
    /// A key of an inline `jwks` is not usable.
    KeyLeftOut,
    /// An inline `jwks` has more keys than are tried.
    KeysNotTried,
    /// An inline `jwks` holds what signs tokens.
    PrivateKey,
    /// `requireJwt: false` without authorization.
    TokenOptional,
    /// An issuer, an audience or a claim's pattern that no token has.
    ValueNeverMatches,
    /// A path pattern that admits nothing, or not what it seems to.
    PathNeverMatches,
    /// A method that no registry has.
    UnknownMethod,
    /// A rule asks for an issuer that no JWT rule of the server has.
    IssuerNotAccepted,
    /// A rule, or an entry of `egressAuthorization`, that others make superfluous together.
    RuleNeverNeeded,
    /// An entry of a rule's `from` or `to` that everything else makes superfluous.
    EntryNeverNeeded,
    /// A path of a rule that everything else makes superfluous.
    PathNeverNeeded,
    /// An entry of `from` that asks for what no token is.
    PrincipalNeverMatches,
    /// Two rules with one name.
    RuleNameTwice,
    /// A wildcard over several organisations.
    BroadWildcard,
    /// A server that only the default action governs.
    NothingGoverns,
    /// A Gateway without servers.
    NoServers,
    /// `oidc` or `external` on a server into the mesh.
    NotEnforced,
    /// `identityMatch` without a header that is trusted.
    IdentityNotHandedOn,
    /// A resource without namespaces.
    NobodyAdmitted,
    /// A host of `egressAuthorization` without a server.
    NoRoute,
    /// An entry of `egressAuthorization` that a server's rules take out of force.
    NoEffect,
    /// What is only tried out.
    OnlyTriedOut,
    /// Another Gateway for the same pods.
    SamePods,
    /// A server without `trafficMode` that looks like one into the mesh.
    JudgedAsEgress,
    /// A field that the gateway follows, and not what is made here.
    LeftToGateway,
    /// A field that nothing is done for.
    UnknownField,
    /// A header's value that looks like one of Envoy's formats.
    SentLiterally,
    /// An acknowledgement of something that is not warned of.
    StaleAcknowledgement,
}

impl Warning {
    /// Every name.
    pub const ALL: [Self; 34] = [
        Self::DefaultTokenLocation,
        Self::TokenWithoutPrefix,
        Self::AudiencesUnchecked,
        Self::KeysInPlainText,
        Self::KeysUnreachable,
        Self::NotAJwks,
        Self::KeyLeftOut,
        Self::KeysNotTried,
        Self::PrivateKey,
        Self::TokenOptional,
        Self::ValueNeverMatches,
        Self::PathNeverMatches,
        Self::UnknownMethod,
        Self::IssuerNotAccepted,
        Self::RuleNeverNeeded,
        Self::EntryNeverNeeded,
        Self::PathNeverNeeded,
        Self::PrincipalNeverMatches,
        Self::RuleNameTwice,
        Self::BroadWildcard,
        Self::NothingGoverns,
        Self::NoServers,
        Self::NotEnforced,
        Self::IdentityNotHandedOn,
        Self::NobodyAdmitted,
        Self::NoRoute,
        Self::NoEffect,
        Self::OnlyTriedOut,
        Self::SamePods,
        Self::JudgedAsEgress,
        Self::LeftToGateway,
        Self::UnknownField,
        Self::SentLiterally,
        Self::StaleAcknowledgement,
    ];

    /// As documents and outputs write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DefaultTokenLocation => "default-token-location",
            Self::TokenWithoutPrefix => "token-without-prefix",
            Self::AudiencesUnchecked => "audiences-unchecked",
            Self::KeysInPlainText => "keys-in-plain-text",
            Self::KeysUnreachable => "keys-unreachable",
            Self::NotAJwks => "not-a-jwks",
            Self::KeyLeftOut => "key-left-out",
            Self::KeysNotTried => "keys-not-tried",
            Self::PrivateKey => "private-key",
            Self::TokenOptional => "token-optional",
            Self::ValueNeverMatches => "value-never-matches",
            Self::PathNeverMatches => "path-never-matches",
            Self::UnknownMethod => "unknown-method",
            Self::IssuerNotAccepted => "issuer-not-accepted",
            Self::RuleNeverNeeded => "rule-never-needed",
            Self::EntryNeverNeeded => "entry-never-needed",
            Self::PathNeverNeeded => "path-never-needed",
            Self::PrincipalNeverMatches => "principal-never-matches",
            Self::RuleNameTwice => "rule-name-twice",
            Self::BroadWildcard => "broad-wildcard",
            Self::NothingGoverns => "nothing-governs",
            Self::NoServers => "no-servers",
            Self::NotEnforced => "not-enforced",
            Self::IdentityNotHandedOn => "identity-not-handed-on",
            Self::NobodyAdmitted => "nobody-admitted",
            Self::NoRoute => "no-route",
            Self::NoEffect => "no-effect",
            Self::OnlyTriedOut => "only-tried-out",
            Self::SamePods => "same-pods",
            Self::JudgedAsEgress => "judged-as-egress",
            Self::LeftToGateway => "left-to-gateway",
            Self::UnknownField => "unknown-field",
            Self::SentLiterally => "sent-literally",
            Self::StaleAcknowledgement => "stale-acknowledgement",
        }
    }

    /// The warning of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|warning| warning.as_str() == name)
    }
}
