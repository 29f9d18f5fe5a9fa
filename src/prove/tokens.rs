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

use serde_json::{Map, Number, Value, json};

pub use super::bounds::{Bounds, LIFETIME_SECONDS};
use super::example::Token;
use super::layout::{Asked, JUDGED, Layout, layouts};
use super::vocabulary::{THUMBPRINT, Vocabulary};
use crate::engine::{ClaimPattern, Principal};
use crate::jwt::{ClaimPath, Thumbprint};
use crate::policy::text_pattern::TextPattern;

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
    /// The certificate that whoever sends it must show; absent: none.
    pub certificate: Option<Thumbprint>,
}

/// There are more combinations than are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

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
    let required: Vec<_> =
        bounds.rule.required_claims.iter().map(|name| ClaimPath::parse(name)).collect();
    let mut stands = Vec::new();
    for layout in layouts(principal, &required, vocabulary)? {
        let Some(layout) = layout.settle(&bounds.rule.issuer) else { continue };
        let Some(confirmed) = layout.confirmed(bounds.rule, vocabulary)? else { continue };
        let paddings = if vocabulary.words { PADDINGS.len() } else { 1 };
        for padding in PADDINGS.iter().take(paddings) {
            layout.add(bounds, confirmed, vocabulary, *padding, &mut stands);
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

impl<'p> Layout<'p> {
    /// Adds the tokens that stand for all that are laid out so.
    fn add(
        &self,
        bounds: &Bounds<'_>,
        confirmed: Option<Thumbprint>,
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
        let judged = |place: &[&str]| place.first().is_some_and(|top| JUDGED.contains(top));
        // What stands there is put there below.
        let is_bound = |place: &[&str]| confirmed.is_some() && THUMBPRINT.starts_with(place);
        for place in self.needed.iter().filter(|place| !judged(place) && !is_bound(place)) {
            // What no pattern matches, where any looks there.
            let value = match vocabulary.is_asked(place) {
                true => json!({}),
                false => json!(vocabulary.fresh.letter()),
            };
            put(&mut claims, place, value);
        }
        if let Some(thumbprint) = confirmed {
            put(&mut claims, &THUMBPRINT, json!(thumbprint.to_base64url()));
        }
        for claims in self.with_subjects(claims, bounds, vocabulary) {
            for accepted in bounds.audiences(vocabulary.audiences) {
                let mut claims = claims.clone();
                let missing = audience.iter().filter(|(pattern, _)| {
                    !accepted.is_some_and(|accepted| pattern.matches(accepted))
                });
                let missing = missing.filter_map(|(pattern, _)| vocabulary.fresh.least([*pattern]));
                let all: Vec<_> = accepted.map(str::to_owned).into_iter().chain(missing).collect();
                let needed = || bounds.requires("aud").then(|| json!([]));
                let aud = audience_claim(&all).or_else(needed);
                claims.extend(aud.map(|aud| ("aud".to_owned(), aud)));
                for [exp, nbf] in bounds.dates() {
                    let Some(stand) = self.dated(&claims, [exp, nbf], dates, bounds, vocabulary)
                    else {
                        continue;
                    };
                    let stand = Stand { certificate: confirmed, ..stand };
                    let hidden = self.hidden(&stand, vocabulary);
                    stands.extend(std::iter::once(stand).chain(hidden).flat_map(|stand| {
                        let unheld = self.unheld(&stand, bounds, vocabulary);
                        std::iter::once(stand).chain(unheld).flat_map(|it| it.of_types(bounds))
                    }));
                }
            }
        }
    }

    /// The token with each subject that must be told apart.
    fn with_subjects(
        &self,
        claims: Map<String, Value>,
        bounds: &Bounds<'_>,
        vocabulary: &Vocabulary,
    ) -> Vec<Map<String, Value>> {
        let subjects = match &bounds.subject {
            // It was made to match what is asked of it.
            Some(subject) => vec![subject.clone()],
            None if claims.contains_key("sub") || !bounds.requires("sub") => return vec![claims],
            // An empty one is a subject that patterns for any subject do not match.
            None => {
                let empty = vocabulary.any_subject.then(String::new);
                std::iter::once(vocabulary.fresh.letter().to_string()).chain(empty).collect()
            }
        };
        let with = |subject: String| {
            let mut claims = claims.clone();
            claims.insert("sub".to_owned(), json!(subject));
            claims
        };
        subjects.into_iter().map(with).collect()
    }

    /// The same token with a certificate that its sender has not, where another rule looks at that.
    fn unheld(&self, stand: &Stand, bounds: &Bounds<'_>, vocabulary: &Vocabulary) -> Option<Stand> {
        let has = |place: &Vec<&str>| place.first() == Some(&"cnf");
        let has = self.leaves.keys().chain(&self.needed).any(has);
        let thumbprint = vocabulary.thumbprint.filter(|_| !has && bounds.looks_away())?;
        let cnf = json!({ THUMBPRINT[1]: thumbprint.to_base64url() });
        stand.map(|claims| {
            claims.insert("cnf".to_owned(), cnf.clone());
        })
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
            certificate: None,
        })
    }

    /// The same token with claims that hide what paths lead to; nothing where there are none.
    fn hidden(&self, stand: &Stand, vocabulary: &Vocabulary) -> Option<Stand> {
        let free = |name: &&String| {
            let places = self.leaves.keys().chain(&self.needed);
            let taken = places.into_iter().any(|place| place.first() == Some(&name.as_str()));
            !taken && !self.absent.contains(&name.as_str())
        };
        let names: Vec<_> = vocabulary.hiding.iter().filter(free).collect();
        (!names.is_empty()).then_some(())?;
        stand.map(|claims| claims.extend(names.iter().map(|name| ((*name).clone(), Value::Null))))
    }
}

impl Stand {
    /// The same with each of its tokens changed; nothing where they are none any more.
    fn map(&self, change: impl Fn(&mut Map<String, Value>)) -> Option<Self> {
        let changed = |token: &Token| {
            let mut claims = token.as_map()?.clone();
            change(&mut claims);
            Token::new(claims)
        };
        Some(Self {
            tokens: self.tokens.iter().filter_map(changed).collect(),
            compared: changed(&self.compared)?,
            judged: changed(&self.judged)?,
            certificate: self.certificate,
        })
    }

    /// The same of each type that must be told apart.
    fn of_types(self, bounds: &Bounds<'_>) -> impl Iterator<Item = Self> {
        bounds.types().into_iter().map(move |token_type| {
            let of_type = |token: &Token| token.clone().of_type(&token_type);
            Self {
                tokens: self.tokens.iter().map(of_type).collect(),
                compared: of_type(&self.compared),
                judged: of_type(&self.judged),
                certificate: self.certificate,
            }
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
