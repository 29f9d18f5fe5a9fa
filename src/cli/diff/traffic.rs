//! Requests of a file, decided by both policies.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Args, Format};
use crate::cli::differences::word;
use crate::cli::output;
use crate::cli::plain::plain;
use crate::cli::queries::{explainer, now, read_keys, read_lines};
use crate::compile::Compiled;
use crate::engine::Reason;
use crate::explain::{Explainer, Explanation, Query};

/// A request that the policies decide differently.
#[derive(Debug, Serialize)]
struct Changed {
    change: &'static str,
    request: String,
    source: Option<String>,
    claims: Option<Box<RawValue>>,
    before: Brief,
    after: Brief,
    /// How many lines say the same.
    count: usize,
    /// The first of them, as `file:line`.
    first: String,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Brief {
    decision: &'static str,
    status: u16,
    reason: String,
}

impl Brief {
    fn of(explanation: &Explanation) -> Self {
        Self {
            decision: explanation.decision,
            status: explanation.status,
            reason: explanation.reason.to_string(),
        }
    }
}

/// Decides every request of a file by both policies, and prints those that are decided
/// differently, each once. Whether there are any that are looked for.
///
/// # Errors
/// When the file cannot be read, a line is not a request, its keys are missing, or standard output
/// cannot be written to.
pub fn differs(args: &Args, policies: [&Compiled; 2], path: &Path) -> anyhow::Result<bool> {
    anyhow::ensure!(
        args.output != Format::Markdown,
        "--output markdown does not go with --requests"
    );
    let mut explainers = [explainer(policies[0])?, explainer(policies[1])?];
    read_keys(&mut explainers, &args.jwks)?;
    let [old, new] = &explainers;
    let now = now()?;
    let mut requests = 0_usize;
    let mut changed: Vec<Changed> = Vec::new();
    let mut known = BTreeMap::new();
    read_lines(path, |place, query| {
        requests = requests.saturating_add(1);
        let answer = |explainer: &Explainer| {
            let explanation = explainer.explain(&query, now).with_context(|| place.to_owned())?;
            // Two answers that say only this say nothing of the policies.
            anyhow::ensure!(
                explanation.reason != Reason::JwksUnavailable.as_str(),
                "{place}: the keys for this token are needed: --jwks ISSUER=FILE"
            );
            Ok(Brief::of(&explanation))
        };
        let (before, after) = (answer(old)?, answer(new)?);
        if before.decision == after.decision {
            return Ok(());
        }
        let claims = query.claims.as_ref().map(|claims| claims.get().to_owned());
        let request = new.shown(&old.shown(&query.request));
        let key = (request, query.source.clone(), claims, before, after);
        let index = *known.entry(key).or_insert_with_key(|(request, .., before, after)| {
            changed.push(Changed::new(request, &query, before, after, place));
            changed.len().saturating_sub(1)
        });
        if let Some(changed) = changed.get_mut(index) {
            changed.count = changed.count.saturating_add(1);
        }
        Ok(())
    })?;
    output::write_with(None, |out| match args.output {
        Format::Text | Format::Markdown => text(&changed, requests, out),
        Format::Json => {
            let report = json!({ "requests": requests, "changes": changed });
            writeln!(out, "{report:#}")
        }
    })?;
    let is_met = |it: &Changed| args.fail_on.iter().any(|what| what.is_met_by(it.is_allowed()));
    Ok(changed.iter().any(is_met))
}

impl Changed {
    fn is_allowed(&self) -> bool {
        self.after.decision == "allow"
    }

    fn new(request: &str, query: &Query, before: &Brief, after: &Brief, place: &str) -> Self {
        Self {
            change: word(after.decision == "allow"),
            request: request.to_owned(),
            source: query.source.clone(),
            claims: query.claims.clone(),
            before: before.clone(),
            after: after.clone(),
            count: 0,
            first: place.to_owned(),
        }
    }
}

fn text(changed: &[Changed], requests: usize, out: &mut dyn Write) -> io::Result<()> {
    for one in changed {
        let sign = if one.change == "allowed" { '+' } else { '-' };
        // What was logged may hold what would steer a terminal.
        writeln!(out, "{sign} {}  {}", one.change, plain(&one.request))?;
        if let Some(source) = &one.source {
            writeln!(out, "    source: {}", plain(source))?;
        }
        if let Some(claims) = &one.claims {
            writeln!(out, "    claims: {}", plain(claims.get()))?;
        }
        let (before, after) = (&one.before, &one.after);
        writeln!(
            out,
            "    {} {}, was {} {}",
            after.status, after.reason, before.status, before.reason
        )?;
        writeln!(out, "    {} at {}\n", times(one.count), plain(&one.first))?;
    }
    let lines: usize = changed.iter().map(|changed| changed.count).sum();
    let are = match (lines, requests) {
        (_, 1) => "request is",
        (1, _) => "requests is",
        _ => "requests are",
    };
    writeln!(out, "{lines} of {requests} {are} decided differently")
}

fn times(count: usize) -> String {
    match count {
        1 => "once,".to_owned(),
        count => format!("{count} times, first"),
    }
}
