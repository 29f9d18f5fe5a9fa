//! What the page asks, and what it is told: one JSON object each way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::survey::{Survey, SurveyAnswer};
use crate::explain::{Explainer, Explanation, Query};
use crate::policy::Policy;
use crate::prove::reach::Reacher;

/// A question of the page's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// Take a policy; it is named by its number from then on, from 0.
    Load {
        policy: Box<Policy>,
        /// As [`crate::compile::Compiled::silenced`].
        #[serde(default)]
        silenced: BTreeMap<String, Vec<usize>>,
    },
    /// Decide one request, and say why.
    Explain {
        /// Number of the policy.
        policy: usize,
        /// Unix seconds.
        now: u64,
        query: Box<RawValue>,
    },
    /// Decide every combination of some requests for one host.
    Survey {
        /// Number of the policy.
        policy: usize,
        /// Unix seconds.
        now: u64,
        requests: Survey,
    },
}

/// What the page is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Loaded(usize),
    Explained(Explanation),
    Surveyed(SurveyAnswer),
    /// Why there is no answer.
    Error(String),
}

/// The policies that a page has loaded.
#[derive(Debug, Default)]
pub struct Policies(Vec<Loaded>);

#[derive(Debug)]
struct Loaded {
    explainer: Explainer,
    reacher: Reacher<'static>,
}

impl Policies {
    /// Answers one question: a JSON object to a JSON object, `{"error": "..."}` where the question
    /// is none or cannot be answered.
    pub fn answer(&mut self, question: &[u8]) -> Vec<u8> {
        let answer = self.try_answer(question).unwrap_or_else(Answer::Error);
        // Answers hold nothing that JSON cannot say.
        serde_json::to_vec(&answer).unwrap_or_default()
    }

    fn try_answer(&mut self, question: &[u8]) -> Result<Answer, String> {
        match serde_json::from_slice(question).map_err(text)? {
            Question::Load { policy, silenced } => {
                // It is there for as long as the page is, and is not indexed anew for each question.
                let kept: &'static Policy = Box::leak(policy.clone());
                let explainer = Explainer::new(*policy, silenced).map_err(text)?;
                self.0.push(Loaded { explainer, reacher: Reacher::new(kept) });
                Ok(Answer::Loaded(self.0.len().saturating_sub(1)))
            }
            Question::Explain { policy, now, query } => {
                let query = Query::from_json(query.get()).map_err(text)?;
                let explanation =
                    self.policy(policy)?.explainer.explain_asked(&query, now).map_err(text)?;
                Ok(Answer::Explained(explanation))
            }
            Question::Survey { policy, now, requests } => {
                let Loaded { explainer, reacher } = self.policy(policy)?;
                Ok(Answer::Surveyed(requests.run(explainer, reacher, now).map_err(text)?))
            }
        }
    }

