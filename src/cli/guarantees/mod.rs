//! Guarantees of a file, judged for a policy: what `prove` prints and `report` shows, and what
//! `compile` and `run` insist on.
//!
//! | file | what lives there |
//! |---|---|
//! | `fields` | the fields of the file |
//! | `json` | results as JSON |
//! | `read` | the file to guarantees |
//! | `say` | why one does not hold, for people |

pub mod fields;
pub mod json;
mod read;
pub mod say;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use self::read::{Guarantee, What};
use super::diagnostics;
use super::input::GatewayArgs;
use super::output::tell;
use super::plain::{plain, quoted};
use crate::compile::Compiled;
use crate::prove::compare::compare;
use crate::prove::example::{Answer, Example};
use crate::prove::guarantee::{Doubt, Outcome, PathProof, Prover, Refutation};
use crate::resource::diagnostic::Diagnostics;
use crate::resource::source::{Sources, Span};
use crate::resource::tree::Document;
use crate::resource::{input, yaml};

/// A file with guarantees that has no errors.
#[derive(Debug)]
pub struct Guarantees {
    /// The file, as the user gave it.
    pub file: String,
    sources: Sources,
    list: Vec<Guarantee>,
}

/// A guarantee with what was found about it.
#[derive(Debug)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// How long it took.
    pub took: Duration,
    /// How it stands.
    pub standing: Standing,
}

/// How a guarantee stands.
#[derive(Debug)]
pub enum Standing {
    /// It holds for all requests; what was found about paths on the way.
    Proved(Vec<PathProof>),
    /// A request breaks it.
    Refuted(Box<Broken>),
    /// Neither could be told.
    Undecided(Vec<Doubt>),
}

/// A request that breaks a guarantee.
#[derive(Debug)]
pub struct Broken {
    /// The request, and the answer to it.
    pub refutation: Refutation,
    /// The rule that lets it pass in its document, as `file:line`.
    pub place: Option<String>,
    /// The command that shows it.
    pub command: String,
}

/// Reads a file with guarantees; nothing, but a report, when it has errors.
///
/// # Errors
/// When it cannot be read, or holds nothing.
pub fn read(path: &Path) -> anyhow::Result<Option<Guarantees>> {
    let mut found = Diagnostics::default();
    let sources = input::read(&[path.to_owned()], &[], &mut found)?;
    let mut list = Vec::new();
    for (file, source) in sources.iter() {
        let documents = yaml::read(file, &source.text, &mut found);
        let folder = Path::new(&source.name).parent().unwrap_or(Path::new(""));
        for root in documents.iter().filter_map(Document::root).filter(|root| !root.is_null()) {
            list.extend(read::guarantees(root, folder, &mut found));
        }
    }
    let failed = found.has_errors();
    anyhow::ensure!(failed || !list.is_empty(), "{} holds no guarantees", path.display());
    diagnostics::print(&sources, &found);
    Ok((!failed).then(|| Guarantees { file: path.display().to_string(), sources, list }))
}

/// What is judged: a compiled Gateway, and how it was read.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The Gateway.
    pub compiled: &'s Compiled,
    /// The texts that it was read from.
    pub sources: &'s Sources,
    /// Where they are.
    pub paths: &'s [PathBuf],
    /// How they were read.
    pub args: &'s GatewayArgs,
}

impl Guarantees {
    /// Judges every guarantee at `now` (Unix seconds); nothing, but a report, when another policy
    /// that one names has errors.
    ///
    /// # Errors
    /// When a policy is not sound, or another one cannot be read.
    pub fn judge(&self, subject: Subject<'_>, now: u64) -> anyhow::Result<Option<Vec<Judged>>> {
        let policy = &subject.compiled.policy;
        let prover = Prover::new(policy, now)?;
        let mut all = Vec::with_capacity(self.list.len());
        for guarantee in &self.list {
            let start = Instant::now();
            let outcome = match &guarantee.what {
                What::Demand(demand) => prover.judge(demand)?,
                What::NoMoreThan(path) => {
                    let loaded = subject.args.load(std::slice::from_ref(path))?;
                    let Some(old) = &loaded.compiled else {
                        loaded.print();
                        return Ok(None);
                    };
                    no_more_than(&old.policy, subject.compiled, now)?
                }
            };
            let standing = match outcome {
                Outcome::Proved(proofs) => Standing::Proved(proofs),
                Outcome::Undecided(doubts) => Standing::Undecided(doubts),
                Outcome::Refuted(refutation) => Standing::Refuted(Box::new(Broken {
                    place: place(&refutation, subject),
                    command: command(&refutation.example, subject),
                    refutation: *refutation,
                })),
            };
            all.push(Judged {
                name: guarantee.name.clone(),
                line: self.sources.position(guarantee.span).line,
                took: start.elapsed(),
                standing,
            });
        }
        Ok(Some(all))
    }
}

