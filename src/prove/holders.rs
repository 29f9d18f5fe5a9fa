//! Who must send a token that is bound to a workload, and what its subject then is.
//!
//! The subject and the sender are made together: a row of parts, each of which is in every subject
//! that matches what is asked for, with a letter between them that no pattern holds. So what is said
//! of the least subject ([`super::least`]) holds for it, and of the workload as well.

use super::example::Sender;
use super::senders::{domains, ids_of, splits};
use super::tokens::TooMany;
use super::vocabulary::{Vocabulary, text};
use crate::engine::Principal;
use crate::engine::source::{SourcePattern, Workload, spiffe_id};
use crate::policy::text_pattern::TextPattern;
use crate::policy::{IdentityMatch, JwtRule, SourceIdentity, WorkloadBound};

/// What stands before namespace and account in the subject of a token of Kubernetes.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// What the names of claims begin with that are compared with the subject, too.
const KUBERNETES: &str = "kubernetes.io";

/// Someone who holds a token.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The subject that the token must have; absent: any.
    pub subject: Option<String>,
    /// Who sends it.
    pub sender: Sender,
}

/// What senders are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'q, 'p> {
    /// Sources of which each must name the sender, with the identity that it is compared with.
    pub wanted: &'q [(&'q str, IdentityMatch)],
    /// How the policy that lets them in recognises workloads, and the other one.
    pub identities: [&'p SourceIdentity; 2],
    /// All sources.
    pub sources: &'q [&'p str],
    /// What principals ask for.
    pub vocabulary: &'q Vocabulary,
}

/// Everyone who can hold a token that a JWT rule accepts and that matches a principal; nobody by a
/// rule that binds tokens to no workload.
///
/// # Errors
/// When there are more to tell apart than are tried.
pub fn holders(
    rule: &JwtRule,
    principal: Option<&Principal>,
    asked: Asked<'_, '_>,
) -> Result<Vec<Holder>, TooMany> {
    let Some(bound) = rule.workload_bound else { return Ok(Vec::new()) };
    let names_claims = |name: &str| name.starts_with(KUBERNETES) || name.starts_with("[kubernetes");
    let mut claims = principal.into_iter().flat_map(|it| &it.other).map(|it| it.path.literal());
    let required = rule.required_claims.iter().map(String::as_str);
    if bound == WorkloadBound::Kubernetes && claims.by_ref().chain(required).any(names_claims) {
        return Err(TooMany);
    }
    // The letter between the parts must be one of names.
    if !asked.vocabulary.fresh.is_of_names() {
        return Err(TooMany);
    }
    let of_other = principal.into_iter().flat_map(|it| &it.other);
    let of_other = of_other.filter(|claim| claim.path.literal() == "sub");
    let subjects: Vec<_> = principal
        .into_iter()
        .filter_map(|it| it.sub.as_ref())
        .chain(of_other.map(|claim| &claim.pattern))
        .collect();
    let question = Question { bound, subjects, asked };
    let mut all = question.direct()?;
    all.extend(question.behind()?);
    Ok(all)
}

struct Question<'q, 'p> {
    bound: WorkloadBound,
    subjects: Vec<&'q TextPattern>,
    asked: Asked<'q, 'p>,
}

impl Question<'_, '_> {
    /// The direct peers that hold the token themselves.
    fn direct(&self) -> Result<Vec<Holder>, TooMany> {
        let [own, other] = self.asked.identities;
        let can_be_peer = |identity: &IdentityMatch| match identity {
            IdentityMatch::PeerCertificate | IdentityMatch::Permissive => true,
            IdentityMatch::SourceIdentity => own.propagated.is_none(),
        };
        if !self.asked.wanted.iter().all(|(_, identity)| can_be_peer(identity)) {
            return Ok(Vec::new());
        }
        let sources: Vec<_> = self.asked.wanted.iter().map(|(source, _)| *source).collect();
        let mut all = Vec::new();
        for domain in domains(own, other) {
            let Some((subject, id)) = self.named(domain, &sources)? else { continue };
            let sender = Sender { peer: Some(id), ..Sender::default() };
            all.push(Holder { subject: Some(subject), sender });
        }
        Ok(all)
    }

