//! What `explain` is told of tokens and senders that do not fit: both sides of each comparison.
//!
//! Only a trace that keeps steps asks for these sentences; the filter never does.

use super::path::Readings;
use super::source::{Spoken, Workload, spiffe_id};
use crate::jwt::{Claims, Confirmation, Thumbprint, TokenError, TokenType, missing_claim};
use crate::policy::JwtRule;

/// The most issuers, audiences or trust domains that are named.
const MAX_NAMED: usize = 5;

/// That no rule is that of the token's issuer.
pub(super) fn issuer(issuer: &str, known: &[&str]) -> String {
    let hint = known.iter().find_map(|known| confusable(issuer, known));
    let names = list(known);
    format!("issuer: `{issuer}` is none of this server's, {names}{}", hint.unwrap_or_default())
}

/// How two issuers differ that are taken for one another.
fn confusable(issuer: &str, known: &str) -> Option<&'static str> {
    if issuer.trim_end_matches('/') == known.trim_end_matches('/') {
        return Some("; they differ in the slash at the end");
    }
    if issuer.trim() == known.trim() {
        return Some("; they differ in white space");
    }
    if issuer.eq_ignore_ascii_case(known) {
        return Some("; they differ in capitals");
    }
    if issuer.split_once("://")?.1 == known.split_once("://")?.1 {
        return Some("; they differ in the scheme");
    }
    (entra_tenant(issuer)? == entra_tenant(known)?).then_some(
        "; Entra has two versions of tokens with an issuer each, and `accessTokenAcceptedVersion` \
         of the API's registration says which it gets",
    )
}

/// The tenant of an issuer of Entra, in either version.
fn entra_tenant(issuer: &str) -> Option<&str> {
    let of_v1 = issuer.strip_prefix("https://sts.windows.net/");
    let of_v2 = issuer.strip_prefix("https://login.microsoftonline.com/");
    of_v1.or(of_v2)?.split('/').next()
}

/// That the claims of a token do not hold, with what was compared. It names no time of its own: the
/// same request is told the same by the command and, later, by the page of a report.
pub(super) fn claims(error: &TokenError, claims: &Claims, rule: &JwtRule) -> String {
    let value = |name: &str| match claims.get(name) {
        Some(value) => format!("`{name}` is `{value}`"),
        None => format!("the token has no `{name}`"),
    };
    let compared = match error {
        TokenError::WrongAudience => {
            let wanted: Vec<_> = rule.audiences.iter().map(String::as_str).collect();
            format!("{}, and the rule asks for {}", value("aud"), list(&wanted))
        }
        TokenError::Expired => {
            format!("{}, over {} s ago", value("exp"), rule.clock_skew_seconds)
        }
        TokenError::NotYetValid => {
            format!("{}, over {} s ahead", value("nbf"), rule.clock_skew_seconds)
        }
        TokenError::LifetimeTooLong => match rule.max_lifetime_seconds {
            Some(longest) => format!("{}, and at most {longest} s ahead are allowed", value("exp")),
            None => value("exp"),
        },
        _ => return format!("claims: {error}"),
    };
    format!("claims: {error}: {compared}")
}

/// That a token is of a kind that the rule does not take.
pub(super) fn kind(claims: &Claims, token_type: &TokenType, rule: &JwtRule) -> String {
    if let Some(name) = missing_claim(rule, claims) {
        let wrong_type = rule.token_types.as_ref().is_some_and(|it| !token_type.is_any_of(it));
        if !wrong_type {
            return format!("claims: `{name}` is missing or null, and the rule asks for it");
        }
    }
    let accepted: Vec<_> = rule.token_types.iter().flatten().map(|it| type_name(it)).collect();
    let accepted: Vec<_> = accepted.iter().map(String::as_str).collect();
    let own = match token_type {
        TokenType::Absent => "the token has no `typ`".to_owned(),
        TokenType::Named(name) => format!("`typ` is `{name}`"),
        TokenType::Unreadable => "`typ` is no text".to_owned(),
    };
    format!("type: {own}, and the rule takes {}", list(&accepted))
}

/// A type as it is named to people.
fn type_name(name: &str) -> String {
    if name.is_empty() { "none".to_owned() } else { name.to_owned() }
}

/// That a token names no certificate, where it must.
pub(super) fn unbound(confirmation: Confirmation) -> String {
    let why = match confirmation {
        Confirmation::Absent => "the token has no `cnf`, and the rule asks for one",
        _ => {
            "the `cnf` of the token holds no `x5t#S256` that is the SHA-256 of a certificate, so it \
             cannot be told whose it is"
        }
    };
    format!("holder: {why}")
}

/// That a trusted peer hands on what cannot be read.
pub(super) fn unreadable() -> &'static str {
    "holder: the peer is trusted to speak for others, and whom it speaks for cannot be read"
}

/// Which certificate a token is bound to, and which one is shown.
pub(super) fn certificate(
    wanted: Thumbprint,
    shown: Option<Thumbprint>,
    spoken: &Spoken,
) -> String {
    let whose = whose(spoken);
    let shown = match shown {
        Some(shown) if shown == wanted => "is that one".to_owned(),
        Some(shown) => format!("is `{}`", shown.short()),
        None => "is not known".to_owned(),
    };
    format!(
        "holder: the token is bound to the certificate `{}`, and that of {whose} {shown}",
        wanted.short()
    )
}

