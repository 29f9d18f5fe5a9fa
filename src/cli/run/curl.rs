//! curl commands that send a sample once more, ready to paste into a POSIX shell.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;

use crate::cli::plain::quoted;
use crate::demo::key::USUAL_TYPE;
use crate::demo::sample::{Sample, SampleToken, SignedToken};

/// A command for every sample.
pub fn commands<'s>(gateway: SocketAddr, samples: impl Iterator<Item = &'s Sample>) -> Vec<String> {
    let program = std::env::args_os().next().and_then(|name| name.into_string().ok());
    let program = program.filter(|name| name.contains('/')).unwrap_or("egress-auth".to_owned());
    samples.map(|sample| command(gateway, &program, sample)).collect()
}

fn command(gateway: SocketAddr, program: &str, sample: &Sample) -> String {
    let mut lines = vec!["curl -i".to_owned()];
    if sample.method != "GET" {
        lines.push(format!("-X {}", quoted(&sample.method)));
    }
    lines.push(format!("-H {}", quoted(&format!("Host: {}", sample.host))));
    let token = match &sample.token {
        SampleToken::Signed(token) => Some(token_command(program, token)),
        SampleToken::None | SampleToken::Garbage => None,
    };
    if let Some((name, value)) = sample.header(token.as_deref()) {
        lines.push(format!("-H \"{name}: {value}\""));
    }
    // A token is the only thing that a shell has to put in.
    let url = format!("http://{gateway}{}", sample.target(token.as_deref()));
    lines.push(if url.contains("$(") { format!("\"{url}\"") } else { quoted(&url) });
    lines.join(" \\\n  ")
}

/// The command that signs such a token.
fn token_command(program: &str, token: &SignedToken) -> String {
    let mut command = format!("$({} token", quoted(program));
    for (name, value) in &token.claims {
        let flag = match (name.as_str(), value) {
            ("iss", Value::String(text)) => format!("--issuer {}", quoted(text)),
            ("sub", Value::String(text)) => format!("--subject {}", quoted(text)),
            ("aud", Value::String(text)) => format!("--audience {}", quoted(text)),
            (name, value) => format!("--claim {}", quoted(&format!("{name}={value}"))),
        };
        let _ = write!(command, " {flag}");
    }
    if token.typ != USUAL_TYPE {
        let _ = write!(command, " --typ {}", quoted(&token.typ));
    }
    if token.expires_in != 3_600 {
        let _ = write!(command, " --expires-in {}s", token.expires_in);
    }
    command.push(')');
    command
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::demo::sample::Place;

    fn sample(place: Place) -> Sample {
        let claims = json!({"iss": "https://auth.test", "sub": "it's me", "team": "a b"});
        Sample {
            server: "api".to_owned(),
            host: "api.test".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/x".to_owned(),
            token: SampleToken::Signed(SignedToken {
                claims: claims.as_object().unwrap().clone(),
                typ: USUAL_TYPE.to_owned(),
                expires_in: 30,
            }),
            place,
        }
    }

    #[test]
    fn commands_can_be_pasted() {
        let gateway = "127.0.0.1:10000".parse().unwrap();
        let place =
            Place::Header { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() };
        assert_eq!(
            command(gateway, "egress-auth", &sample(place)),
            r#"curl -i \
  -X POST \
  -H 'Host: api.test' \
  -H "authorization: Bearer $(egress-auth token --issuer https://auth.test --subject 'it'\''s me' --claim 'team="a b"' --expires-in 30s)" \
  http://127.0.0.1:10000/v1/x"#
        );
        let place = Place::Param("t".to_owned());
        let in_query = command(gateway, "egress-auth", &sample(place));
        assert!(in_query.contains("\"http://127.0.0.1:10000/v1/x?t=$(egress-auth token"));
        let open = Sample {
            token: SampleToken::None,
            method: "GET".to_owned(),
            ..sample(Place::Cookie("c".to_owned()))
        };
        assert_eq!(
            command(gateway, "egress-auth", &open),
            "curl -i \\\n  -H 'Host: api.test' \\\n  http://127.0.0.1:10000/v1/x"
        );
    }
}
