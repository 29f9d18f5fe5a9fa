//! `egressAuthorization`: which entry, if any, admits a request by the workload behind it.

use std::collections::HashMap;
use std::sync::Arc;

use super::path::Readings;
use super::policy_error::{PolicyError, pick, pick_optional};
use super::rules::{Judgement, Operation, admits_operation, constrain_paths, judge_readings};
use super::source::{Source, SourcePattern};
use crate::policy::authority::canonical_host;
use crate::policy::{self, IdentityMatch};
use crate::signals::Reason;

/// A compiled [`crate::policy::EgressRule`].
#[derive(Debug, Clone)]
pub struct EgressRule {
    pub(super) name: String,
    pub(super) from: Option<Vec<SourcePattern>>,
    pub(super) to: Option<Vec<Arc<Operation>>>,
    pub(super) identity: IdentityMatch,
}

/// The entries of one hostname.
#[derive(Debug, Clone)]
pub struct EgressAuthorization {
    rules: Vec<Arc<EgressRule>>,
    constrains_paths: bool,
    needs_source: bool,
    pub(super) shadow: bool,
}

impl EgressAuthorization {
    /// Collects the entries of a hostname.
    pub fn new(rules: Vec<Arc<EgressRule>>, shadow: bool) -> Self {
        let constrains_paths = constrain_paths(rules.iter().map(|rule| rule.to.as_deref()));
        let needs_source = rules.iter().any(|rule| rule.from.is_some());
        Self { rules, constrains_paths, needs_source, shadow }
    }

    /// Whether any entry looks at the path.
    pub fn constrains_paths(&self) -> bool {
        self.constrains_paths
    }

    /// Whether any entry looks at the source; where none does, it need not be found out.
    pub fn needs_source(&self) -> bool {
        self.needs_source
    }

    /// Judges a request. `path` is needed exactly when [`Self::constrains_paths`] says so.
    pub fn judge(
        &self,
        source: &Source,
        method: &[u8],
        path: Option<&Readings<'_>>,
    ) -> Judgement<'_> {
        judge_readings(path, |path| self.find(source, method, path))
    }

    fn find(&self, source: &Source, method: &[u8], path: Option<&str>) -> Judgement<'_> {
        let (mut known, mut admitted) = (false, false);
        for rule in &self.rules {
            let from = match &rule.from {
                None => true,
                Some(from) => source.identities(rule.identity).any(|workload| {
                    known = true;
                    from.iter().any(|pattern| pattern.matches(workload))
                }),
            };
            if from && admits_operation(rule.to.as_deref(), method, path) {
                return Judgement::Allowed(&rule.name);
            }
            admitted |= from;
        }
        Judgement::Denied(match (admitted, known) {
            (true, _) => Reason::NoRuleMatched,
            (false, true) => Reason::SourceNotAllowed,
            (false, false) => Reason::SourceUnknown,
        })
    }
}

/// What `egressAuthorization` says, by hostname.
pub(super) fn index_egress(
    hosts: Vec<policy::EgressHost>,
    rules: Vec<policy::EgressRule>,
    operations: &[Arc<Operation>],
) -> Result<HashMap<Box<str>, EgressAuthorization>, PolicyError> {
    let mut indexed = Vec::with_capacity(rules.len());
    for (index, rule) in rules.into_iter().enumerate() {
        let field = format!("egress_rules[{index}]");
        let parse = |text: &String| {
            SourcePattern::parse(text)
                .map_err(|error| PolicyError::new(format!("{field}.from (`{text}`)"), error))
        };
        let from = rule.from.as_ref().map(|from| from.iter().map(parse).collect()).transpose()?;
        let to = pick_optional(&format!("{field}.to"), rule.to.as_deref(), operations)?;
        indexed.push(Arc::new(EgressRule { name: rule.name, from, to, identity: rule.identity }));
    }
    let mut table = HashMap::with_capacity(hosts.len());
    for (index, host) in hosts.into_iter().enumerate() {
        let field = format!("egress[{index}]");
        let rules = pick(&format!("{field}.rules"), &host.rules, &indexed)?;
        let error = match canonical_host(host.hostname.as_bytes()) {
            Ok(canonical) if canonical != host.hostname || canonical.contains('*') => {
                "a hostname is exact, lower case, without port or trailing dot".to_owned()
            }
            Ok(_) => {
                let egress = EgressAuthorization::new(rules, host.shadow);
                match table.insert(host.hostname.into_boxed_str(), egress) {
                    None => continue,
                    Some(_) => "the hostname stands there twice".to_owned(),
                }
            }
            Err(error) => error.to_string(),
        };
        return Err(PolicyError::new(format!("{field}.hostname"), error));
    }
    Ok(table)
}
