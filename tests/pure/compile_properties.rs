//! Whatever is in a document, reading and compiling it ends in a policy that the filter takes, or
//! in errors; never in a panic.

use egress_auth::compile::{self, Options};
use egress_auth::engine::Engine;
use egress_auth::resource::diagnostic::Diagnostics;
use egress_auth::resource::document;
use egress_auth::resource::source::Sources;
use proptest::prelude::*;

const PAYMENTS: &str = include_str!("../../envoy/examples/payments.yaml");

/// Compiles every Gateway of a text, and has the filter's engine take each policy.
fn compile(text: String) -> Result<(), TestCaseError> {
    let mut sources = Sources::default();
    sources.add("input".to_owned(), text);
    let mut diagnostics = Diagnostics::default();
    let documents = document::read_all(&sources, &mut diagnostics);
    let hierarchy = document::hierarchy(&documents, &mut diagnostics);
    for gateway in document::gateways(&documents, false, &mut diagnostics) {
        let mut found = Diagnostics::default();
        let compiled = compile::compile(gateway, &hierarchy, &Options::default(), &mut found);
        prop_assert_eq!(compiled.is_none(), found.has_errors());
        if let Some(compiled) = compiled {
            let engine = Engine::new(compiled.policy);
            prop_assert!(engine.is_ok(), "{:?}", engine.err());
        }
    }
    for diagnostic in diagnostics.iter() {
        if let Some(span) = diagnostic.span {
            sources.position(span);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        compile(text)?;
    }

    #[test]
    fn any_structure_is_read(text in "[ \\n:\\-\\[\\]{}&*!|>'\"%#,?~ab0]{0,120}") {
        compile(text)?;
    }

    /// Values of the scenario replaced by others that a field may not expect.
    #[test]
    fn any_value_of_the_scenario_may_be_wrong(
        edits in proptest::collection::vec((0usize..200, prop_oneof![
            Just(""), Just(" null"), Just(" {}"), Just(" []"), Just(" true"), Just(" 7"),
            Just(" ''"), Just(" '*'"), Just(" '*.a.test'"), Just(" [~]"), Just(" [{}]"),
            Just(" x y"), Just(" /{*}"), Just(" AUTO"), Just(" INGRESS"), Just(" é"),
        ]), 1..4),
    ) {
        let mut lines: Vec<String> = PAYMENTS.lines().map(str::to_owned).collect();
        for (at, value) in edits {
            let at = at % lines.len();
            let end = lines[at].find(':').map_or(lines[at].len(), |colon| colon + 1);
            lines[at].truncate(end);
            lines[at].push_str(value);
        }
        compile(lines.join("\n"))?;
    }
}
