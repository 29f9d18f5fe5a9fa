//! Tables that say which fields exist, and the check of a tree against them.
//!
//! One table does three things: it checks types, required fields, misspelt fields and empty
//! values; it is printed as a JSON Schema ([`super::schema`]); and it documents every field. So
//! none of the three can drift from the others. What fields mean together is checked in
//! [`crate::compile`].

use std::fmt;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::tree::{Node, Value};
use super::warning::Warning;

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// Any value; not looked at.
    Anything,
    /// Any value; the JSON Schema says what egress servers take, where it is checked later.
    Described(&'static Shape),
    /// A string that is not empty.
    Text,
    /// A string, which may be empty.
    TextOrEmpty,
    /// A whole number between two bounds, both included.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// `true` or `false`.
    Boolean,
    /// `true`, `false`, or a map that holds one of them as `value`.
    BooleanOrValue,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or one of them after a prefix.
    Code {
        /// The words.
        words: &'static [&'static str],
        /// What may stand before them.
        prefix: &'static str,
    },
    /// A list.
    List(&'static Shape),
    /// A list with at least one item.
    SomeOf(&'static Shape),
    /// A map from any names to strings, which may be empty.
    TextMap,
    /// A map from any names to strings that are not empty, with at least one entry.
    SomeTextMap,
    /// A map from any names to such values, with at least one entry.
    Map(&'static Shape),
    /// A span of time, such as `3s`.
    Duration,
    /// A map with known fields.
    Object(&'static Object),
}

impl Shape {
    /// The fields of the map that stands here, or of those in the list.
    const fn object(&self) -> Option<&'static Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Described(shape) | Self::List(shape) | Self::SomeOf(shape) => shape.object(),
            _ => None,
        }
    }
}

/// Fields that decide who may do what, at whatever depth: a field of theirs that stands further out is
/// one that guards nothing.
const GUARDING: [&str; 4] = ["http", "authentication", "authorization", "rules"];

/// A map with known fields.
#[derive(Debug)]
pub struct Object {
    /// The fields.
    pub fields: &'static [Field],
    /// What happens to other fields.
    pub others: Others,
    /// Present where `{}` is refused: what to write instead.
    pub not_empty: Option<&'static str>,
}

impl Object {
    /// The field that someone who wrote an unknown name most likely meant.
    fn meant(&self, text: &str) -> Option<&'static str> {
        let unknown = |text: &str| !self.fields.iter().any(|field| field.name == text);
        let names = self.fields.iter().map(|field| field.name);
        let alias = || self.fields.iter().find(|field| field.aliases.contains(&text));
        closest(text, names).or_else(|| alias().map(|field| field.name)).filter(|_| unknown(text))
    }

    /// What to write instead of a field that is not there: the one that was most likely meant, or
    /// where one of that name belongs, else all that there are.
    fn suggest(&self, text: &str) -> String {
        if let Some(meant) = self.meant(text) {
            return format!("did you mean `{meant}`?");
        }
        match self.below(text) {
            Some(place) => format!("`{text}` belongs below `{place}`: indent it there"),
            None => suggest(
                text,
                self.fields.iter().filter(|it| it.misplaced.is_none()).map(|field| field.name),
            ),
        }
    }

    /// The path of the field below which one of that name belongs.
    fn below(&self, text: &str) -> Option<String> {
        let has = |object: &Object| {
            object.fields.iter().any(|field| field.name == text && field.misplaced.is_none())
        };
        let inner = || self.fields.iter().filter_map(|it| Some((it.name, it.shape.object()?)));
        let found = inner().find(|(_, object)| has(object)).map(|(name, _)| name.to_owned());
        found.or_else(|| {
            let mut guarding = inner().filter(|(name, _)| GUARDING.contains(name));
            guarding.find_map(|(name, object)| Some(format!("{name}.{}", object.below(text)?)))
        })
    }

    /// How someone writes the map who wrote one word: `{name: x-token}`, where one field alone can
    /// be meant by it.
    fn customary(&self, text: &str) -> Option<String> {
        let mut required = self.fields.iter().filter(|field| field.required);
        let field = match (required.next(), required.next()) {
            (Some(field), None) => field,
            (None, _) => self.fields.first()?,
            (Some(_), Some(_)) => return None,
        };
        match field.shape {
            Shape::Text => Some(format!("{{{}: {}}}", field.name, in_flow(text))),
            Shape::Word(words) if words.contains(&text) => {
                Some(format!("{{{}: {text}}}", field.name))
            }
            _ => None,
        }
    }
}

