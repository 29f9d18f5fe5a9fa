//! What a policy says about one host: everything that its decisions depend on, without the names
//! of things and the order in which they stand.

use std::collections::HashMap;

use super::tables::Tables;
use crate::engine::precedence::{Decides, decides};
use crate::policy::hosts::HostTable;
use crate::policy::{
    Authentication, DefaultAction, EgressHost, IdentityMatch, Policy, Server, SourceIdentity,
};

/// Everything that decisions for one host depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Effective {
    /// How tokens are judged; absent: they are not looked for.
    pub tokens: Option<Tokens>,
    /// What may be done.
    pub access: Access,
}

impl Effective {
    /// Whether what is done depends on the workload that does it.
    pub fn names_workloads(&self) -> bool {
        let Access::Rules(atoms) = &self.access else { return false };
        atoms.iter().any(|atom| matches!(atom.who, Who::Workload(..)))
    }
}

/// How tokens are judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tokens {
    /// One JWT rule for each accepted issuer, by number, in order.
    pub jwt_rules: Vec<u32>,
    /// Whether a request without a token is refused.
    pub required: bool,
    /// Whether a refusal is only reported.
    pub shadow: bool,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everything.
    Everything,
    /// Nothing.
    Nothing,
    /// What any of these admits; in order, each once.
    Rules(Vec<Atom>),
}

/// One combination of an entry of `from` and an entry of `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom {
    /// Who.
    pub who: Who,
    /// What, by number; absent: anything.
    pub operation: Option<u32>,
}

/// Who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// Who has a token that matches the principal of this number.
    Token(u32),
    /// A workload of the source of this number, by the identity that is compared with it.
    Workload(u32, IdentityMatch),
}

/// What decides for a host. It changes no decision beyond [`Effective`], but what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manner<'p> {
    /// What decides.
    pub decides: Decides,
    /// The rules that are only tried out, by their indices; what they would deny is reported.
    pub tried_out: Option<&'p [u32]>,
    /// Whether a denial says which scopes the request lacks.
    pub challenge_scopes: bool,
}

/// A policy, for lookups by host.
#[derive(Debug)]
pub struct View<'p> {
    policy: &'p Policy,
    servers: HostTable<&'p Server>,
    egress: HashMap<&'p str, &'p EgressHost>,
    /// The number of each entry of the policy's own tables.
    principals: Vec<u32>,
    operations: Vec<u32>,
    jwt_rules: Vec<u32>,
    /// The atoms of each rule, and of each rule of `egressAuthorization`.
    rules: Vec<Vec<Atom>>,
    entries: Vec<Vec<Atom>>,
}