    /// Those for whom a trusted peer speaks.
    fn behind(&self) -> Result<Vec<Holder>, TooMany> {
        let [own, other] = self.asked.identities;
        let Some(propagated) = &own.propagated else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for [of_peer, handed_on] in splits(self.asked.wanted, own)? {
            for trusted in &propagated.trusted_sources {
                let of_peer: Vec<_> = of_peer.iter().copied().chain([trusted.as_str()]).collect();
                let peers = ids_of(&of_peer, &domains(own, other), self.asked.sources)?;
                for domain in domains(own, other) {
                    let Some((subject, id)) = self.named(domain, &handed_on)? else { continue };
                    all.extend(peers.iter().map(|peer| Holder {
                        subject: Some(subject.clone()),
                        sender: Sender {
                            peer: Some(peer.clone()),
                            behind: Some((propagated.header.clone(), id.clone())),
                            certificate: None,
                        },
                    }));
                }
            }
        }
        Ok(all)
    }

    /// The least subject and the SPIFFE ID of a workload of a domain that all of some sources name;
    /// nothing where there is none.
    fn named(&self, domain: &str, sources: &[&str]) -> Result<Option<(String, String)>, TooMany> {
        let domains = [domain.to_owned()];
        let made = match self.bound {
            WorkloadBound::Spiffe if sources.is_empty() => {
                let start = TextPattern::Prefix(format!("spiffe://{domain}/").into());
                let all = self.subjects.iter().copied().chain([&start]);
                let least = self.asked.vocabulary.fresh.least(all);
                least.map(|id| (id.clone(), id))
            }
            WorkloadBound::Spiffe => {
                let form = Form { start: &format!("spiffe://{domain}/ns/"), middle: "/sa/" };
                form.least(self, sources)?.map(|(id, _)| (id.clone(), id))
            }
            WorkloadBound::Kubernetes => {
                let form = Form { start: SERVICE_ACCOUNT, middle: ":" };
                form.least(self, sources)?.map(|(subject, [namespace, account])| {
                    (subject, format!("spiffe://{domain}/ns/{namespace}/sa/{account}"))
                })
            }
        };
        let Some((subject, id)) = made else { return Ok(None) };
        let is_named = match self.bound {
            WorkloadBound::Spiffe if sources.is_empty() => {
                spiffe_id(id.as_bytes(), &domains).is_some()
            }
            WorkloadBound::Spiffe | WorkloadBound::Kubernetes => {
                let workload = Workload::from_spiffe_id(id.as_bytes(), &domains);
                let names = |source: &&str| SourcePattern::parse(source).ok();
                let patterns: Option<Vec<_>> = sources.iter().map(names).collect();
                workload.zip(patterns).is_some_and(|(workload, patterns)| {
                    patterns.iter().all(|pattern| pattern.matches(&workload))
                })
            }
        };
        let matches = self.subjects.iter().all(|pattern| pattern.matches(&subject));
        match (is_named && matches, self.can_be_none()) {
            (true, _) => Ok(Some((subject, id))),
            (false, true) => Ok(None),
            (false, false) => Err(TooMany),
        }
    }

    /// Whether a pattern asks for what no subject holds that names a workload.
    fn can_be_none(&self) -> bool {
        let in_subject = |letter: char| letter.is_ascii_alphanumeric() || "-._:/".contains(letter);
        self.subjects
            .iter()
            .any(|pattern| text(pattern).is_some_and(|text| !text.chars().all(in_subject)))
    }
}

/// How subjects are put together of namespace and account.
struct Form<'f> {
    start: &'f str,
    middle: &'f str,
}