/// A scalar as it can stand inside brackets and braces.
fn in_flow(text: &str) -> String {
    let plain = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && !text.ends_with(':');
    if plain { text.to_owned() } else { format!("{text:?}") }
}

/// What happens to a field that the table does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It is ignored.
    Ignored,
    /// It is ignored, unless its name is almost that of a known field: then it is an error.
    Suspected,
    /// It is a warning, unless its name is almost that of a known field: then it is an error.
    Named,
    /// It is an error: a misspelt field would be a rule that does not exist.
    Refused,
}

/// A field of an [`Object`].
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it means; the description in the JSON Schema.
    pub doc: &'static str,
    /// What to write instead of null or an empty value.
    pub instead: Option<&'static str>,
    /// What holds where it is left out, if that can be written down.
    pub default: Option<Written>,
    /// What people write instead of its name, though it is not close to it.
    pub aliases: &'static [&'static str],
    /// Present where the field belongs elsewhere: an error that says so.
    pub misplaced: Option<&'static str>,
    /// Present where the field is not ours: what follows, for somebody who believed it was.
    pub left_to_gateway: Option<&'static str>,
}

/// A value that could be written.
#[derive(Debug, Clone, Copy)]
pub enum Written {
    /// A string.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list of strings.
    Texts(&'static [&'static str]),
}

/// A field that may be left out.
pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        required: false,
        doc,
        instead: None,
        default: None,
        aliases: &[],
        misplaced: None,
        left_to_gateway: None,
    }
}

/// A field that people write here though it belongs elsewhere; `hint` says where.
pub const fn misplaced(name: &'static str, hint: &'static str) -> Field {
    Field { misplaced: Some(hint), ..optional(name, Shape::Anything, "") }
}

/// A field that must be there.
pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { required: true, ..optional(name, shape, doc) }
}

impl Field {
    /// Whether null means that the field is not there, as Kubernetes reads it. Not where an
    /// unfilled template would switch off a protection.
    pub fn null_is_absent(&self, object: &Object) -> bool {
        object.others != Others::Refused && self.instead.is_none()
    }

    /// Says what to write instead of null or an empty value.
    pub const fn instead(self, instead: &'static str) -> Self {
        Self { instead: Some(instead), ..self }
    }

    /// Says what people write instead of its name.
    pub const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Says that the gateway does what the field says, and what follows where it does not.
    pub const fn left_to_gateway(self, consequence: &'static str) -> Self {
        Self { left_to_gateway: Some(consequence), ..self }
    }

    /// Says what holds where the field is left out.
    pub const fn default(self, default: Written) -> Self {
        Self { default: Some(default), ..self }
    }
}

/// Checks a tree against a table and reports everything that does not fit. `name` is what messages
/// call the tree.
pub fn check(node: Node<'_>, object: &'static Object, name: &str, diagnostics: &mut Diagnostics) {
    Check { diagnostics }.value(node, &Shape::Object(object), Name::Whole(name), None);
}

/// What messages call a value. Written out only in a message: nearly all values are right.
#[derive(Clone, Copy)]
enum Name<'n> {
    Whole(&'n str),
    Field(&'n str),
    EntryOf(&'n Name<'n>),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) => f.write_str(name),
            Self::Field(name) => write!(f, "`{name}`"),
            Self::EntryOf(list) => write!(f, "an entry of {list}"),
        }
    }
}

