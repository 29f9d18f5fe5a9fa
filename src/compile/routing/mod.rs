//! `routing` of a server to rules.
//!
//! | module | what lives there |
//! |---|---|
//! | `matching` | which requests a rule is for |
//! | `destination` | where they are sent |
//! | `tls` | TLS towards the external host |
//! | `changes` | what is changed of requests and answers, and what is answered instead |
//! | `repeat` | timeouts and retries |
//! | `re2` | what Envoy's regular expressions know |
//!
//! Rules never decide whether a request is allowed. That is decided before, on the request as it
//! came, so nothing here may depend on what the filter adds to a request or takes out of it.

mod changes;
mod destination;
mod matching;
mod re2;
mod repeat;
mod tls;

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use super::model::{Destination, RouteAction, RouteRule, TrafficMode};
use super::{Compiler, Place};
use crate::policy::header::folded;
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::gateway::fields::routing::ROUTING;
use crate::resource::gateway::{Gateway, Server};
use crate::resource::shape;
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

const ONE_RULE: &str = "write one rule at least: `rules: [{route: {serviceDestination: {host: \
                        <gateway namespace>/<hostname>}}}]`";

/// Fields of a rule that a gateway of Istio follows and not the filter.
const FOLLOWED: [&str; 7] =
    ["match", "modify", "timeout", "retries", "redirect", "directResponse", "corsPolicy"];

impl<'a> Compiler<'a, '_> {
    /// The rules of a server; none where it has no routing. Other servers than egress ones may
    /// route in ways that are none of our business: whatever does not fit is no rule there, and no
    /// error.
    pub(super) fn routes(
        &mut self,
        server: Server<'a>,
        hostname: Option<&str>,
        mode: TrafficMode,
    ) -> Vec<RouteRule> {
        let Some(routing) = server.routing() else { return Vec::new() };
        let mut found = Diagnostics::default();
        let of_filter = self.of_filter();
        let mut reader = Reader {
            name: server.name().map_or("", |name| name.text),
            hostname,
            namespace: self.gateway.workload_namespace(),
            place: &self.place,
            of_filter,
            found: &mut found,
        };
        let rules = reader.rules(routing);
        if mode.is_egress() {
            self.diagnostics.append(found);
            return rules;
        }
        if found.has_errors() { Vec::new() } else { rules }
    }

    /// Headers that the filter reads tokens from or writes claims to, at any server.
    fn of_filter(&mut self) -> Rc<OfFilter> {
        self.of_filter.get_or_insert_with(|| Rc::new(OfFilter::of(self.gateway))).clone()
    }
}

/// Headers that the filter takes out of requests or puts into them, folded.
#[derive(Debug, Default)]
pub(super) struct OfFilter {
    /// Those in which verified claims go on.
    outputs: HashSet<String>,
    /// Those in which tokens arrive.
    tokens: HashSet<String>,
}

impl OfFilter {
    fn of(gateway: Gateway<'_>) -> Self {
        let mut all = Self::default();
        let rules = gateway
            .servers()
            .filter_map(Server::authentication)
            .flat_map(|authentication| authentication.jwt_rules());
        let fold = |name: &str| folded(&name.to_ascii_lowercase());
        for rule in rules {
            let claims = rule.output_claim_to_headers().map(|(header, _)| header);
            let outputs = claims.chain(rule.output_payload_to_header());
            all.outputs.extend(outputs.map(|header| fold(header.text)));
            all.tokens.extend(rule.from_headers().map(|(header, _)| fold(header.text)));
            if rule.uses_default_locations() {
                all.tokens.insert("authorization".to_owned());
            }
            if rule.from_cookies().next().is_some() {
                all.tokens.insert("cookie".to_owned());
            }
        }
        all
    }
}

