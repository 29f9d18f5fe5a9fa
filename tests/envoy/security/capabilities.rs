//! What Envoy lets the module do: all that it needs and nothing else. Each capability is left out
//! once, in a real Envoy, and what breaks then is what `docs/security.md` says; so none is allowed
//! in vain, and none is missing.

use std::collections::BTreeSet;
use std::time::Duration;

use egress_auth::demo::echo::Echo;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use crate::support::envoy::{Envoy, Refused};
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::raw::{Pending, Request};
use crate::support::tls::Authority;
use crate::support::token::{ISSUER, PAYMENTS_SERVICE, Recipe};
use crate::support::tried::Tried;
use crate::support::upstream::Upstream;
use crate::support::{LIMIT, http2, keys, within};

/// How long to look for what is not expected any more. Too short a time can only hide that
/// something still works.
const IN_VAIN: Duration = Duration::from_secs(3);
/// How many Envoys at once.
const AT_ONCE: usize = 8;
const CAPABILITIES: &str = "/static_resources/listeners/0/filter_chains/0/filters/1/typed_config\
    /http_filters/1/typed_config/config/vm_config/capability_restriction_config\
    /allowed_capabilities";
const DOCUMENT: &str = include_str!("../../../docs/security.md");

/// The rows of the document: a capability, and what breaks without it.
fn documented() -> Vec<(&'static str, &'static str)> {
    let (_, rest) = DOCUMENT.split_once("| without | what breaks |\n").unwrap();
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        (cells.next().unwrap().trim_matches('`'), cells.next().unwrap())
    })
    .collect()
}

/// Everything that the module talks to, and the configuration with which it does.
struct World {
    echo: Echo,
    issuer: Jwks,
    upstream: Upstream,
    /// Its certificate is in a file as long as this lives.
    _authority: Authority,
    bootstrap: Value,
}

impl World {
    fn new() -> Self {
        let (echo, issuer) = (Echo::start().unwrap(), Jwks::with(Behaviour::Hold, None));
        let authority = Authority::new();
        let upstream = Upstream::start(&authority.issue(&["localhost"]));
        let (port, ca) = (upstream.address().port(), authority.file());
        let server = |name: &str, routing: &str| {
            format!(
                "    - name: {name}\n      hostname: {name}.api\n{routing}      authentication: \
                 {{jwt: {{issuer: {ISSUER}, jwksUri: https://auth.issuer/jwks, \
                 outputPayloadToHeader: x-jwt-payload}}}}\n      authorization: {{local: {{rules: \
                 [{{from: [{{jwt: {{sub: {PAYMENTS_SERVICE}}}}}]}}]}}}}\n"
            )
        };
        let over_tls = format!(
            "      routing: {{rules: [{{route: {{serviceDestination: {{host: egress/localhost, \
             port: {port}, tls: {{mode: SIMPLE, files: {{caCertificates: {}}}}}}}}}}}]}}\n",
            ca.display()
        );
        let yaml = format!(
            "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: tested}}\n\
             spec:\n  workloadSelector: {{namespace: egress}}\n  egressAuthorization:\n    \
             - {{from: {{serviceAccounts: [payments/api]}}, to: [{{host: {{exact: peer.api}}}}]}}\n  \
             http:\n    - {{name: peer, hostname: peer.api}}\n{}{}",
            server("one", ""),
            server("grpc", &over_tls),
        );
        let gateway = Gateway::new(yaml)
            .upstream("auth.issuer", issuer.address())
            .upstream("one.api", echo.address())
            .upstream("peer.api", echo.address());
        let mut bootstrap = gateway.bootstrap();
        // Stands for a client certificate.
        let filters = "/static_resources/listeners/0/filter_chains/0/filters";
        let filters = bootstrap.pointer_mut(filters).unwrap().as_array_mut().unwrap();
        let peer = json!({
            "name": "envoy.filters.network.set_filter_state",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config",
                "on_new_connection": [{
                    "object_key": egress_auth::signals::PEER_URI_SANS,
                    "factory_key": "envoy.string",
                    "format_string": {"text_format_source": {
                        "inline_string": "spiffe://cluster.local/ns/payments/sa/api",
                    }},
                }],
            },
        });
        filters.insert(0, peer);
        // Bodies come while headers wait, so that it matters who holds them.
        let config = CAPABILITIES.split_once("/vm_config").unwrap().0;
        let config = bootstrap.pointer_mut(config).unwrap();
        config["allow_on_headers_stop_iteration"] = true.into();
        Self { echo, issuer, upstream, _authority: authority, bootstrap }
    }

    fn capabilities(&mut self) -> &mut Map<String, Value> {
        self.bootstrap.pointer_mut(CAPABILITIES).unwrap().as_object_mut().unwrap()
    }

    /// What breaks when these are left out, and what Envoy logs.
    fn without(mut self, names: &[&str]) -> (BTreeSet<&'static str>, String) {
        for name in names {
            assert!(self.capabilities().remove(*name).is_some(), "{name} is not allowed anyway");
        }
        let limit = if names.is_empty() { LIMIT } else { IN_VAIN };
        match Envoy::start(&self.bootstrap, 1) {
            Ok(envoy) => {
                let broken = self.look_around(&envoy, limit);
                (broken, envoy.log())
            }
            Err(Refused { log }) => {
                let mut broken = BTreeSet::from(["Envoy does not start"]);
                if !log.contains("panicked") {
                    broken.insert("the log does not say why the module gave up");
                }
                (broken, log)
            }
        }
    }

    /// Does everything that the module is for, and says what does not work.
    fn look_around(&self, envoy: &Envoy, limit: Duration) -> BTreeSet<&'static str> {
        let mut broken = BTreeSet::new();
        let mut expect = |works: bool, otherwise| {
            if !works {
                broken.insert(otherwise);
            }
        };
        let token = Recipe::good().token("RS256");
        let status = |request: Pending| {
            within(limit, || request.has_answer().then_some(())).map(|()| request.response().status)
        };
        let to = envoy.gateway();
        let get = |host: &str| Request::new("GET", host, "/");

        let waiting = get("one.api").bearer(&token).open(to);
        let body = Request::new("POST", "one.api", "/").bearer(&token).body("a body").open(to);
        let active = || envoy.stat("http.egress.downstream_rq_active") == Some(2);
        within(limit, || (waiting.has_answer() || active()).then_some(()));
        let asked = within(limit, || (self.issuer.asked() > 0).then_some(()));
        expect(asked.is_some(), "keys are never asked for");
        expect(self.echo.take_received().is_empty(), "bodies take their requests along undecided");
        self.issuer.behave(Behaviour::Serve(keys::all_keys()));
        let late = status(waiting);
        expect(late.is_some(), "requests that wait for keys are never answered");
        drop(body);
        let good = status(get("one.api").bearer(&token).open(to));
        expect(
            good == Some(200) || late == Some(200) || good.is_some_and(|it| it != 503),
            "fetched keys are not used",
        );
        expect(good != Some(500), "good requests get 500");

        self.echo.take_received();
        let agent = "without a token";
        let bare = status(get("one.api").header("user-agent", agent).open(to));
        expect(self.echo.take_received().is_empty(), "nothing is checked");
        expect(bare.is_some(), "denied requests are never answered");
        expect(bare != Some(500), "every request gets 500");
        let peer = status(get("peer.api").open(to));
        expect(peer == Some(200), "client certificates say nothing");
        if good == Some(200) {
            expect(self.trailers(to, &token), "forged trailers pass");
        }

        if bare.is_some() {
            let entry = envoy.access_log(agent).unwrap();
            expect(entry["reason"] == "missing_token", "the access log gives no reason");
        }
        let log = envoy.log();
        expect(log.contains("RS* by Envoy"), "Envoy's cryptography is not used");
        expect(log.contains("denied reason=missing_token"), "the log names no denied request");
        let errors = "restricted proxy-wasm capability: proxy_get_log_level";
        expect(!log.contains(errors), "every denial logs an error");
        let grown = |series: &str| {
            let all = envoy.admin("/stats/prometheus");
            let mut lines = all.lines().filter(|line| line.contains(series));
            lines.any(|line| line.rsplit(' ').next() != Some("0")).then_some(())
        };
        expect(within(limit, || grown("egress_auth_requests{")).is_some(), "nothing is counted");
        expect(within(limit, || grown("policy_info{")).is_some(), "gauges stay at zero");
        envoy.set_log_level("wasm", "trace");
        status(get("other.api").open(to));
        let forgets = || envoy.log().contains("[host->vm] proxy_on_delete(").then_some(());
        expect(within(limit, forgets).is_some(), "the module's memory grows with every request");
        broken
    }

    /// Whether forged trailers are taken out.
    fn trailers(&self, to: std::net::SocketAddr, token: &str) -> bool {
        let request = http::Request::post("http://grpc.api/")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {token}"))
            .body("message")
            .unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-jwt-payload", HeaderValue::from_static("forged"));
        trailers.insert("x-other", HeaderValue::from_static("kept"));
        // What arrives counts, whether or not it is answered.
        http2::try_send(to, request, trailers);
        let received = self.upstream.take_received();
        received.iter().all(|it| it.trailers.len() == 1 && it.trailers.contains_key("x-other"))
    }
}

