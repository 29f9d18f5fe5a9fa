//! JSON objects read strictly: no member name twice in one object, bounded nesting.
//!
//! Two readers that disagree on which of two equal names counts, or where one gives up on depth,
//! see different claims in one signed token. serde_json by itself keeps the last of two equal
//! names, so the tree is built here, through its streaming interface.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Objects and arrays may be nested this deep, the outermost object counted.
pub(super) const MAX_NESTING: u32 = 32;

/// Why a text is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonError {
    /// Not JSON, or not an object.
    Invalid,
    /// A member name occurs twice in one object.
    Duplicate,
    /// Over [`MAX_NESTING`].
    Nesting,
}

/// Reads one JSON object that is the whole of `text`.
pub(super) fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let cause = Cell::new(JsonError::Invalid);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0, cause: &cause }.deserialize(&mut reader);
    match value {
        Ok(Value::Object(object)) if reader.end().is_ok() => Ok(object),
        Ok(_) => Err(JsonError::Invalid),
        Err(_) => Err(cause.get()),
    }
}

/// Reads one value that is nested in `depth` others. `cause` tells our own refusals from
/// syntax errors, since serde's errors carry text only.
#[derive(Clone, Copy)]
struct Strict<'c> {
    depth: u32,
    cause: &'c Cell<JsonError>,
}

impl Strict<'_> {
    fn refuse<E: Error>(self, cause: JsonError) -> E {
        self.cause.set(cause);
        E::custom("refused")
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_NESTING {
            return Err(self.refuse(JsonError::Nesting));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(JsonError::Invalid))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.refuse(JsonError::Duplicate));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn what_serde_json_reads_is_read_alike() {
        let text = r#"{"a":[1,-2,0.5,1e3,-0,18446744073709551615,18446744073709551616,true,null],
                       "b":{"c":"\u00e9\ud83d\ude00\n"},"":{}} "#;
        let ours = parse_object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(ours), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn duplicate_names_are_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":{"a":1,"a":1}}"#,
            r#"{"b":[0,[{"a":1,"c":2,"a":3}]]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::Duplicate), "{text}");
        }
        assert!(parse_object(br#"{"a":{"a":[{"a":1},{"a":1}]},"A":1}"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(parse_object(nested(32).as_bytes()).is_ok());
        assert_eq!(parse_object(nested(33).as_bytes()), Err(JsonError::Nesting));
        let arrays =
            |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(parse_object(arrays(31).as_bytes()).is_ok());
        assert_eq!(parse_object(arrays(32).as_bytes()), Err(JsonError::Nesting));
        assert_eq!(parse_object(arrays(5000).as_bytes()), Err(JsonError::Nesting));
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        let texts: [&[u8]; 14] = [
            b"",
            b"[]",
            b"1",
            b"null",
            b"\"{}\"",
            b"{}{}",
            b"{} x",
            b"{",
            b"{\"a\":1,}",
            b"{'a':1}",
            b"\xEF\xBB\xBF{}",
            b"{\"a\":\"\xFF\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":1e999}",
        ];
        for text in texts {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(parse_object(text), Err(JsonError::Invalid), "{shown}");
        }
    }
}
