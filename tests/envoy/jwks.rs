//! Where keys come from: servers that are late, fail, lie or change their keys, and whom Envoy
//! takes for such a server.

use crate::support::envoy::Envoy;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::{self, Signer, jwk};
use crate::support::raw::{Request, Response};
use crate::support::tls::Authority;
use crate::support::token::Recipe;
use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

/// A server for every issuer, named like the issuer's host.
fn server(name: &str, jwks_uri: &str) -> String {
    format!(
        "- name: {name}\n  hostname: {name}.api\n  authentication:\n    jwt:\n      \
         issuer: https://{name}\n      jwksUri: {jwks_uri}\n"
    )
}

/// A Gateway with one issuer, `https://one`, and its servers.
fn one_issuer(issuer: &Jwks, echo: &Echo) -> Gateway {
    Gateway::of_servers(&server("one", "https://one.issuer/jwks.json"))
        .upstream("one.issuer", issuer.address())
        .upstream("one.api", echo.address())
}

/// A token of an issuer, signed with its RSA key.
fn token_of(name: &str) -> String {
    Recipe::of(&json!({"iss": format!("https://{name}")})).token("RS256")
}

/// A token of `https://one` that is signed with another key, under that key's own ID.
fn token_of_new_key() -> String {
    let key = keys::key_id(Signer::Other, "RS256");
    let recipe = json!({
        "claims": {"iss": "https://one"}, "signer": "other", "header": {"kid": key},
    });
    serde_json::from_value::<Recipe>(recipe).unwrap().token("RS256")
}

fn get(name: &str, token: &str) -> Request {
    Request::new("GET", format!("{name}.api"), "/").bearer(token)
}

/// The reason that the access log gives for a request with this user agent.
fn reason(envoy: &Envoy, agent: &str) -> String {
    envoy.access_log(agent).unwrap()["reason"].as_str().unwrap().to_owned()
}

fn serve(signers: &[Signer]) -> Behaviour {
    let keys: Vec<Value> = signers.iter().map(|signer| jwk(*signer, "RS256")).collect();
    Behaviour::Serve(keys::jwks(&keys))
}