#[test]
fn all_that_is_allowed_is_needed_and_all_that_is_needed_is_allowed() {
    let (broken, log) = World::new().without(&[]);
    assert!(broken.is_empty(), "{broken:?}\n{log}");
    assert!(!log.contains("restricted"), "{log}");

    let documented = documented();
    let names: BTreeSet<&str> = documented.iter().map(|(name, _)| *name).collect();
    let allowed: BTreeSet<String> = World::new().capabilities().keys().cloned().collect();
    assert!(allowed.iter().map(String::as_str).eq(names), "documented, and {allowed:?} allowed");

    // Each mostly waits for what does not come.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let shares = documented.chunks(documented.len().div_ceil(AT_ONCE));
        let threads: Vec<_> = shares.map(|share| scope.spawn(|| leave_out(share))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let (all, failed) = (documented.len(), wrong.len());
    Tried::new("capabilities of the module, each left out", all, failed).print();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The reverse of the first two: left alone, it says why.
    let (broken, log) = World::new().without(&["random_get"]);
    assert_eq!(broken, BTreeSet::from(["Envoy does not start"]), "{log}");
}

/// Leaves out one after the other; what does not come out as documented.
fn leave_out(documented: &[(&str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, expected) in documented {
        // To see what the module says when it gives up, it has to give up.
        let gives_up = expected.contains("gave up").then_some("random_get");
        let left_out: Vec<&str> = [*name].into_iter().chain(gives_up).collect();
        let (broken, log) = World::new().without(&left_out);
        // Callbacks are not asked for; Envoy just does not make them.
        let asked_for =
            name.starts_with("proxy_on_") || log.contains(&format!(" capability: {name}"));
        if !broken.contains(expected) || !asked_for {
            wrong
                .push(format!("{name}: asked for: {asked_for}, expected {expected:?}: {broken:?}"));
        }
    }
    wrong
}
