//! Least values: what a pattern over a claim matches at the least.
//!
//! Texts have no bound and no end of letters, so a letter can be had that no pattern holds. With
//! it, `a*` matches `aF` at the least, `*a` matches `Fa`, `*a*` matches `FaF` and `*` matches `F`:
//! every other pattern that matches the least value of a pattern matches everything that the
//! pattern does.

use crate::policy::text_pattern::TextPattern;

/// A letter that no pattern of a question holds.
#[derive(Debug, Clone, Copy)]
pub struct Fresh(char);

impl Fresh {
    /// Looks for a letter that none of these texts holds.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut taken: Vec<char> = texts.into_iter().flat_map(str::chars).collect();
        taken.sort_unstable();
        taken.dedup();
        let readable = "xyzabcdefghijklmnopqrstuvw0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars();
        let others = ('\u{a1}'..=char::MAX).filter(|letter| letter.is_alphanumeric());
        let free = readable.chain(others).find(|letter| taken.binary_search(letter).is_err());
        // Patterns would have to hold every letter there is.
        Self(free.unwrap_or(char::MAX))
    }

    /// Whether a SPIFFE ID may hold the letter (SPIFFE-ID, section 2.2).
    pub fn is_of_names(self) -> bool {
        self.0.is_ascii_alphanumeric() || "-._".contains(self.0)
    }

    /// The letter.
    pub fn letter(self) -> char {
        self.0
    }

    /// The least value that matches all of the patterns; nothing where no value matches them all.
    /// Without a pattern, any value.
    pub fn least<'a>(self, patterns: impl IntoIterator<Item = &'a TextPattern>) -> Option<String> {
        let (mut exact, mut prefix, mut suffix) = (None, "", "");
        let mut contained: Vec<&str> = Vec::new();
        let patterns: Vec<_> = patterns.into_iter().collect();
        for pattern in &patterns {
            match pattern {
                TextPattern::Exact(text) => exact = Some(&**text),
                TextPattern::Prefix(text) if text.starts_with(prefix) => prefix = text,
                TextPattern::Prefix(text) if prefix.starts_with(&**text) => {}
                TextPattern::Suffix(text) if text.ends_with(suffix) => suffix = text,
                TextPattern::Suffix(text) if suffix.ends_with(&**text) => {}
                TextPattern::Prefix(_) | TextPattern::Suffix(_) => return None,
                TextPattern::Contains(text) => contained.push(text),
                TextPattern::Present => {}
            }
        }
        if let Some(exact) = exact {
            return patterns.iter().all(|it| it.matches(exact)).then(|| exact.to_owned());
        }
        let mut value = prefix.to_owned();
        value.push(self.0);
        for text in contained {
            if !prefix.contains(text) && !suffix.contains(text) {
                value.push_str(text);
                value.push(self.0);
            }
        }
        value.push_str(suffix);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of up to four letters.
    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..4 {
            last = last
                .iter()
                .flat_map(|text| ["a", "b", "x"].map(|letter| format!("{text}{letter}")))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    /// A pattern matches the least value of others exactly when it matches whatever they match.
    #[test]
    fn what_matches_the_least_value_matches_all() {
        let patterns = [
            "a", "b", "ab", "a*", "ab*", "b*", "*a", "*b", "*ba", "*a*", "*ab*", "*", "", "x",
            "bb*",
        ];
        let patterns = patterns.map(TextPattern::parse);
        let texts = texts();
        let mut pairs: Vec<Vec<&TextPattern>> = patterns.iter().map(|it| vec![it]).collect();
        for one in &patterns {
            pairs.extend(patterns.iter().map(|other| vec![one, other]));
        }
        for inner in pairs {
            let fresh = Fresh::new(["a", "b", "ab", "ba", "bb", "x"]);
            assert_eq!(fresh.letter(), 'y');
            let matched: Vec<_> =
                texts.iter().filter(|text| inner.iter().all(|it| it.matches(text))).collect();
            let Some(least) = fresh.least(inner.iter().copied()) else {
                assert!(matched.is_empty(), "{inner:?} match {matched:?}");
                continue;
            };
            assert!(inner.iter().all(|it| it.matches(&least)), "{inner:?} {least}");
            for outer in &patterns {
                let covers = matched.iter().all(|text| outer.matches(text));
                // Short texts are not all texts: what misses the least value may need a longer one.
                if outer.matches(&least) {
                    assert!(covers, "{outer:?} over {inner:?}");
                }
            }
        }
    }
}
