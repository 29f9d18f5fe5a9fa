//! Generated requests.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::policies::{ISSUERS, often, one};
use super::support::raw::Request;
use super::support::token::Recipe;
use super::tokens::{Peculiarity, token};

/// Names in client certificates; none stands for a certificate without a URI.
pub const SOURCES: [&[&str]; 7] = [
    &["spiffe://cluster.local/ns/payments/sa/api"],
    &["spiffe://cluster.local/ns/payments/sa/other"],
    &["spiffe://cluster.local/ns/batch/sa/nightly"],
    &["spiffe://cluster.local/ns/egress/sa/gateway"],
    &["spiffe://other.example/ns/payments/sa/api"],
    &["spiffe://cluster.local/ns/payments/sa/api", "spiffe://cluster.local/ns/a/sa/b"],
    &["client.test"],
];

const HOSTS: [&str; 13] = [
    "a.test",
    "a.test",
    "b.test",
    "api.c.test",
    "z.c.test",
    "x.wild.test",
    "y.wild.test",
    "p.q.wild.test",
    "n.deep.wild.test",
    "wild.test",
    "elsewhere.test",
    "unlisted.test",
    "a.test.evil.test",
];

const PATHS: [&str; 44] = [
    "/",
    "/v1",
    "/v1/",
    "/v1/pay",
    "/v1/pay",
    "/v1/payments",
    "/v1/items",
    "/v1/items/42",
    "/v1/x/items",
    "/v1/x/y/items",
    "/v1/x/y/a",
    "/v2/pay",
    "/V1/pay",
    "/a.b/c",
    "/axb/c",
    "/v1/pay?to=none&x=/../",
    "/v1//pay",
    "//v1/pay",
    "/v1/../v2/pay",
    "/v2/../v1/pay",
    "/v1/./pay",
    "/v1/..%2fv2",
    "/v1/%2e%2e/v2",
    "/v1/%252e%252e/v2",
    "/v1/..%252fv2",
    "/v1/..;/v2",
    "/v1/..;x=1/v2",
    "/v1/pay;x=1",
    "/v1/a;b/items",
    "/v1/p;x",
    "/v1\\..\\v2",
    "/v1/..\\v2",
    "/v1/a%2fb",
    "/v1/a%2fitems",
    "/v1/a%5citems",
    "/v1/caf%C3%A9/items",
    "/v1/a%20b",
    "/v1/x%20a",
    "/v1/x%3a",
    "/v1/100%25",
    "/v1/100%2541",
    "/v1/x%00",
    "/v1/x%zz",
    "/v1/x%c0%af",
];

/// One request, and what is peculiar about it.
pub struct Asked {
    pub method: &'static str,
    pub host: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    /// Index of [`SOURCES`].
    pub source: usize,
    /// What its token is like.
    pub token: Peculiarity,
}

/// The server of a Gateway that a request is meant for, and one of its JWT rules: requests at
/// random would nearly all be denied for lack of the right token.
pub struct Aim {
    host: String,
    /// Null where the server asks for no token.
    pub rule: Value,
}

impl Aim {
    fn at(random: &mut Rng, gateway: &Value) -> Self {
        let server = one(random, gateway["spec"]["http"].as_array().unwrap()).clone();
        let labels = one(random, &["q", "y", "n.deep"]);
        let host = server["hostname"].as_str().unwrap().replace('*', labels);
        let mut rule = server["authentication"]["jwt"].clone();
        if rule.is_null() {
            rule = server["authentication"]["rules"]["jwt"][random.usize(..2)].clone();
        }
        Self { host, rule }
    }

    /// Makes claims such as the rule asks for.
    pub fn adapt(&self, claims: &mut Value) {
        if let Some(issuer) = self.rule["issuer"].as_str() {
            claims["iss"] = issuer.into();
        }
        if !self.rule["audiences"].is_null() {
            claims["aud"] = self.rule["audiences"][0].clone();
        }
    }
}

