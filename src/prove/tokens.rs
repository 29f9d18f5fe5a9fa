//! Tokens that stand for all tokens that match a principal.
//!
//! What a principal asks for has least values ([`super::least`]), and a token that has exactly the
//! claims that are asked for, each at its least value, matches another principal only if every
//! token that matches the first one does. So a few tokens stand for all. There are several where
//! several things can be: a claim that stands where a path leads to or under the very name
//! ([`places`]), each audience that is told apart, and the ends of what a JWT rule accepts in time.
//!
//! A claim under the very name hides what a path of that name leads to, so a token with less
//! claims can match more. Where names lead to each other's places, each token is therefore taken
//! with a claim of no value (`null`) under every name that could hide something, too.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::example::Token;
use super::vocabulary::{Vocabulary, places};
use crate::engine::{ClaimPattern, Principal};
use crate::jwt::ClaimPath;
use crate::policy::JwtRule;
use crate::policy::text_pattern::TextPattern;

/// How far in the future `exp` is where a JWT rule asks for one, in seconds.
pub const LIFETIME_SECONDS: u64 = 300;
/// Combinations of places that are tried for one principal.
const MOST_PLACES: usize = 64;

/// A token that stands for others.
#[derive(Debug, Clone)]
pub struct Stand {
    /// Tokens to send, the plainest first: each is one of those that are stood for. Empty where
    /// none was found, though there may be some.
    pub tokens: Vec<Token>,
    /// Claims that principals are compared with; those of the only token, mostly.
    pub compared: Token,
    /// Claims that a JWT rule judges.
    pub judged: Token,
}

/// There are more combinations than are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// What a JWT rule accepts that another may not, beside its issuer.
#[derive(Debug, Clone)]
pub struct Bounds<'r> {
    rule: &'r JwtRule,
    /// The rules of the same issuer that may refuse a token.
    others: Vec<&'r JwtRule>,
    now: u64,
}

impl<'r> Bounds<'r> {
    /// Of tokens that `rule` accepts at `now` (Unix seconds), where `others` may refuse some.
    pub fn new(rule: &'r JwtRule, others: Vec<&'r JwtRule>, now: u64) -> Self {
        Self { rule, others, now }
    }

    /// Accepted audiences that must be told apart; without any, one token without an audience.
    fn audiences(&self, asked: bool) -> Vec<Option<&'r str>> {
        let audiences = || self.rule.audiences.iter().map(String::as_str);
        if audiences().next().is_none() {
            return vec![None];
        }
        if asked {
            return audiences().map(Some).collect();
        }
        let mut apart: Vec<_> = Vec::new();
        let refused =
            |name: &&str| self.others.iter().any(|it| !it.audiences.is_empty() && !names(it, name));
        // One that all accept is the usual one, and one that is not always accepted makes the
        // difference.
        apart.extend(audiences().find(|name| !refused(name)));
        apart.extend(audiences().find(refused));
        apart.into_iter().map(Some).collect()
    }

    /// The dates that must be told apart: `exp` and `nbf`, the usual ones first.
    fn dates(&self) -> Vec<[Option<i128>; 2]> {
        let (now, rule) = (i128::from(self.now), self.rule);
        let needed =
            |rule: &JwtRule| rule.require_expiration || rule.max_lifetime_seconds.is_some();
        let longest = |rule: &JwtRule| rule.max_lifetime_seconds.map(i128::from);
        let skew = |rule: &JwtRule| i128::from(rule.clock_skew_seconds);
        let shortest = self.others.iter().chain([&rule]).filter_map(|it| longest(it)).min();
        let soon = i128::from(LIFETIME_SECONDS).min(shortest.unwrap_or(i128::MAX));
        let any_needed = needed(rule) || self.others.iter().any(|it| needed(it));
        let usual = any_needed.then(|| now.saturating_add(soon));
        let mut dates = vec![[usual, None]];
        if any_needed && !needed(rule) {
            dates.push([None, None]);
        }
        for other in &self.others {
            if skew(rule) > skew(other) {
                dates.push([Some(now.saturating_sub(skew(rule))), None]);
                dates.push([usual, Some(now.saturating_add(skew(rule)))]);
            }
            match (longest(rule), longest(other)) {
                (Some(own), Some(other)) if own > other => {
                    dates.push([Some(now.saturating_add(own)), None]);
                }
                (None, Some(other)) => {
                    let longer = now.saturating_add(other).saturating_add(1);
                    dates.push([Some(longer), None]);
                }
                _ => {}
            }
        }
        dates.dedup();
        dates
    }
}

