//! Which claim of a token stands where: by its very name, or where a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::TooMany;
use super::vocabulary::{THUMBPRINT, Vocabulary, places};
use crate::engine::{ClaimPattern, Principal};
use crate::jwt::{ClaimPath, Thumbprint};
use crate::policy::text_pattern::TextPattern;
use crate::policy::{CertificateBound, JwtRule};

/// Combinations of places that are tried for one principal.
const MOST_PLACES: usize = 64;

/// Claims whose type and value a JWT rule judges.
pub(super) const JUDGED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];

/// Which claim stands where.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout<'p> {
    /// What stands at each place.
    pub(super) leaves: BTreeMap<Vec<&'p str>, Vec<Asked<'p>>>,
    /// Places where something must stand, whatever it is, beside what principals ask for.
    pub(super) needed: BTreeSet<Vec<&'p str>>,
    /// Names that must not be there, as a path of the same name is to be followed.
    pub(super) absent: Vec<&'p str>,
}

/// What a place must match, and whether each word counts.
pub(super) type Asked<'p> = (&'p TextPattern, bool);

/// A claim that must be there, and what it must match, if anything.
type Wanted<'p> = (&'p ClaimPath, Option<&'p ClaimPattern>);

/// Every way to put what a principal asks for, and what every token must have.
///
/// # Errors
/// When there are more than are tried.
pub(super) fn layouts<'p>(
    principal: Option<&'p Principal>,
    required: &'p [ClaimPath],
    vocabulary: &Vocabulary,
) -> Result<Vec<Layout<'p>>, TooMany> {
    let mut fixed = Layout::default();
    let mut choices: Vec<Wanted<'p>> = Vec::new();
    let named = principal.into_iter().flat_map(|it| [("iss", &it.iss), ("sub", &it.sub)]);
    for (name, pattern) in named {
        if let Some(pattern) = pattern {
            fixed.leaves.entry(vec![name]).or_default().push((pattern, false));
        }
    }
    let asked = principal.into_iter().flat_map(|it| &it.other);
    let asked = asked.map(|claim| (&claim.path, Some(claim)));
    for wanted in asked.chain(required.iter().map(|path| (path, None))) {
        match wanted.0.segments() {
            [] => fixed.put(vec![wanted.0.literal()], wanted),
            // Another way to write what is judged by its name alone.
            [name] if wanted.1.is_none() && JUDGED.contains(&name.as_str()) => return Err(TooMany),
            // Both places say the same where no other name leads to either.
            _ if !vocabulary.entangled => {
                fixed.put(places(wanted.0).last().unwrap_or_default(), wanted);
            }
            _ => choices.push(wanted),
        }
    }
    let ways = u32::try_from(choices.len()).ok().and_then(|number| 1_usize.checked_shl(number));
    let ways = ways.filter(|ways| *ways <= MOST_PLACES).ok_or(TooMany)?;
    let layouts = (0..ways).map(|way| {
        let mut layout = fixed.clone();
        for (bit, wanted) in choices.iter().enumerate() {
            let mut places = places(wanted.0);
            let (literal, path) = (places.next(), places.next());
            // Paths first: that is what people write them for.
            match way.wrapping_shr(u32::try_from(bit).unwrap_or_default()) & 1 {
                0 => {
                    layout.put(path.unwrap_or_default(), *wanted);
                    layout.absent.push(wanted.0.literal());
                }
                _ => layout.put(literal.unwrap_or_default(), *wanted),
            }
        }
        layout
    });
    Ok(layouts.collect())
}

impl<'p> Layout<'p> {
    fn put(&mut self, place: Vec<&'p str>, (_, claim): Wanted<'p>) {
        match claim {
            Some(claim) => {
                self.leaves.entry(place).or_default().push((&claim.pattern, claim.words));
            }
            None => {
                self.needed.insert(place);
            }
        }
    }

    /// Whether a token of this issuer can be so. What stands there anyway is not needed any more.
    pub(super) fn settle(mut self, issuer: &str) -> Option<Self> {
        let places: Vec<_> = self.leaves.keys().collect();
        let below_another = places.windows(2).any(|pair| match pair {
            // In order, a place is followed by those below it.
            [one, other] => other.starts_with(one),
            _ => false,
        });
        let bad =
            places.iter().copied().chain(&self.needed).any(|place| match place.split_first() {
                Some((top, rest)) => {
                    self.absent.contains(top) || !rest.is_empty() && JUDGED.contains(top)
                }
                None => true,
            });
        // A value has nothing below it.
        let below_value = self.needed.iter().any(|place| {
            places.iter().any(|leaf| place.len() > leaf.len() && place.starts_with(leaf))
        });
        let of_issuer = self.leaves.get(&["iss"][..]).into_iter().flatten();
        let of_issuer = of_issuer.into_iter().all(|(pattern, _)| pattern.matches(issuer));
        if below_another || bad || below_value || !of_issuer {
            return None;
        }
        let all: BTreeSet<Vec<&str>> = self.leaves.keys().chain(&self.needed).cloned().collect();
        let leaves = &self.leaves;
        self.needed.retain(|place| {
            let below = |other: &Vec<&str>| other.len() > place.len() && other.starts_with(place);
            !leaves.contains_key(place) && !all.iter().any(below)
        });
        Some(self)
    }

    /// The certificate that such a token has to be bound to, if any, by a rule that accepts it;
    /// nothing where the rule accepts none.
    ///
    /// # Errors
    /// When patterns ask for certificates in more ways than are tried.
    pub(super) fn confirmed(
        &self,
        rule: &JwtRule,
        vocabulary: &Vocabulary,
    ) -> Result<Option<Option<Thumbprint>>, TooMany> {
        if rule.certificate_bound == CertificateBound::Ignored {
            return Ok(Some(None));
        }
        let all = || self.leaves.keys().chain(&self.needed);
        let in_cnf = || all().filter(|place| place.first() == Some(&THUMBPRINT[0]));
        let whole = self.leaves.keys().any(|place| **place == THUMBPRINT[..1]);
        let below = in_cnf().any(|place| place.len() > 2 && place.starts_with(&THUMBPRINT));
        if whole || below {
            return Ok(None);
        }
        if let Some(asked) = self.leaves.get(&THUMBPRINT[..]) {
            return bound_as(asked, vocabulary).map(|bound| bound.map(Some));
        }
        let is_there = in_cnf().next().is_some();
        match rule.certificate_bound == CertificateBound::Required || is_there {
            false => Ok(Some(None)),
            true => Ok(Some(Some(vocabulary.thumbprint.ok_or(TooMany)?))),
        }
    }
}

/// The certificate that patterns name; nothing where none can be it.
fn bound_as(asked: &[Asked<'_>], vocabulary: &Vocabulary) -> Result<Option<Thumbprint>, TooMany> {
    let mut exact = None;
    for (pattern, _) in asked {
        match pattern {
            TextPattern::Exact(text) => exact = Some(text),
            TextPattern::Present => {}
            // Thumbprints are of one length, so that such a pattern has no least one.
            _ => return Err(TooMany),
        }
    }
    let Some(exact) = exact else { return vocabulary.thumbprint.map(Some).ok_or(TooMany) };
    let matches = asked.iter().all(|(pattern, _)| pattern.matches(exact));
    Ok(Thumbprint::from_base64url(exact).filter(|_| matches))
}
