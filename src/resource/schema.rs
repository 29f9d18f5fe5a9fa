//! The field tables as JSON Schema (draft 2020-12), for editors and for users' own checks.
//!
//! The schema says what [`super::shape`] checks. What fields mean together it cannot say: a
//! document that fits it may still have errors.

use serde_json::{Map, Value, json};

use super::gateway::fields::GATEWAY;
use super::shape::{Object, Others, Shape, Written};

/// The JSON Schema of a Gateway document, as far as its fields are read.
pub fn gateway() -> Value {
    document(&GATEWAY, "Gateway")
}

/// The JSON Schema of documents with these fields.
pub fn document(fields: &Object, title: &str) -> Value {
    let mut schema = object(fields);
    set(&mut schema, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    set(&mut schema, "title", json!(title));
    schema
}

fn set(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = schema {
        members.insert(key.to_owned(), value);
    }
}

fn object(object: &Object) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in object.fields.iter().filter(|field| field.misplaced.is_none()) {
        let mut schema = shape(&field.shape);
        let doc = match field.left_to_gateway {
            Some(consequence) => format!("{}. Left to the gateway: {consequence}", field.doc),
            None => field.doc.to_owned(),
        };
        set(&mut schema, "description", json!(doc));
        if let Some(default) = field.default {
            set(&mut schema, "default", written(default));
        }
        if field.required {
            required.push(field.name);
        } else if field.null_is_absent(object) {
            allow_null(&mut schema);
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": object.others != Others::Refused,
    });
    if !required.is_empty() {
        set(&mut schema, "required", json!(required));
    }
    if object.not_empty.is_some() {
        set(&mut schema, "minProperties", json!(1));
    }
    schema
}

fn written(value: Written) -> Value {
    match value {
        Written::Text(text) => json!(text),
        Written::Number(number) => json!(number),
        Written::Boolean(boolean) => json!(boolean),
        Written::Texts(texts) => json!(texts),
    }
}

fn allow_null(schema: &mut Value) {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}

fn shape(shape_: &Shape) -> Value {
    match shape_ {
        Shape::Anything => json!({}),
        Shape::Described(described) => shape(described),
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::TextOrEmpty => json!({ "type": "string" }),
        Shape::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Shape::Integer { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::BooleanOrValue => json!({
            "type": ["boolean", "object"],
            "properties": { "value": { "type": "boolean" } },
            "additionalProperties": false,
            "required": ["value"],
        }),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::Code { words, prefix } => {
            let prefixed = words.iter().map(|word| format!("{prefix}{word}"));
            let all: Vec<_> = words.iter().map(|word| (*word).to_owned()).chain(prefixed).collect();
            json!({ "type": "string", "enum": all })
        }
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::SomeOf(item) => json!({ "type": "array", "items": shape(item), "minItems": 1 }),
        Shape::TextMap => json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
        }),
        Shape::SomeTextMap => json!({
            "type": "object",
            "additionalProperties": { "type": "string", "minLength": 1 },
            "minProperties": 1,
        }),
        Shape::Map(item) => json!({
            "type": "object",
            "additionalProperties": shape(item),
            "minProperties": 1,
        }),
        Shape::Duration => {
            json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?(ms|s|m|h)$" })
        }
        Shape::Object(described) => object(described),
    }
}