fn names(rule: &JwtRule, audience: &str) -> bool {
    rule.audiences.iter().any(|name| name == audience)
}

/// Tokens that stand for all that a JWT rule accepts and that match a principal, or any where there
/// is none. Empty where no token does.
///
/// # Errors
/// When there are more to tell apart than are tried.
pub fn stands(
    principal: Option<&Principal>,
    bounds: &Bounds<'_>,
    vocabulary: &Vocabulary,
) -> Result<Vec<Stand>, TooMany> {
    let mut stands = Vec::new();
    for layout in layouts(principal, vocabulary)? {
        let Some(layout) = layout.settle(&bounds.rule.issuer) else { continue };
        let paddings = if vocabulary.words { PADDINGS.len() } else { 1 };
        for padding in PADDINGS.iter().take(paddings) {
            layout.add(bounds, vocabulary, *padding, &mut stands);
        }
    }
    Ok(stands)
}

/// What a token must hold to match two principals.
pub fn join(one: &Principal, other: &Principal) -> Principal {
    let mut joined = one.clone();
    for (name, pattern) in [("iss", &other.iss), ("sub", &other.sub)] {
        joined.other.extend(pattern.iter().map(|pattern| ClaimPattern {
            path: ClaimPath::parse(name),
            words: false,
            pattern: pattern.clone(),
        }));
    }
    joined.other.extend(other.other.iter().cloned());
    joined
}

/// Whether the word that a claim of words must hold has others before and behind it.
const PADDINGS: &[[bool; 2]] = &[[false, false], [true, true], [true, false], [false, true]];

/// Which claim stands where.
#[derive(Debug, Default)]
struct Layout<'p> {
    /// What stands at each place.
    leaves: BTreeMap<Vec<&'p str>, Vec<Asked<'p>>>,
    /// Names that must not be there, as a path of the same name is to be followed.
    absent: Vec<&'p str>,
}

/// What a place must match, and whether each word counts.
type Asked<'p> = (&'p TextPattern, bool);

/// Every way to put what a principal asks for.
fn layouts<'p>(
    principal: Option<&'p Principal>,
    vocabulary: &Vocabulary,
) -> Result<Vec<Layout<'p>>, TooMany> {
    let mut fixed = Layout::default();
    let mut choices: Vec<&ClaimPattern> = Vec::new();
    let Some(principal) = principal else { return Ok(vec![fixed]) };
    for (name, pattern) in [("iss", &principal.iss), ("sub", &principal.sub)] {
        if let Some(pattern) = pattern {
            fixed.leaves.entry(vec![name]).or_default().push((pattern, false));
        }
    }
    for claim in &principal.other {
        match claim.path.segments() {
            [] => fixed.put(vec![claim.path.literal()], claim),
            // Both places say the same where no other name leads to either.
            _ if !vocabulary.entangled => {
                fixed.put(places(&claim.path).last().unwrap_or_default(), claim);
            }
            _ => choices.push(claim),
        }
    }
    let ways = u32::try_from(choices.len()).ok().and_then(|number| 1_usize.checked_shl(number));
    let ways = ways.filter(|ways| *ways <= MOST_PLACES).ok_or(TooMany)?;
    let layouts = (0..ways).map(|way| {
        let mut layout = Layout { leaves: fixed.leaves.clone(), absent: Vec::new() };
        for (bit, claim) in choices.iter().enumerate() {
            let mut places = places(&claim.path);
            let (literal, path) = (places.next(), places.next());
            // Paths first: that is what people write them for.
            match way.wrapping_shr(u32::try_from(bit).unwrap_or_default()) & 1 {
                0 => {
                    layout.put(path.unwrap_or_default(), claim);
                    layout.absent.push(claim.path.literal());
                }
                _ => layout.put(literal.unwrap_or_default(), claim),
            }
        }
        layout
    });
    Ok(layouts.collect())
}

/// Claims whose type and value a JWT rule judges.
const JUDGED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];

impl<'p> Layout<'p> {
    fn put(&mut self, place: Vec<&'p str>, claim: &'p ClaimPattern) {
        self.leaves.entry(place).or_default().push((&claim.pattern, claim.words));
    }

