//! Of a path pattern `check` says that it admits nothing only where that is so: requests that fit
//! such a pattern are put to the engine, and each is denied.

use egress_auth::compile::{self, Options};
use egress_auth::explain::{Explainer, Query};
use egress_auth::resource::diagnostic::Diagnostics;
use egress_auth::resource::document;
use egress_auth::resource::source::Sources;
use serde_json::json;

/// What patterns are put together from, with some texts that each stands for.
const SEGMENTS: [(&str, &[&str]); 12] = [
    ("a", &["a"]),
    ("b.c", &["b.c"]),
    ("a%2Fb", &["a%2Fb"]),
    ("%61", &["%61"]),
    ("%2e%2E", &["%2e%2E"]),
    ("a;v=1", &["a;v=1"]),
    ("", &[""]),
    (".", &["."]),
    ("..", &[".."]),
    ("a\\b", &["a\\b"]),
    ("*", &["", "a", "x/y", "/a", "..", ";x", "%2F"]),
    ("{*}", &["a", "x;y"]),
];

/// Every pattern of up to three of them, with paths that fit it.
fn patterns() -> Vec<(String, Vec<String>)> {
    let mut all = vec![(String::new(), vec![String::new()])];
    let mut found = Vec::new();
    for _ in 0..3 {
        let mut longer = Vec::new();
        for (pattern, paths) in &all {
            for (segment, texts) in SEGMENTS {
                let more = paths
                    .iter()
                    .flat_map(|path| texts.iter().map(move |text| format!("{path}/{text}")));
                longer.push((format!("{pattern}/{segment}"), more.collect::<Vec<_>>()));
            }
        }
        found.extend(longer.iter().cloned());
        all = longer;
    }
    found
}

/// The policy of these patterns, and those that are said to admit nothing.
fn checked(patterns: &[&str]) -> (Explainer, Vec<String>) {
    let gateway = json!({
        "apiVersion": "gateway.tsb.tetrate.io/v2",
        "kind": "Gateway",
        "metadata": {"name": "gateway", "namespace": "egress"},
        "spec": {
            "workloadSelector": {"namespace": "egress"},
            "http": [{
                "name": "a",
                "hostname": "a.test",
                "authorization": {"local": {"rules": [{"name": "r", "to": [{"paths": patterns}]}]}},
            }],
        },
    });
    let mut sources = Sources::default();
    sources.add("gateway.json".to_owned(), gateway.to_string());
    let mut found = Diagnostics::default();
    let documents = document::read_all(&sources, &mut found);
    let hierarchy = document::hierarchy(&documents, &mut found);
    let gateway = document::gateways(&documents, true, &mut found).pop().unwrap();
    let compiled = compile::compile(gateway, &hierarchy, &Options::default(), &mut found).unwrap();
    let admits_nothing = |message: &str| {
        let (pattern, why) = message.strip_prefix("the path pattern `")?.split_once('`')?;
        why.starts_with(" admits nothing").then(|| pattern.replace("\\\\", "\\"))
    };
    let warned = found.iter().filter_map(|it| admits_nothing(&it.message)).collect();
    (Explainer::new(compiled.policy, compiled.silenced).unwrap(), warned)
}

/// The paths that are let through all the same, if the pattern is said to admit nothing.
fn wrong(pattern: &str, beside: Option<&str>, paths: &[String]) -> Option<Vec<String>> {
    let patterns: Vec<&str> = std::iter::once(pattern).chain(beside).collect();
    let (explainer, warned) = checked(&patterns);
    warned.iter().any(|it| it == pattern).then(|| {
        let allowed = |path: &&String| {
            let request = format!("GET https://a.test{path}");
            explainer.decide(&Query { request, ..Query::default() }, 0).unwrap().decision == "allow"
        };
        paths.iter().filter(allowed).cloned().collect()
    })
}

#[test]
fn what_is_said_to_admit_nothing_admits_nothing() {
    let (mut tried, mut failed, mut warned) = (0, Vec::new(), 0);
    let all = patterns();
    let short: Vec<&str> = all.iter().take(12 + 144).map(|(pattern, _)| pattern.as_str()).collect();
    for (number, (pattern, paths)) in all.iter().enumerate() {
        // Each alone, and beside some other.
        for beside in [None, Some(short[number * 7 % short.len()])] {
            tried += 1;
            let Some(allowed) = wrong(pattern, beside, paths) else { continue };
            warned += 1;
            if !allowed.is_empty() {
                failed.push(format!("{pattern} beside {beside:?} admits {allowed:?}"));
            }
        }
    }
    assert!(warned > tried / 4, "{warned} of {tried} are warned of");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
