//! What `decide` returns: the verdict and what to do to the request.

use std::borrow::Cow;
use std::rc::Rc;

use crate::signals::{Mechanism, Reason};

/// The answer for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'e> {
    /// What to do.
    pub outcome: Outcome<'e>,
    /// Why.
    pub reason: Reason,
    /// What decided.
    pub mechanism: Mechanism,
    /// Name of the server that governs the host.
    pub server: Option<&'e str>,
    /// Position of that server in the policy.
    pub position: Option<usize>,
    /// Name of the rule that matched.
    pub rule: Option<&'e str>,
    /// Whether the request would be denied for `reason`, but is let through because what denies
    /// it is only tried out.
    pub shadow: bool,
}

impl Decision<'_> {
    /// The reason's code as users see it, with the prefix `shadow_` where it was only reported.
    pub fn code(&self) -> Cow<'static, str> {
        match self.shadow {
            true => format!("shadow_{}", self.reason).into(),
            false => self.reason.as_str().into(),
        }
    }
}

/// What to do with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'e> {
    /// Forward it after these changes.
    Allow(Mutations<'e>),
    /// Answer it here.
    Deny(Denial),
}

/// Changes to the request headers. Removals apply first: a header that is both removed and set
/// is replaced whole, however often the client sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mutations<'e> {
    /// Header names to remove, lower case: forged output headers and the token's own.
    pub remove: Vec<Cow<'e, str>>,
    /// Headers to set, each exactly once. Values are shared with the cache of verified tokens.
    pub set: Vec<(&'e str, Rc<[u8]>)>,
}

/// A local reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// HTTP status: 400, 401, 403 or 503.
    pub status: u16,
    /// Body text; never quotes the request, the token or a rule.
    pub body: &'static str,
    /// Extra response headers, such as `www-authenticate` (RFC 6750) or `retry-after`.
    pub headers: Vec<(&'static str, String)>,
}
