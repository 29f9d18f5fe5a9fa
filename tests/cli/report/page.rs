//! The page is one file, and says what the other commands say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{egress_auth, engine, folder, report, server, text};

/// What stands in the page between a start tag and its end tag.
fn inside<'a>(page: &'a str, start: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap();
    rest.split_once("</script>").unwrap().0
}

fn data(page: &str) -> Value {
    serde_json::from_str(inside(page, r#"<script type="application/json" id="data">"#)).unwrap()
}

fn written(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let output = report(folder, arguments);
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

#[test]
fn the_page_holds_what_check_compile_and_diff_print_and_the_engine() {
    let old = format!("  http:\n{}{}", server("a", "GET"), server("b", "GET"));
    let new = format!("  http:\n{}{}", server("a", "GET, POST"), server("b", "GET"));
    let folder = folder(&[("old.yaml", &old), ("new.yaml", &new)]);
    let page = written(&folder, &["new.yaml", "--old", "old.yaml"]);
    let data = data(&page);
    let printed = |arguments: &[&str]| -> Value {
        serde_json::from_slice(&egress_auth(&folder, arguments).stdout).unwrap()
    };
    assert_eq!(data["new"]["policy"], printed(&["compile", "new.yaml"]));
    assert_eq!(data["old"]["policy"], printed(&["compile", "old.yaml"]));
    assert_eq!(data["diagnostics"], printed(&["check", "new.yaml", "--output", "json"]));
    assert!(data["diagnostics"]["warnings"].as_u64().unwrap() > 0);
    assert_eq!(data["diff"], printed(&["diff", "old.yaml", "new.yaml", "--output", "json"]));
    let embedded = inside(&page, r#"<script type="application/octet-stream" id="engine">"#);
    assert_eq!(STANDARD.decode(embedded).unwrap(), std::fs::read(engine()).unwrap());
    // Without an older policy nothing is said of one.
    let data = self::data(&written(&folder, &["new.yaml"]));
    assert_eq!((data.get("old"), data.get("diff")), (None, None));
}

/// What the page decides again, to see that its engine is this command's, is of this command.
#[test]
fn samples_are_what_explain_answers() {
    let spec = format!("  http:\n{}{}", server("a", "GET"), server("b", "GET"));
    let folder = folder(&[("gateway.yaml", &spec)]);
    let data = data(&written(&folder, &["gateway.yaml"]));
    let samples = data["samples"].as_array().unwrap();
    let reasons: std::collections::BTreeSet<_> =
        samples.iter().map(|sample| sample["expected"]["reason"].as_str().unwrap()).collect();
    assert!(samples.len() > 8 && reasons.len() > 2, "{reasons:?}");
    let lines: Vec<_> = samples.iter().map(|sample| sample["query"].to_string()).collect();
    std::fs::write(folder.path().join("requests.jsonl"), lines.join("\n")).unwrap();
    let output = egress_auth(&folder, &["explain", "gateway.yaml", "--requests", "requests.jsonl"]);
    let answers = text(output.stdout);
    let answers: Vec<Value> = answers.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let expected: Vec<_> = samples.iter().map(|sample| sample["expected"].clone()).collect();
    assert_eq!(answers, expected);
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing_else() {
    let folder = folder(&[("gateway.yaml", &format!("  http:\n{}", server("a", "GET")))]);
    let page = written(&folder, &["gateway.yaml"]);
    let (_, rest) = page.split_once(r#"http-equiv="Content-Security-Policy" content=""#).unwrap();
    let (policy, _) = rest.split_once('"').unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    for tag in ["<link", "<img", "<iframe", "<base", "@import", "<script src", "url("] {
        assert!(!page.contains(tag), "{tag}");
    }
}

#[test]
fn text_of_a_policy_is_never_markup() {
    let hostile = "</script><img src=x onerror=alert(1)><!--&lt;";
    let spec =
        format!("  http:\n{}", server("a", "GET")).replace("a-rule", &json!(hostile).to_string());
    let plain = format!("  http:\n{}", server("a", "GET"));
    let folder = folder(&[("hostile.yaml", &spec), ("plain.yaml", &plain)]);
    let (page, plain) = (written(&folder, &["hostile.yaml"]), written(&folder, &["plain.yaml"]));
    assert!(!page.contains("<img"));
    for mark in ["<", ">"] {
        assert_eq!(page.matches(mark).count(), plain.matches(mark).count(), "{mark}");
    }
    assert_eq!(data(&page)["new"]["policy"]["rules"][0]["name"], hostile);
}

/// Ten times the hosts are ten times the text, and not more.
#[test]
fn the_page_grows_with_the_number_of_hosts_only() {
    let size = |hosts: usize| {
        let servers: String = (0..hosts).map(|host| server(&format!("s{host}"), "GET")).collect();
        let folder = folder(&[("gateway.yaml", &format!("  http:\n{servers}"))]);
        let page = written(&folder, &["gateway.yaml"]);
        let data = inside(&page, r#"<script type="application/json" id="data">"#);
        (page.len() - data.len(), data.len(), self::data(&page))
    };
    let (around_few, few, _) = size(1_000);
    let (around_many, many, data) = size(10_000);
    assert_eq!(around_few, around_many);
    assert_eq!(data["outline"]["hosts"].as_array().unwrap().len(), 10_001);
    // Names are longer by a digit, and so is what counts hosts.
    assert!(many < few * 11, "{few} {many}");
}

#[test]
fn the_file_that_is_named_is_written_and_nothing_else() {
    let folder = folder(&[("gateway.yaml", &format!("  http:\n{}", server("a", "GET")))]);
    let output = report(&folder, &["gateway.yaml", "-o", "page.html"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"".as_slice()));
    // Warnings do not stop it, and are printed as by the other commands.
    assert!(text(output.stderr).contains("audiences are not checked"));
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
