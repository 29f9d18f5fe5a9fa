//! `--to envoy-native`: the same configuration with Envoy's own `jwt_authn` and `rbac` filters
//! instead of ours.
//!
//! | module | what lives there |
//! |---|---|
//! | `providers` | JWT rules as providers of `jwt_authn`, and what each host asks of them |
//! | `admission` | what admits requests to a host: policies of `rbac` |
//! | `principals` | who: tokens, claims and workloads |
//! | `permissions` | what: hosts, methods and paths |
//! | `paths` | path patterns, with care for paths that servers read in different ways |
//!
//! Normally each virtual host carries its own requirement and its own policies, so the cost does
//! not grow with the number of hosts, and the filters deny whatever no virtual host admits.
//! [`Form::Linear`] writes one list of policies that name their hosts, as Istio's output looks
//! inside Envoy.
//!
//! What these filters cannot say exactly is an error, and nothing broader is ever written. How
//! they answer the same request differently all the same is listed in `docs/conformance.md`.

mod admission;
mod paths;
mod permissions;
mod principals;
mod providers;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::listener::Enforcement;
use super::{EmitError, plan};
use crate::compile::Compiled;
use crate::emit::findings::Findings;
use crate::emit::hosts::{Host, Hosts};
use crate::policy::header::folded;
use crate::policy::hosts::HostTable;
use crate::policy::{Authentication, Policy};
use crate::resource::diagnostic::Diagnostics;

const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";
const RBAC: &str = "envoy.filters.http.rbac";

/// Where the policies stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each virtual host has its own.
    PerHost,
    /// All in one list, each naming its hosts.
    Linear,
}

/// What the output takes beside what every Envoy output does.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where the policies stand.
    pub form: Form,
    /// Whether something strictly narrower may stand for what cannot be said exactly.
    pub allow_narrower: bool,
}

/// A bootstrap, unless there are errors among the findings.
#[derive(Debug)]
pub struct Emitted {
    /// The bootstrap.
    pub bootstrap: Option<Value>,
    /// What the filters cannot say, and what they do otherwise.
    pub findings: Diagnostics,
}

/// A bootstrap that needs no module.
///
/// # Errors
/// See [`EmitError`].
pub fn bootstrap(
    compiled: &Compiled,
    envoy: &super::Options,
    options: Options,
) -> Result<Emitted, EmitError> {
    let policy = &compiled.policy;
    let mut plan = plan::plan(compiled, envoy)?;
    plan.add_hosts(policy.egress.iter().map(|host| host.hostname.as_str()));
    let hosts = Hosts::new(compiled);
    let native = Native::new(compiled, &hosts, options.form);
    let mut findings = Findings::new(options.allow_narrower);
    hosts.refuse_trials("use --to envoy to try it out, or enforce it", &mut findings);
    hosts.refuse_challenges("remove it, or use --to envoy", &mut findings);
    native.warn_of_differences(&mut findings);

    let mut filters = native.jwt_authn(&mut findings);
    filters.extend(native.path_filters());
    let mut admissions: HashMap<&str, Option<Value>> = HashMap::new();
    match options.form {
        Form::Linear => filters.push(rbac(RBAC, native.all_policies(&mut findings))),
        Form::PerHost => {
            for host in hosts.iter() {
                let admission = native.admission(host, &mut findings);
                admissions.insert(host.hostname, admission.per_route());
            }
            filters.push(rbac(RBAC, Map::new()));
        }
    }
    if findings.has_errors() {
        return Ok(Emitted { bootstrap: None, findings: findings.into_diagnostics() });
    }
    let per_host = |domain: &str| {
        let host = native.governing(domain);
        let mut config = Map::new();
        let certainty = host.and_then(|host| native.certainty(host));
        config.extend(certainty.map(|certainty| (certainty.filter_name().to_owned(), turned_on())));
        if options.form == Form::PerHost {
            let admission = match host {
                Some(host) => admissions.get(host.hostname).cloned().flatten(),
                None => native.unlisted(domain).per_route(),
            };
            config.extend(admission.map(|admission| (RBAC.to_owned(), admission)));
            let authentication = host.and_then(|host| native.authentication(host));
            config.extend(authentication.map(|authentication| {
                (JWT_AUTHN.to_owned(), providers::per_route(authentication))
            }));
        }
        (!config.is_empty()).then_some(Value::Object(config))
    };
    let enforcement = Enforcement { filters, removed_headers: native.removed_headers() };
    let bootstrap = super::whole(compiled, envoy, &plan, enforcement, &per_host);
    Ok(Emitted { bootstrap: Some(bootstrap), findings: findings.into_diagnostics() })
}

