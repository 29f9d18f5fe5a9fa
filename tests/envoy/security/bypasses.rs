//! The bypass catalogue in a real Envoy: with the connection manager that is emitted, and with
//! Envoy's defaults in its place. What counts is what arrives upstream, not the status.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::security::catalogue::{self, API, Attack, Outcome, Row, good, harm, servers};
use crate::security::{stolen, tls};
use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::http2;
use crate::support::raw::{self, Request};
use crate::support::tried::Tried;
use egress_auth::demo::echo::Echo;
use serde_json::Value;

#[test]
fn nothing_gets_past_the_emitted_configuration() {
    let wrong = run(|_| ());
    report("with the emitted connection manager", wrong.len(), "");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_gets_past_the_filter_behind_envoys_defaults() {
    let wrong = run(|manager| {
        let kept = ["@type", "stat_prefix", "route_config", "http_filters", "access_log"];
        manager.as_object_mut().unwrap().retain(|field, _| kept.contains(&field.as_str()));
    });
    report("with Envoy's defaults in its place", wrong.len(), "");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What this would see if the filter let everything pass: most rows of every class.
#[test]
fn without_the_filter_the_attacks_arrive() {
    let wrong = run(|manager| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        filters.retain(|filter| filter["name"] != "egress_auth");
    });
    report("without the filter, to compare", 0, &format!("{} get through", wrong.len()));
    for class in catalogue::rows().iter().map(|row| row.class) {
        let seen = wrong.iter().any(|problem| problem.starts_with(class));
        assert!(seen, "nothing of {class:?} would be noticed:\n{}", wrong.join("\n"));
    }
}

#[test]
fn the_document_is_the_catalogue() {
    let path = format!("{}/docs/bypasses.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (_, table) = text.split_once("<!-- the catalogue -->\n").unwrap_or(("", ""));
    let expected = document();
    assert!(table == expected, "docs/bypasses.md should end in:\n{expected}");
}

/// Prints the row of one run.
fn report(title: &str, allowed: usize, remark: &str) {
    let tried = Tried::new(format!("bypass catalogue, {title}"), catalogue::rows().len(), allowed);
    Tried { remark: remark.to_owned(), ..tried }.print();
}

/// Sends every row to an Envoy whose connection manager was changed: what is wrong with what came
/// of them.
fn run(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let echo = Echo::start().unwrap();
    let gateway =
        Gateway::of_servers(&servers()).arguments(["--shadow-authentication", catalogue::TRIED]);
    let gateway = catalogue::HOSTS
        .iter()
        .fold(gateway, |gateway, host| gateway.upstream(host, echo.address()));
    let mut bootstrap = gateway.bootstrap();
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    change(bootstrap.pointer_mut(manager).unwrap());
    let envoy = Envoy::start(&bootstrap, 1).unwrap();
    let rows = catalogue::rows();
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = send(&row.request, envoy.gateway());
        let mut arrived = echo.take_received();
        // Whatever it did, the filter is there for the next one.
        let next = Request::new("GET", API, "/v1/payments/next").bearer(&good());
        let status = next.send(envoy.gateway()).status;
        let mut late = echo.take_received();
        let after = late.pop();
        arrived.append(&mut late);
        let mut problems: Vec<String> = arrived.iter().flat_map(harm).collect();
        if status != 200 || after.is_none_or(|it| it.path != "/v1/payments/next") {
            problems.push(format!("the next request got {status}"));
        }
        match row.outcome {
            Outcome::Nothing if arrived.is_empty() => {}
            Outcome::Nothing => problems.push("it arrives".to_owned()),
            Outcome::Arrives(_, harmless) => match &arrived[..] {
                [one] if harmless(one) => {}
                [_] => problems.push("it arrives, but not as it should".to_owned()),
                _ => problems.push(format!("it arrives {} times", arrived.len())),
            },
        }
        if !problems.is_empty() {
            let (Row { class, attack, .. }, problems) = (row, problems.join(", "));
            wrong.push(format!("{class} / {attack}: {problems} ({answer}): {arrived:?}"));
        }
    }
    assert!(!envoy.log().contains("panicked"), "{}", envoy.log());
    wrong
}

/// Sends a request; the status of the answer, or that there is none.
fn send(attack: &Attack, to: SocketAddr) -> String {
    match attack {
        Attack::Http1(bytes) => raw::exchange(bytes, to)
            .map_or_else(|| "no answer".to_owned(), |response| response.status.to_string()),
        Attack::Http2(request, trailers) => {
            http2::send(to, (**request).clone(), trailers.clone()).status().to_string()
        }
    }
}

/// The catalogue as Markdown.
fn document() -> String {
    let mut text = String::new();
    let mut class = "";
    for row in catalogue::rows() {
        if row.class != class {
            class = row.class;
            let head = "| what is sent | got past | what arrives |\n|---|---|---|";
            writeln!(text, "\n## {class}\n\n{head}").unwrap();
        }
        let arrives = match row.outcome {
            Outcome::Nothing => "nothing",
            Outcome::Arrives(how, _) => how,
        };
        writeln!(text, "| {} | {} | {arrives} |", row.attack, row.known).unwrap();
    }
    text + &tls::section() + &stolen::section()
}

#[test]
fn no_two_rows_have_one_name() {
    let rows = catalogue::rows();
    let mut names = std::collections::BTreeSet::new();
    assert!(rows.iter().all(|row| names.insert((row.class, row.attack))));
}
