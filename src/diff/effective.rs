//! What a policy says about one host: everything that its decisions depend on, without the names
//! of things and the order in which they stand.

use std::collections::BTreeSet;

use crate::engine::precedence::Decides;
use crate::policy::{
    Authentication, HeaderLocation, IdentityMatch, JwksSource, JwtRule, Operation, Policy,
    Principal,
};

/// Everything that decisions for one host depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Effective<'p> {
    /// How tokens are judged; absent: they are not looked for.
    pub tokens: Option<Tokens<'p>>,
    /// What may be done.
    pub access: Access<'p>,
}

/// What decides for a host. It changes no decision beyond [`Effective`], but the reasons for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manner<'p> {
    /// What decides.
    pub decides: Decides,
    /// The rules that are only tried out, by their indices; what they would deny is reported.
    pub tried_out: Option<&'p [u32]>,
}

/// How tokens are judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tokens<'p> {
    /// One entry for each accepted issuer, in their order.
    pub issuers: Vec<Issuer<'p>>,
    /// Whether a request without a token is refused.
    required: bool,
    /// Whether a refusal is only reported.
    shadow: bool,
}

/// What a JWT rule says about which tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer<'p> {
    /// The value of `iss`.
    pub name: &'p str,
    /// Accepted audiences; empty: any.
    pub audiences: BTreeSet<&'p str>,
    /// Whether tokens without `exp` are refused.
    pub needs_expiration: bool,
    /// Bound on the time until `exp`.
    pub longest_lifetime: Option<u64>,
    skew: u64,
    keys: Keys<'p>,
    headers: Vec<(&'p str, &'p str)>,
    cookies: &'p [String],
    parameters: &'p [String],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Keys<'p> {
    Inline(&'p str),
    Remote(&'p str),
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access<'p> {
    /// Everything.
    Everything,
    /// Nothing.
    Nothing,
    /// What any of these admits.
    Rules(BTreeSet<Atom<'p>>),
}

/// One combination of an entry of `from` and an entry of `to`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom<'p> {
    /// Who.
    pub who: Who<'p>,
    /// What; absent: anything.
    pub operation: Option<&'p Operation>,
}

/// Who may do something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who<'p> {
    /// Anyone.
    Anyone,
    /// Who has such a token.
    Token(&'p Principal),
    /// Such a workload, by the identity that is compared with it.
    Workload(&'p str, IdentityMatch),
}

impl<'p> Who<'p> {
    /// The principal that a token matches, where that is asked for.
    pub fn principal(&self) -> Option<&'p Principal> {
        match self {
            Self::Token(principal) => Some(principal),
            Self::Anyone | Self::Workload(..) => None,
        }
    }

    /// The workloads, where those are asked for.
    pub fn source(&self) -> Option<&'p str> {
        match self {
            Self::Workload(source, _) => Some(source),
            Self::Anyone | Self::Token(_) => None,
        }
    }
}

impl<'p> Effective<'p> {
    /// Every combination that is admitted by rules.
    pub fn atoms(&self) -> BTreeSet<&Atom<'p>> {
        match &self.access {
            Access::Rules(atoms) => atoms.iter().collect(),
            Access::Everything | Access::Nothing => BTreeSet::new(),
        }
    }
}

impl<'p> Access<'p> {
    /// What rules admit together.
    pub fn of(atoms: BTreeSet<Atom<'p>>) -> Self {
        let anything = Atom { who: Who::Anyone, operation: None };
        // Where a rule looks at paths, those that cannot be judged are refused in any case.
        let paths = |atom: &Atom<'_>| atom.operation.is_some_and(|it| it.paths.is_some());
        if atoms.is_empty() {
            Self::Nothing
        } else if atoms.contains(&anything) && !atoms.iter().any(paths) {
            Self::Everything
        } else {
            Self::Rules(atoms)
        }
    }
}

impl<'p> Tokens<'p> {
    /// How a server judges tokens.
    pub fn new(policy: &'p Policy, authentication: &'p Authentication, shadow: bool) -> Self {
        let rules = authentication.jwt.iter().filter_map(|index| policy.jwt_rule(*index));
        let mut issuers: Vec<_> = rules.map(Issuer::new).collect();
        issuers.sort();
        Self { issuers, required: authentication.required, shadow }
    }
}

impl<'p> Issuer<'p> {
    fn new(rule: &'p JwtRule) -> Self {
        let header = |it: &'p HeaderLocation| (it.name.as_str(), it.prefix.as_str());
        Self {
            name: &rule.issuer,
            audiences: rule.audiences.iter().map(String::as_str).collect(),
            needs_expiration: rule.require_expiration || rule.max_lifetime_seconds.is_some(),
            longest_lifetime: rule.max_lifetime_seconds,
            skew: rule.clock_skew_seconds,
            keys: match &rule.jwks {
                JwksSource::Inline(json) => Keys::Inline(json),
                JwksSource::Remote { uri, .. } => Keys::Remote(uri),
            },
            headers: rule.from_headers.iter().map(header).collect(),
            cookies: &rule.from_cookies,
            parameters: &rule.from_params,
        }
    }
}

/// The combinations of what `from` and `to` list; an absent list is one entry that admits all.
pub fn atoms<'p>(
    from: Option<Vec<Who<'p>>>,
    to: Option<Vec<&'p Operation>>,
) -> impl Iterator<Item = Atom<'p>> {
    let from = from.unwrap_or_else(|| vec![Who::Anyone]);
    let to: Vec<_> = match to {
        None => vec![None],
        Some(operations) => operations.into_iter().map(Some).collect(),
    };
    from.into_iter().flat_map(move |who| {
        let to = to.clone().into_iter();
        to.map(move |operation| Atom { who: who.clone(), operation })
    })
}
