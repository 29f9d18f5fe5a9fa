//! Tokens in a form that this gateway does not read, where the request goes on without one:
//! `optional.test` and `own.test` ask for none, and `tried.test` only reports what is missing.

use egress_auth::demo::echo::Received;

use super::{Row, good, raw};

const LEAKS: &str = "Tokens that go on";

/// Forms of a token in `authorization`.
const FORMS: [(&str, &str); 7] = [
    ("`Bearer`, a tab, a good token", "Bearer\t"),
    ("`bearer`, a tab and a space, a good token", "bearer\t "),
    ("a tab, `Bearer`, a tab, a good token", "\tBearer\t"),
    ("`Bearer`, a no-break space, a good token", "Bearer\u{a0}"),
    ("`Bearer:` and a good token", "Bearer: "),
    ("`Basic x,`, `Bearer`, a tab, a good token", "Basic x,Bearer\t"),
    ("`Bearer,`, `Bearer`, a tab, a good token", "Bearer,Bearer\t"),
];

/// The same, where the token is only reported as missing or wrong.
const TRIED_OUT: [(&str, &str); 3] = [
    ("`Bearer`, a tab, a good token, tried out", "Bearer\t"),
    ("`Bearer Bearer` and a good token, tried out", "Bearer Bearer "),
    ("`BEARER`, two tabs, a good token, tried out", "BEARER\t\t"),
];

/// Other places of a token.
const OWN: [(&str, &str, &str); 5] = [
    ("a good token in `x_mesh_token` for `x-mesh-token`", "x_mesh_token", ""),
    ("a good token in `x!mesh~token` for `x-mesh-token`", "x!mesh~token", ""),
    ("a good token behind `JWT` and a tab for `JWT `", "x-auth", "JWT\t"),
    ("a good token behind `jwt ` for `JWT `", "x-auth", "jwt "),
    ("a good token behind `Bearer ` for `JWT `", "x.auth", "Bearer "),
];

/// Names of a query parameter that some upstream takes for `access_token`.
const PARAMETERS: [(&str, &str); 8] = [
    ("a good token in `?access.token=`", "access.token="),
    ("a good token in `?access%20token=`", "access%20token="),
    ("a good token in `?+access_token=`", "+access_token="),
    ("a good token in `?access_token[]=`", "access_token[]="),
    ("a good token in `?access[token=`", "access[token="),
    ("a good token in `?Access_Token=`", "Access_Token="),
    ("a good token in `?a=b;access_token=`", "a=b;access_token="),
    ("a good token in `?%2561ccess_token=`", "%2561ccess_token="),
];

/// Names of a cookie that some upstream takes for `mesh_token`.
const COOKIES: [(&str, &str); 4] = [
    ("a good token in the cookie `mesh.token` for `mesh_token`", "mesh.token="),
    ("a good token in the cookie `mesh_token[]`", "mesh_token[]="),
    ("a good token in the cookie `%6desh_token`", "%6desh_token="),
    ("a good token in a cookie `mesh_token` behind a comma", "a=b,mesh_token="),
];

/// What belongs to the external API.
const OTHERS: [(&str, &str); 3] = [
    ("`Basic` with a password", "Basic dXNlcjpwYXNz"),
    ("`Digest` with commas in it", DIGEST),
    ("a signature of AWS", SIGNATURE),
];
const DIGEST: &str =
    "Digest username=\"Mufasa\", realm=\"api@example.org\", uri=\"/dir/index.html\"";
const SIGNATURE: &str = "AWS4-HMAC-SHA256 \
    Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
    SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6";

/// The rows.
pub fn rows() -> Vec<Row> {
    let token = good();
    let mut rows = Vec::new();
    for (attack, before) in FORMS {
        rows.push(taken_out(attack, "optional.test", "authorization", before, &token));
    }
    for (attack, before) in TRIED_OUT {
        rows.push(taken_out(attack, "tried.test", "authorization", before, &token));
    }
    for (attack, name, before) in OWN {
        rows.push(taken_out(attack, "own.test", name, before, &token));
    }
    for (attack, before) in PARAMETERS {
        let line = format!("GET /?x=1&{before}{token}");
        rows.push(without_token(attack, super::http1(line, "optional.test", &[])));
    }
    for (attack, before) in COOKIES {
        let cookies = format!("x=1; {before}{token}");
        rows.push(without_token(
            attack,
            super::http1("GET /", "own.test", &[("cookie", &cookies)]),
        ));
    }
    for ((attack, value), as_it_is) in OTHERS.into_iter().zip(AS_THEY_ARE) {
        let request = super::http1("GET /", "optional.test", &[("authorization", value)]);
        rows.push(Row::arrives(LEAKS, (attack, ""), request, "as it is", as_it_is));
    }
    rows
}

const AS_THEY_ARE: [fn(&Received) -> bool; 3] = [
    |it| it.header("authorization") == [OTHERS[0].1.as_bytes()],
    |it| it.header("authorization") == [OTHERS[1].1.as_bytes()],
    |it| it.header("authorization") == [OTHERS[2].1.as_bytes()],
];

fn taken_out(attack: &'static str, host: &str, name: &str, before: &str, token: &str) -> Row {
    // One byte a character: a no-break space is one byte to those who take it for a space.
    let before: Vec<u8> = before.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let header = [name.as_bytes(), b": ", &before, token.as_bytes()].concat();
    let request = raw("GET /", &[format!("host: {host}").into_bytes(), header]);
    Row::arrives(LEAKS, (attack, ""), request, "without the header", |it| {
        let names = ["authorization", "x_mesh_token", "x!mesh~token", "x-auth", "x.auth"];
        names.iter().all(|name| it.header(name).is_empty())
    })
}

/// A request of which the rest arrives.
fn without_token(attack: &'static str, request: super::Attack) -> Row {
    Row::arrives(LEAKS, (attack, ""), request, "without the token", |it| {
        let cookies = it.header("cookie");
        it.path.starts_with("/?x=1") && !it.path.contains("eyJ")
            || cookies.len() == 1 && cookies[0].starts_with(b"x=1") && cookies[0].len() < 10
    })
}
