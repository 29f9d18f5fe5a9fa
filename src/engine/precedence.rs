//! Which mechanism decides for a hostname where a Gateway has both.
//!
//! This is the one place that says so: the engine, the compiler's findings and every output ask
//! here.

use crate::policy::Server;

/// What a Gateway says about one hostname.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Governs {
    /// `egressAuthorization` names the hostname.
    pub egress_authorization: bool,
    /// The server that wins for the hostname has `authorization`.
    pub authorization: bool,
    /// That server has `authentication`.
    pub authentication: bool,
    /// That server passes on what nothing else governs.
    pub passthrough: bool,
}

impl Governs {
    /// What a policy says about a hostname, by the server that wins for it.
    pub fn of(server: Option<&Server>, egress_authorization: bool) -> Self {
        Self {
            egress_authorization,
            authorization: server.is_some_and(|server| server.authorization.is_some()),
            authentication: server.is_some_and(|server| server.authentication.is_some()),
            passthrough: server.is_some_and(|server| server.passthrough),
        }
    }
}

/// What decides whether a request passes, once its token, if one is needed, was found valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decides {
    /// The rules of the server.
    Authorization,
    /// The entries of `egressAuthorization`.
    EgressAuthorization,
    /// Nothing more: any valid token passes.
    Authentication,
    /// Nothing at all, on purpose.
    Passthrough,
    /// The policy's default action.
    DefaultAction,
}

/// What decides for a hostname. Server-level authorization always wins; authentication is apart
/// from both and applies to its server in any case.
pub fn decides(governs: Governs) -> Decides {
    match governs {
        Governs { authorization: true, .. } => Decides::Authorization,
        Governs { egress_authorization: true, .. } => Decides::EgressAuthorization,
        Governs { authentication: true, .. } => Decides::Authentication,
        Governs { passthrough: true, .. } => Decides::Passthrough,
        _ => Decides::DefaultAction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of how the two mechanisms meet, row by row.
    #[test]
    fn the_interplay_is_the_table() {
        // (egressAuthorization names it, server has authorization) for one hostname.
        let table = [
            ((true, false), Decides::EgressAuthorization),
            ((false, true), Decides::Authorization),
            ((true, true), Decides::Authorization),
        ];
        for ((egress_authorization, authorization), expected) in table {
            // Whether tokens are needed as well changes nothing.
            for authentication in [false, true] {
                let governs = Governs {
                    egress_authorization,
                    authorization,
                    authentication,
                    passthrough: false,
                };
                assert_eq!(decides(governs), expected, "{governs:?}");
            }
        }
        // The fourth row: different hostnames, each its own.
        let one = Governs { egress_authorization: true, ..Governs::default() };
        let other = Governs { authorization: true, ..Governs::default() };
        assert_eq!(
            [decides(one), decides(other)],
            [Decides::EgressAuthorization, Decides::Authorization]
        );
    }

    #[test]
    fn without_either_a_token_is_enough_and_nothing_is_denied() {
        let authentication = Governs { authentication: true, ..Governs::default() };
        assert_eq!(decides(authentication), Decides::Authentication);
        let passthrough = Governs { passthrough: true, ..Governs::default() };
        assert_eq!(decides(passthrough), Decides::Passthrough);
        assert_eq!(decides(Governs::default()), Decides::DefaultAction);
    }
}
