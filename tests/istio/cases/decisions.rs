//! What becomes of requests, and what goes on upstream.

use serde_json::{Value, json};

use crate::requests::{Workload, asked, good, table, token};
use crate::support::eventually;
use crate::world::{GATEWAY, Output, World};

/// The table, request by request; upstream arrives what was answered with 200, and nothing else.
pub fn the_table_holds(world: &mut World) {
    let mut wrong = Vec::new();
    let rows = table();
    let admitted = rows.iter().filter(|row| row.expected(world.output) == 200).count();
    world.outside.echo.take_received();
    for row in rows {
        let (found, expected) = (world.send(&row.asked), row.expected(world.output));
        if found != expected {
            wrong.push(format!("{}: {found} and not {expected}", row.what));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(world.outside.echo.take_received().len(), admitted);
}

/// Names of workloads, tokens and headers of proxies stay behind.
pub fn nothing_of_the_mesh_goes_on(world: &mut World) {
    let forged = good().request.header("x-jwt-payload", "forged");
    let response = world.answer(&crate::requests::Asked { request: forged, ..good() }).unwrap();
    assert_eq!(response.status, 200, "{}", response.body);
    let arrived: Value = serde_json::from_str(&response.body).unwrap();
    let headers = arrived["headers"].as_object().unwrap();
    for name in [
        "x-mesh-token",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-envoy-external-address",
        "x-envoy-attempt-count",
        "x-envoy-peer-metadata",
        "x-envoy-peer-metadata-id",
        "x-envoy-decorator-operation",
    ] {
        assert!(!headers.contains_key(name), "{name}: {arrived:#}");
    }
    let payload = headers["x-jwt-payload"].as_str().unwrap();
    assert!(!payload.contains("forged") && payload.len() > 20, "{payload}");
}

/// HTTP/1.1 to every host, whatever its callers speak, but to those that are named.
pub fn what_is_spoken_to_a_host_is_what_was_said(world: &mut World) {
    let protocol_of = |host: &str, objects: &str| {
        let objects: Vec<Value> = serde_saphyr::from_multiple(objects).unwrap();
        let entry = objects
            .iter()
            .find(|it| it["kind"] == "ServiceEntry" && it["spec"]["hosts"] == json!([host]));
        entry.unwrap()["spec"]["ports"][0]["protocol"].clone()
    };
    let objects = world.compile(GATEWAY, &["--http2-host", "reports.example.com"]);
    assert_eq!(protocol_of("reports.example.com", &objects), "HTTP2");
    assert_eq!(protocol_of("httpbin.org", &objects), "HTTPS");
    world.cluster.apply(&objects);
    // The server there speaks HTTP/1.1 and nothing else, so this shows that HTTP/2 was tried.
    let to_reports = asked(Workload::Batch, "GET", "reports.example.com", "/", None);
    eventually("HTTP/2 to reports.example.com", || (world.send(&to_reports) == 503).then_some(()));
    // A caller that speaks HTTP/2 reaches a host that does not.
    let mut request = http::Request::get("https://httpbin.org/x");
    let headers = request.headers_mut().unwrap();
    headers.insert("x-mesh-token", token(&json!({})).parse().unwrap());
    let client = &world.clients[&Workload::Payments];
    let response = client.http2(crate::requests::gateway(), request.body(()).unwrap());
    assert_eq!(response.status(), 200);
    world.apply(GATEWAY);
    eventually("HTTP/1.1 again", || (world.send(&to_reports) == 200).then_some(()));
    if world.output == Output::Plugin {
        world.until_in_force();
    }
}
