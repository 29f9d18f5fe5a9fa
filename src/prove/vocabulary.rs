//! What the principals of a question ask for, all together: what the least tokens must avoid.

use std::collections::BTreeSet;

use super::least::Fresh;
use crate::engine::Principal;
use crate::jwt::ClaimPath;
use crate::policy::text_pattern::TextPattern;

/// What all principals of a question ask for.
#[derive(Debug)]
pub struct Vocabulary {
    /// A letter that none of their patterns holds.
    pub fresh: Fresh,
    /// Whether a place of one claim name is, or lies on the way to, a place of another.
    pub entangled: bool,
    /// Where names are entangled, those that are paths as well: a claim of that very name hides
    /// what the path leads to.
    pub hiding: BTreeSet<String>,
    /// Whether words of a text must be told from the whole text: a pattern holds a space, or a
    /// claim of words is asked for by another name, too.
    pub words: bool,
    /// Whether dates are compared with patterns.
    pub dates: bool,
    /// Whether `aud` is compared with patterns.
    pub audiences: bool,
}

impl Vocabulary {
    /// Collects from these principals and these other texts, such as issuers.
    pub fn new<'a>(
        principals: impl Iterator<Item = &'a Principal> + Clone,
        texts: impl Iterator<Item = &'a str>,
    ) -> Self {
        let claims = || principals.clone().flat_map(|principal| &principal.other);
        let named = principals.clone().flat_map(|it| it.iss.iter().chain(&it.sub));
        let patterns = named.chain(claims().map(|claim| &claim.pattern));
        let fresh = Fresh::new(patterns.clone().filter_map(text).chain(texts));
        let entangled = entangled(claims().map(|claim| &claim.path));
        let hiding = claims().filter(|claim| entangled && !claim.path.segments().is_empty());
        let hiding = hiding.map(|claim| claim.path.literal().to_owned()).collect();
        let places = |words: bool| {
            let claims = claims().filter(move |claim| claim.words == words);
            claims.flat_map(|claim| places(&claim.path)).collect::<BTreeSet<_>>()
        };
        let spaces = patterns.filter_map(text).any(|text| text.contains(' '));
        let words = places(true);
        let asked = |name: &str| claims().any(|it| places_of(&it.path, name));
        Self {
            fresh,
            entangled,
            hiding,
            words: !words.is_empty() && (spaces || !words.is_disjoint(&places(false))),
            dates: asked("exp") || asked("nbf"),
            audiences: asked("aud"),
        }
    }
}

/// The text that a pattern holds.
fn text(pattern: &TextPattern) -> Option<&str> {
    match pattern {
        TextPattern::Exact(text)
        | TextPattern::Prefix(text)
        | TextPattern::Suffix(text)
        | TextPattern::Contains(text) => Some(text),
        TextPattern::Present => None,
    }
}

/// The places where a name finds a claim, as member names from the outside in: by itself, and as
/// a path.
pub fn places(path: &ClaimPath) -> impl Iterator<Item = Vec<&str>> {
    let segments: Vec<_> = path.segments().iter().map(String::as_str).collect();
    std::iter::once(vec![path.literal()]).chain((!segments.is_empty()).then_some(segments))
}

/// Whether a place of one name is a place of another, or on the way to one. Claims that every token
/// is judged by have names of their own.
fn entangled<'a>(paths: impl Iterator<Item = &'a ClaimPath>) -> bool {
    const JUDGED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];
    let judged = JUDGED.into_iter().map(|name| (vec![name], name));
    let named = paths.flat_map(|path| places(path).map(|place| (place, path.literal())));
    // In order, a place is followed by those below it.
    let all: BTreeSet<_> = judged.chain(named).collect();
    let mut all = all.iter();
    let Some(mut last) = all.next() else { return false };
    for next in all {
        if next.0.starts_with(&last.0) && next.1 != last.1 {
            return true;
        }
        last = next;
    }
    false
}

fn places_of(path: &ClaimPath, name: &str) -> bool {
    places(path).any(|place| place == [name])
}
