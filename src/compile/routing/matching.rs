//! Which requests a rule is for.

use super::{Reader, re2};
use crate::compile::header;
use crate::compile::model::routing::{RouteMatch, TextMatch};
use crate::policy::header::{folded, is_kept_by_envoy};
use crate::resource::tree::Node;

impl<'a> Reader<'a, '_> {
    /// An entry of `match`.
    pub(super) fn matching(&mut self, entry: Node<'a>) -> Option<RouteMatch> {
        let path = match entry.get("uri") {
            Some(uri) => Some(self.path(uri)?),
            None => None,
        };
        let mut headers = Vec::new();
        for (key, value) in entry.get("headers").into_iter().flat_map(Node::entries) {
            let name = self.header_to_match(key);
            headers.extend(name.zip(self.text(value)));
        }
        Some(RouteMatch { path, headers })
    }

    fn path(&mut self, uri: Node<'a>) -> Option<TextMatch> {
        let path = self.text(uri)?;
        if let TextMatch::Exact(text) | TextMatch::Prefix(text) = &path
            && !text.starts_with('/')
        {
            let message = format!("no path begins with `{}`", text.escape_debug());
            self.error(uri, message, "paths begin with `/`, as in `uri: {prefix: /v1}`");
        } else if let TextMatch::Exact(text) | TextMatch::Prefix(text) = &path
            && text.contains(['?', '#'])
        {
            let message = format!("no path holds `{}`", text.escape_debug());
            self.error(
                uri,
                message,
                "leave out `?` and what follows it: the path alone is compared",
            );
        }
        Some(path)
    }

    fn header_to_match(&mut self, key: Node<'a>) -> Option<String> {
        let written = key.scalar_text().unwrap_or_default();
        let Some(name) = header::canonical(written) else {
            let message = format!("`{}` is not a header name", written.escape_debug());
            self.error(key, message, "write the name alone, such as `x-region`");
            return None;
        };
        let same = folded(&name);
        let why = if self.of_filter.outputs.contains(&same) {
            "claims go on in it, once the token is verified"
        } else if self.of_filter.tokens.contains(&same) {
            "tokens are looked for in it, and taken out"
        } else if name == "host" || is_kept_by_envoy(&same) {
            "Envoy keeps it for itself"
        } else {
            return Some(name);
        };
        let message = format!("no rule can be chosen by the header `{name}`: {why}");
        self.error(key, message, "choose by the path, or by a header of the client's own");
        None
    }

    /// Exactly one of `exact`, `prefix` and `regex`.
    fn text(&mut self, node: Node<'a>) -> Option<TextMatch> {
        let mut written = node
            .entries()
            .filter_map(|(key, value)| Some((key, key.scalar_text()?, value, value.string()?)));
        let (_, field, value, text) = written.next()?;
        if let Some((second, other, ..)) = written.next() {
            let message = format!("`{field}` and `{other}` cannot stand together");
            self.error(second, message, "keep one of them; several entries of `match` are any-of");
            return None;
        }
        Some(match field {
            "exact" => TextMatch::Exact(text.to_owned()),
            "prefix" => TextMatch::Prefix(text.to_owned()),
            _ => {
                if let Some(why) = re2::refuses(text) {
                    let message =
                        format!("`{}` is no regular expression: {why}", text.escape_debug());
                    self.error(value, message, "write one of RE2, which describes the whole text");
                    return None;
                }
                TextMatch::Regex(text.to_owned())
            }
        })
    }
}
