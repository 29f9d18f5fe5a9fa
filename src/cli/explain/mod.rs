//! `egress-auth explain`: how requests would be decided, and why.
//!
//! The decision is the engine's own, the very code that runs in the filter.

mod query;

use std::borrow::Cow;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;

use self::query::{Query, Values};
use super::input::InputArgs;
use crate::engine::{
    Context, Decision, Engine, KeyRing, Mechanism, Outcome, Request, Steps, Trace, Verdict,
};
use crate::jwt::{KeyOrigin, KeySet, SoftwareVerifier, TokenCache};

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

/// The answer for one request.
#[derive(Debug, Serialize)]
struct Explanation<'e> {
    decision: &'static str,
    status: u16,
    reason: Cow<'static, str>,
    server: Option<&'e str>,
    mechanism: Mechanism,
    rule: Option<&'e str>,
    steps: Vec<String>,
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
    let engine = Engine::new(compiled.policy.clone())?;
    let keys = read_keys(&engine, &args.jwks)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match &args.requests {
        None => {
            let query = args.query()?;
            print(&mut out, args.output, &query, &explain(&engine, &keys, &query)?)?;
        }
        Some(path) => {
            for (number, line) in (1_u64..).zip(open(path)?.lines()) {
                let line = line.with_context(|| format!("cannot read {}", path.display()))?;
                if line.trim().is_empty() {
                    continue;
                }
                let place = || format!("{}:{number}", path.display());
                let query = Query::from_json(&line).with_context(place)?;
                let explanation = explain(&engine, &keys, &query).with_context(place)?;
                print(&mut out, Format::Json, &query, &explanation)?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn query(&self) -> anyhow::Result<Query> {
        let mut query = Query {
            request: self.request.clone().unwrap_or_default(),
            token: self.token.clone(),
            claims: None,
            source: self.source.clone(),
            headers: std::collections::BTreeMap::new(),
        };
        if let Some(claims) = &self.claims {
            let claims = serde_json::from_str(claims);
            query.claims = Some(claims.context("--claims is not JSON")?);
        }
        for header in &self.headers {
            let (name, value) = header
                .split_once(':')
                .with_context(|| format!("--header `{header}`: write `name: value`"))?;
            let values = query
                .headers
                .entry(name.trim().to_ascii_lowercase())
                .or_insert_with(|| Values::Many(Vec::new()));
            if let Values::Many(values) = values {
                values.push(value.trim().to_owned());
            }
        }
        Ok(query)
    }
}

fn explain<'e>(
    engine: &'e Engine,
    keys: &KeyRing,
    query: &Query,
) -> anyhow::Result<Explanation<'e>> {
    let headers = query.headers()?;
    let claims = query.claims()?;
    let request = Request {
        headers: headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
        claims: claims.as_ref(),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let mut steps = Steps::default();
    // One request, so the cache never answers.
    let mut cache = TokenCache::new(1, 1, 0);
    let peer = query.source.as_deref().unwrap_or_default();
    let mut context =
        Context { now, keys, verifier: &SoftwareVerifier, peer: &peer, cache: &mut cache };
    let decision = match engine.decide(&request, &mut context, &mut steps) {
        Verdict::Decided(decision) => decision,
        Verdict::AwaitKeys(wait) if wait.unknown_key => wait.unknown_key(),
        Verdict::AwaitKeys(wait) => {
            steps.step(|| "keys: give the issuer's with --jwks ISSUER=FILE".to_owned());
            wait.unavailable()
        }
    };
    Ok(Explanation::new(&decision, steps))
}

impl<'e> Explanation<'e> {
    fn new(decision: &Decision<'e>, steps: Steps) -> Self {
        let (verdict, status) = match &decision.outcome {
            Outcome::Allow(_) => ("allow", 200),
            Outcome::Deny(denial) => ("deny", denial.status),
        };
        Self {
            decision: verdict,
            status,
            reason: decision.code(),
            server: decision.server,
            mechanism: decision.mechanism,
            rule: decision.rule,
            steps: steps.0,
        }
    }
}

fn print(
    out: &mut impl Write,
    format: Format,
    query: &Query,
    explanation: &Explanation<'_>,
) -> anyhow::Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(explanation)?)?;
        return Ok(());
    }
    writeln!(out, "{}", query.request)?;
    for step in &explanation.steps {
        writeln!(out, "  {step}")?;
    }
    writeln!(
        out,
        "{} {} {} (mechanism: {}, server: {}, rule: {})",
        explanation.decision,
        explanation.status,
        explanation.reason,
        explanation.mechanism,
        explanation.server.unwrap_or("none"),
        explanation.rule.unwrap_or("none"),
    )?;
    Ok(())
}

/// Reads the key files of `--jwks`.
fn read_keys(engine: &Engine, files: &[String]) -> anyhow::Result<KeyRing> {
    let mut ring = KeyRing::new(engine.remote_jwks().len());
    for argument in files {
        // Issuers are often URLs with `=` in a query, file names hardly ever hold one.
        let (issuer, file) = argument
            .rsplit_once('=')
            .with_context(|| format!("--jwks `{argument}`: write ISSUER=FILE"))?;
        let json = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
        let keys = KeySet::parse(&json, KeyOrigin::Remote).with_context(|| file.to_owned())?;
        let keys = Arc::new(keys);
        let mut used = false;
        for document in engine.remote_of_issuer(issuer) {
            ring.replace(document, Arc::clone(&keys));
            used = true;
        }
        anyhow::ensure!(used, "--jwks: no JWT rule fetches the keys of the issuer `{issuer}`");
    }
    Ok(ring)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(std::io::BufReader::new(file)))
}
