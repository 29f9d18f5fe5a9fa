//! What is only tried out: it reports what it would deny, and lets it through.

use super::acknowledge::ANNOTATION_PREFIX as ACKNOWLEDGE_PREFIX;
use super::{Compiler, hostname};
use crate::policy::{self, EgressHost};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Text;
use crate::resource::shape::suggest;
use crate::resource::warning::Warning;

use super::egress::Servers;

/// Annotation with the hostnames whose authorization is tried out, separated by commas.
pub const AUTHORIZATION_ANNOTATION: &str = "egress-auth/shadow";
/// The same for authentication.
pub const AUTHENTICATION_ANNOTATION: &str = "egress-auth/shadow-authentication";

/// What is tried out of a hostname.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Authentication,
    Authorization,
}

/// What our annotations begin with.
const PREFIX: &str = "egress-auth/";

impl<'a> Compiler<'a, '_> {
    /// Reports annotations that are ours but none that we know, or that hold no text: who wrote
    /// one wants something tried out.
    pub(super) fn check_annotations(&mut self) {
        const KNOWN: [&str; 2] = [AUTHORIZATION_ANNOTATION, AUTHENTICATION_ANNOTATION];
        for (key, value) in self.gateway.annotations() {
            let Some(name) = key.scalar_text().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            if name.starts_with(ACKNOWLEDGE_PREFIX) {
                continue;
            }
            if !KNOWN.contains(&name) {
                let message = format!("there is no annotation `{}`", name.escape_debug());
                self.error(key, message, suggest(name, KNOWN.into_iter()));
            } else if value.string().is_none() {
                self.error(
                    value,
                    format!("`{name}` must be a string, not {}", value.value().describe()),
                    "write hostnames, separated by commas, or leave it out",
                );
            }
        }
    }

    /// Marks what the flags and the Gateway's annotations name.
    pub(super) fn shadow(&mut self, servers: &mut Servers, egress: &mut [EgressHost]) {
        let options = self.options;
        for (part, flag, key) in [
            (Part::Authorization, &options.shadow, AUTHORIZATION_ANNOTATION),
            (Part::Authentication, &options.shadow_authentication, AUTHENTICATION_ANNOTATION),
        ] {
            for name in flag {
                self.shadow_host(name, None, part, servers, egress);
            }
            if let Some(annotation) = self.gateway.annotation(key) {
                for name in annotation.text.split(',').map(str::trim) {
                    self.shadow_host(name, Some(annotation), part, servers, egress);
                }
            }
        }
    }

    fn shadow_host(
        &mut self,
        written: &str,
        place: Option<Text<'a>>,
        part: Part,
        servers: &mut Servers,
        egress: &mut [EgressHost],
    ) {
        let mut marked = false;
        if let Ok(hostname) = hostname::canonical(written) {
            let mut named = servers.iter_mut().map(|(server, _)| server);
            if let Some(server) = named.find(|server| server.hostname == hostname) {
                marked |= mark(server, part);
            }
            if part == Part::Authorization {
                for host in egress.iter_mut().filter(|host| host.hostname == hostname) {
                    host.shadow = true;
                    marked = true;
                }
            }
        }
        let what = match part {
            Part::Authentication => "authentication",
            Part::Authorization => "authorization",
        };
        let shown = written.escape_debug();
        let diagnostic = match marked {
            true => Diagnostic::warning(format!(
                "the {what} of `{shown}` is only tried out: it denies nothing"
            ))
            .hint("what it would deny is logged and counted; enforce it once that is right")
            .named(Warning::OnlyTriedOut),
            false => Diagnostic::error(format!("there is no {what} of `{shown}` to try out"))
                .hint("name hostnames as the Gateway writes them"),
        };
        self.report(match place {
            Some(annotation) => diagnostic.at(&self.place.origin(annotation.node)),
            None => diagnostic,
        });
    }
}

fn mark(server: &mut policy::Server, part: Part) -> bool {
    match part {
        Part::Authentication if server.authentication.is_some() => {
            server.shadow_authentication = true;
        }
        Part::Authorization if server.authorization.is_some() => server.shadow_authorization = true,
        _ => return false,
    }
    true
}
