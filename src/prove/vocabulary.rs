//! What the principals of a question ask for, all together: what the least tokens must avoid.

use std::collections::BTreeSet;

use super::least::Fresh;
use crate::engine::{ClaimPattern, Principal};
use crate::jwt::{ClaimPath, Thumbprint};
use crate::policy::text_pattern::TextPattern;
use crate::policy::{CertificateBound, JwtRule};

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
    /// Whether some pattern takes any subject.
    pub any_subject: bool,
    /// Where principals look for claims, as member names from the outside in.
    asked: BTreeSet<Vec<String>>,
    /// A certificate that none of the patterns names; absent where none was found.
    pub thumbprint: Option<Thumbprint>,
}

impl Vocabulary {
    /// Collects from these principals, JWT rules and sources.
    pub fn new<'a>(
        principals: impl Iterator<Item = &'a Principal> + Clone,
        rules: impl Iterator<Item = &'a JwtRule> + Clone,
        sources: impl Iterator<Item = &'a str>,
    ) -> Self {
        let claims = || principals.clone().flat_map(|principal| &principal.other);
        let named = principals.clone().flat_map(|it| it.iss.iter().chain(&it.sub));
        let patterns = named.chain(claims().map(|claim| &claim.pattern));
        let of_rules =
            rules.clone().flat_map(|rule| std::iter::once(&rule.issuer).chain(&rule.audiences));
        let texts = of_rules.map(String::as_str).chain(sources);
        let fresh = Fresh::new(patterns.clone().filter_map(text).chain(texts));
        let required = rules.clone().flat_map(|rule| &rule.required_claims);
        let required: Vec<_> = required.map(|name| ClaimPath::parse(name)).collect();
        let all = || claims().map(|claim| &claim.path).chain(&required);
        let is_bound = |rule: &JwtRule| rule.certificate_bound != CertificateBound::Ignored;
        let entangled = entangled(all(), rules.clone().any(is_bound));
        let hiding = all().filter(|path| entangled && !path.segments().is_empty());
        let hiding = hiding.map(|path| path.literal().to_owned()).collect();
        let places_of_kind = |words: bool| {
            let claims = claims().filter(move |claim| claim.words == words);
            claims.flat_map(|claim| places(&claim.path)).collect::<BTreeSet<_>>()
        };
        let spaces = patterns.filter_map(text).any(|text| text.contains(' '));
        let words = places_of_kind(true);
        let asked = |name: &str| claims().any(|it| places_of(&it.path, name));
        let of_sub = claims().filter(|claim| places_of(&claim.path, "sub"));
        let of_sub = of_sub.map(|claim| &claim.pattern);
        let mut of_sub = of_sub.chain(principals.clone().filter_map(|it| it.sub.as_ref()));
        let owned = |place: Vec<&str>| place.into_iter().map(str::to_owned).collect();
        Self {
            fresh,
            entangled,
            hiding,
            words: !words.is_empty() && (spaces || !words.is_disjoint(&places_of_kind(false))),
            dates: asked("exp") || asked("nbf"),
            audiences: asked("aud"),
            any_subject: of_sub.any(|pattern| *pattern == TextPattern::Present),
            asked: claims().flat_map(|claim| places(&claim.path)).map(owned).collect(),
            thumbprint: thumbprint(claims()),
        }
    }

    /// Whether some principal looks at this place, or below it.
    pub fn is_asked(&self, place: &[&str]) -> bool {
        self.asked.iter().any(|asked| {
            asked.len() >= place.len() && asked.iter().zip(place).all(|(one, other)| one == other)
        })
    }
}

/// Where a token names the certificate that it is bound to.
pub const THUMBPRINT: [&str; 2] = ["cnf", "x5t#S256"];

/// A certificate that no pattern names but those that take any.
fn thumbprint<'a>(claims: impl Iterator<Item = &'a ClaimPattern>) -> Option<Thumbprint> {
    let of_place = claims.filter(|claim| places(&claim.path).any(|place| place == THUMBPRINT));
    let patterns: Vec<_> = of_place.map(|claim| &claim.pattern).collect();
    let mut all = (0..=u8::MAX).map(|byte| Thumbprint::new([byte; 32]));
    all.find(|thumbprint| {
        let text = thumbprint.to_base64url();
        !patterns.iter().any(|it| **it != TextPattern::Present && it.matches(&text))
    })
}

/// The text that a pattern holds.
pub(super) fn text(pattern: &TextPattern) -> Option<&str> {
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
fn entangled<'a>(paths: impl Iterator<Item = &'a ClaimPath>, bound: bool) -> bool {
    const JUDGED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];
    // What stands below `cnf` is judged only there, and not under a name that looks like its path.
    let judged = JUDGED.into_iter().chain(bound.then_some("cnf")).map(|name| (vec![name], name));
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
