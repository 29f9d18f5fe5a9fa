//! The fields of a JSON Schema (draft 2020-12), as far as the schemas of this project go: one table
//! an object, each object once.

use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::Value;

use super::{cell, table};
use crate::docs::markdown::anchor;
use crate::support::program;

/// The page about what `egress-auth schema FORMAT` prints.
pub fn page(format: &str, title: &str, about: &str) -> String {
    let mut pages = Page { schema: schema(format), sections: Vec::new(), queue: VecDeque::new() };
    let mut out = format!("# {title}\n\n{about}\n");
    let root = pages.schema.clone();
    pages.queue.push_back(("The document".to_owned(), root));
    while let Some((title, object)) = pages.queue.pop_front() {
        let rows = pages.rows(&title, &object);
        write!(out, "\n## {title}\n\n").unwrap();
        if let Some(doc) = description(&object) {
            write!(out, "{}\n\n", cell(doc)).unwrap();
        }
        if object.get("oneOf").is_some() {
            out.push_str("Exactly one of these.\n\n");
        }
        out.push_str(&table(&["field", "type", "default", "meaning"], rows));
    }
    out
}

/// What `egress-auth schema` prints.
pub fn schema(format: &str) -> Value {
    let output = program().args(["schema", format]).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Page {
    schema: Value,
    /// Objects that have a section, by its title.
    sections: Vec<(String, Value)>,
    /// Sections that are still to be written.
    queue: VecDeque<(String, Value)>,
}

impl Page {
    fn rows(&mut self, title: &str, object: &Value) -> Vec<Vec<String>> {
        let alternatives = object.get("oneOf").and_then(Value::as_array);
        let objects: Vec<Value> = alternatives.cloned().unwrap_or_else(|| vec![object.clone()]);
        let mut rows = Vec::new();
        for object in &objects {
            let required = object["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in object["properties"].as_object().into_iter().flatten() {
                let path = match title {
                    "The document" => name.clone(),
                    title => format!("{}.{name}", title.trim_matches('`')),
                };
                let default = match field.get("default") {
                    Some(default) => match default.as_str() {
                        Some(text) => format!("`{text}`"),
                        None => format!("`{default}`"),
                    },
                    None if alternatives.is_none()
                        && required.contains(&Value::from(name.as_str())) =>
                    {
                        "required".to_owned()
                    }
                    None => String::new(),
                };
                let kind = self.kind(field, &path);
                let meaning = match self.meaning(field) {
                    // Of several forms, each is described as a whole.
                    doc if doc.is_empty() => description(object).unwrap_or_default().to_owned(),
                    doc => doc,
                };
                rows.push(vec![format!("`{name}`"), kind, default, meaning]);
            }
        }
        assert!(!rows.is_empty(), "{title} has no fields");
        rows
    }

    /// What a value may be, in words.
    fn kind(&mut self, schema: &Value, path: &str) -> String {
        if let Some(name) = reference(schema) {
            let target = self.schema["$defs"][name].clone();
            return match is_object(&target) {
                true => self.link(name.to_owned(), &target),
                false => self.kind(&target, path),
            };
        }
        if let Some(some) = schema["anyOf"].as_array() {
            let [one] = some.iter().filter(|it| it["type"] != "null").collect::<Vec<_>>()[..]
            else {
                panic!("{path}: {schema}");
            };
            return self.kind(one, path);
        }
        let words: Vec<String> =
            words(schema).iter().map(|(word, _)| format!("`{word}`")).collect();
        if !words.is_empty() {
            return words.join(", ");
        }
        let mut types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(some) => some.iter().map(|it| it.as_str().unwrap()).collect(),
            Value::Null => return "anything".to_owned(),
            other => panic!("{path}: {other}"),
        };
        types.retain(|it| *it != "null");
        let kinds: Vec<String> = types.iter().map(|it| self.simple(it, schema, path)).collect();
        kinds.join(" or ")
    }

    fn simple(&mut self, kind: &str, schema: &Value, path: &str) -> String {
        match kind {
            "array" => {
                let items = self.kind(&schema["items"], &format!("{path}[]"));
                let least = schema["minItems"].as_u64().map_or("", |_| ", not empty");
                let plural = if matches!(items.as_str(), "string" | "integer") { "s" } else { "" };
                format!("list of {items}{plural}{least}")
            }
            "object" => match &schema["additionalProperties"] {
                _ if is_object(schema) => self.link(format!("`{path}`"), schema),
                Value::Object(_) => {
                    let values = self.kind(&schema["additionalProperties"], path);
                    format!("map of {values}s")
                }
                _ => "map".to_owned(),
            },
            "integer" => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
                (Some(min), Some(max)) => format!("integer, {min} to {max}"),
                (Some(min), None) if min > 0 => format!("integer, at least {min}"),
                _ => "integer".to_owned(),
            },
            kind => kind.to_owned(),
        }
    }

    /// A link to the section of an object, which is written once.
    fn link(&mut self, title: String, object: &Value) -> String {
        let known = self.sections.iter().find(|(_, known)| same(known, object));
        let title = match known {
            Some((title, _)) => title.clone(),
            None => {
                self.sections.push((title.clone(), object.clone()));
                self.queue.push_back((title.clone(), object.clone()));
                title
            }
        };
        format!("[{title}](#{})", anchor(&title))
    }

    /// What a field means, and what each of its words does.
    fn meaning(&self, field: &Value) -> String {
        let target = match reference(field) {
            Some(name) => &self.schema["$defs"][name],
            None => field,
        };
        let doc = description(field).or_else(|| description(target)).unwrap_or_default();
        let words = words(target).into_iter();
        let words: Vec<String> =
            words.filter_map(|(word, doc)| Some(format!("`{word}`: {}", doc?))).collect();
        match words.is_empty() {
            true => doc.to_owned(),
            false => format!("{doc} {}", words.join(" ")),
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn description(schema: &Value) -> Option<&str> {
    schema["description"].as_str()
}

/// Whether it has fields to be listed.
fn is_object(schema: &Value) -> bool {
    let has_fields =
        |schema: &Value| schema["properties"].as_object().is_some_and(|it| !it.is_empty());
    has_fields(schema) || schema["oneOf"].as_array().is_some_and(|all| all.iter().all(has_fields))
}

/// Whether two objects have the same fields, whatever is said of the objects.
fn same(one: &Value, other: &Value) -> bool {
    ["properties", "oneOf", "required"].iter().all(|part| one[part] == other[part])
}

/// The words that a value is one of, with what they do where that is said.
fn words(schema: &Value) -> Vec<(String, Option<String>)> {
    let text = |word: &Value| word.as_str().map(ToOwned::to_owned);
    let mut words: Vec<(String, Option<String>)> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| Some((text(it)?, None)))
        .collect();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        if let Some(word) = text(&one["const"]) {
            words.push((word, description(one).map(ToOwned::to_owned)));
        }
        let several = one["enum"].as_array().into_iter().flatten();
        words.extend(several.filter_map(|it| Some((text(it)?, None))));
    }
    words
}
