//! Header names.

use super::Compiler;
use crate::policy::header::{folded, output_refusal};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{Gateway, JwtRule, Server, Text};
use crate::resource::tree::Node;

/// A header name in lower case; absent when it is not one (RFC 9110, section 5.1).
pub fn canonical(name: &str) -> Option<String> {
    let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some(name.as_str().to_owned())
}

/// The headers of a JWT rule in which claims go upstream.
fn outputs(rule: JwtRule<'_>) -> impl Iterator<Item = Text<'_>> {
    rule.output_payload_to_header()
        .into_iter()
        .chain(rule.output_claim_to_headers().map(|(header, _)| header))
}

impl<'a> Compiler<'a, '_> {
    /// Checks the output headers of every JWT rule. They are removed from what clients send, at
    /// every server, so none of them may be a header in which any server expects its token.
    pub(super) fn check_headers(&mut self) {
        let rules = |gateway: Gateway<'a>| {
            gateway
                .servers()
                .filter_map(Server::authentication)
                .flat_map(|authentication| authentication.jwt_rules())
        };
        let sources = token_sources(rules(self.gateway));
        for rule in rules(self.gateway) {
            let mut seen: Vec<(String, Node<'_>)> = Vec::new();
            for output in outputs(rule).filter(|output| !output.text.is_empty()) {
                let Some(name) = self.output(output, &sources) else { continue };
                if let Some((other, first)) =
                    seen.iter().find(|(other, _)| folded(other) == folded(&name))
                {
                    let message = match *other == name {
                        true => format!("the header `{name}` is written twice"),
                        false => format!("some upstreams take the header `{name}` for `{other}`"),
                    };
                    self.report(
                        Diagnostic::error(message)
                            .on(output.node)
                            .related(first.span(), "first written here")
                            .hint("give each claim a header of its own"),
                    );
                }
                seen.push((name, output.node));
            }
        }
    }

    fn output(&mut self, output: Text<'a>, sources: &[(String, Node<'a>)]) -> Option<String> {
        let shown = output.text.escape_debug();
        let Some(name) = canonical(output.text) else {
            let hint = match output.text.strip_prefix(':') {
                Some(_) => {
                    "pseudo-headers cannot carry claims; write a name such as `x-jwt-payload`"
                }
                None => "write letters, digits and `-`, as in `x-jwt-payload`",
            };
            self.error(output.node, format!("`{shown}` is not a header name"), hint);
            return None;
        };
        if let Some(why) = output_refusal(&name) {
            let why = match folded(&name) {
                other if other == name => format!("it {why}"),
                other => format!("some upstreams take it for `{other}`, which {why}"),
            };
            self.error(
                output.node,
                format!("the header `{name}` cannot carry claims: {why}"),
                "write a name of your own, such as `x-jwt-payload`",
            );
        } else if let Some((other, source)) =
            sources.iter().find(|(source, _)| folded(source) == folded(&name))
        {
            let why = match *other == name {
                true => "tokens are looked for in it".to_owned(),
                false => {
                    format!("some upstreams take it for `{other}`, where tokens are looked for")
                }
            };
            self.report(
                Diagnostic::error(format!("the header `{name}` cannot carry claims: {why}"))
                    .on(output.node)
                    .related(source.span(), "by this JWT rule")
                    .hint("write a name of your own, such as `x-jwt-payload`"),
            );
        }
        Some(name)
    }
}

/// The headers in which any of the rules looks for tokens, each with the first place that says so.
fn token_sources<'a>(rules: impl Iterator<Item = JwtRule<'a>>) -> Vec<(String, Node<'a>)> {
    let mut sources: Vec<(String, Node<'a>)> = Vec::new();
    let mut add = |name: String, node| {
        if !sources.iter().any(|(known, _)| *known == name) {
            sources.push((name, node));
        }
    };
    for rule in rules {
        if rule.uses_default_locations() {
            add("authorization".to_owned(), rule.0);
        }
        for (name, _) in rule.from_headers() {
            if let Some(canonical) = canonical(name.text) {
                add(canonical, name.node);
            }
        }
        if let Some(cookie) = rule.from_cookies().next() {
            add("cookie".to_owned(), cookie.node);
        }
    }
    sources
}
