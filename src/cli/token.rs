//! `egress-auth token`: signs with the demo issuer's key.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::output;
use super::queries::now;
use crate::demo::key::{DemoKey, USUAL_TYPE};

/// Flags of `egress-auth token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The `iss` claim: an issuer that the Gateway names
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The `sub` claim
    #[arg(long, value_name = "S")]
    subject: String,
    /// The `aud` claim; repeatable
    #[arg(long = "audience", value_name = "A")]
    audiences: Vec<String>,
    /// Another claim; the value is JSON if it parses as JSON, else a string; repeatable
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_claim)]
    claims: Vec<(String, Value)>,
    /// The type that its header gives it
    #[arg(long, value_name = "TYPE", default_value = USUAL_TYPE)]
    typ: String,
    /// Time until the token expires, such as 90s, 5m, 1h or 7d; -1h has expired an hour ago
    #[arg(long, value_name = "TIME", default_value = "1h", allow_hyphen_values = true,
          value_parser = parse_lifetime)]
    expires_in: i64,
}

/// Runs the command.
///
/// # Errors
/// When the demo key cannot be read, made or used.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let claims = claims(args, i64::try_from(now()?).unwrap_or(i64::MAX));
    let token = DemoKey::of_user()?.sign(claims, &args.typ)?;
    output::write(None, &format!("{token}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn claims(args: &Args, now: i64) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), args.issuer.clone().into());
    claims.insert("sub".to_owned(), args.subject.clone().into());
    match args.audiences.as_slice() {
        [] => {}
        [one] => drop(claims.insert("aud".to_owned(), one.clone().into())),
        several => drop(claims.insert("aud".to_owned(), several.into())),
    }
    claims.insert("iat".to_owned(), now.into());
    claims.insert("exp".to_owned(), now.saturating_add(args.expires_in).into());
    claims.extend(args.claims.iter().cloned());
    claims
}

/// `name=value`. The claims that have flags of their own are refused, so that a token never says
/// something else than its flags.
fn parse_claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as team=payments")?;
    match name {
        "" => return Err("expected NAME=VALUE, such as team=payments".to_owned()),
        "iss" => return Err("use --issuer".to_owned()),
        "sub" => return Err("use --subject".to_owned()),
        "aud" => return Err("use --audience".to_owned()),
        "exp" => return Err("use --expires-in".to_owned()),
        _ => {}
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

/// A whole number of seconds, minutes, hours or days, possibly negative.
fn parse_lifetime(text: &str) -> Result<i64, String> {
    let malformed = || "expected a number with s, m, h or d, such as 90s, 5m, 1h or 7d".to_owned();
    let split = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (number, unit) = text.split_at_checked(split).ok_or_else(malformed)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(malformed()),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds))
        // Ten thousand years: beyond it, dates stop making sense to other software.
        .filter(|total| total.unsigned_abs() <= 315_576_000_000)
        .ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        let base = ["token", "--issuer", "https://auth.example.com", "--subject", "me"];
        Command::try_parse_from(base.iter().chain(args)).map(|command| command.args)
    }

    #[test]
    fn flags_become_claims() {
        let args = parse(&[
            "--audience=a",
            "--claim=admin=true",
            "--claim=team=payments",
            "--claim=roles=[\"a\",\"b\"]",
            "--claim=note=a=b",
            "--expires-in=5m",
        ]);
        assert_eq!(
            Value::from(claims(&args.unwrap(), 1_000)),
            json!({
                "iss": "https://auth.example.com", "sub": "me", "aud": "a",
                "iat": 1_000, "exp": 1_300,
                "admin": true, "team": "payments", "roles": ["a", "b"], "note": "a=b",
            })
        );
        let args = parse(&["--audience=a", "--audience=b", "--expires-in", "-1h"]).unwrap();
        let claims = claims(&args, 10_000);
        assert_eq!(claims["aud"], json!(["a", "b"]));
        assert_eq!(claims["exp"], 6_400);
    }

    #[test]
    fn wrong_flags_are_refused() {
        for wrong in [
            "--claim=team",
            "--claim==x",
            "--claim=iss=x",
            "--claim=exp=1",
            "--expires-in=1",
            "--expires-in=h",
            "--expires-in=1w",
            "--expires-in=99999999999999999999d",
            "--expires-in=9999999999d",
            "--expires-in=1h30m",
        ] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
