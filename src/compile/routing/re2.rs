//! Regular expressions as Envoy reads them: RE2, which knows less than the parser here.

use regex_syntax::ast::{self, Ast};

/// As often as RE2 repeats at most, those within each other multiplied.
const MAX_REPEATS: u32 = 1_000;

/// Why Envoy would refuse a regular expression, if it would.
pub(super) fn refuses(text: &str) -> Option<String> {
    match ast::parse::Parser::new().parse(text) {
        Ok(tree) => {
            let known = ast::visit(&tree, Known::default());
            known.err().map(|what| format!("RE2 knows no {what}"))
        }
        Err(error) => Some(error.kind().to_string()),
    }
}

/// Walks a regular expression; ends with what RE2 does not know.
#[derive(Default)]
struct Known {
    /// How often what is being walked is repeated, from the outside in.
    repeats: Vec<u32>,
}

impl ast::Visitor for Known {
    type Output = ();
    type Err = &'static str;

    fn finish(self) -> Result<(), Self::Err> {
        Ok(())
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Self::Err> {
        match tree {
            Ast::Flags(flags) => known_flags(&flags.flags),
            Ast::Group(group) => match &group.kind {
                ast::GroupKind::NonCapturing(flags) => known_flags(flags),
                ast::GroupKind::CaptureName { name, .. } if !is_word(&name.name) => {
                    Err("such names of groups")
                }
                _ => Ok(()),
            },
            Ast::Literal(literal) => known_literal(literal),
            Ast::ClassUnicode(class) => known_class(class),
            Ast::Assertion(assertion) => match assertion.kind {
                ast::AssertionKind::StartLine
                | ast::AssertionKind::EndLine
                | ast::AssertionKind::StartText
                | ast::AssertionKind::EndText
                | ast::AssertionKind::WordBoundary
                | ast::AssertionKind::NotWordBoundary => Ok(()),
                _ => Err("starts and ends of words: write `\\b`"),
            },
            Ast::Repetition(repetition) => self.enter(repetition),
            _ => Ok(()),
        }
    }

    fn visit_post(&mut self, tree: &Ast) -> Result<(), Self::Err> {
        if matches!(tree, Ast::Repetition(_)) {
            self.repeats.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        match item {
            ast::ClassSetItem::Bracketed(_) => Err("class within a class"),
            ast::ClassSetItem::Literal(literal) => known_literal(literal),
            ast::ClassSetItem::Range(range) => {
                known_literal(&range.start)?;
                known_literal(&range.end)
            }
            ast::ClassSetItem::Unicode(class) => known_class(class),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), Self::Err> {
        Err("operators between classes")
    }
}

impl Known {
    fn enter(&mut self, repetition: &ast::Repetition) -> Result<(), &'static str> {
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return Err("repetition of a repetition: put the inner one in a group");
        }
        let times = match &repetition.op.kind {
            ast::RepetitionKind::Range(
                ast::RepetitionRange::Exactly(most)
                | ast::RepetitionRange::AtLeast(most)
                | ast::RepetitionRange::Bounded(_, most),
            ) => *most,
            _ => 1,
        };
        let within = self.repeats.last().copied().unwrap_or(1);
        let times = within.saturating_mul(times.max(1));
        if times > MAX_REPEATS {
            return Err("repetition of over 1,000 times, those within each other multiplied");
        }
        self.repeats.push(times);
        Ok(())
    }
}

fn known_flags(flags: &ast::Flags) -> Result<(), &'static str> {
    let known = flags.items.iter().all(|item| match item.kind {
        ast::FlagsItemKind::Negation => true,
        ast::FlagsItemKind::Flag(flag) => matches!(
            flag,
            ast::Flag::CaseInsensitive
                | ast::Flag::MultiLine
                | ast::Flag::DotMatchesNewLine
                | ast::Flag::SwapGreed
        ),
    });
    known.then_some(()).ok_or("flags but `i`, `m`, `s` and `U`")
}

fn known_literal(literal: &ast::Literal) -> Result<(), &'static str> {
    match &literal.kind {
        ast::LiteralKind::HexFixed(kind) | ast::LiteralKind::HexBrace(kind)
            if *kind != ast::HexLiteralKind::X =>
        {
            Err("`\\u` and `\\U`: write `\\x{...}`")
        }
        _ => Ok(()),
    }
}

/// General categories by their short names, which both know.
fn known_class(class: &ast::ClassUnicode) -> Result<(), &'static str> {
    let known = match &class.kind {
        ast::ClassUnicodeKind::OneLetter(_) => true,
        ast::ClassUnicodeKind::Named(name) => {
            let mut letters = name.chars();
            letters.next().is_some_and(|it| it.is_ascii_uppercase())
                && letters.next().is_none_or(|it| it.is_ascii_lowercase())
                && letters.next().is_none()
        }
        ast::ClassUnicodeKind::NamedValue { .. } => false,
    };
    known.then_some(()).ok_or("classes of Unicode but the general categories, such as `\\p{Lu}`")
}

fn is_word(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_re2_does_not_know_is_named() {
        for text in [
            "/a{1001}",
            "/((((a{10}){10}){10}){10})",
            "/(?x)a b",
            r"/\u0041",
            "/a++",
            "/a**",
            "/a{2}{3}",
            "/(?R)a",
            "/(?-u:a)",
            r"/[a&&b]",
            "/[a[b]]",
            r"/\b{start}a",
            r"/\p{Alphabetic}",
            r"/\p{sc=Greek}",
            "/(?P<a.b>x)",
            "/(",
            "/(?=a)",
            r"/(a)\1",
        ] {
            assert!(refuses(text).is_some(), "{text}");
        }
        for text in [
            "/v[12]/.*",
            "/a{1000}",
            "/(a{10}){100}",
            r"/\d+\.json",
            "/(?i:A)b?",
            "/a+?",
            "/(a+)+",
            r"/[[:alpha:]_-]+\b",
            r"/\x41\x{42}\pL\p{Lu}",
            "/(?P<id>[^/]+)",
            "(?s)/.*",
        ] {
            assert_eq!(refuses(text), None, "{text}");
        }
    }
}
