//! The contract written down a second time, as plainly as possible and with no care for cost.

use serde_json::Value;

/// Whether a path matches a pattern that is sound.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    let mut known = vec![None; (pattern.len() + 1) * (path.len() + 1)];
    matches_from(pattern, path, 0, 0, &mut known)
}

fn matches_from(
    pattern: &[u8],
    path: &[u8],
    at: usize,
    from: usize,
    known: &mut [Option<bool>],
) -> bool {
    let index = at * (path.len() + 1) + from;
    if let Some(known) = known[index] {
        return known;
    }
    let (rest, text) = (&pattern[at..], &path[from..]);
    let ends_segment = |length: usize| matches!(rest.get(length), None | Some(b'/'));
    let mut go = |at: usize, from: usize| matches_from(pattern, path, at, from, known);
    let result = if rest.is_empty() {
        text.is_empty()
    } else if rest.starts_with(b"/{**}") && ends_segment(5) {
        // No segment at all, or a slash and any text.
        go(at + 5, from)
            || (text.starts_with(b"/") && (from + 1..=path.len()).any(|next| go(at + 5, next)))
    } else if rest == b"{**}" {
        true
    } else if rest.starts_with(b"{**}/") {
        // At the start, the slash comes with the segments.
        go(at + 5, from)
            || (from..path.len()).any(|slash| path[slash] == b'/' && go(at + 5, slash + 1))
    } else if rest.starts_with(b"{*}") && ends_segment(3) {
        let length = text.iter().take_while(|byte| **byte != b'/').count();
        (1..=length).any(|taken| go(at + 3, from + taken))
    } else if rest[0] == b'*' {
        (from..=path.len()).any(|next| go(at + 1, next))
    } else {
        text.first() == Some(&rest[0]) && go(at + 1, from + 1)
    };
    known[index] = Some(result);
    result
}

/// The name that governs a host: itself, the longest suffix, everything.
pub fn governing<'n>(names: &[&'n str], host: &str) -> Option<&'n str> {
    let covers = |name: &str| match name.strip_prefix('*') {
        None => name == host,
        Some("") => true,
        Some(suffix) => host
            .strip_suffix(suffix)
            .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty())),
    };
    let rank = |name: &&str| (!name.starts_with('*'), name.len());
    names.iter().copied().filter(|name| covers(name)).max_by_key(rank)
}

