//! Many requests for one host at once: what every caller may do there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::explain::{Explainer, Explanation, Query, QueryError, Values};
use crate::jwt::{Thumbprint, TokenType};
use crate::prove::example::{Sender, Token};
use crate::prove::reach::{AtHost, Reach, Reacher};

/// Every combination of these: for each caller, each method with each path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Survey {
    host: String,
    methods: Vec<String>,
    paths: Vec<String>,
    callers: Vec<Caller>,
}

/// Who makes the requests; all as in [`Query`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caller {
    #[serde(default)]
    claims: Option<Box<RawValue>>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
}

/// What was decided.
#[derive(Debug, Serialize)]
pub(super) struct SurveyAnswer {
    /// Every different answer, once.
    answers: Vec<Explanation>,
    /// For each caller the positions in `answers`: of the first method all paths, of the second,
    /// and so on.
    callers: Vec<Vec<usize>>,
    /// How much each caller may do there, over all requests; absent for one who hands on an identity.
    reach: Vec<Option<Reach>>,
}

impl Survey {
    /// Decides every request at `now` (Unix seconds).
    pub(super) fn run(
        self,
        explainer: &Explainer,
        reacher: &Reacher<'_>,
        now: u64,
    ) -> Result<SurveyAnswer, QueryError> {
        let mut answers: Vec<Explanation> = Vec::new();
        let mut callers = Vec::with_capacity(self.callers.len());
        let (methods, paths) = (&self.methods, &self.paths);
        let at_host = reacher.at(&self.host);
        let reach = |caller: &Caller| caller.reach(&at_host, now);
        let reach = self.callers.iter().map(reach).collect();
        for caller in self.callers {
            let mut query = Query {
                claims: caller.claims,
                typ: caller.typ,
                source: caller.source,
                certificate: caller.certificate,
                headers: caller.headers,
                ..Query::default()
            };
            let mut row = Vec::with_capacity(methods.len().saturating_mul(paths.len()));
            for (method, path) in
                methods.iter().flat_map(|it| paths.iter().map(move |path| (it, path)))
            {
                query.request = format!("{method} https://{}{path}", self.host);
                let answer = explainer.decide(&query, now)?;
                row.push(answers.iter().position(|it| *it == answer).unwrap_or_else(|| {
                    answers.push(answer);
                    answers.len().saturating_sub(1)
                }));
            }
            callers.push(row);
        }
        Ok(SurveyAnswer { answers, callers, reach })
    }
}

impl Caller {
    /// How much it may do there; nothing where that is not known from token and workload alone.
    fn reach(&self, at_host: &AtHost<'_, '_>, now: u64) -> Option<Reach> {
        if !self.headers.is_empty() {
            return None;
        }
        let token = match &self.claims {
            None => Token::default(),
            Some(claims) => {
                let token_type = TokenType::named(self.typ.as_deref().unwrap_or_default());
                Token::new(serde_json::from_str(claims.get()).ok()?)?.of_type(&token_type)
            }
        };
        let certificate = self.certificate.as_deref().map(Thumbprint::read);
        let sender = Sender {
            peer: self.source.clone(),
            behind: None,
            certificate: certificate.flatten().map(Thumbprint::to_hex),
        };
        Some(at_host.reach(&token, &sender, now))
    }
}