impl Asked {
    pub fn generate(random: &mut Rng, gateway: &Value) -> Self {
        let aim = often(random, 75).then(|| Aim::at(random, gateway));
        let mut host = match &aim {
            Some(aim) => aim.host.clone(),
            None => (*one(random, &HOSTS)).to_owned(),
        };
        match random.u8(..60) {
            0 => host.make_ascii_uppercase(),
            1 => host.push_str(":443"),
            2 => host.push('.'),
            3 => host.push_str(".:80"),
            4 => host.insert_str(0, "user@"),
            5 => host.insert(0, '.'),
            6 => host.push_str(":x"),
            7 => host.push(':'),
            8 => host = host.replace('.', ".."),
            9 => host.insert(host.find('.').unwrap_or(0), '['),
            10 => (*one(random, &["[::1]", "[0::1]", "127.1", "127.0.0.1"])).clone_into(&mut host),
            _ => {}
        }
        let method = one(random, &["GET", "GET", "GET", "POST", "DELETE", "PATCH"]);
        let mut asked = Self {
            method,
            host,
            target: (*one(random, &PATHS)).to_owned(),
            headers: Vec::new(),
            source: random.usize(..SOURCES.len()),
            token: Peculiarity::None,
        };
        if often(random, 85) {
            let (token, peculiarity) = token(random, aim.as_ref());
            asked.token = peculiarity;
            asked.put(random, &token, aim.as_ref());
        }
        asked
    }

    /// Puts the token in some place.
    fn put(&mut self, random: &mut Rng, token: &str, aim: Option<&Aim>) {
        if let Some(Aim { rule, .. }) = aim {
            if let Some(header) = rule["fromHeaders"].get(0) {
                let prefix = header["prefix"].as_str().unwrap_or_default();
                return self.put_in_header(random, "x-token", prefix, token);
            }
            return match rule["fromParams"].is_null() {
                true => self.put_in_header(random, "authorization", "Bearer ", token),
                false => self.put_in_query("token", token),
            };
        }
        match random.u8(..10) {
            0..=5 => self.put_in_header(random, "authorization", "Bearer ", token),
            6 => self.put_in_header(random, "x-token", "", token),
            7 => self.put_in_header(random, "x-token", "JWT ", token),
            8 => self.put_in_query("token", token),
            _ => self.put_in_query("access_token", token),
        }
    }

    fn put_in_query(&mut self, name: &str, token: &str) {
        let joint = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{joint}{name}={token}", self.target);
    }

    fn put_in_header(&mut self, random: &mut Rng, name: &str, prefix: &str, token: &str) {
        let mut add = |value: String| self.headers.push((name.to_owned(), value));
        if self.token != Peculiarity::None || often(random, 70) {
            return add(format!("{prefix}{token}"));
        }
        let other = || Recipe::of(&json!({"iss": ISSUERS[0], "sub": "bob"})).token("ES256");
        let peculiarity = match random.u8(..7) {
            0 if !prefix.is_empty() => {
                add(format!("{}{token}", prefix.to_ascii_lowercase()));
                Peculiarity::LowerCaseScheme
            }
            1 => {
                add(format!("{prefix}  {token}"));
                Peculiarity::SpaceInFront
            }
            2 => {
                add(format!("{prefix}{token}"));
                add(format!("{prefix}{}", other()));
                Peculiarity::TwoTokens
            }
            3 => {
                add(format!("{prefix}{token}"));
                add(format!("{prefix}{token}"));
                Peculiarity::TwiceTheSame
            }
            4 => {
                add(format!("{prefix}{token},{prefix}{token}"));
                Peculiarity::List
            }
            5 => {
                add(format!("x {prefix}{token}"));
                Peculiarity::TextInFront
            }
            _ => {
                add(format!("{prefix}{token} x"));
                Peculiarity::TextBehind
            }
        };
        self.token = peculiarity;
    }

    /// As it is sent.
    pub fn request(&self, agent: &str) -> Request {
        let mut request = Request::new(self.method, &self.host, &self.target);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.header("x-jwt-payload", "forged").header("user-agent", agent)
    }

    /// The line for `explain`, with the path as Envoy hands it on.
    pub fn line(&self, path: &str) -> Value {
        let query = self.target.find('?').map_or("", |at| &self.target[at..]);
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &self.headers {
            let values = headers.entry(name.clone()).or_insert_with(|| json!([]));
            values.as_array_mut().unwrap().push(value.clone().into());
        }
        let uris = SOURCES[self.source].iter().filter(|name| name.contains("://"));
        let source = uris.copied().collect::<Vec<_>>().join(",");
        json!({
            "request": format!("{} https://{}{path}{query}", self.method, self.host),
            "source": source,
            "headers": headers,
        })
    }
}