    /// Whether a token of this issuer can be so.
    fn settle(self, issuer: &str) -> Option<Self> {
        let places: Vec<_> = self.leaves.keys().collect();
        let below_another = places.windows(2).any(|pair| match pair {
            // In order, a place is followed by those below it.
            [one, other] => other.starts_with(one),
            _ => false,
        });
        let bad = places.iter().any(|place| match place.split_first() {
            Some((top, rest)) => {
                self.absent.contains(top) || !rest.is_empty() && JUDGED.contains(top)
            }
            None => true,
        });
        let of_issuer = self.leaves.get(&["iss"][..]).into_iter().flatten();
        let of_issuer = of_issuer.into_iter().all(|(pattern, _)| pattern.matches(issuer));
        (!below_another && !bad && of_issuer).then_some(self)
    }

    /// Adds the tokens that stand for all that are laid out so.
    fn add(
        &self,
        bounds: &Bounds<'_>,
        vocabulary: &Vocabulary,
        padding: [bool; 2],
        stands: &mut Vec<Stand>,
    ) {
        let mut claims = Map::from_iter([("iss".to_owned(), json!(bounds.rule.issuer))]);
        let (mut audience, mut dates) = (&[][..], [&[][..], &[][..]]);
        let mut padded = false;
        for (place, asked) in &self.leaves {
            match place.as_slice() {
                ["iss"] => {}
                ["aud"] => audience = asked,
                ["exp"] => dates = [asked, dates[1]],
                ["nbf"] => dates = [dates[0], asked],
                ["sub"] => {
                    let patterns = asked.iter().map(|(pattern, _)| *pattern);
                    let Some(value) = vocabulary.fresh.least(patterns) else { return };
                    claims.insert("sub".to_owned(), json!(value));
                }
                place => {
                    let (value, pads) = value(asked, vocabulary, padding);
                    padded |= pads;
                    put(&mut claims, place, value);
                }
            }
        }
        if padding != [false, false] && !padded {
            return;
        }
        for accepted in bounds.audiences(vocabulary.audiences) {
            let mut claims = claims.clone();
            let missing = audience
                .iter()
                .filter(|(pattern, _)| !accepted.is_some_and(|accepted| pattern.matches(accepted)));
            let missing = missing.filter_map(|(pattern, _)| vocabulary.fresh.least([*pattern]));
            let all: Vec<_> = accepted.map(str::to_owned).into_iter().chain(missing).collect();
            claims.extend(audience_claim(&all).map(|aud| ("aud".to_owned(), aud)));
            for [exp, nbf] in bounds.dates() {
                let Some(stand) = self.dated(&claims, [exp, nbf], dates, bounds, vocabulary) else {
                    continue;
                };
                let hidden = self.hidden(&stand, vocabulary);
                stands.push(stand);
                stands.extend(hidden);
            }
        }
    }

