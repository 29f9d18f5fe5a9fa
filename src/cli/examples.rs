//! The examples at the end of every command's help.

/// Of the program.
pub const PROGRAM: &str = "\
Examples:
  egress-auth init policy
  egress-auth check policy/gateway.yaml
  egress-auth test policy/cases.yaml
  egress-auth run policy/gateway.yaml";

/// Of `check`.
pub const CHECK: &str = "\
Examples:
  egress-auth check gateway.yaml
  egress-auth check --deny-warnings --exclude 'charts/**' .
  kubectl get gateways.gateway.tsb.tetrate.io -A -o yaml | egress-auth check -";

/// Of `compile`.
pub const COMPILE: &str = "\
Examples:
  egress-auth compile gateway.yaml --to envoy --wasm egress_auth.wasm -o envoy.json
  egress-auth compile gateway.yaml --to wasm-plugin -o mesh.yaml --istio-version 1.28 \\
      --module-url oci://registry.example.com/egress-auth@sha256:<digest>
  egress-auth compile gateway.yaml --to istio-native --allow-narrower";

/// Of `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  egress-auth completions bash > ~/.local/share/bash-completion/completions/egress-auth
  egress-auth completions zsh > ~/.zfunc/_egress-auth";

/// Of `demo`.
pub const DEMO: &str = "\
Examples:
  egress-auth demo
  egress-auth demo --issuer 127.0.0.1:18080 --echo 127.0.0.1:18081";

/// Of `diff`.
pub const DIFF: &str = "\
Examples:
  egress-auth diff deployed.yaml gateway.yaml
  egress-auth diff deployed.yaml gateway.yaml --requests access.log

Exit codes, as those of diff(1): 0 nothing differs, 1 something does (with --fail-on, something that \
is named there), 2 the input has errors";

/// Of `explain`.
pub const EXPLAIN: &str = "\
Examples:
  egress-auth explain gateway.yaml --request 'GET https://api.example.com/v1/items' \\
      --claims '{\"iss\": \"https://auth.example.com\", \"sub\": \"payments\"}'
  egress-auth explain gateway.yaml --request 'GET https://api.example.com/' --source shop/web
  egress-auth explain gateway.yaml --requests access.log";

/// Of `init`.
pub const INIT: &str = "\
Examples:
  egress-auth init policy
  egress-auth init policy --host api.partner.com --issuer https://auth.example.com \\
      --audience partner --subject payments";

/// Of `man`.
pub const MAN: &str = "\
Examples:
  egress-auth man /usr/local/share/man/man1";

/// Of `prove`.
pub const PROVE: &str = "\
Examples:
  egress-auth prove gateway.yaml --guarantees guarantees.yaml
  egress-auth prove gateway.yaml --guarantees guarantees.yaml --junit results.xml

Exit codes: 0 every guarantee is proved, 1 one is refuted or undecided, or the input has errors";

/// Of `report`.
pub const REPORT: &str = "\
Examples:
  egress-auth report gateway.yaml -o report.html
  egress-auth report gateway.yaml --old deployed.yaml -o report.html";

/// Of `run`.
pub const RUN: &str = "\
Examples:
  egress-auth run gateway.yaml
  egress-auth run gateway.yaml --listen 127.0.0.1:8888 --upstream api.example.com=127.0.0.1:3000";

/// Of `schema`.
pub const SCHEMA: &str = "\
Examples:
  egress-auth schema gateway > gateway.schema.json
  egress-auth schema test > cases.schema.json";

/// Of `test`.
pub const TEST: &str = "\
Examples:
  egress-auth test cases.yaml
  egress-auth test cases/*.yaml --junit results.xml";

/// Of `token`.
pub const TOKEN: &str = "\
Examples:
  egress-auth token --issuer https://auth.example.com --subject payments --audience partner
  egress-auth token --issuer https://auth.example.com --subject me --claim 'roles=[\"admin\"]' \\
      --expires-in 5m";

#[cfg(test)]
mod tests {
    use crate::cli;

    /// The words of a command line, as a shell divides them: what is in single quotes is one word.
    fn words(line: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for (position, part) in line.split('\'').enumerate() {
            match position % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    #[test]
    fn every_command_has_examples_and_takes_them() {
        let whole = cli::command();
        for command in whole.get_subcommands().filter(|command| !command.is_hide_set()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines = help.replace("\\\n", "");
            // What else the help says stands below an empty line.
            let lines = lines.split("\n\n").next().unwrap_or_default();
            let name = command.get_name();
            let examples: Vec<&str> =
                lines.lines().skip(1).filter_map(|it| it.split("| ").last()).collect();
            assert!(!examples.is_empty(), "{name}");
            for line in examples {
                let line = line.split(" > ").next().unwrap_or_default();
                let words = words(line);
                assert_eq!(words.get(1).map(String::as_str), Some(name), "{line}");
                let parsed = whole.clone().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{line}\n{}", parsed.unwrap_err());
            }
        }
    }
}
