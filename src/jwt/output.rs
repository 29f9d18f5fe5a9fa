//! The header values that a verified token sends upstream.

use std::rc::Rc;

use serde_json::Value;

use super::claim_path::ClaimPath;
use super::claims::Claims;
use crate::policy::JwtRule;

/// Which of a rule's output headers a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputHeader {
    /// `output_payload_to_header`.
    Payload,
    /// The entry of `output_claim_to_headers` at this index.
    Claim(usize),
}

impl OutputHeader {
    /// The header's name under `rule`; `None` if the rule is not the one it was made for.
    pub fn name(self, rule: &JwtRule) -> Option<&str> {
        match self {
            Self::Payload => rule.output_payload_to_header.as_deref(),
            Self::Claim(index) => {
                rule.output_claim_to_headers.get(index).map(|header| header.header.as_str())
            }
        }
    }
}

/// What to set upstream for one verified token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputHeaders {
    /// Headers to set, in the rule's order, the payload first. Values hold the bytes 0x20 to
    /// 0x7E only.
    pub set: Vec<(OutputHeader, Rc<[u8]>)>,
    /// Claims that the token has but that no header can carry.
    pub left_out: u32,
}

/// Computes the output headers of a verified token. `payload_base64` is the payload as it stands
/// in the token.
///
/// String, boolean and integer claims are carried; other values, and strings with a byte outside
/// 0x20 to 0x7E, are left out and counted. A claim that the token lacks sets nothing and is not
/// counted.
pub fn output_headers(rule: &JwtRule, claims: &Claims, payload_base64: &str) -> OutputHeaders {
    let mut output = OutputHeaders::default();
    if rule.output_payload_to_header.is_some() {
        output.set.push((OutputHeader::Payload, payload_base64.as_bytes().into()));
    }
    for (index, header) in rule.output_claim_to_headers.iter().enumerate() {
        let Some(value) = ClaimPath::parse(&header.claim).find(claims) else { continue };
        match header_value(value) {
            Some(bytes) => output.set.push((OutputHeader::Claim(index), bytes.into())),
            None => output.left_out = output.left_out.saturating_add(1),
        }
    }
    output
}

fn header_value(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => {
            let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
            printable.then(|| text.clone().into_bytes())
        }
        Value::Bool(value) => Some(value.to_string().into_bytes()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::rule;
    use super::*;
    use crate::policy::ClaimHeader;

    fn outputs(payload: &Value, names: &[&str]) -> OutputHeaders {
        let mut rule = rule();
        rule.output_claim_to_headers = names
            .iter()
            .map(|name| ClaimHeader { header: format!("x-{name}"), claim: (*name).to_owned() })
            .collect();
        let claims = Claims::from_json(payload.to_string().as_bytes()).unwrap();
        output_headers(&rule, &claims, "e30")
    }

    #[test]
    fn scalars_are_carried_and_the_rest_is_counted() {
        let payload = json!({
            "text": "a b~", "empty": "", "yes": true, "int": -7, "big": u64::MAX,
            "fraction": 1.5, "whole_float": 2.0, "null": null, "list": ["a"], "object": {"in": "x"},
            "crlf": "a\r\nx-admin: 1", "tab": "a\tb", "high": "é", "del": "\u{7f}",
        });
        let carried = ["text", "empty", "yes", "int", "big", "object.in"];
        let left_out =
            ["fraction", "whole_float", "null", "list", "object", "crlf", "tab", "high", "del"];
        let output = outputs(&payload, &[&carried[..], &left_out[..], &["absent"]].concat());
        let values: Vec<_> = output
            .set
            .iter()
            .map(|(_, value)| String::from_utf8(value.to_vec()).unwrap())
            .collect();
        assert_eq!(values, ["a b~", "", "true", "-7", "18446744073709551615", "x"]);
        assert_eq!(output.left_out, 9);
    }

    #[test]
    fn the_payload_is_carried_as_it_stands() {
        let mut rule = rule();
        rule.output_payload_to_header = Some("x-jwt-payload".into());
        rule.output_claim_to_headers =
            vec![ClaimHeader { header: "x-sub".into(), claim: "sub".into() }];
        let claims = Claims::from_json(br#"{"sub":"s"}"#).unwrap();
        let output = output_headers(&rule, &claims, "eyJzdWIiOiJzIn0");
        let named: Vec<_> = output
            .set
            .iter()
            .map(|(header, value)| (header.name(&rule).unwrap(), &**value))
            .collect();
        assert_eq!(named, [("x-jwt-payload", &b"eyJzdWIiOiJzIn0"[..]), ("x-sub", b"s")]);
        assert_eq!(OutputHeader::Claim(1).name(&rule), None);
    }
}