struct Check<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl Check<'_> {
    fn value(&mut self, node: Node<'_>, shape: &Shape, name: Name<'_>, instead: Option<&str>) {
        match (shape, node.value()) {
            (Shape::Anything | Shape::Described(_), _) | (Shape::TextOrEmpty, Value::String(_)) => {
            }
            (Shape::Text, Value::String(text)) => {
                if text.is_empty() {
                    self.empty(node, name, "an empty string", instead);
                }
            }
            (Shape::Integer { min, max }, Value::Number(text)) => {
                let fits = text.parse().is_ok_and(|number| (*min..=*max).contains(&number));
                if !fits {
                    let wanted = match *max {
                        u64::MAX => format!("a whole number of at least {min}"),
                        max => format!("a whole number from {min} to {max}"),
                    };
                    let hint = "write a number in this range, without a unit".to_owned();
                    self.error(node, format!("{name} must be {wanted}"), Some(hint));
                }
            }
            (Shape::Boolean | Shape::BooleanOrValue, Value::Boolean(_)) => {}
            (Shape::BooleanOrValue, Value::Mapping) => match node.get("value") {
                Some(value) if node.len() == 1 => self.value(value, &Shape::Boolean, name, instead),
                _ => {
                    let hint = "write `true`, `false`, or one of them as `value`".to_owned();
                    self.error(node, format!("{name} must be true or false"), Some(hint));
                }
            },
            (Shape::Word(words), Value::String(text)) => self.word(node, words, text, name),
            (Shape::Code { words, prefix }, Value::String(text)) => {
                self.word(node, words, text.strip_prefix(prefix).unwrap_or(text), name);
            }
            (Shape::List(item), Value::Sequence) => self.items(node, item, name),
            (Shape::SomeOf(item), Value::Sequence) => {
                if node.is_empty() {
                    self.empty(node, name, "an empty list", instead);
                }
                self.items(node, item, name);
            }
            (Shape::TextMap | Shape::SomeTextMap, Value::Mapping) => {
                if node.is_empty() && matches!(shape, Shape::SomeTextMap) {
                    self.empty(node, name, "an empty map", instead);
                }
                // Nothing is no pattern and no file, but a label may have it (Kubernetes).
                let item = match shape {
                    Shape::TextMap => &Shape::TextOrEmpty,
                    _ => &Shape::Text,
                };
                for (key, value) in node.entries() {
                    let name = Name::Field(key.scalar_text().unwrap_or_default());
                    self.value(value, item, name, None);
                }
            }
            (Shape::Map(item), Value::Mapping) => {
                if node.is_empty() {
                    self.empty(node, name, "an empty map", instead);
                }
                for (key, value) in node.entries() {
                    let name = Name::Field(key.scalar_text().unwrap_or_default());
                    self.value(value, item, name, None);
                }
            }
            (Shape::Duration, Value::String(text)) => {
                if duration(text).is_none() {
                    let message = format!("{name} cannot be `{}`", text.escape_debug());
                    let hint = "write seconds, such as `3s` or `0.5s`".to_owned();
                    self.error(node, message, Some(hint));
                }
            }
            (Shape::Object(object), Value::Mapping) => self.object(node, object, name, instead),
            (_, Value::Null) => self.empty(node, name, "null", instead),
            (shape, value) => self.wrong_type(node, shape, value, name, instead),
        }
    }

    fn word(&mut self, node: Node<'_>, words: &'static [&'static str], text: &str, name: Name<'_>) {
        if !words.contains(&text) {
            let hint = suggest(text, words.iter().copied());
            self.error(node, format!("{name} cannot be `{text}`"), Some(hint));
        }
    }

    fn items(&mut self, node: Node<'_>, item: &Shape, name: Name<'_>) {
        for child in node.items() {
            match child.value() {
                Value::Null => self.empty(child, Name::EntryOf(&name), "null", None),
                _ => self.value(child, item, Name::EntryOf(&name), None),
            }
        }
    }

    fn object(&mut self, node: Node<'_>, object: &Object, name: Name<'_>, instead: Option<&str>) {
        if let Some(otherwise) = object.not_empty.filter(|_| node.is_empty()) {
            self.empty(node, name, "an empty map", instead.or(Some(otherwise)));
            return;
        }
        for (key, value) in node.entries() {
            let text = key.scalar_text().unwrap_or_default();
            let Some(field) = object.fields.iter().find(|field| field.name == text) else {
                let refused = match object.others {
                    Others::Ignored => false,
                    Others::Suspected => object.meant(text).is_some(),
                    Others::Named => object.meant(text).is_some() || object.below(text).is_some(),
                    Others::Refused => true,
                };
                let message = || format!("unknown field `{}`", text.escape_debug());
                if refused {
                    self.error(key, message(), Some(object.suggest(text)));
                } else if object.others == Others::Named {
                    let finding =
                        Diagnostic::warning(message()).on(key).named(Warning::UnknownField);
                    self.diagnostics.push(finding.hint("nothing is done for it: remove it"));
                }
                continue;
            };
            if let Some(hint) = field.misplaced {
                let message = format!("`{text}` is not a field of {name}");
                self.error(key, message, Some(hint.to_owned()));
                continue;
            }
            if field.null_is_absent(object) && value.is_null() {
                continue;
            }
            let instead = field.instead.or(field.required.then_some("give it a value"));
            self.value(value, &field.shape, Name::Field(text), instead);
        }
        for field in object.fields.iter().filter(|field| field.required) {
            let missing = match node.get(field.name) {
                None => true,
                Some(value) => field.null_is_absent(object) && value.is_null(),
            };
            // What is missing only because its name is misspelt needs no second error.
            let misspelt = object.others != Others::Ignored
                && node.entries().any(|(key, _)| {
                    object.meant(key.scalar_text().unwrap_or_default()) == Some(field.name)
                });
            if missing && !misspelt {
                let message = format!("{name} has no `{}`", field.name);
                let hint = format!("add `{}`: {}", field.name, lower_first(field.doc));
                self.error(node, message, Some(hint));
            }
        }
    }

    fn wrong_type(
        &mut self,
        node: Node<'_>,
        shape: &Shape,
        value: Value<'_>,
        name: Name<'_>,
        instead: Option<&str>,
    ) {
        let found = value.describe();
        let scalar = !matches!(value, Value::Sequence | Value::Mapping);
        let (wanted, hint) = match shape {
            Shape::Text | Shape::TextOrEmpty | Shape::Word(_) | Shape::Code { .. } if scalar => {
                ("a string", "put the value in quotes")
            }
            Shape::Text | Shape::TextOrEmpty | Shape::Word(_) | Shape::Code { .. } => {
                ("a string", "write one value on the same line")
            }
            Shape::Integer { .. } => ("a whole number", "write digits only, without quotes"),
            Shape::Duration => ("a duration", "write seconds, such as `3s` or `0.5s`"),
            Shape::Boolean | Shape::BooleanOrValue => {
                ("true or false", "write `true` or `false`, without quotes")
            }
            Shape::List(_) | Shape::SomeOf(_) => {
                ("a list", "write each entry on a line of its own that begins with `- `")
            }
            _ if matches!(value, Value::Sequence) => {
                ("a map", "leave out the `- ` in front of its fields: it is one, and no list")
            }
            _ => ("a map", "write its fields on lines of their own below it, indented"),
        };
        let message = format!("{name} must be {wanted}, not {found}");
        let written = node.scalar_text().unwrap_or_default();
        let customary = match shape {
            Shape::Object(object) if scalar => object.customary(written),
            Shape::List(item) | Shape::SomeOf(item) if scalar => match item {
                Shape::Text => Some(format!("[{}]", in_flow(written))),
                Shape::Object(object) => object.customary(written).map(|it| format!("[{it}]")),
                _ => None,
            },
            _ => None,
        };
        if let Some(customary) = customary {
            let hint = match name {
                Name::EntryOf(_) | Name::Whole(_) => format!("write `{customary}`"),
                Name::Field(field) => format!("write `{field}: {customary}`"),
            };
            self.error(node, message, Some(hint));
            return;
        }
        // Where something empty stands, or JSON instead of its text, the field knows better.
        let instead = instead.filter(|_| !scalar && (node.is_empty() || wanted == "a string"));
        self.error(node, message, Some(instead.unwrap_or(hint).to_owned()));
    }

    fn empty(&mut self, node: Node<'_>, name: Name<'_>, what: &str, instead: Option<&str>) {
        let hint = instead.unwrap_or("give it a value, or leave it out");
        self.error(node, format!("{name} is {what}"), Some(hint.to_owned()));
    }

    fn error(&mut self, node: Node<'_>, message: String, hint: Option<String>) {
        let diagnostic = Diagnostic::error(message).on(node);
        self.diagnostics.push(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }
}

/// Longest span of time that may be written: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Reads a span of time: seconds as Protocol Buffers write them in JSON, with up to nine digits
/// behind the point, and `ms`, `m` and `h` as Istio takes them too.
pub fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9}").parse().ok()?;
    let one = Duration::new(whole.parse().ok()?, nanoseconds);
    let duration = match unit {
        "s" => one,
        "ms" => one.checked_div(1_000)?,
        "m" => one.checked_mul(60)?,
        "h" => one.checked_mul(3_600)?,
        _ => return None,
    };
    (duration <= LONGEST).then_some(duration)
}

/// "did you mean", when one of the words is close, otherwise all the words.
pub fn suggest<'w>(text: &str, words: impl Iterator<Item = &'w str> + Clone) -> String {
    match closest(text, words.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => {
            let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
            format!("expected {}", words.join(", "))
        }
    }
}

/// The word that someone who wrote `text` most likely meant.
pub fn closest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let text = text.to_ascii_lowercase().replace(['_', '-'], "");
    words
        .map(|word| (strsim::damerau_levenshtein(&text, &word.to_ascii_lowercase()), word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        // "URI of" stays as it is.
        Some(first) if !characters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_as_protocol_buffers_and_istio_write_them() {
        for (text, milliseconds) in [
            ("3s", Some(3_000)),
            ("0.5s", Some(500)),
            ("0s", Some(0)),
            ("250ms", Some(250)),
            ("1.5m", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("3", None),
            ("s", None),
            ("-1s", None),
            ("1.s", None),
            (".5s", None),
            ("1s ", None),
            ("1h30m", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }
}