    fn policy(&self, number: usize) -> Result<&Loaded, String> {
        self.0.get(number).ok_or_else(|| format!("no policy {number} is loaded"))
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ask(policies: &mut Policies, question: &Value) -> Value {
        serde_json::from_slice(&policies.answer(question.to_string().as_bytes())).unwrap()
    }

    fn loaded() -> Policies {
        let policy = json!({
            "version": 1,
            "gateway": "n/g",
            "jwt_rules": [{"issuer": "https://a.test", "jwks": {"remote": {"uri": "https://a.test/k", "cluster": "c"}}}],
            "principals": [{"sub": "alice"}],
            "operations": [{"methods": ["GET"], "paths": ["/v1/*"]}],
            "rules": [{"name": "read", "from": [0], "to": [0]}],
            "servers": [{"name": "api", "hostname": "api.test",
                "authentication": {"jwt": [0]}, "authorization": {"rules": [0]}}],
        });
        let mut policies = Policies::default();
        let answer = ask(&mut policies, &json!({"load": {"policy": policy}}));
        assert_eq!(answer, json!({"loaded": 0}));
        policies
    }

    #[test]
    fn a_request_is_explained_with_every_step() {
        let query = json!({
            "request": "GET https://api.test/v1/x",
            "claims": {"iss": "https://a.test", "sub": "alice"},
        });
        let question = json!({"explain": {"policy": 0, "now": 1, "query": query}});
        let answer = ask(&mut loaded(), &question);
        let explained = &answer["explained"];
        assert_eq!((&explained["decision"], &explained["rule"]), (&json!("allow"), &json!("read")));
        assert_eq!(explained["steps"].as_array().unwrap().len(), 3, "{answer}");
    }

    /// A survey is the same requests one by one.
    #[test]
    fn a_survey_says_what_explaining_each_request_says() {
        let (methods, paths) = (["GET", "POST"], ["/v1/x", "/v1/..%2fx", "/x", "/#"]);
        let token = |sub: &str| json!({"claims": {"iss": "https://a.test", "sub": sub}});
        let callers =
            [token("alice"), token("bob"), json!({}), json!({"headers": {"authorization": "x"}})];
        let mut policies = loaded();
        let surveyed = ask(
            &mut policies,
            &json!({"survey": {"policy": 0, "now": 1, "requests": {"host": "api.test",
                "methods": methods, "paths": paths, "callers": callers}}}),
        );
        let mut compared = 0;
        for (caller, row) in callers.iter().zip(surveyed["surveyed"]["callers"].as_array().unwrap())
        {
            let mut cells = row.as_array().unwrap().iter();
            for method in methods {
                for path in paths {
                    let mut query = caller.clone();
                    query["request"] = json!(format!("{method} https://api.test{path}"));
                    let question = json!({"explain": {"policy": 0, "now": 1, "query": query}});
                    let mut explained = ask(&mut policies, &question)["explained"].take();
                    explained.as_object_mut().unwrap().remove("steps");
                    let at = usize::try_from(cells.next().unwrap().as_u64().unwrap()).unwrap();
                    assert_eq!(surveyed["surveyed"]["answers"][at], explained, "{query}");
                    compared += 1;
                }
            }
            assert!(cells.next().is_none());
        }
        assert_eq!(compared, 32);
    }

    /// What somebody may do is said of all requests, not of those that were decided.
    #[test]
    fn a_survey_says_how_much_each_caller_may_do() {
        let token = |sub: &str| json!({"claims": {"iss": "https://a.test", "sub": sub}});
        let requests = json!({"host": "api.test", "methods": ["GET"], "paths": ["/v1/x"],
            "callers": [token("alice"), token("bob"), {}]});
        let question = json!({"survey": {"policy": 0, "now": 1, "requests": requests}});
        let answer = ask(&mut loaded(), &question);
        assert_eq!(answer["surveyed"]["reach"], json!(["some", "none", "none"]));
        let mut requests = requests.clone();
        requests["host"] = json!("elsewhere.test");
        let question = json!({"survey": {"policy": 0, "now": 1, "requests": requests}});
        let answer = ask(&mut loaded(), &question);
        assert_eq!(answer["surveyed"]["reach"], json!(["none", "none", "none"]));
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        let query = json!({"request": "GET api.test"});
        for (question, expected) in [
            (json!({"explain": {"policy": 0, "now": 1, "query": query}}), "is not a request"),
            (json!({"explain": {"policy": 7, "now": 1, "query": query}}), "no policy 7"),
            (json!({"load": {"policy": {"version": 1}}}), "missing field"),
            (json!({"forget": {}}), "unknown variant"),
        ] {
            let answer = ask(&mut loaded(), &question);
            assert!(answer["error"].as_str().unwrap().contains(expected), "{answer}");
        }
        let policy = json!({"version": 2, "gateway": "n/g", "servers": []});
        let answer = ask(&mut loaded(), &json!({"load": {"policy": policy}}));
        assert!(answer["error"].as_str().unwrap().contains("compile the policy again"), "{answer}");
    }
}
