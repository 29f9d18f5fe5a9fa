//! `egress-auth explain`: how requests would be decided, and why.
//!
//! The decision is the engine's own, the very code that runs in the filter.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::input::InputArgs;
use super::output::{self, Format};
use super::plain::plain;
use super::queries::{
    explainer, name, now, read_keys, read_lines, take_demo_key, thumbprint, workload,
};
use crate::explain::{Explanation, Query, Values};

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
    /// The type of the token that --claims stands for, as `typ` of its header
    #[arg(long, value_name = "TYPE", requires = "claims")]
    typ: Option<String>,
    /// The workload that sends the request: namespace/service-account in the first trust domain, a
    /// SPIFFE ID, or none for one without a certificate
    #[arg(long, value_name = "SOURCE", conflicts_with = "requests")]
    source: Option<String>,
    /// The client certificate: a PEM file, or its SHA-256 in hexadecimal digits or as `x5t#S256`
    #[arg(long, value_name = "CERTIFICATE", conflicts_with = "requests")]
    certificate: Option<String>,
    /// A request header; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE", conflicts_with = "requests")]
    headers: Vec<String>,
    /// A file with one request a line as JSON, or as the access log has it, or - for standard input;
    /// answers one a line
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    requests: Option<PathBuf>,
    /// A JWKS file for an issuer whose keys are fetched at run time; repeatable
    #[arg(long = "jwks", value_name = "ISSUER=FILE")]
    jwks: Vec<String>,
    /// How to print: JSON has one object a request
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// Runs the command: exit code 0 whatever the decisions are, 1 when a request or the documents
/// cannot be read.
///
/// # Errors
/// When a file cannot be read, or a request is not one.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = args.input.load()?;
    let Some(compiled) = &loaded.compiled else {
        loaded.print();
        return Ok(ExitCode::FAILURE);
    };
    let mut explainers = [explainer(compiled)?];
    read_keys(&mut explainers, &args.jwks)?;
    let [mut explainer] = explainers;
    // A token is all that a header holds, or stands behind a prefix.
    let in_headers = args.headers.iter().filter_map(|it| it.split_whitespace().last());
    let mut tokens = args.token.as_deref().into_iter().chain(in_headers);
    let of_demo = tokens.find_map(|token| take_demo_key(&mut explainer, token, &args.jwks));
    let now = now()?;
    let mut out = std::io::BufWriter::new(output::stdout());
    match &args.requests {
        None => {
            let query = args.query()?;
            print(&mut out, args.output, &explainer.explain_asked(&query, now)?)?;
        }
        Some(path) => read_lines(path, |place, query| {
            let explanation =
                explainer.explain_asked(&query, now).with_context(|| place.to_owned())?;
            print(&mut out, Format::Json, &explanation)
        })?,
    }
    out.flush()?;
    if let Some(issuer) = of_demo {
        output::tell(format_args!(
            "note: the demo issuer's key is taken for that of `{}`, as `run` does; no other gateway \
             takes its tokens",
            plain(&issuer)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn query(&self) -> anyhow::Result<Query> {
        let domain = self.input.gateway.trust_domains.first();
        let domain = domain.map_or("cluster.local", String::as_str);
        let spelt_out = |text: &String| workload(text, domain).unwrap_or_else(|| text.clone());
        let mut query = Query {
            request: self.request.clone().unwrap_or_default(),
            token: self.token.clone(),
            typ: self.typ.clone(),
            source: self.source.as_ref().map(spelt_out),
            certificate: self
                .certificate
                .as_deref()
                .map(|it| thumbprint(it, Path::new("")))
                .transpose()?,
            ..Query::default()
        };
        if let Some(claims) = &self.claims {
            let claims = serde_json::from_str(claims);
            query.claims = Some(claims.context("--claims is not JSON")?);
        }
        for header in &self.headers {
            // A colon in front belongs to the name, which is refused later.
            let (start, rest) = header.split_at(usize::from(header.starts_with(':')));
            let (name, value) = rest.split_once(':').with_context(|| {
                // What follows the name may be a token.
                let name = rest.split([' ', '=']).next().unwrap_or_default();
                format!("--header `{start}{name}...`: write `name: value`")
            })?;
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

fn print(out: &mut impl Write, format: Format, explanation: &Explanation) -> anyhow::Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(explanation)?)?;
        return Ok(());
    }
    writeln!(out, "{}", plain(&explanation.request))?;
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
