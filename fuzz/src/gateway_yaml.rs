//! Documents, read and compiled.

use egress_auth::compile::{self, Options};
use egress_auth::engine::Engine;
use egress_auth::resource::diagnostic::Diagnostics;
use egress_auth::resource::document;
use egress_auth::resource::source::Sources;

/// Checks one text.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut sources = Sources::default();
    sources.add("input".to_owned(), text.to_owned());
    let mut diagnostics = Diagnostics::default();
    let documents = document::read_all(&sources, &mut diagnostics);
    let hierarchy = document::hierarchy(&documents, &mut diagnostics);
    for gateway in document::gateways(&documents, false, &mut diagnostics) {
        let mut found = Diagnostics::default();
        let compiled = compile::compile(gateway, &hierarchy, &Options::default(), &mut found);
        assert_eq!(compiled.is_none(), found.has_errors(), "errors or a policy, never both");
        if let Some(compiled) = compiled {
            let json = serde_json::to_vec(&compiled.policy).expect("a policy can be written");
            Engine::from_json(&json).expect("the filter takes what compiles");
        }
    }
    for diagnostic in diagnostics.iter() {
        if let Some(span) = diagnostic.span {
            sources.position(span);
        }
    }
}
