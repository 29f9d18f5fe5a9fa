//! What commands share that put requests to the engine: the keys, the time, files of requests, and
//! the names in answers.

use std::io::{BufRead, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;

use crate::compile::Compiled;
use crate::explain::{Explainer, Query};
use crate::jwt::{KeyOrigin, KeySet};
use crate::resource::input;

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
#[expect(clippy::disallowed_methods, reason = "here commands ask the clock")]
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

/// The name of a server or rule, or `none` where there is none: a name that reads so is in quotes.
pub fn name(name: Option<&str>) -> &str {
    match name {
        None => "none",
        Some("none") => "\"none\"",
        Some(name) => name,
    }
}
