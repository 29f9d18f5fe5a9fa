//! One case of a table, and the request that is made of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::token::{Recipe, payload};

/// One request and its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: String,
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    token: Option<Recipe>,
    second: Option<Recipe>,
    pub(super) answer: Answer,
    #[serde(default)]
    pub(super) upstream: Arrived,
    pub(super) normalized: Option<Normalized>,
    pub(super) envoy: Option<Refuses>,
    /// The body of the denial, where its reason does not say it.
    pub(super) body: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// What an upstream sees of an allowed request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Arrived {
    pub(super) path: Option<String>,
    pub(super) host: Option<String>,
    pub(super) headers: BTreeMap<String, Option<String>>,
    /// Whether the token arrives.
    pub(super) token: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Normalized {
    pub(super) path: String,
    pub(super) answer: Answer,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Refuses {
    Refuses,
}

/// `status reason mechanism server rule`, `-` for none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) struct Answer(pub(super) String);

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Answer {
    pub(super) fn new(status: &Value, of: &Value) -> Self {
        let field = |name: &str| of[name].as_str().unwrap_or("-").to_owned();
        let (reason, mechanism) = (field("reason"), field("mechanism"));
        format!("{status} {reason} {mechanism} {} {}", field("server"), field("rule")).into()
    }

    pub(super) fn word(&self, index: usize) -> &str {
        self.0.split(' ').nth(index).unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.word(0)
    }

    pub(super) fn reason(&self) -> &str {
        self.word(1)
    }
}

/// A case with its tokens made.
pub(super) struct Prepared<'c> {
    pub(super) case: &'c Case,
    pub(super) token: String,
    pub(super) second: String,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) target: String,
    /// Name and value, in the order in which they are sent.
    pub(super) headers: Vec<(String, String)>,
    /// Whether the token is placed somewhere else than in `authorization`.
    pub(super) placed: bool,
}

impl<'c> Prepared<'c> {
    pub(super) fn new(case: &'c Case, algorithm: &str) -> Self {
        let made = |recipe: &Option<Recipe>| recipe.as_ref().map(|it| it.token(algorithm));
        let placed = case.request.contains("${") || format!("{:?}", case.headers).contains("${");
        let mut this = Self {
            case,
            token: made(&case.token).unwrap_or_default(),
            second: made(&case.second).unwrap_or_default(),
            method: String::new(),
            host: String::new(),
            target: String::new(),
            headers: Vec::new(),
            placed,
        };
        let request = this.fill(&case.request);
        let (method, url) = request.split_once(' ').unwrap();
        let rest = url.strip_prefix("https://").unwrap();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        this.method = method.to_owned();
        (this.host, this.target) = (rest[..end].to_owned(), rest[end..].to_owned());
        for (name, values) in &case.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            let filled: Vec<_> = values.iter().map(|it| (name.clone(), this.fill(it))).collect();
            this.headers.extend(filled);
        }
        if case.token.is_some() && !placed {
            let bearer = format!("Bearer {}", this.token);
            this.headers.push(("authorization".to_owned(), bearer));
        }
        this
    }

    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("${token}", &self.token)
            .replace("${second}", &self.second)
            .replace("${payload}", payload(&self.token))
    }

    /// A line for `explain --requests`, with this target.
    pub(super) fn line(&self, target: &str) -> String {
        self.line_of(target, &self.headers, None)
    }

    /// The same by claims, if the token is sound but for what the claims say.
    pub(super) fn line_with_claims(&self) -> Option<String> {
        let recipe = self.case.token.as_ref()?;
        let plain = !self.placed && self.case.headers.is_empty();
        // Malformed claims stand for no token: asking about them is an error.
        let readable = self.case.answer.reason() != "malformed_token";
        let sound = recipe.is_only_claims() && plain && readable;
        sound.then(|| self.line_of(&self.target, &[], Some(recipe.claims().into())))
    }

    fn line_of(&self, target: &str, headers: &[(String, String)], claims: Option<Value>) -> String {
        let mut by_name = BTreeMap::<&str, Vec<&str>>::new();
        for (name, value) in headers {
            by_name.entry(name).or_default().push(value);
        }
        let request = format!("{} https://{}{target}", self.method, self.host);
        let mut line = json!({"request": request, "headers": by_name});
        if let Some(claims) = claims {
            line["claims"] = claims;
        }
        line.to_string()
    }

    pub(super) fn problem(&self, who: &str, what: &str) -> String {
        format!("- {} ({}): {who}: {what}", self.case.name, self.case.request)
    }
}