impl<'p> View<'p> {
    /// Indexes a policy that is known to be sound.
    pub fn new(policy: &'p Policy, tables: &mut Tables<'p>) -> Self {
        let mut servers = HostTable::with_capacity(policy.servers.len());
        for server in &policy.servers {
            // The engine refuses policies with hostnames that cannot be added.
            let _ = servers.insert(&server.hostname, server);
        }
        let principals = policy.principals.iter().map(|it| tables.principals.number(it));
        let principals = principals.collect();
        let operations = policy.operations.iter().map(|it| tables.operations.number(it));
        let operations = operations.collect();
        let jwt_rules = policy.jwt_rules.iter().map(|it| tables.jwt_rules.number(it)).collect();
        let mut view = Self {
            policy,
            servers,
            egress: policy.egress.iter().map(|host| (host.hostname.as_str(), host)).collect(),
            principals,
            operations,
            jwt_rules,
            rules: Vec::new(),
            entries: Vec::new(),
        };
        let rules = policy.rules.iter().map(|rule| {
            let who = |index: &u32| pick(&view.principals, *index).copied().map(Who::Token);
            let from = rule.from.as_ref().map(|from| from.iter().filter_map(who).collect());
            view.atoms(from, rule.to.as_deref())
        });
        view.rules = rules.collect();
        let entries = policy.egress_rules.iter().map(|rule| {
            let mut who = |text: &'p String| {
                Who::Workload(tables.sources.number(text.as_str()), rule.identity)
            };
            let from = rule.from.as_ref().map(|from| from.iter().map(&mut who).collect());
            view.atoms(from, rule.to.as_deref())
        });
        view.entries = entries.collect();
        view
    }

    /// The policy.
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// How workloads are recognised.
    pub fn identity(&self) -> &'p SourceIdentity {
        &self.policy.source_identity
    }

    /// The server that governs a host.
    pub fn server(&self, host: &str) -> Option<&'p Server> {
        self.servers.get(host).copied()
    }

    /// What `egressAuthorization` says about a host.
    pub fn egress(&self, host: &str) -> Option<&'p EgressHost> {
        self.egress.get(host).copied()
    }

    /// What the policy says about a host, and what decides for it.
    pub fn effective(&self, host: &str) -> (Effective, Manner<'p>) {
        let server = self.server(host);
        let egress = self.egress(host);
        let decides = decides(server, egress);
        let (rules, atoms, shadow) = match decides {
            Decides::Authorization(authorization) => {
                let rules = authorization.rules.as_slice();
                let shadow = server.is_some_and(|server| server.shadow_authorization);
                (Some(rules), collect(&self.rules, rules), shadow)
            }
            Decides::EgressAuthorization(egress) => (
                Some(egress.rules.as_slice()),
                collect(&self.entries, &egress.rules),
                egress.shadow,
            ),
            Decides::Authentication(_) | Decides::Passthrough => (None, Access::Everything, false),
            Decides::DefaultAction => match self.policy.default_action {
                DefaultAction::Allow => (None, Access::Everything, false),
                DefaultAction::Deny => (None, Access::Nothing, false),
            },
        };
        // What is only tried out lets everything pass.
        let access = if shadow { Access::Everything } else { atoms };
        let manner = Manner {
            decides: decides.kind(),
            tried_out: rules.filter(|_| shadow),
            challenge_scopes: server.is_some_and(|server| server.challenge_scopes),
        };
        let tokens = server.and_then(|server| self.tokens_of(server));
        (Effective { tokens, access }, manner)
    }

    /// What a rule of this index admits.
    pub fn atoms_of_rule(&self, index: u32) -> &[Atom] {
        pick(&self.rules, index).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whom each entry of a rule's `from` is about.
    pub fn principals_of_rule(&self, index: u32) -> Vec<Who> {
        let from = pick(&self.policy.rules, index).and_then(|rule| rule.from.as_deref());
        let who = |index: &u32| pick(&self.principals, *index).copied().map(Who::Token);
        from.unwrap_or_default().iter().filter_map(who).collect()
    }

    /// What an entry of `egressAuthorization` of this index admits.
    pub fn atoms_of_entry(&self, index: u32) -> &[Atom] {
        pick(&self.entries, index).map(Vec::as_slice).unwrap_or_default()
    }

    /// How a server judges tokens.
    pub fn tokens_of(&self, server: &Server) -> Option<Tokens> {
        let authentication = server.authentication.as_ref();
        authentication.map(|it| self.tokens(it, server.shadow_authentication))
    }

    fn tokens(&self, authentication: &Authentication, shadow: bool) -> Tokens {
        let number = |index: &u32| pick(&self.jwt_rules, *index).copied();
        let mut jwt_rules: Vec<_> = authentication.jwt.iter().filter_map(number).collect();
        jwt_rules.sort_unstable();
        Tokens { jwt_rules, required: authentication.required, shadow }
    }

    /// The combinations of what `from` and `to` list; an absent list is one entry that admits all.
    fn atoms(&self, from: Option<Vec<Who>>, to: Option<&[u32]>) -> Vec<Atom> {
        let from = from.unwrap_or_else(|| vec![Who::Anyone]);
        let operation = |index: &u32| pick(&self.operations, *index).copied().map(Some);
        let to: Vec<_> = match to {
            None => vec![None],
            Some(to) => to.iter().filter_map(operation).collect(),
        };
        let both = |who| to.iter().map(move |operation| Atom { who, operation: *operation });
        from.into_iter().flat_map(both).collect()
    }

    /// The hostnames that the policy names.
    pub fn names(&self) -> impl Iterator<Item = &'p str> {
        let servers = self.policy.servers.iter().map(|server| server.hostname.as_str());
        servers.chain(self.policy.egress.iter().map(|host| host.hostname.as_str()))
    }
}

/// What all of these rules admit together.
fn collect(rules: &[Vec<Atom>], indices: &[u32]) -> Access {
    let atoms = indices.iter().filter_map(|index| pick(rules, *index));
    let mut atoms: Vec<_> = atoms.flatten().copied().collect();
    atoms.sort_unstable();
    atoms.dedup();
    if atoms.is_empty() { Access::Nothing } else { Access::Rules(atoms) }
}

/// An entry of one of a policy's tables.
pub fn pick<T>(table: &[T], index: u32) -> Option<&T> {
    table.get(usize::try_from(index).ok()?)
}