/// One server's `routing` on its way to rules.
struct Reader<'a, 'd> {
    /// Name of the server.
    name: &'a str,
    hostname: Option<&'d str>,
    namespace: Option<&'a str>,
    place: &'d Place<'a>,
    of_filter: Rc<OfFilter>,
    found: &'d mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    fn error(&mut self, node: Node<'a>, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::error(message).at(&self.place.origin(node)).hint(hint));
    }

    fn warn(
        &mut self,
        name: Warning,
        node: Node<'a>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let origin = self.place.origin(node);
        self.found.push(Diagnostic::warning(message).at(&origin).hint(hint).named(name));
    }

    fn rules(&mut self, routing: Node<'a>) -> Vec<RouteRule> {
        shape::check(routing, &ROUTING, "`routing`", self.found);
        let written: Vec<Node<'a>> =
            routing.get("rules").into_iter().flat_map(Node::items).collect();
        let mut rules: Vec<RouteRule> = Vec::with_capacity(written.len());
        let mut for_all: Option<Node<'a>> = None;
        for node in written {
            if let Some(first) = for_all {
                let place = self.place.origin(node);
                self.found.push(
                    Diagnostic::error("no request ever gets to this rule")
                        .at(&place)
                        .related(first.span(), "this one is for every request")
                        .hint("write `match` there, move it to the end, or remove one of them"),
                );
                break;
            }
            if node.get("match").is_none() {
                for_all = Some(node);
            }
            rules.extend(self.rule(node));
        }
        name_clusters(self.name, &mut rules);
        rules
    }

    fn rule(&mut self, node: Node<'a>) -> Option<RouteRule> {
        let matches: Vec<_> = node
            .get("match")
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|entry| self.matching(entry))
            .collect();
        let action = self.action(node)?;
        let mut rule = RouteRule {
            matches,
            action,
            rewrite_path: None,
            rewrite_authority: None,
            request_headers: Default::default(),
            response_headers: Default::default(),
            timeout: self.duration(node, "timeout"),
            retries: node.get("retries").and_then(|retries| self.retries(retries)),
            fields: FOLLOWED.into_iter().filter(|field| node.get(field).is_some()).collect(),
            origin: self.place.origin(node),
        };
        if let Some(modify) = node.get("modify") {
            self.modify(modify, &mut rule);
        }
        let forwarded = matches!(rule.action, RouteAction::Forward(_));
        for field in ["timeout", "retries"].into_iter().filter(|_| !forwarded) {
            if let Some((key, _)) = node.entry(field) {
                let message = format!("`{field}` does nothing here: no request is sent on");
                self.error(key, message, "remove it, or write `route`");
            }
        }
        Some(rule)
    }

    /// Exactly one of `route`, `redirect` and `directResponse`.
    fn action(&mut self, node: Node<'a>) -> Option<RouteAction> {
        let mut written =
            ["route", "redirect", "directResponse"].into_iter().filter_map(|it| node.entry(it));
        let Some((key, value)) = written.next() else {
            // What is misspelt was reported.
            if !node.is_empty() && !node.entries().any(|(key, _)| key.scalar_text() == Some("tls"))
            {
                self.error(node, "the rule does not say where requests go", ONE_RULE);
            }
            return None;
        };
        if let Some((second, _)) = written.next() {
            let [first, second_name] =
                [key, second].map(|key| key.scalar_text().unwrap_or_default());
            let message = format!("`{first}` and `{second_name}` cannot stand together");
            self.error(second, message, "keep the one that is meant");
            return None;
        }
        match key.scalar_text() {
            Some("redirect") => self.redirect(value).map(RouteAction::Redirect),
            Some("directResponse") => self.response(value),
            _ => self.route(value).map(|to| RouteAction::Forward(Box::new(to))),
        }
    }

    fn route(&mut self, route: Node<'a>) -> Option<Destination> {
        if let Some((key, _)) = route.entry("clusterDestination") {
            self.error(
                key,
                "an egress server routes to a `serviceDestination` only",
                "write `serviceDestination` with the external `host`; clusters of the mesh are \
                 reached by servers with `trafficMode: INGRESS` or `TRANSIT`",
            );
            return None;
        }
        let destination = route.get("serviceDestination").filter(|node| !node.is_null());
        let Some(destination) = destination else {
            // What is misspelt was reported.
            if route.entries().next().is_some_and(|(key, _)| key.scalar_text() != Some("tls")) {
                self.error(
                    route,
                    "an egress server routes to a `serviceDestination` only",
                    ONE_RULE,
                );
            }
            return None;
        };
        self.service_destination(destination)
    }

    fn duration(&mut self, node: Node<'a>, field: &str) -> Option<Duration> {
        // What is none was reported when the fields were checked.
        shape::duration(node.get(field)?.string()?)
    }
}

/// Gives each destination of a server a cluster; equal ones share theirs.
fn name_clusters(server: &str, rules: &mut [RouteRule]) {
    let mut known: Vec<Destination> = Vec::new();
    for rule in rules {
        let RouteAction::Forward(destination) = &mut rule.action else { continue };
        let same = known.iter().find(|other| {
            (&other.host, other.port, &other.tls)
                == (&destination.host, destination.port, &destination.tls)
        });
        destination.cluster = match same {
            Some(same) => same.cluster.clone(),
            None if known.is_empty() => format!("server|{server}"),
            None => format!("route|{}|{server}", known.len().saturating_add(1)),
        };
        if same.is_none() {
            known.push(Destination::clone(destination));
        }
    }
}
