//! Parts of rules that are never needed, and principals that no token matches, by the prover.

use super::Compiler;
use super::lint::LAST_PATHS;
use crate::policy;
use crate::prove::parts::{Along, Part, take_apart};
use crate::prove::redundant::Finder;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{Rule, Server};
use crate::resource::source::Span;
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// Parts of the rules of one host up to which this is looked for: each is compared with all others.
const MOST_PARTS_OF_HOST: usize = 100;

impl<'a> Compiler<'a, '_> {
    /// Warns of entries of `from` in the rules of one server that no token matches. The positions of
    /// the rules that admit nothing for that.
    pub(super) fn warn_of_unmatched(
        &mut self,
        finder: &Finder<'_>,
        server: &policy::Server,
        written: Server<'a>,
    ) -> Vec<usize> {
        let rules = rules(written);
        let unmatched = finder.unmatched(server);
        for (rule, entry) in &unmatched {
            let node = rules.get(*rule).and_then(|rule| node(*rule, Part::From(*entry)));
            if let Some(node) = node {
                self.never_matches(node);
            }
        }
        let all = |(position, rule): &(usize, &Rule<'a>)| {
            let listed = rule.from().map_or(0, Iterator::count);
            listed > 0 && unmatched.iter().filter(|(rule, _)| rule == position).count() == listed
        };
        rules.iter().enumerate().filter(all).map(|(position, _)| position).collect()
    }

    /// Warns of what stands in the rules of one server and changes nothing. Those at some positions
    /// have been warned of as a whole.
    pub(super) fn warn_of_redundant_parts(
        &mut self,
        finder: &Finder<'_>,
        server: &policy::Server,
        written: Server<'a>,
        whole: &[usize],
    ) {
        let rules = rules(written);
        // A part that is not needed beside others may be needed once one of those is gone.
        for along in [Along::From, Along::To] {
            let parts = take_apart(finder.policy(), server, whole, along);
            if !(2..=MOST_PARTS_OF_HOST).contains(&parts.of.len()) {
                continue;
            }
            let Ok(of_parts) = Finder::new(&parts.policy) else { return };
            let Some(server) = parts.policy.servers.first() else { return };
            let mut warned = false;
            for found in of_parts.of_server(server) {
                let place = |at: &usize| {
                    let (rule, part) = parts.of.get(*at)?;
                    Some((*part, node(*rules.get(*rule)?, *part)?))
                };
                let Some((part, own)) = place(&found.rule) else { continue };
                let by = found.by.iter().filter_map(place).map(|(_, node)| node).collect();
                warned |= self.warn_of_part(part, own, by, found.refuses_unreadable);
            }
            if warned {
                return;
            }
        }
    }

    /// What can never match is said once.
    fn never_matches(&mut self, node: Node<'a>) {
        let (own, names) = (node.span(), [Warning::IssuerNotAccepted, Warning::ValueNeverMatches]);
        let said = self.diagnostics.iter().any(|it| {
            let inside = |span: Span| {
                own.file == span.file && own.start <= span.start && span.end <= own.end
            };
            it.name.is_some_and(|name| names.contains(&name)) && it.span.is_some_and(inside)
        });
        let others = node.get("other").map_or(0, |other| other.entries().count());
        let own = ["iss", "sub"].into_iter().filter(|name| node.get(name).is_some()).count();
        let patterns = others.saturating_add(own);
        if !said {
            self.warn(
                Warning::PrincipalNeverMatches,
                node,
                "no token that is accepted here matches all of this",
                match patterns > 1 {
                    true => {
                        "patterns of one entry must all match: write an entry of its own for each \
                         alternative"
                    }
                    false => {
                        "see what the JWT rules of the server accept: issuers, audiences, and \
                         with `workloadBound` the trust domains (--trust-domain)"
                    }
                },
            );
        }
    }

    /// Whether there was something to say: of what can never match all is said.
    fn warn_of_part(
        &mut self,
        part: Part,
        own: Node<'a>,
        by: Vec<Node<'a>>,
        refuses_unreadable: bool,
    ) -> bool {
        let (name, what) = match part {
            Part::Whole => return false,
            Part::From(_) => (Warning::EntryNeverNeeded, "this entry of `from`"),
            Part::To(_) => (Warning::EntryNeverNeeded, "this entry of `to`"),
            Part::Path { .. } => (Warning::PathNeverNeeded, "this path"),
        };
        if self.diagnostics.iter().any(|it| it.span == Some(own.span())) {
            return false;
        }
        let label = match by.len() {
            1 => "this admits all that it admits",
            _ => "together with the others that are shown, this admits all that it admits",
        };
        let origin = self.place.origin(own);
        let diagnostic = Diagnostic::warning(format!("{what} is never needed"))
            .named(name)
            .at(&origin)
            .hint(match refuses_unreadable {
                true => LAST_PATHS,
                false => "remove it, or narrow the others",
            });
        let diagnostic = by.into_iter().fold(diagnostic, |it, node| it.related(node.span(), label));
        self.report(diagnostic);
        true
    }
}

fn rules(server: Server<'_>) -> Vec<Rule<'_>> {
    server.authorization().into_iter().flat_map(|it| it.rules()).collect()
}

/// Where a part of a rule is written.
fn node(rule: Rule<'_>, part: Part) -> Option<Node<'_>> {
    match part {
        Part::Whole => Some(rule.name().map_or(rule.0, |name| name.node)),
        Part::From(entry) => rule.from()?.nth(entry),
        Part::To(entry) => rule.to()?.nth(entry),
        Part::Path { to, path } => Some(Rule::list(rule.to()?.nth(to)?, "paths")?.nth(path)?.node),
    }
}