impl Guarantees {
    /// Whether every guarantee is proved; each that is not is told, with the reason.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn are_kept(&self, subject: Subject<'_>, now: u64) -> anyhow::Result<bool> {
        let Some(judged) = self.judge(subject, now)? else { return Ok(false) };
        for one in judged.iter().filter(|one| !one.holds()) {
            let (word, name) = (one.standing.as_str(), plain(&one.name));
            tell(format_args!("error: {word}: {name} ({}:{})", plain(&self.file), one.line));
            for line in one.reasons() {
                tell(format_args!("    {}", plain(&line)));
            }
        }
        Ok(judged.iter().all(Judged::holds))
    }
}

/// Whether one policy allows nothing that another denies.
fn no_more_than(old: &crate::policy::Policy, new: &Compiled, now: u64) -> anyhow::Result<Outcome> {
    let comparison = compare([old, &new.policy], now)?;
    let found = comparison.groups.iter().flat_map(|group| &group.gained.found);
    // The shortest says most.
    let length = |example: &Example| example.path.as_ref().map_or(0, String::len);
    if let Some(found) = found.min_by_key(|found| length(&found.example)) {
        let (example, answer) = (found.example.clone(), Answer::clone(&found.admitted));
        return Ok(Outcome::Refuted(Box::new(Refutation { example, answer })));
    }
    let doubts = comparison.groups.iter().flat_map(|group| {
        let host = group.hosts.first().map(|host| host.example.clone()).unwrap_or_default();
        group.gained.unclear.iter().map(move |unclear| Doubt {
            host: host.clone(),
            method: unclear.method.clone(),
            why: unclear.why,
        })
    });
    let doubts: Vec<_> = doubts.collect();
    Ok(if doubts.is_empty() { Outcome::Proved(Vec::new()) } else { Outcome::Undecided(doubts) })
}

/// Where the rule stands that lets a request pass.
fn place(refutation: &Refutation, subject: Subject<'_>) -> Option<String> {
    let rule = refutation.answer.rule.as_ref()?;
    let compiled = subject.compiled;
    let server = refutation.answer.server.as_ref()?;
    let (server, deployment) = compiled
        .policy
        .servers
        .iter()
        .zip(&compiled.deployment.servers)
        .find(|(it, _)| it.name == *server)?;
    let rules = &server.authorization.as_ref()?.rules;
    let named = |index: &u32| compiled.policy.rule(*index).is_some_and(|it| it.name == *rule);
    let span: &Span = deployment.rules.get(rules.iter().position(named)?)?;
    let source = subject.sources.get(span.file)?;
    Some(format!("{}:{}", source.name, subject.sources.position(*span).line))
}

/// The command that decides a request once more and says why.
fn command(example: &Example, subject: Subject<'_>) -> String {
    let mut words = vec!["egress-auth".to_owned(), "explain".to_owned()];
    words.extend(subject.paths.iter().map(|path| path.display().to_string()));
    words.extend(subject.args.written());
    words.extend(["--request".to_owned(), example.request()]);
    if let Some(claims) = example.token.as_map() {
        words.push("--claims".to_owned());
        words.push(serde_json::Value::Object(claims.clone()).to_string());
    }
    if let Some(name) = example.token.type_name() {
        words.extend(["--typ".to_owned(), name.to_owned()]);
    }
    if let Some(peer) = &example.sender.peer {
        words.extend(["--source".to_owned(), peer.clone()]);
    }
    if let Some(certificate) = example.sender.own_certificate() {
        words.extend(["--certificate".to_owned(), certificate.to_owned()]);
    }
    if let Some((header, value)) = example.sender.handed_on() {
        words.extend(["--header".to_owned(), format!("{header}: {value}")]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}