    /// The token with these dates.
    fn dated(
        &self,
        claims: &Map<String, Value>,
        ends: [Option<i128>; 2],
        asked: [&[Asked<'p>]; 2],
        bounds: &Bounds<'_>,
        vocabulary: &Vocabulary,
    ) -> Option<Stand> {
        let (mut judged, mut compared, mut sent) =
            (claims.clone(), claims.clone(), vec![claims.clone()]);
        for ((name, end), asked) in ["exp", "nbf"].into_iter().zip(ends).zip(asked) {
            if let Some(end) = end {
                // A fraction matches no pattern.
                let value = if vocabulary.dates { fraction(end) } else { json!(end) };
                judged.insert(name.to_owned(), value);
            }
            if asked.is_empty() {
                for claims in std::iter::once(&mut compared).chain(&mut sent) {
                    claims.extend(judged.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                continue;
            }
            let patterns = || asked.iter().map(|(pattern, _)| *pattern);
            if !patterns().all(is_of_integers) {
                return None;
            }
            // Compared as any text would be: dates that match are among those.
            let least = vocabulary.fresh.least(patterns())?;
            compared.insert(name.to_owned(), json!(least));
            let dates: Vec<_> = integers(bounds.now)
                .chain(patterns().flat_map(of_pattern))
                .filter(|date| patterns().all(|it| it.matches(&date.to_string())))
                .collect();
            sent = sent
                .iter()
                .flat_map(|claims| {
                    dates.iter().map(|date| {
                        let mut claims = claims.clone();
                        claims.insert(name.to_owned(), json!(date));
                        claims
                    })
                })
                .collect();
        }
        Some(Stand {
            tokens: sent.into_iter().filter_map(Token::new).collect(),
            compared: Token::new(compared)?,
            judged: Token::new(judged)?,
        })
    }

    /// The same token with claims that hide what paths lead to; nothing where there are none.
    fn hidden(&self, stand: &Stand, vocabulary: &Vocabulary) -> Option<Stand> {
        let free = |name: &&String| {
            let taken = self.leaves.keys().any(|place| place.first() == Some(&name.as_str()));
            !taken && !self.absent.contains(&name.as_str())
        };
        let names: Vec<_> = vocabulary.hiding.iter().filter(free).collect();
        let with = |token: &Token| {
            let mut claims = token.as_map()?.clone();
            claims.extend(names.iter().map(|name| ((*name).clone(), Value::Null)));
            Token::new(claims)
        };
        (!names.is_empty()).then_some(())?;
        Some(Stand {
            tokens: stand.tokens.iter().filter_map(with).collect(),
            compared: with(&stand.compared)?,
            judged: with(&stand.judged)?,
        })
    }
}

/// The least value of a claim, and whether words were put around it.
fn value(
    asked: &[Asked<'_>],
    vocabulary: &Vocabulary,
    [before, behind]: [bool; 2],
) -> (Value, bool) {
    let letter = vocabulary.fresh.letter();
    let mut pads = false;
    let values = asked.iter().filter_map(|(pattern, words)| {
        let value = vocabulary.fresh.least([*pattern])?;
        let is_word = *words && !value.is_empty() && !value.contains(' ');
        pads |= is_word;
        let (before, behind) = (before && is_word, behind && is_word);
        let before = if before { format!("{letter} ") } else { String::new() };
        let behind = if behind { format!(" {letter}") } else { String::new() };
        Some(format!("{before}{value}{behind}"))
    });
    let values: Vec<_> = values.collect();
    // Several patterns may each match an element of its own.
    let value = if let [value] = &values[..] { json!(value) } else { json!(values) };
    (value, pads)
}

/// `aud` with these names: as a string where there is one (RFC 7519, section 4.1.3).
pub(super) fn audience_claim<T: AsRef<str>>(names: &[T]) -> Option<Value> {
    match names {
        [] => None,
        [name] => Some(json!(name.as_ref())),
        names => Some(names.iter().map(AsRef::as_ref).collect()),
    }
}

/// Puts a value at a place; no place is below another one.
fn put(claims: &mut Map<String, Value>, place: &[&str], value: Value) {
    let Some((name, rest)) = place.split_first() else { return };
    if rest.is_empty() {
        claims.insert((*name).to_owned(), value);
        return;
    }
    let inner = claims.entry(*name).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// A date that is no integer in JSON.
fn fraction(seconds: i128) -> Value {
    // The clock's seconds are exact in a float for longer than it will run.
    #[allow(clippy::cast_precision_loss)]
    let number = Number::from_f64(seconds as f64);
    number.map_or(Value::Null, Value::Number)
}

/// Whether a pattern matches the text of any integer.
fn is_of_integers(pattern: &TextPattern) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let signed = |text: &str| digits(text.strip_prefix('-').unwrap_or(text));
    match pattern {
        TextPattern::Exact(text) => {
            text.parse::<i64>().is_ok_and(|it| it.to_string() == **text)
                || text.parse::<u64>().is_ok_and(|it| it.to_string() == **text)
        }
        TextPattern::Prefix(text) => signed(text) && text.len() <= 20,
        TextPattern::Suffix(text) | TextPattern::Contains(text) => signed(text) && text.len() <= 20,
        TextPattern::Present => true,
    }
}

/// Dates around now, that patterns may match.
fn integers(now: u64) -> impl Iterator<Item = i64> {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    (0..=LIFETIME_SECONDS).filter_map(move |ahead| now.checked_add_unsigned(ahead))
}

/// Integers that a pattern matches, as long as dates are and longer.
fn of_pattern(pattern: &TextPattern) -> Vec<i64> {
    let zeros = |number: usize| "0".repeat(number);
    let texts: Vec<String> = match pattern {
        TextPattern::Exact(text) => vec![text.to_string()],
        TextPattern::Prefix(text) => (0..18).map(|it| format!("{text}{}", zeros(it))).collect(),
        TextPattern::Suffix(text) => (0..18).map(|it| format!("9{}{text}", zeros(it))).collect(),
        TextPattern::Contains(text) => (0..18).map(|it| format!("9{text}{}", zeros(it))).collect(),
        TextPattern::Present => Vec::new(),
    };
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