/// Which workload a token is bound to, and which one sends it.
pub(super) fn workload(
    is_holder: bool,
    claims: &Claims,
    id: &[u8],
    spoken: &Spoken,
    trust_domains: &[String],
) -> String {
    let subject = claims.subject().unwrap_or("nobody");
    let whose = whose(spoken);
    let text = String::from_utf8_lossy(id);
    let sender = match () {
        () if id.is_empty() => "shows no SPIFFE ID".to_owned(),
        () if spiffe_id(id, trust_domains).is_none() => {
            format!("is `{text}`, which is no one workload of a trusted domain")
        }
        () => format!("is `{text}`"),
    };
    let but = if is_holder { "and" } else { "but" };
    format!("holder: the token is that of `{subject}`, {but} {whose} {sender}")
}

fn whose(spoken: &Spoken) -> &'static str {
    match spoken {
        Spoken::Behind(_) => "the client that the peer speaks for",
        Spoken::Peer | Spoken::Unreadable => "the peer",
    }
}

/// Why a peer is nobody. `names` are the URIs of its certificate.
pub(super) fn stranger(names: &[u8], trust_domains: &[String]) -> String {
    let nobody = "source: the peer has no identity of a trusted domain";
    let text = String::from_utf8_lossy(names);
    let domain = text.strip_prefix("spiffe://").and_then(|rest| rest.split('/').next());
    let own = domain.map(|domain| vec![domain.to_owned()]).unwrap_or_default();
    if names.is_empty() {
        format!("{nobody}: it shows no SPIFFE ID")
    } else if text.contains(',') {
        format!("{nobody}: its certificate has several names, `{text}`")
    } else if let Some(domain) = domain
        && Workload::from_spiffe_id(names, &own).is_some()
    {
        let trusted: Vec<_> = trust_domains.iter().map(String::as_str).collect();
        format!("{nobody}: `{text}` is of `{domain}`, and trusted is {}", list(&trusted))
    } else {
        format!(
            "{nobody}: `{text}` is not of the form `spiffe://<trust domain>/ns/<namespace>/sa/\
             <service account>`"
        )
    }
}

/// That the readings of a path part, in `admitted` by a rule and `refused`.
pub(super) fn readings(
    path: Option<&Readings<'_>>,
    rule: &str,
    admitted: usize,
    refused: usize,
) -> String {
    let text = "path: rules admit some readings of it and not others";
    let Some(Readings::Several(readings)) = path else { return text.to_owned() };
    let (Some(sent), Some(admitted), Some(refused)) =
        (readings.first(), readings.get(admitted), readings.get(refused))
    else {
        return text.to_owned();
    };
    let cause = match doubtful(sent) {
        Some((at, piece)) => format!("; servers differ on `{piece}` at character {at}"),
        None => String::new(),
    };
    format!("{text}: `{rule}` admits `{admitted}`, and none admits `{refused}`{cause}")
}

/// What servers read differently first, and the number of its first character.
fn doubtful(path: &str) -> Option<(usize, &str)> {
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    let mut segment_at = 0_usize;
    let mut found: Option<(usize, &str)> = None;
    let mut note = |at: usize, piece| {
        if found.is_none_or(|(before, _)| at < before) {
            found = Some((at, piece));
        }
    };
    for segment in path.split('/') {
        if is_dots(segment) {
            note(segment_at, segment);
        }
        segment_at = segment_at.saturating_add(segment.len()).saturating_add(1);
    }
    if let Some(at) = path.find(['%', '\\', ';']) {
        let length = if path.get(at..).is_some_and(|rest| rest.starts_with('%')) { 3 } else { 1 };
        note(at, path.get(at..at.saturating_add(length)).unwrap_or_default());
    }
    if let Some(at) = path.find("//") {
        note(at, "//");
    }
    found.map(|(at, piece)| (at.saturating_add(1), piece))
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        others => format!("{shown} and {others} others"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_that_are_taken_for_one_another_are_told_apart() {
        for (written, known, hint) in [
            ("https://a.test/", "https://a.test", "slash at the end"),
            ("http://a.test", "https://a.test", "in the scheme"),
            ("https://A.test", "https://a.test", "in capitals"),
            ("https://a.test\n", "https://a.test", "white space"),
            (
                "https://sts.windows.net/t/",
                "https://login.microsoftonline.com/t/v2.0",
                "accessTokenAcceptedVersion",
            ),
        ] {
            let text = issuer(written, &["https://other.test", known]);
            assert!(text.contains(hint) && text.contains(known), "{text}");
        }
        let text =
            issuer("https://sts.windows.net/t/", &["https://login.microsoftonline.com/u/v2.0"]);
        assert!(text.ends_with("/u/v2.0`"), "{text}");
    }

    #[test]
    fn a_stranger_is_told_why() {
        let trusted = ["cluster.local".to_owned()];
        for (names, reason) in [
            ("", "it shows no SPIFFE ID"),
            ("payments/api", "is not of the form"),
            ("spiffe://cluster.local/ns/a/sa/", "is not of the form"),
            ("spiffe://old.test/ns/a/sa/b", "is of `old.test`, and trusted is `cluster.local`"),
            ("spiffe://a/ns/a/sa/b,spiffe://a/ns/a/sa/c", "several names"),
        ] {
            let text = stranger(names.as_bytes(), &trusted);
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn what_servers_differ_on_is_pointed_at() {
        for (path, expected) in [
            ("/v1/payments/..%2fadmin", Some((16, "%2f"))),
            ("/v1/../admin", Some((5, ".."))),
            ("/a;x/../b", Some((3, ";"))),
            ("/a//b", Some((3, "//"))),
            ("/a\\b", Some((3, "\\"))),
            ("/a", None),
        ] {
            assert_eq!(doubtful(path), expected, "{path}");
        }
    }
}
