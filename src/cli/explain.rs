//! `egress-auth explain`: how requests would be decided, and why.
//!
//! The decision is the engine's own, the very code that runs in the filter.

use std::io::{BufRead, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::ValueEnum;

use super::input::InputArgs;
use super::plain::plain;
use crate::compile::Compiled;
use crate::explain::{Explainer, Explanation, Query, Values};
use crate::jwt::{KeyOrigin, KeySet};
use crate::resource::input;

/// Flags of `egress-auth explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The request: method and URL.
    #[arg(
        long,
        value_name = "REQUEST",
        required_unless_present = "requests",
        // Here rather than above, where rustdoc wants URLs in angle brackets.
        help = "The request, as 'GET https://api.example.com/v1/items'"
    )]
    request: Option<String>,
    /// The token that the request carries as `Authorization: Bearer`
    #[arg(long, value_name = "JWT", conflicts_with = "requests")]
    token: Option<String>,
    /// Claims that stand for a token which is valid but for what they say themselves
    #[arg(long, value_name = "JSON", conflicts_with_all = ["requests", "token"])]
    claims: Option<String>,
    /// SPIFFE ID of the workload that sends the request
    #[arg(long, value_name = "SPIFFE-ID", conflicts_with = "requests")]
    source: Option<String>,
    /// A request header; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE", conflicts_with = "requests")]
    headers: Vec<String>,
    /// A file with one request a line as JSON, or - for standard input; answers one a line
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    requests: Option<PathBuf>,
    /// A JWKS file for an issuer whose keys are fetched at run time; repeatable
    #[arg(long = "jwks", value_name = "ISSUER=FILE")]
    jwks: Vec<String>,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a request
    Json,
}

/// Runs the command: exit code 0 whatever the decisions are, 1 when a request or the documents
/// cannot be read.
///
/// # Errors
/// When a file cannot be read, or a request is not one.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = args.input.load()?;
    let Some(compiled) = &loaded.compiled else {
        loaded.print()?;
        return Ok(ExitCode::FAILURE);
    };
    let mut explainers = [explainer(compiled)?];
    read_keys(&mut explainers, &args.jwks)?;
    let [explainer] = explainers;
    let now = now()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match &args.requests {
        None => {
            let query = args.query()?;
            print(&mut out, args.output, &query, &explainer.explain_asked(&query, now)?)?;
        }
        Some(path) => read_lines(path, |place, query| {
            let explanation =
                explainer.explain_asked(&query, now).with_context(|| place.to_owned())?;
            print(&mut out, Format::Json, &query, &explanation)
        })?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What explains a compiled Gateway.
///
/// # Errors
/// When its policy is not sound.
pub fn explainer(compiled: &Compiled) -> anyhow::Result<Explainer> {
    Ok(Explainer::new(compiled.policy.clone(), compiled.silenced.clone())?)
}

/// The time in Unix seconds.
///
/// # Errors
/// When the clock stands before 1970.
pub fn now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

/// Reads the key files of `--jwks`, as `ISSUER=FILE`, for policies that fetch their keys at run
/// time.
///
/// # Errors
/// When an argument is not of that form, a file is not a JWKS document, or no policy fetches keys
/// of the issuer.
pub fn read_keys(explainers: &mut [Explainer], files: &[String]) -> anyhow::Result<()> {
    for argument in files {
        // Issuers are often URLs with `=` in a query, file names hardly ever hold one.
        let (issuer, file) = argument
            .rsplit_once('=')
            .with_context(|| format!("--jwks `{argument}`: write ISSUER=FILE"))?;
        let json = input::read_file(Path::new(file))?;
        let keys = KeySet::parse(&json, KeyOrigin::Remote).with_context(|| file.to_owned())?;
        let keys = Arc::new(keys);
        let mut used = false;
        for explainer in &mut *explainers {
            used |= explainer.replace_keys(issuer, &keys);
        }
        anyhow::ensure!(used, "--jwks: no JWT rule fetches the keys of the issuer `{issuer}`");
    }
    Ok(())
}

/// Longest line of a requests file, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Reads a file with one request a line, or standard input for `-`, and hands each to `each` with
/// its place, as `file:line`. Empty lines and a byte order mark are skipped.
///
/// # Errors
/// When the file cannot be read or holds no request, a line is not one, or `each` fails.
pub fn read_lines(
    path: &Path,
    mut each: impl FnMut(&str, Query) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let name = match path == Path::new("-") {
        true => "<stdin>".to_owned(),
        false => path.display().to_string(),
    };
    let unreadable = || format!("cannot read {name}");
    let mut input: Box<dyn BufRead> = match path == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => {
            let file = std::fs::File::open(path).with_context(unreadable)?;
            Box::new(std::io::BufReader::new(file))
        }
    };
    let mut requests = false;
    for number in 1_u64.. {
        let place = format!("{name}:{number}");
        let mut line = Vec::new();
        // One byte more tells a line that is as long as can be from a longer one.
        let mut bounded = (&mut input).take(MAX_LINE_BYTES.saturating_add(1));
        let length = bounded.read_until(b'\n', &mut line).with_context(unreadable)?;
        if length == 0 {
            break;
        }
        anyhow::ensure!(
            length as u64 <= MAX_LINE_BYTES,
            "{place}: the line is longer than {} MiB: write one request a line, as JSON",
            MAX_LINE_BYTES >> 20
        );
        let line = std::str::from_utf8(&line).with_context(|| place.clone())?;
        let line = line.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        requests = true;
        let query = Query::from_json(line).map_err(|error| json_error(&place, &error))?;
        each(&place, query)?;
    }
    anyhow::ensure!(
        requests,
        "{name} holds no request: write one a line, as {{\"request\": \"GET https://host/path\"}}"
    );
    Ok(())
}

