//! JWT rules.

use std::collections::HashMap;

use super::{Compiler, header};
use crate::policy::header::{folded, is_kept_by_envoy, is_mistakable};
use crate::policy::{self, ClaimHeader, HeaderLocation, WorkloadBound};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{Authentication, JwtRule, Server, Text};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

impl<'a> Compiler<'a, '_> {
    /// Compiles `authentication`; absent where no token is looked for.
    pub(super) fn authentication(&mut self, server: Server<'a>) -> Option<policy::Authentication> {
        let authentication = server.authentication()?;
        self.check_choice(authentication);
        let mut issuers: HashMap<&str, Node<'a>> = HashMap::new();
        let mut jwt = Vec::new();
        for rule in authentication.jwt_rules() {
            if let Some(issuer) = rule.issuer()
                && let Some(first) = issuers.insert(issuer.text, issuer.node)
            {
                self.report(
                    Diagnostic::error(format!("the issuer `{}` is written twice", issuer.text))
                        .at(&self.place.origin(issuer.node))
                        .related(first.span(), "first written here")
                        .hint("write one JWT rule an issuer; `audiences` may list several"),
                );
            }
            jwt.extend(self.jwt_rule(rule));
        }
        if jwt.len() < authentication.jwt_rules().count() && !self.diagnostics.has_errors() {
            // Whatever the reason: a JWT rule never disappears in silence.
            self.error(
                authentication.0,
                "a JWT rule cannot be compiled",
                "write at least its `issuer` and its `jwksUri`",
            );
        }
        if jwt.is_empty() {
            return None;
        }
        let required = authentication.require_jwt().is_none_or(|(required, _)| required);
        Some(policy::Authentication { jwt, required })
    }

    /// `jwt` or `rules`, not both and not neither.
    fn check_choice(&mut self, authentication: Authentication<'a>) {
        match (authentication.jwt(), authentication.rules()) {
            (Some(_), Some(rules)) => self.error(
                rules,
                "`jwt` and `rules` cannot stand together",
                "move the rule below `jwt` into the list `rules.jwt`",
            ),
            (None, None) if !authentication.0.is_empty() && !authentication.names_issuer() => {
                self.error(
                    authentication.0,
                    "`authentication` names no issuer",
                    "write `jwt` with an issuer below it",
                );
            }
            _ => {}
        }
    }

    fn jwt_rule(&mut self, rule: JwtRule<'a>) -> Option<u32> {
        let jwks = self.jwks(rule);
        let from_headers =
            rule.from_headers().filter_map(|(name, prefix)| self.location(name, prefix)).collect();
        for cookie in rule.from_cookies() {
            // A cookie's name is a token, as a header's is (RFC 6265, section 4.1.1).
            if http::HeaderName::from_bytes(cookie.text.as_bytes()).is_err()
                && !cookie.text.is_empty()
            {
                let message = format!("`{}` is not a cookie name", cookie.text.escape_debug());
                self.error(cookie.node, message, "write the name alone, such as `session-token`");
            }
        }
        let bound = self.bound(rule);
        let owned = |text: Text<'_>| text.text.to_owned();
        let lower = |text: Text<'_>| text.text.to_ascii_lowercase();
        let compiled = policy::JwtRule {
            issuer: rule.issuer().map(owned)?,
            token_types: bound.token_types,
            required_claims: rule.required_claims().map(owned).collect(),
            certificate_bound: bound.certificate,
            workload_bound: bound.workload,
            audiences: rule.audiences().map(owned).collect(),
            jwks: jwks?,
            from_headers,
            from_cookies: rule.from_cookies().map(owned).collect(),
            from_params: rule.from_params().map(owned).collect(),
            output_payload_to_header: rule.output_payload_to_header().map(lower),
            output_claim_to_headers: rule
                .output_claim_to_headers()
                .map(|(header, claim)| ClaimHeader {
                    header: lower(header),
                    claim: claim.to_owned(),
                })
                .collect(),
            forward_original_token: rule.forward_original_token(),
            clock_skew_seconds: rule
                .clock_skew_seconds()
                .unwrap_or(policy::DEFAULT_CLOCK_SKEW_SECONDS),
            // JWT-SVID, section 3.2.
            require_expiration: rule.require_expiration()
                || bound.workload == Some(WorkloadBound::Spiffe),
            max_lifetime_seconds: rule.max_lifetime_seconds(),
        };
        let known = self.tables.jwt_rules.len();
        let index = self.tables.jwt_rules.index(compiled);
        // What a hundred servers repeat is worth one warning.
        if self.tables.jwt_rules.len() > known {
            let first = self.diagnostics.len();
            self.warn_of_rule(rule);
            self.warn_of_values(rule);
            let findings = first..self.diagnostics.len();
            if !findings.is_empty() {
                self.of_rules.insert(index, (findings, Vec::new()));
            }
        } else if let Some((_, others)) = self.of_rules.get_mut(&index) {
            others.push(self.place.path.clone());
        }
        Some(index)
    }

    /// Says of each warning about a JWT rule which other servers have the same one.
    pub(super) fn count_servers_of_rules(&mut self) {
        for (findings, others) in std::mem::take(&mut self.of_rules).into_values() {
            let suffix = match others.len() {
                0 => continue,
                1 => " (1 other server too)".to_owned(),
                several => format!(" ({several} other servers too)"),
            };
            self.diagnostics.amend(findings, &suffix, &others);
        }
    }

    fn location(&mut self, name: Text<'a>, prefix: Option<Text<'a>>) -> Option<HeaderLocation> {
        let Some(canonical) = header::canonical(name.text) else {
            if !name.text.is_empty() {
                let message = format!("`{}` is not a header name", name.text.escape_debug());
                self.error(name.node, message, "write the name alone, such as `x-mesh-token`");
            }
            return None;
        };
        if canonical == "host" {
            self.error(
                name.node,
                "tokens cannot be looked for in `host`: it says where the request goes",
                "write a header of its own, such as `x-mesh-token`",
            );
        }
        if is_kept_by_envoy(&canonical) {
            self.error(
                name.node,
                format!("tokens cannot be looked for in `{canonical}`: Envoy takes it for itself"),
                "write a header of its own, such as `x-mesh-token`",
            );
        }
        if is_mistakable(&canonical) {
            let message = format!(
                "tokens cannot be looked for in `{canonical}`: some upstreams take it for `{}`",
                folded(&canonical)
            );
            self.error(name.node, message, "write a header of its own, such as `x-mesh-token`");
        }
        // No header has a control character in its value (RFC 9110, section 5.5).
        if let Some(prefix) = prefix.filter(|prefix| prefix.text.contains(char::is_control)) {
            self.error(
                prefix.node,
                format!("no header begins with `{}`", prefix.text.escape_debug()),
                "write what stands before the token, without line breaks and other control \
                 characters, as in `prefix: \"Bearer \"`",
            );
        }
        let prefix = prefix.map_or("", |prefix| prefix.text).to_owned();
        Some(HeaderLocation { name: canonical, prefix })
    }

    fn warn_of_rule(&mut self, rule: JwtRule<'a>) {
        let place = rule.issuer().map_or(rule.0, |issuer| issuer.node);
        if rule.uses_default_locations() {
            self.warn(
                Warning::DefaultTokenLocation,
                place,
                "tokens are looked for in `Authorization: Bearer` and removed from there",
                "an external API that wants its own `Authorization` needs the mesh token \
                 elsewhere: `fromHeaders: [{name: x-mesh-token}]`",
            );
        }
        for (name, prefix) in rule.from_headers() {
            if name.text.eq_ignore_ascii_case("authorization")
                && prefix.is_none_or(|prefix| prefix.text.is_empty())
            {
                self.warn(
                    Warning::TokenWithoutPrefix,
                    name.node,
                    "tokens are looked for in `authorization` without a prefix",
                    "clients send `Bearer` and a token: write `prefix: \"Bearer \"`",
                );
            }
        }
        if rule.audiences().next().is_none() {
            self.warn(
                Warning::AudiencesUnchecked,
                place,
                "audiences are not checked: a token for any other service passes too",
                "list what `aud` must hold in `audiences`",
            );
        }
    }
}
