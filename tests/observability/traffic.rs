//! A gateway with requests of every kind, and with keys that cannot be had.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use egress_auth::demo::echo::Echo;
use serde_json::json;

use crate::support::LIMIT;
use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::raw::Request;
use crate::support::token::Recipe;

const SERVERS: &str = "\
- name: api
  hostname: api.test
  authentication: {jwt: {issuer: https://up, jwksUri: https://up.issuer/jwks}}
  authorization: {local: {rules: [{to: [{paths: [/v1/*]}]}]}}
- name: tried
  hostname: tried.test
  authorization: {local: {rules: []}}
- name: down
  hostname: down.test
  authentication: {jwt: {issuer: https://down, jwksUri: https://down.issuer/jwks}}
";

/// A running gateway whose requests are known.
pub struct Traffic {
    /// The gateway.
    pub envoy: Envoy,
    requests: Vec<(Request, u16)>,
    _issuers: [Jwks; 2],
    _echo: Echo,
}

impl Traffic {
    /// Starts it. Where Envoy does not know the filter's labels, they stay in the names.
    pub fn start(labels_known: bool) -> Self {
        let echo = Echo::start().unwrap();
        let issuers = [Jwks::start(), Jwks::with(Behaviour::Fail(500), None)];
        let mut bootstrap = ["api.test", "tried.test", "down.test"]
            .iter()
            .fold(Gateway::of_servers(SERVERS), |it, host| it.upstream(host, echo.address()))
            .upstream("up.issuer", issuers[0].address())
            .upstream("down.issuer", issuers[1].address())
            .arguments(["--shadow", "tried.test"])
            .bootstrap();
        if !labels_known {
            assert!(bootstrap.as_object_mut().unwrap().remove("stats_config").is_some());
        }
        let token = |issuer: &str| Recipe::of(&json!({"iss": issuer})).token("RS256");
        let of_stranger = json!({"claims": {"iss": "https://up"}, "signer": "other"});
        let of_stranger = serde_json::from_value::<Recipe>(of_stranger).unwrap().token("RS256");
        let get = |host: &str, path: &str| Request::new("GET", host, path);
        let requests = vec![
            (get("down.test", "/").bearer(&token("https://down")), 503),
            (get("api.test", "/v1/x").bearer(&token("https://up")), 200),
            (get("api.test", "/v1/x").bearer(&token("https://up")), 200),
            (get("api.test", "/v2/x").bearer(&token("https://up")), 403),
            (get("api.test", "/v1/x").bearer(&of_stranger), 401),
            (get("api.test", "/v1/x").bearer("nonsense"), 401),
            (get("api.test", "/v1/x"), 401),
            (get("tried.test", "/"), 200),
            (get("unlisted.test", "/"), 403),
        ];
        let envoy = Envoy::start(&bootstrap, 2).unwrap();
        Self { envoy, requests, _issuers: issuers, _echo: echo }
    }

    /// Sends requests of every kind for as long as `work` takes.
    pub fn while_sending<T>(&self, work: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        let until_done = |requests: &[(Request, u16)]| {
            let began = Instant::now();
            while !done.load(Ordering::Relaxed) && began.elapsed() < 5 * LIMIT {
                for (request, status) in requests {
                    assert_eq!(request.send(self.envoy.gateway()).status, *status, "{request:?}");
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        };
        // Ends the senders when `work` panics, too.
        struct Done<'d>(&'d AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        // Requests that wait for keys keep no other from being sent.
        let (waiting, others) = self.requests.split_at(1);
        std::thread::scope(|scope| {
            scope.spawn(|| until_done(waiting));
            scope.spawn(|| until_done(others));
            let _done = Done(&done);
            work()
        })
    }
}