/// What is wrong with a line that is not a request. The line is known better than JSON says it: to
/// it there is only one.
fn json_error(place: &str, error: &serde_json::Error) -> anyhow::Error {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&position).unwrap_or(&text);
    anyhow::anyhow!("{place}: {message} (column {})", error.column())
}

impl Args {
    fn query(&self) -> anyhow::Result<Query> {
        let mut query = Query {
            request: self.request.clone().unwrap_or_default(),
            token: self.token.clone(),
            source: self.source.clone(),
            ..Query::default()
        };
        if let Some(claims) = &self.claims {
            let claims = serde_json::from_str(claims);
            query.claims = Some(claims.context("--claims is not JSON")?);
        }
        for header in &self.headers {
            // A colon in front belongs to the name, which is refused later.
            let (start, rest) = header.split_at(usize::from(header.starts_with(':')));
            let (name, value) = rest
                .split_once(':')
                .with_context(|| format!("--header `{header}`: write `name: value`"))?;
            let values = query
                .headers
                .entry(format!("{start}{}", name.trim().to_ascii_lowercase()))
                .or_insert_with(|| Values::Many(Vec::new()));
            if let Values::Many(values) = values {
                values.push(value.trim().to_owned());
            }
        }
        Ok(query)
    }
}

/// The name of a server or rule, or `none` where there is none: a name that reads so is in quotes.
pub fn name(name: Option<&str>) -> &str {
    match name {
        None => "none",
        Some("none") => "\"none\"",
        Some(name) => name,
    }
}

fn print(
    out: &mut impl Write,
    format: Format,
    query: &Query,
    explanation: &Explanation,
) -> anyhow::Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(explanation)?)?;
        return Ok(());
    }
    writeln!(out, "{}", plain(&query.request))?;
    for step in &explanation.steps {
        writeln!(out, "  {}", plain(step))?;
    }
    writeln!(
        out,
        "{} {} {} (mechanism: {}, server: {}, rule: {})",
        explanation.decision,
        explanation.status,
        explanation.reason,
        explanation.mechanism,
        plain(name(explanation.server.as_deref())),
        plain(name(explanation.rule.as_deref())),
    )?;
    Ok(())
}