/// The host of an authority, or nothing where it is not acceptable. Addresses in brackets stand in
/// no list of those that are tried.
pub fn host(authority: &str) -> Option<String> {
    let (name, port) = authority.split_once(':').unwrap_or((authority, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    let labels: Vec<&str> = name.split('.').collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if labels.iter().any(|label| label.is_empty() || !label.chars().all(allowed)) {
        return None;
    }
    let name = name.to_lowercase();
    let last = name.rsplit('.').next()?;
    let decimal = last.chars().all(|c| c.is_ascii_digit());
    let hexadecimal = last.starts_with("0x") && last.chars().skip(2).all(|c| c.is_ascii_hexdigit());
    let address = name.parse::<std::net::Ipv4Addr>().is_ok();
    let good = port.chars().all(|c| c.is_ascii_digit()) && (address || !decimal && !hexadecimal);
    good.then_some(name)
}

/// Everything that servers may make of a path; nothing where it is refused or has more readings
/// than are judged.
pub fn readings(path: &str) -> Option<Vec<String>> {
    let control = |text: &str| text.chars().any(|c| c.is_ascii_control());
    if path.contains('#')
        || !path.is_ascii()
        || control(path)
        || unescape(path, &|_| true, true).is_none()
    {
        return None;
    }
    let mut all = std::collections::BTreeSet::new();
    let mut unseen = vec![path.to_owned()];
    while let Some(text) = unseen.pop() {
        if !all.insert(text.clone()) {
            continue;
        }
        if all.len() > 256 {
            return None;
        }
        // Nothing decodes to what could not stand here, or to what no text holds.
        let decoded = unescape(&text, &|_| true, false)?;
        if control(&decoded) {
            return None;
        }
        unseen.push(decoded);
        let slash = |c: char| c == '/' || c == '\\';
        unseen.push(unescape(&text, &|c| !slash(c), false)?);
        unseen.push(unescape(&text, &slash, false)?);
        unseen.push(unescape(&text, &|c| c.is_ascii_alphanumeric() || "-._~".contains(c), false)?);
        unseen.push(text.split('\\').collect::<Vec<_>>().join("/"));
        unseen.push(without_parameters(&text));
        let mut merged = text.clone();
        while merged.contains("//") {
            merged = merged.replace("//", "/");
        }
        unseen.push(merged);
        unseen.push(without_dots(&text, |segment| segment.to_owned()));
        unseen.push(without_dots(&text, without_parameters));
        let dots = |segment: &str| segment.replace("%2e", ".").replace("%2E", ".");
        unseen.push(without_dots(&text, dots));
        unseen.push(text.chars().take_while(|c| !"?#".contains(*c)).collect());
    }
    let bytes: usize = all.iter().map(String::len).sum();
    (all.len() == 1 || bytes <= 131_072).then(|| all.into_iter().collect())
}

/// Decodes the escapes of what is wanted; nothing where the outcome is no text, or, where that is
/// `strict`, where an escape is broken.
fn unescape(text: &str, wanted: &dyn Fn(char) -> bool, strict: bool) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|two| {
            let two = std::str::from_utf8(two).ok()?;
            two.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(two, 16).ok())?
        });
        match (bytes[at], digits) {
            (b'%', Some(value)) if wanted(char::from(value)) => {
                out.push(value);
                at += 3;
            }
            (b'%', None) if strict => return None,
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

fn without_parameters(text: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for c in text.chars() {
        inside = c != '/' && (inside || c == ';');
        if !inside {
            out.push(c);
        }
    }
    out
}

/// Resolves the segments that are `.` or `..` by the name given to them.
fn without_dots(text: &str, name: impl Fn(&str) -> String) -> String {
    let (root, relative) = match text.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", text),
    };
    let segments: Vec<&str> = relative.split('/').collect();
    let mut out: Vec<&str> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let name = name(segment);
        if name == ".." {
            out.pop();
        }
        if !matches!(name.as_str(), "." | "..") {
            out.push(segment);
        } else if index + 1 == segments.len() {
            out.push("");
        }
    }
    format!("{root}{}", out.join("/"))
}

/// Whether a claim's text matches a pattern.
pub fn text_matches(pattern: &str, value: &str) -> bool {
    match pattern {
        "*" | "**" => !value.is_empty(),
        _ => match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (None, None) => pattern == value,
            (Some(end), None) => value.ends_with(end),
            (None, Some(start)) => value.starts_with(start),
            (Some(_), Some(_)) => value.contains(&pattern[1..pattern.len() - 1]),
        },
    }
}

/// Whether a claim that is a string, or a list of strings, matches.
pub fn claim_matches(pattern: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text_matches(pattern, text),
        Value::Array(all) => {
            all.iter().filter_map(Value::as_str).any(|it| text_matches(pattern, it))
        }
        Value::Bool(value) => text_matches(pattern, &value.to_string()),
        Value::Number(number) => text_matches(pattern, &number.to_string()),
        Value::Null | Value::Object(_) => false,
    }
}

/// The `namespace/service-account` of a SPIFFE ID of a trust domain.
pub fn workload<'i>(id: &'i str, domain: &str) -> Option<&'i str> {
    let rest = id.strip_prefix("spiffe://")?.strip_prefix(domain)?.strip_prefix("/ns/")?;
    let parts: Vec<&str> = rest.split('/').collect();
    let named = |part: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(good)
    };
    match parts[..] {
        [namespace, "sa", account] if named(namespace) && named(account) => Some(rest),
        _ => None,
    }
}

/// Whether a `namespace/sa/account` is one of a pattern `namespace/account`.
pub fn source_matches(pattern: &str, workload: &str) -> bool {
    let one = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    };
    let (namespace, account) = pattern.split_once('/').expect("a pattern");
    let (have_namespace, have_account) = workload.split_once("/sa/").expect("a workload");
    one(namespace, have_namespace) && one(account, have_account)
}

/// The right-most element of a list whose elements may hold quoted text.
pub fn last_element(list: &str) -> &str {
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => start = at + 1,
            _ => {}
        }
    }
    &list[start..]
}
