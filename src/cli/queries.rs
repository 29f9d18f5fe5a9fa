//! What commands share that put requests to the engine: the keys, the time, files of requests, and
//! the names in answers.

use std::io::{BufRead, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::logged::{self, Line};
use super::output::tell;
use super::plain::plain;
use crate::compile::Compiled;
use crate::demo::key::DemoKey;
use crate::engine::source::Workload;
use crate::explain::{Explainer, Query, without_jwts};
use crate::jwt::{KeyOrigin, KeySet, Thumbprint};
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
        let keys = KeySet::parse(&json, KeyOrigin::Remote)
            .map_err(|error| anyhow::anyhow!("{file}: {error}; {}", error.help()))?;
        let keys = Arc::new(keys);
        let mut used = false;
        for explainer in &mut *explainers {
            used |= explainer.replace_keys(issuer, &keys);
        }
        anyhow::ensure!(used, "--jwks: no JWT rule fetches the keys of the issuer `{issuer}`");
    }
    Ok(())
}

/// Takes the demo issuer's key for those of a token's issuer, where the token names that key and
/// `files` (as of [`read_keys`]) have none for it: it is what `run` does. The issuer, where that is
/// so.
pub fn take_demo_key(explainer: &mut Explainer, token: &str, files: &[String]) -> Option<String> {
    let mut parts = token.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&json).ok()
    });
    let (header, claims) = (parts.next()??, parts.next()??);
    let key = DemoKey::of_user_if_any()?;
    let issuer = claims.get("iss")?.as_str()?;
    let given = files.iter().filter_map(|it| it.rsplit_once('=')).any(|(of, _)| of == issuer);
    if given || header.get("kid")?.as_str()? != key.id() {
        return None;
    }
    let keys = Arc::new(KeySet::parse(key.jwks().as_bytes(), KeyOrigin::Remote).ok()?);
    explainer.replace_keys(issuer, &keys).then(|| issuer.to_owned())
}

/// The SPIFFE ID of `namespace/service-account` in a trust domain, and nothing for `none`; absent
/// where the text is neither, nor a SPIFFE ID.
pub fn workload(text: &str, domain: &str) -> Option<String> {
    if text == "none" {
        return Some(String::new());
    }
    if text.starts_with("spiffe://") {
        return Some(text.to_owned());
    }
    let (namespace, account) = text.split_once('/')?;
    // One workload, and no pattern for several.
    let id = format!("spiffe://trusted/ns/{namespace}/sa/{account}");
    Workload::from_spiffe_id(id.as_bytes(), &["trusted".to_owned()])?;
    Some(format!("spiffe://{domain}/ns/{namespace}/sa/{account}"))
}

/// What `certificate` stands for, as `x5t#S256` writes it: the SHA-256 that it is, or that of the
/// first certificate in the PEM file of this name in a folder.
///
/// # Errors
/// When it is neither.
pub fn thumbprint(text: &str, folder: &Path) -> anyhow::Result<String> {
    if let Some(read) = Thumbprint::read(text) {
        return Ok(read.to_base64url());
    }
    let file = folder.join(text);
    let certificate = CertificateDer::from_pem_file(&file).map_err(|error| {
        anyhow::anyhow!(
            "`{}` is neither the SHA-256 of a certificate nor a PEM file with one: {error}",
            plain(text)
        )
    })?;
    Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)))
}

/// Longest line of a requests file, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Reads a file with one request a line, or standard input for `-`, and hands each to `each` with
/// its place, as `file:line`. Entries of the access log are requests too; what is lost on them is
/// told at the end. Empty lines and a byte order mark are skipped.
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
    let (mut requests, mut logged, mut unaskable) = (false, 0_usize, None);
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
        match logged::read(line).map_err(|error| json_error(&place, &error))? {
            Line::Asked(query) => {
                let source = query.source.as_deref().filter(|text| text.contains('/'));
                let meant = source.filter(|text| !text.contains("://"));
                if let Some(id) = meant.and_then(|text| workload(text, "cluster.local")) {
                    anyhow::bail!("{place}: `source` is a SPIFFE ID here: write `{id}`");
                }
                each(&place, query)?;
            }
            Line::Logged(query) => {
                logged = logged.saturating_add(1);
                each(&place, query)?;
            }
            Line::Unaskable => {
                let (_, count) = unaskable.get_or_insert((place, 0_usize));
                *count = count.saturating_add(1);
            }
        }
    }
    tell_of_log(logged, unaskable);
    anyhow::ensure!(
        requests,
        "{name} holds no request: write one a line, as {{\"request\": \"GET https://host/path\"}}"
    );
    Ok(())
}

/// Says what of an access log could not be judged as it was: its entries, and those of them without
/// a request, from the first place on.
fn tell_of_log(entries: usize, unaskable: Option<(String, usize)>) {
    let requests = match entries {
        0 => None,
        1 => Some("1 request comes".to_owned()),
        several => Some(format!("{several} requests come")),
    };
    if let Some(requests) = requests {
        tell(format_args!(
            "note: {requests} from an access log, which holds no tokens: judged without"
        ));
    }
    if let Some((first, count)) = unaskable {
        let entries = match count {
            1 => "1 entry has".to_owned(),
            several => format!("{several} entries have"),
        };
        tell(format_args!("note: {entries} no host or path to ask about, first at {first}"));
    }
}

/// What is wrong with a line that is not a request. The line is known better than JSON says it: to
/// it there is only one.
fn json_error(place: &str, error: &serde_json::Error) -> anyhow::Error {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&position).unwrap_or(&text);
    // A text that stands in the wrong place may be a token.
    let message = match message.split_once(" string \"").zip(message.rsplit_once("\", expected ")) {
        Some(((before, _), (_, expected))) => format!("{before} a string, expected {expected}"),
        None => without_jwts(message),
    };
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
