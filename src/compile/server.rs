//! One entry of `spec.http`.

use super::Compiler;
use super::model::{ServerDeployment, TrafficMode};
use crate::policy;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Server;
use crate::resource::warning::Warning;

impl<'a> Compiler<'a, '_> {
    /// Compiles a server; nothing when it has no usable name or hostname, which is reported.
    pub(super) fn server(
        &mut self,
        server: Server<'a>,
        hostname: Option<String>,
    ) -> Option<(policy::Server, ServerDeployment)> {
        let mode = server.traffic_mode();
        self.check_inbound(server, mode);
        self.check_transit(server);
        self.refuse_unenforced(server, mode);
        let authentication = self.authentication(server);
        let authorization = self.authorization(server);
        let routes = self.routes(server, hostname.as_deref(), mode);
        let left_to_gateway = self.left_out(server, mode, !routes.is_empty());
        let passthrough = !mode.is_egress() && authentication.is_none() && authorization.is_none();
        let name = server.name()?;
        if name.text.chars().any(char::is_control) {
            self.error(
                name.node,
                "a server name cannot hold control characters",
                "write it on one line; it is shown in logs and metrics",
            );
        }
        let authorized = authorization.is_some();
        self.warn_of_effect(server, mode, hostname.as_deref(), authentication.as_ref(), authorized);
        let hostname = hostname?;
        let deployment = ServerDeployment {
            name: name.text.to_owned(),
            hostname: hostname.clone(),
            traffic_mode: mode,
            routes,
            left_to_gateway,
            origin: self.place.origin(server.hostname()?.node),
            rules: server
                .authorization()
                .into_iter()
                .flat_map(|it| it.rules())
                .map(|rule| rule.name().map_or(rule.0, |name| name.node).span())
                .collect(),
        };
        let name = name.text.to_owned();
        Some((
            policy::Server {
                name,
                hostname,
                authentication,
                authorization,
                passthrough,
                shadow_authentication: false,
                shadow_authorization: false,
                challenge_scopes: server.challenge_scopes(),
            },
            deployment,
        ))
    }

    /// `port` and `tls`, which say how a server is reached from outside the mesh.
    fn check_inbound(&mut self, server: Server<'a>, mode: TrafficMode) {
        let inbound = [
            ("port", "the port of the external host is `serviceDestination.port`"),
            ("tls", "TLS towards the external host is `serviceDestination.tls`"),
        ];
        let written = inbound.into_iter().filter_map(|(field, meant)| {
            let (key, value) = server.0.entry(field)?;
            (!value.is_null()).then_some((key, field, meant))
        });
        match mode {
            TrafficMode::Egress => {
                for (key, field, meant) in written {
                    self.error(
                        key,
                        format!("an EGRESS server cannot have a `{field}`"),
                        format!("remove it: the gateway receives mesh mTLS; {meant}"),
                    );
                }
            }
            TrafficMode::Auto => {
                if let Some((key, field, _)) = written.into_iter().next() {
                    self.warn(
                        Warning::JudgedAsEgress,
                        key,
                        format!(
                            "this server is judged as an egress server, which has no `{field}`"
                        ),
                        "write `trafficMode: INGRESS` if it lets requests into the mesh, \
                         `trafficMode: EGRESS` if it lets them out",
                    );
                }
            }
            TrafficMode::Ingress | TrafficMode::Transit => {}
        }
    }

    /// `transit: true`, by which TSB's older releases said what `trafficMode` says.
    fn check_transit(&mut self, server: Server<'a>) {
        let Some(transit) = server.transit() else { return };
        match server.written_mode().filter(|mode| mode.text != "TRANSIT") {
            Some(mode) => {
                let message = format!(
                    "`transit: true` contradicts `trafficMode: {}`",
                    mode.text.escape_debug()
                );
                self.error(transit, message, "remove `transit`, which is deprecated");
            }
            None => self.report(
                Diagnostic::note(
                    "`transit: true` is deprecated and read as `trafficMode: TRANSIT`",
                )
                .at(&self.place.origin(transit))
                .hint("write `trafficMode: TRANSIT`"),
            ),
        }
    }

    /// `oidc` and `external`: an error on egress servers, elsewhere a warning that the filter
    /// leaves them to others.
    fn refuse_unenforced(&mut self, server: Server<'a>, mode: TrafficMode) {
        let oidc = server.authentication().and_then(|authentication| authentication.oidc());
        let external = server.authorization().and_then(|authorization| authorization.external());
        if mode.is_egress() {
            if let Some(oidc) = oidc {
                self.error(
                    oidc,
                    "OIDC is not supported on egress servers; only authentication.jwt is",
                    "write `jwt` with the `issuer` and `jwksUri` of the same provider",
                );
            }
            if let Some(external) = external {
                let name = external.scalar_text().unwrap_or_default();
                self.error(
                    external,
                    format!("authorization.{name} is not supported"),
                    "write `local` rules on JWT claims, or put an external authorization filter \
                     of Envoy (ext_authz) in front of this one",
                );
            }
            return;
        }
        for (key, of) in [(oidc, "authentication"), (external, "authorization")] {
            let Some(key) = key else { continue };
            let name = key.scalar_text().unwrap_or_default();
            self.report(
                Diagnostic::warning(format!("this filter does not enforce {of}.{name}"))
                    .at(&self.place.origin(key))
                    .hint("make sure that the gateway itself does")
                    .named(Warning::NotEnforced),
            );
        }
    }

    /// Warns where what is written lets through more, or less, than its author may expect.
    fn warn_of_effect(
        &mut self,
        server: Server<'a>,
        mode: TrafficMode,
        hostname: Option<&str>,
        authentication: Option<&policy::Authentication>,
        authorized: bool,
    ) {
        let nothing = server.authentication().is_none() && server.authorization().is_none();
        let elsewhere = hostname.is_some_and(|hostname| self.named_in_egress.contains(hostname));
        if nothing && !elsewhere && mode.is_egress() {
            // Only exact hosts can be named there.
            let or_named = match hostname.is_some_and(|hostname| hostname.starts_with('*')) {
                true => "",
                false => ", or name the host in `egressAuthorization`",
            };
            self.warn(
                Warning::NothingGoverns,
                server.hostname().map_or(server.0, |hostname| hostname.node),
                "nothing governs this server, so its requests get the default action",
                format!(
                    "write `authentication`, `authorization` or both{or_named}; the default \
                     action is to deny (--default-action)"
                ),
            );
        }
        if authentication.is_some_and(|authentication| !authentication.required)
            && !authorized
            && !elsewhere
        {
            let node = server.authentication().and_then(|it| it.require_jwt());
            self.warn(
                Warning::TokenOptional,
                node.map_or(server.0, |(_, node)| node),
                "requests without a token pass, since no authorization follows",
                "write `authorization`, or remove `requireJwt: false`",
            );
        }
    }
}