fn requests_wait_for_late_keys(workers: usize) {
    let (issuer, echo) = (Jwks::with(Behaviour::Hold, None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, &echo).start(workers);
    let token = token_of("one");
    issuer.until_asked(1);
    let body = vec![b'x'; 200_000];
    let with_body = Request::new("POST", "one.api", "/").bearer(&token).body(&body);
    let waiting: Vec<_> = (0..16).map(|_| get("one", &token).open(envoy.gateway())).collect();
    let with_body = with_body.open(envoy.gateway());
    let without_token = Request::new("GET", "one.api", "/").send(envoy.gateway());
    // What needs no keys to be judged does not wait for them.
    assert_eq!(without_token.status, 401);
    assert!(waiting.iter().all(|request| !request.has_answer()));

    issuer.behave(Behaviour::Serve(keys::all_keys()));
    for request in waiting {
        assert_eq!(request.response().status, 200);
    }
    assert_eq!(with_body.response().status, 200);
    let arrived = echo.take_received();
    assert_eq!(arrived.len(), 17);
    assert!(arrived.iter().any(|request| request.method == "POST" && request.body == body));
    // Once for the process, not once for every worker or request.
    assert_eq!(issuer.requests(), ["get /jwks.json http/1.1 one.issuer"]);
}

#[test]
fn requests_wait_for_late_keys_with_one_worker() {
    requests_wait_for_late_keys(1);
}

#[test]
fn requests_wait_for_late_keys_with_four_workers() {
    requests_wait_for_late_keys(4);
}

#[test]
fn what_is_no_answer_is_told_apart_from_a_bad_token_and_got_over() {
    let elsewhere = Jwks::start();
    let url = format!("http://{}/", elsewhere.address());
    let (other, secret) = (jwk(Signer::Issuer, "RS256"), json!({"kty": "oct", "k": "c2VjcmV0"}));
    let padded = format!("{}{}", keys::all_keys(), " ".repeat(256 * 1_024));
    let encryption = json!({"kty": "RSA", "n": other["n"], "e": "AQAB", "use": "enc"});
    let table = [
        ("fails", Behaviour::Fail(500), "status 500: no keys today", "status"),
        ("missing", Behaviour::Fail(404), "status 404", "status"),
        ("redirects", Behaviour::Redirect(url), "status 302", "status"),
        ("closes", Behaviour::Close, "status 503", "status"),
        ("stalls", Behaviour::Stall, "no response", "no_response"),
        ("says-nothing", Behaviour::Hold, "status 504", "status"),
        (
            "garbage",
            Behaviour::Serve("<html>".to_owned()),
            "the JWKS is not valid JSON",
            "not_json",
        ),
        (
            "no-list",
            Behaviour::Serve("{}".to_owned()),
            "the JWKS has no array \"keys\"",
            "not_json",
        ),
        (
            "no-keys",
            Behaviour::Serve(keys::jwks(&[])),
            "the JWKS has no usable key",
            "no_usable_key",
        ),
        (
            "secret",
            Behaviour::Serve(keys::jwks(&[secret])),
            "the JWKS has no usable key",
            "no_usable_key",
        ),
        (
            "encrypts",
            Behaviour::Serve(keys::jwks(&[encryption])),
            "the JWKS has no usable key",
            "no_usable_key",
        ),
        ("huge", Behaviour::Serve(padded), "the JWKS is over 256 KiB", "too_big"),
    ];
    let echo = Echo::start().unwrap();
    let mut servers = server("works", "https://works.issuer/jwks");
    let works = Jwks::with(Behaviour::ServeWith(keys::all_keys(), b"max-age=\xff\xfe"), None);
    let mut issuers = Vec::new();
    for (name, behaviour, ..) in &table {
        servers.push_str(&server(name, &format!("https://{name}.issuer/jwks")));
        issuers.push(Jwks::with(behaviour.clone(), None));
    }
    let mut gateway = Gateway::of_servers(&servers)
        .upstream("works.issuer", works.address())
        .upstream("works.api", echo.address());
    for ((name, ..), issuer) in table.iter().zip(&issuers) {
        gateway = gateway.upstream(&format!("{name}.issuer"), issuer.address());
        gateway = gateway.upstream(&format!("{name}.api"), echo.address());
    }
    let envoy = gateway.start(2);

    let waiting = table.iter().map(|(name, ..)| {
        get(name, &token_of(name)).header("user-agent", name).open(envoy.gateway())
    });
    let waiting: Vec<_> = waiting.collect();
    // One issuer's trouble is none of another's.
    assert_eq!(get("works", &token_of("works")).send(envoy.gateway()).status, 200);
    for ((name, _, why, counted), waiting) in table.iter().zip(waiting) {
        let response: Response = waiting.response();
        assert_eq!(response.status, 503, "{name}");
        assert_eq!(response.body, "JWKS is not available", "{name}");
        assert_eq!(response.header("retry-after"), "1", "{name}");
        assert_eq!(response.header("www-authenticate"), "", "{name}");
        assert_eq!(reason(&envoy, name), "jwks_unavailable", "{name}");
        let line = format!("JWKS fetch failed: uri=https://{name}.issuer/jwks reason={why}");
        eventually(&line, || envoy.log().contains(&line).then_some(()));
        let series = format!("jwks_fetch{{issuer=\"https://{name}\",result=\"{counted}\"}}");
        eventually(&series, || {
            let all = envoy.admin("/stats/prometheus");
            let line = all.lines().find(|line| line.contains(&series))?;
            let count: u64 = line.rsplit(' ').next()?.parse().unwrap();
            (count > 0).then_some(())
        });
    }
    assert_eq!(echo.take_received().len(), 1);
    assert_eq!(elsewhere.asked(), 0);

    for issuer in &issuers {
        issuer.behave(Behaviour::Serve(keys::all_keys()));
    }
    for (name, ..) in &table {
        let request = get(name, &token_of(name));
        eventually(&format!("keys of {name}"), || {
            (request.send(envoy.gateway()).status == 200).then_some(())
        });
    }
}

#[test]
fn keys_change_and_change_back() {
    let (issuer, echo) = (Jwks::with(serve(&[Signer::Issuer]), None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, &echo).start(1);
    let (old, new) = (token_of("one"), token_of_new_key());
    let send = |token: &str, agent: &str| {
        get("one", token).header("user-agent", agent).send(envoy.gateway()).status
    };
    assert_eq!(send(&old, "first"), 200);
    assert_eq!(issuer.asked(), 1);

    // The key is there when the first token that needs it comes.
    issuer.behave(serve(&[Signer::Other]));
    assert_eq!(send(&new, "rotated"), 200);
    assert_eq!(issuer.asked(), 2);
    // The other one is gone, and the cache of verified tokens does not outlive it.
    assert_eq!(send(&old, "outdated"), 401);
    assert_eq!(reason(&envoy, "outdated"), "unknown_key");
    assert_eq!(issuer.asked(), 3);

    issuer.behave(serve(&[Signer::Issuer, Signer::Other]));
    assert_eq!(send(&old, "back"), 200);
    assert_eq!(send(&new, "both"), 200);
    assert_eq!(issuer.asked(), 4);
}

#[test]
fn every_worker_knows_a_new_key_at_once() {
    let (issuer, echo) = (Jwks::with(serve(&[Signer::Issuer]), None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, &echo).start(4);
    let send = |token: &str| get("one", token).send(envoy.gateway()).status;
    // So many connections reach every worker.
    for _ in 0..32 {
        assert_eq!(send(&token_of("one")), 200);
    }
    issuer.behave(serve(&[Signer::Issuer, Signer::Other]));
    for _ in 0..64 {
        assert_eq!(send(&token_of_new_key()), 200);
    }
    assert_eq!(issuer.asked(), 2);
}

#[test]
fn old_keys_serve_while_new_ones_cannot_be_had() {
    let (issuer, echo) = (Jwks::start(), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, &echo).start(1);
    assert_eq!(get("one", &token_of("one")).send(envoy.gateway()).status, 200);
    issuer.behave(Behaviour::Fail(500));
    let unknown = get("one", &token_of_new_key()).header("user-agent", "unknown");
    // The key may be a new one, so this is no fault of the token.
    assert_eq!(unknown.send(envoy.gateway()).status, 503);
    assert_eq!(reason(&envoy, "unknown"), "jwks_unavailable");
    assert_eq!(get("one", &token_of("one")).send(envoy.gateway()).status, 200);
}

#[test]
fn requests_that_wait_are_bounded() {
    let (issuer, echo) = (Jwks::with(Behaviour::Hold, None), Echo::start().unwrap());
    let envoy = one_issuer(&issuer, &echo).start(1);
    issuer.until_asked(1);
    let request = get("one", &token_of("one"));
    let waiting: Vec<_> = (0..1_010).map(|_| request.open(envoy.gateway())).collect();
    let answered = |at_least: usize| {
        let count = waiting.iter().filter(|request| request.has_answer()).count();
        (count >= at_least).then_some(count)
    };
    assert_eq!(eventually("those beyond the bound", || answered(10)), 10);
    issuer.behave(Behaviour::Serve(keys::all_keys()));
    let mut statuses: Vec<u16> = waiting.into_iter().map(|it| it.response().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 10);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1_000);
}

#[test]
fn keys_come_over_tls_from_whom_they_should_or_not_at_all() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let serve = |authority: &Authority, name: &str| {
        let tls = authority.issue(&[name]).acceptor(&["http/1.1"]);
        Jwks::with(Behaviour::Serve(keys::all_keys()), Some(tls))
    };
    let right = serve(&trusted, "localhost");
    let wrong_ca = serve(&stranger, "localhost");
    let wrong_name = serve(&trusted, "other.test");
    let plain = Jwks::start();
    let table = [
        ("right", &right),
        ("wrong-ca", &wrong_ca),
        ("wrong-name", &wrong_name),
        ("plain-text", &plain),
    ];
    let echo = Echo::start().unwrap();
    let servers = table.iter().map(|(name, issuer)| {
        server(name, &format!("https://localhost:{}/jwks", issuer.address().port()))
    });
    let mut gateway = Gateway::of_servers(&servers.collect::<String>())
        .environment("SSL_CERT_FILE", trusted.file());
    for (name, _) in &table {
        gateway = gateway.upstream(&format!("{name}.api"), echo.address());
    }
    let envoy = gateway.start(1);
    let waiting = table.iter().map(|(name, _)| get(name, &token_of(name)).open(envoy.gateway()));
    let waiting: Vec<_> = waiting.collect();
    let statuses: Vec<u16> = waiting.into_iter().map(|it| it.response().status).collect();
    assert_eq!(statuses, [200, 503, 503, 503]);
    let asked = [&right, &wrong_ca, &wrong_name, &plain].map(Jwks::asked);
    // The others were not even asked: the handshake failed.
    assert_eq!(asked, [1, 0, 0, 0]);
    let failures = |issuer: &Jwks, why: &str| {
        let port = issuer.address().port();
        envoy.stat(&format!("cluster.jwks|https|localhost|{port}.ssl.{why}")).unwrap()
    };
    assert_eq!(failures(&right, "fail_verify_error") + failures(&right, "fail_verify_san"), 0);
    assert!(failures(&wrong_ca, "fail_verify_error") > 0);
    assert!(failures(&wrong_name, "fail_verify_san") > 0);
}

#[test]
fn gateways_in_one_process_share_no_keys() {
    let echo = Echo::start().unwrap();
    let issuers = [
        Jwks::with(serve(&[Signer::Issuer]), None),
        Jwks::with(Behaviour::Serve(keys::all_keys().replace("issuer-", "renamed-")), None),
    ];
    // The same issuer, URI and server names; what differs is whom they ask for the keys.
    let mut bootstraps = issuers.iter().enumerate().map(|(index, issuer)| {
        let text = one_issuer(issuer, &echo).bootstrap().to_string();
        let text = text.replace("egress_auth/egress/tested", &format!("gateway-{index}"));
        let text = text.replace("jwks|https|one.issuer|443", &format!("jwks-{index}"));
        let text = text.replace("server|one", &format!("server-{index}"));
        let text = text
            .replace("\"name\":\"egress\",\"per", &format!("\"name\":\"egress-{index}\",\"per"));
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let mut bootstrap = bootstraps.next().unwrap();
    let second = bootstraps.next().unwrap();
    for field in ["listeners", "clusters"] {
        let more = second["static_resources"][field].as_array().unwrap().clone();
        bootstrap["static_resources"][field].as_array_mut().unwrap().extend(more);
    }
    let envoy = Envoy::start(&bootstrap, 2).unwrap();
    let renamed = json!({"claims": {"iss": "https://one"}, "header": {"kid": "renamed-RS256"}});
    let renamed = serde_json::from_value::<Recipe>(renamed).unwrap().token("RS256");
    let [first, second] = envoy.listeners() else { panic!("two listeners") };
    for (token, at_first, at_second) in [(token_of("one"), 200, 401), (renamed, 401, 200)] {
        let request = get("one", &token);
        assert_eq!(request.send(*first).status, at_first);
        assert_eq!(request.send(*second).status, at_second);
    }
}