/// Patterns of the namespace and of the account.
type Parts = [Vec<TextPattern>; 2];

impl Form<'_> {
    /// The least subject with its namespace and account.
    fn least(
        &self,
        question: &Question<'_, '_>,
        sources: &[&str],
    ) -> Result<Option<(String, [String; 2])>, TooMany> {
        let mut parts: Parts = [Vec::new(), Vec::new()];
        for source in sources {
            let (namespace, account) = source.split_once('/').unwrap_or((source, "*"));
            for (part, written) in parts.iter_mut().zip([namespace, account]) {
                part.push(TextPattern::parse(written));
            }
        }
        for pattern in &question.subjects {
            if !self.ask(pattern, &mut parts)? {
                return Ok(None);
            }
        }
        let fresh = question.asked.vocabulary.fresh;
        for pattern in self.contained(&question.subjects)? {
            let [namespace, account] = &mut parts;
            // It stands where it can.
            let can = fresh
                .least(namespace.iter().chain([pattern]))
                .is_some_and(|it| pattern.matches(&it));
            (if can { namespace } else { account }).push(pattern.clone());
        }
        let [namespace, account] = parts.each_ref().map(|part| fresh.least(part));
        let (Some(namespace), Some(account)) = (namespace, account) else { return Ok(None) };
        let subject = format!("{}{namespace}{}{account}", self.start, self.middle);
        Ok(Some((subject, [namespace, account])))
    }

    /// Adds what a pattern of the subject asks of its parts. Whether any subject can match it.
    fn ask(&self, pattern: &TextPattern, parts: &mut Parts) -> Result<bool, TooMany> {
        let [namespace, account] = parts;
        let separator = |text: &str| text.contains(['/', ':']);
        match pattern {
            TextPattern::Present => {}
            TextPattern::Exact(text) => {
                let Some(rest) = text.strip_prefix(self.start) else { return Ok(false) };
                let Some((before, after)) = rest.split_once(self.middle) else { return Ok(false) };
                namespace.push(TextPattern::Exact(before.into()));
                account.push(TextPattern::Exact(after.into()));
            }
            TextPattern::Prefix(text) if self.start.starts_with(&**text) => {}
            TextPattern::Prefix(text) => {
                let Some(rest) = text.strip_prefix(self.start) else { return Ok(false) };
                match rest.split_once(self.middle) {
                    Some((before, after)) => {
                        namespace.push(TextPattern::Exact(before.into()));
                        if !after.is_empty() {
                            account.push(TextPattern::Prefix(after.into()));
                        }
                    }
                    None if separator(rest) => return Err(TooMany),
                    None => namespace.push(TextPattern::Prefix(rest.into())),
                }
            }
            TextPattern::Suffix(text) => match text.split_once(self.middle) {
                Some((before, after)) if !separator(before) && !separator(after) => {
                    if !before.is_empty() {
                        namespace.push(TextPattern::Suffix(before.into()));
                    }
                    account.push(TextPattern::Exact(after.into()));
                }
                None if !separator(text) => account.push(TextPattern::Suffix(text.clone())),
                _ => return Err(TooMany),
            },
            TextPattern::Contains(_) => {}
        }
        Ok(true)
    }

    /// Patterns of what a subject holds anywhere, but for what every subject holds.
    fn contained<'q>(&self, subjects: &[&'q TextPattern]) -> Result<Vec<&'q TextPattern>, TooMany> {
        let mut all = Vec::new();
        for pattern in subjects {
            match pattern {
                TextPattern::Contains(text)
                    if self.start.contains(&**text) || self.middle.contains(&**text) => {}
                // It may be across both parts.
                TextPattern::Contains(text) if text.contains(['/', ':']) => return Err(TooMany),
                TextPattern::Contains(_) => all.push(*pattern),
                _ => {}
            }
        }
        Ok(all)
    }
}
