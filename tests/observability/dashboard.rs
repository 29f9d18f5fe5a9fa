//! The panels of the Grafana dashboard and their queries.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/grafana/dashboard.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every query with the title of its panel, its variables filled in as Grafana does when all of
/// them are chosen. What is asked for in a variable is a query as well.
pub fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            queries.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(asked) = variable["query"]["query"].as_str() {
            let inner = asked.strip_prefix("label_values(").and_then(|it| it.strip_suffix(')'));
            let (series, label) = inner.unwrap().rsplit_once(", ").unwrap();
            let title = format!("variable {}", variable["name"]);
            queries.push((title, format!("count by ({label}) ({series}) > 0")));
        }
    }
    for (_, query) in &mut queries {
        for (variable, value) in [("$__rate_interval", "1m"), ("$job", ".*"), ("$server", ".*")] {
            *query = query.replace(variable, value);
        }
        assert!(!query.contains('$'), "{query}");
    }
    queries
}

#[test]
fn panels_have_places_of_their_own() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let of = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        assert!(of("x") + of("w") <= 24, "{panel}");
        for x in of("x")..of("x") + of("w") {
            for y in of("y")..of("y") + of("h") {
                assert!(taken.insert((x, y)), "{} overlaps another panel", panel["title"]);
            }
        }
    }
}