/// A filter with these policies. Without any it denies everything.
fn rbac(name: &str, policies: Map<String, Value>) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": policies},
        },
    })
}

/// Turns on a filter that is off elsewhere.
fn turned_on() -> Value {
    json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}})
}

/// A Gateway on its way to Envoy's filters.
struct Native<'c> {
    policy: &'c Policy,
    hosts: &'c Hosts<'c>,
    form: Form,
    /// The hosts by their hostnames.
    by_name: HashMap<&'c str, &'c Host<'c>>,
    /// The same, for exact hostnames that only a wildcard covers.
    table: HostTable<&'c Host<'c>>,
}

impl<'c> Native<'c> {
    fn new(compiled: &'c Compiled, hosts: &'c Hosts<'c>, form: Form) -> Self {
        let mut table = HostTable::with_capacity(compiled.policy.servers.len());
        for host in hosts.iter() {
            // A compiled policy names no hostname twice.
            let _ = table.insert(host.hostname, host);
        }
        Self {
            policy: &compiled.policy,
            by_name: hosts.iter().map(|host| (host.hostname, host)).collect(),
            hosts,
            form,
            table,
        }
    }

    /// What governs the domain of a virtual host.
    fn governing(&self, domain: &str) -> Option<&'c Host<'c>> {
        let covered = || self.table.get(domain).filter(|_| !domain.starts_with('*'));
        self.by_name.get(domain).or_else(covered).copied()
    }

    fn authentication(&self, host: &Host<'c>) -> Option<&'c Authentication> {
        host.server?.authentication.as_ref()
    }

    /// What the filters do otherwise whatever the Gateway says.
    fn warn_of_differences(&self, findings: &mut Findings) {
        let without_token = |host: &Host<'c>| self.authentication(host).is_none();
        if self.hosts.iter().any(|host| self.certainty(host).is_some()) {
            findings.warn(
                None,
                "paths that servers read in different ways are denied where Envoy's filters \
                 cannot be certain, even if rules admit every reading"
                    .to_owned(),
                "`--to envoy` judges every reading",
            );
        }
        let optional = |host: &Host<'_>| self.authentication(host).is_some_and(|it| !it.required);
        if self.hosts.iter().any(optional) {
            findings.warn(
                None,
                "where no token is required, one that Envoy does not see goes on to the external \
                 host, such as one after `Bearer` and a tab"
                    .to_owned(),
                "`--to envoy` takes it out",
            );
        }
        if self.form == Form::Linear
            && !self.policy.jwt_rules.is_empty()
            && self.hosts.iter().any(without_token)
        {
            findings.warn(
                None,
                "with --linear, tokens are checked at every host, also where none is asked for"
                    .to_owned(),
                "a token that is not valid is refused there, and a valid one does not go on",
            );
        }
    }

    /// Headers that only the gateway may set, in every spelling that an upstream takes for them.
    fn removed_headers(&self) -> Vec<Value> {
        let mut names: Vec<String> = Vec::new();
        for rule in &self.policy.jwt_rules {
            let claims = rule.output_claim_to_headers.iter().map(|claim| &claim.header);
            names.extend(rule.output_payload_to_header.iter().chain(claims).map(|it| folded(it)));
        }
        let propagated = self.policy.source_identity.propagated.as_ref();
        names.extend(propagated.map(|propagated| folded(&propagated.header)));
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| header_in_any_spelling(name)).collect()
    }
}

/// Matches what folds to this name; Envoy compares names in lower case.
fn header_in_any_spelling(folded: &str) -> Value {
    match folded.contains('-') {
        true => json!({"safe_regex": {"regex": folded.replace('-', "[^0-9a-z]")}}),
        false => json!({"exact": folded}),
    }
}
