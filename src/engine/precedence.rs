//! Which mechanism decides for a hostname where a Gateway has both.
//!
//! This is the one place that says so: the engine, the compiler's findings and every output ask
//! here. The answer carries what decides, so nobody who has it can be without the rules to judge
//! by.

use crate::policy;

/// What a server says about the hostnames that it wins for: one of a policy, or of the engine.
pub trait Governing {
    /// What tokens are judged by.
    type Authentication;
    /// What requests are judged by.
    type Authorization;

    /// Its `authentication`, if it has one.
    fn authentication(&self) -> Option<&Self::Authentication>;
    /// Its `authorization`, if it has one.
    fn authorization(&self) -> Option<&Self::Authorization>;
    /// Whether it passes on what nothing else governs.
    fn passes_through(&self) -> bool;
}

impl Governing for policy::Server {
    type Authentication = policy::Authentication;
    type Authorization = policy::Authorization;

    fn authentication(&self) -> Option<&policy::Authentication> {
        self.authentication.as_ref()
    }

    fn authorization(&self) -> Option<&policy::Authorization> {
        self.authorization.as_ref()
    }

    fn passes_through(&self) -> bool {
        self.passthrough
    }
}

/// What decides whether a request passes, once its token, if one is needed, was found valid.
/// Without parameters it is the kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decides<Authorization = (), EgressAuthorization = (), Authentication = ()> {
    /// The rules of the server.
    Authorization(Authorization),
    /// The entries of `egressAuthorization`.
    EgressAuthorization(EgressAuthorization),
    /// Nothing more: any valid token passes.
    Authentication(Authentication),
    /// Nothing at all, on purpose.
    Passthrough,
    /// The policy's default action.
    DefaultAction,
}

impl<Authorization, EgressAuthorization, Authentication>
    Decides<Authorization, EgressAuthorization, Authentication>
{
    /// What decides, without what it decides by.
    pub fn kind(&self) -> Decides {
        match self {
            Self::Authorization(_) => Decides::Authorization(()),
            Self::EgressAuthorization(_) => Decides::EgressAuthorization(()),
            Self::Authentication(_) => Decides::Authentication(()),
            Self::Passthrough => Decides::Passthrough,
            Self::DefaultAction => Decides::DefaultAction,
        }
    }
}

/// What decides for a hostname, by the server that wins for it and the entries of
/// `egressAuthorization` that name it. Server-level authorization always wins; authentication is
/// apart from both and applies to its server in any case.
pub fn decides<S: Governing, E>(
    server: Option<&S>,
    egress: Option<E>,
) -> Decides<&S::Authorization, E, &S::Authentication> {
    if let Some(authorization) = server.and_then(S::authorization) {
        Decides::Authorization(authorization)
    } else if let Some(egress) = egress {
        Decides::EgressAuthorization(egress)
    } else if let Some(authentication) = server.and_then(S::authentication) {
        Decides::Authentication(authentication)
    } else if server.is_some_and(S::passes_through) {
        Decides::Passthrough
    } else {
        Decides::DefaultAction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(authentication: bool, authorization: bool, passthrough: bool) -> policy::Server {
        policy::Server {
            name: "s".to_owned(),
            hostname: "api.test".to_owned(),
            authentication: authentication
                .then(|| policy::Authentication { jwt: vec![0], required: true }),
            authorization: authorization.then(|| policy::Authorization { rules: vec![7] }),
            passthrough,
            shadow_authentication: false,
            shadow_authorization: false,
            challenge_scopes: false,
        }
    }

    /// The table of how the two mechanisms meet, row by row.
    #[test]
    fn the_interplay_is_the_table() {
        // Whether tokens are needed as well, or the server passes others on, changes nothing.
        for (authentication, passthrough) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let without = server(authentication, false, passthrough);
            let with = server(authentication, true, passthrough);
            assert_eq!(decides(Some(&without), Some("e")), Decides::EgressAuthorization("e"));
            let rules = policy::Authorization { rules: vec![7] };
            assert_eq!(decides(Some(&with), None::<()>), Decides::Authorization(&rules));
            assert_eq!(decides(Some(&with), Some("e")), Decides::Authorization(&rules));
        }
        // A host that no server is for.
        let nothing = None::<&policy::Server>;
        assert_eq!(decides(nothing, Some("e")), Decides::EgressAuthorization("e"));
    }

    #[test]
    fn without_either_a_token_is_enough_and_nothing_is_denied() {
        let kind = |server: Option<&policy::Server>| decides(server, None::<()>).kind();
        assert_eq!(kind(Some(&server(true, false, false))), Decides::Authentication(()));
        assert_eq!(kind(Some(&server(true, false, true))), Decides::Authentication(()));
        assert_eq!(kind(Some(&server(false, false, true))), Decides::Passthrough);
        assert_eq!(kind(Some(&server(false, false, false))), Decides::DefaultAction);
        assert_eq!(kind(None), Decides::DefaultAction);
    }
}
