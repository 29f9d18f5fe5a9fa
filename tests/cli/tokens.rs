//! Tokens in the queries of requests: no command prints one, whatever it is asked for.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const GATEWAY: &str = "
apiVersion: gateway.tsb.tetrate.io/v2
kind: Gateway
metadata: {name: gateway}
spec:
  workloadSelector: {namespace: egress}
  http:
    - name: api
      hostname: api.test
      authentication:
        jwt:
          issuer: https://auth.test
          audiences: [egress]
          jwksUri: https://auth.test/keys
          fromParams: [ticket]
      authorization:
        local:
          rules:
            - {name: rule, from: [{jwt: {sub: me}}]}
";
/// Short, so that nothing but its place gives it away.
const SECRET: &str = "s3cr3t";
const CASES: &str = "
gateways: [old.yaml]
cases:
  - name: fails
    request: GET https://api.test/x?page=2&ticket=s3cr3t
    expect: {decision: allow}
";
const ONE_THAT_IS_NONE: &str = "
gateways: [old.yaml]
cases:
  - name: is none
    request: GET https://api.test/x?access_token=s3cr3t HTTP/1.1
    expect: {decision: allow}
";
/// A request that the first Gateway denies and the second one passes on.
const LOGGED: &str = r#"{"request": "GET https://other.test/x?page=2&Ticket=s3cr3t&q=1"}"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("old.yaml", GATEWAY);
    write("new.yaml", &GATEWAY.replace("fromParams: [ticket]", "fromHeaders: [{name: x-token}]"));
    write("cases.yaml", CASES);
    write("none.yaml", ONE_THAT_IS_NONE);
    write("logged", LOGGED);
    write("no-request", r#"{"request": "https://api.test/x?ticket=s3cr3t"}"#);
    write("no-headers", r#"{"request": "GET https://api.test/", "headers": "Bearer s3cr3t"}"#);
    folder
}

/// Everything that a command prints.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn no_command_prints_a_token_of_a_query() {
    let folder = folder();
    let request = "GET https://api.test/x?page=2&ticket=s3cr3t&access%5Ftoken=s3cr3t";
    let old_form = "GET https://api.test/x?ticket=s3cr3t HTTP/1.1";
    let shown = "https://api.test/x?page=2&ticket=...";
    let commands: [(&[&str], &str); 9] = [
        (&["explain", "old.yaml", "--request", request], shown),
        (&["explain", "old.yaml", "--request", old_form], "https://api.test/x?ticket=..."),
        (&["explain", "old.yaml", "--requests", "no-request"], "https://api.test/x?ticket=..."),
        (&["explain", "old.yaml", "--requests", "no-headers"], "a string, expected"),
        (
            &[
                "explain",
                "old.yaml",
                "--request",
                "GET https://a.test/",
                "--header",
                "cookie s3cr3t",
            ],
            "--header `cookie...`: write `name: value`",
        ),
        (&["test", "cases.yaml"], shown),
        (&["test", "cases.yaml", "--output", "json"], shown),
        (&["test", "none.yaml"], "https://api.test/x?access_token=..."),
        (&["diff", "old.yaml", "new.yaml", "--requests", "logged"], "0 of 1 request "),
    ];
    for (arguments, expected) in commands {
        let text = printed(folder.path(), arguments);
        assert!(!text.contains(SECRET), "{arguments:?}:\n{text}");
        assert!(text.contains(expected), "{arguments:?}:\n{text}");
    }
    printed(folder.path(), &["test", "cases.yaml", "--junit", "results.xml"]);
    let text = std::fs::read_to_string(folder.path().join("results.xml")).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("https://api.test/x?page=2&amp;ticket=..."), "{text}");
}

#[test]
fn what_both_policies_take_for_a_token_is_left_out_of_their_difference() {
    let folder = folder();
    let open = GATEWAY.replace("api.test", "'*'").replace("ticket", "t");
    let open = open.split("      authentication:").next().unwrap().to_owned()
        + "      authorization: {local: {rules: [{name: all}]}}\n";
    std::fs::write(folder.path().join("new.yaml"), open).unwrap();
    let diff = ["diff", "old.yaml", "new.yaml", "--requests", "logged"];
    for output in ["text", "json"] {
        let text = printed(folder.path(), &[&diff[..], &["--output", output]].concat());
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("https://other.test/x?page=2&Ticket=...&q=1"), "{text}");
    }
}
