//! `egress-auth init`: a first policy, cases that say what has to hold, and a step for continuous
//! integration. What is written passes `check --deny-warnings` and `test` as it is.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

use super::output::{self, tell};
use super::plain::plain;
use crate::compile::hostname;

/// The files, each with what is put into it.
const FILES: [(&str, &str); 3] = [
    ("gateway.yaml", include_str!("init/gateway.yaml")),
    ("cases.yaml", include_str!("init/cases.yaml")),
    ("ci.sh", include_str!("init/ci.sh")),
];

/// Flags of `egress-auth init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder for the files; made where it is missing
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The external host that may be called
    #[arg(long, value_name = "HOST", default_value = "api.example.com", value_parser = host)]
    host: String,
    /// The issuer of the tokens; its keys are looked for below it, in .well-known/jwks.json
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://auth.example.com",
        value_parser = issuer
    )]
    issuer: String,
    /// What the `aud` claim of the tokens has to hold
    #[arg(long, value_name = "A", default_value = "egress", value_parser = claim)]
    audience: String,
    /// The `sub` claim of the workload that may call the host
    #[arg(
        long,
        value_name = "S",
        default_value = "payments-service@example.com",
        value_parser = claim
    )]
    subject: String,
}

/// Reads one hostname, in the form in which Gateways have it.
fn host(text: &str) -> Result<String, String> {
    hostname::canonical_host(text).map_err(|error| format!("the host {error}"))
}

/// Reads an issuer below which there can be keys. Every other issuer can be written later.
fn issuer(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").filter(|rest| !rest.starts_with('/'));
    let of_urls = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@%+=,".contains(&byte);
    match rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(of_urls)) {
        true => Ok(text.to_owned()),
        false => Err("expected an https URL without a query, such as https://auth.example.com"),
    }
}

/// Reads a claim that is compared as it is written.
fn claim(text: &str) -> Result<String, &'static str> {
    let literal = |it: char| it.is_ascii_graphic() && !"*<>{}()[]^$|\\".contains(it);
    match !text.is_empty() && text.chars().all(literal) {
        true => Ok(text.to_owned()),
        false => Err("expected one value, without spaces and wildcards; edit the file for others"),
    }
}

/// Runs the command: exit code 0 when the files were written, 1 when one of them is there already.
///
/// # Errors
/// When a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let folder = plain(&args.folder.display().to_string()).into_owned();
    for (name, _) in FILES {
        let path = args.folder.join(name);
        anyhow::ensure!(
            path.symlink_metadata().is_err(),
            "{} is there already, and stays as it is: name another folder, as in `egress-auth init \
             policy`",
            path.display()
        );
    }
    std::fs::create_dir_all(&args.folder).with_context(|| format!("cannot make {folder}"))?;
    for (name, template) in FILES {
        output::write(Some(&args.folder.join(name)), &args.filled(template))?;
    }
    let inside = |name: &str| plain(&args.folder.join(name).display().to_string()).into_owned();
    let (gateway, cases, step) = (inside("gateway.yaml"), inside("cases.yaml"), inside("ci.sh"));
    tell(format_args!("{gateway}: who may call what; begin here"));
    tell(format_args!("{cases}: what has to hold; `egress-auth test {cases}`"));
    tell(format_args!("{step}: the step for continuous integration"));
    tell(format_args!("Try it in a local Envoy: `egress-auth run {gateway}`"));
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// A template with the values in it, each as a string of JSON, which is one of YAML too.
    fn filled(&self, template: &str) -> String {
        let server: String =
            self.host.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
        let keys = format!("{}/.well-known/jwks.json", self.issuer.trim_end_matches('/'));
        let request = |method: &str| format!("{method} https://{}/v1/items", self.host);
        [
            ("@server@", server.trim_matches('-').to_owned()),
            ("@host@", self.host.clone()),
            ("@destination@", format!("egress/{}", self.host)),
            ("@issuer@", self.issuer.clone()),
            ("@keys@", keys),
            ("@audience@", self.audience.clone()),
            ("@other_audience@", format!("not-{}", self.audience)),
            ("@subject@", self.subject.clone()),
            ("@other_subject@", format!("not-{}", self.subject)),
            ("@read@", request("GET")),
            ("@write@", request("POST")),
        ]
        .into_iter()
        .fold(template.to_owned(), |text, (mark, value)| {
            text.replace(mark, &Value::from(value).to_string())
        })
    }
}
