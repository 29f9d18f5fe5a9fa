//! Trees to JSON values, for parts of a document that are free in form, such as claims.

use serde_json::{Map, Value as Json};

use super::diagnostic::Diagnostic;
use super::tree::{Node, Value};

/// The JSON value that a tree stands for.
///
/// # Errors
/// At the first number that JSON cannot say, such as `.inf` or `0x1F`.
pub fn value(node: Node<'_>) -> Result<Json, Box<Diagnostic>> {
    Ok(match node.value() {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(value),
        Value::String(text) => Json::String(text.to_owned()),
        Value::Number(text) => match serde_json::from_str(text) {
            Ok(number) => Json::Number(number),
            Err(_) => {
                let error = Diagnostic::error(format!("JSON has no number `{text}`")).on(node);
                return Err(Box::new(error.hint("write it in decimal, or in quotes as a string")));
            }
        },
        Value::Sequence => node.items().map(value).collect::<Result<_, _>>()?,
        Value::Mapping => Json::Object(object(node)?),
    })
}

/// The members of a map; none for every other value.
///
/// # Errors
/// As [`value`].
pub fn object(node: Node<'_>) -> Result<Map<String, Json>, Box<Diagnostic>> {
    let entry = |(key, member): (Node<'_>, Node<'_>)| {
        Ok((key.scalar_text().unwrap_or_default().to_owned(), value(member)?))
    };
    node.entries().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::diagnostic::Diagnostics;
    use crate::resource::source::FileId;
    use crate::resource::yaml;

    fn read(text: &str) -> Result<Json, Box<Diagnostic>> {
        let documents = yaml::read(FileId(0), text, &mut Diagnostics::default());
        value(documents[0].root().unwrap())
    }

    #[test]
    fn every_kind_of_value_becomes_its_json() {
        let text = "{a: [1, -2.5, true, null, x, '1'], 2: {b: {}}}";
        let expected = serde_json::json!({"a": [1, -2.5, true, null, "x", "1"], "2": {"b": {}}});
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn numbers_that_json_does_not_have_are_refused() {
        for number in ["0x1F", ".inf", "+1", ".5"] {
            let error = read(&format!("[{number}]")).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("[0]"), "{number}");
        }
    }
}
