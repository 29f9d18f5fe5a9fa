//! What several policies refer to, each thing once: whatever is written alike has one number.

use std::collections::HashMap;
use std::hash::Hash;

use crate::engine::Principal;
use crate::engine::source::SourcePattern;
use crate::policy::{self, JwtRule};

/// Things by number.
#[derive(Debug)]
pub struct Numbered<'p, T: ?Sized>(HashMap<&'p T, u32>, Vec<&'p T>);

impl<T: ?Sized> Default for Numbered<'_, T> {
    fn default() -> Self {
        Self(HashMap::new(), Vec::new())
    }
}

impl<'p, T: ?Sized + Hash + Eq> Numbered<'p, T> {
    /// The number of a thing.
    pub fn number(&mut self, thing: &'p T) -> u32 {
        let next = u32::try_from(self.1.len()).unwrap_or(u32::MAX);
        let number = *self.0.entry(thing).or_insert(next);
        if number == next {
            self.1.push(thing);
        }
        number
    }

    /// The thing of a number.
    pub fn get(&self, number: u32) -> Option<&'p T> {
        self.1.get(usize::try_from(number).ok()?).copied()
    }
}

/// Everything that policies refer to.
#[derive(Debug, Default)]
pub struct Tables<'p> {
    /// Patterns over tokens.
    pub principals: Numbered<'p, policy::Principal>,
    /// Methods and paths.
    pub operations: Numbered<'p, policy::Operation>,
    /// Patterns over workloads.
    pub sources: Numbered<'p, str>,
    /// JWT rules.
    pub jwt_rules: Numbered<'p, JwtRule>,
}

impl Tables<'_> {
    /// A principal as the engine matches it.
    pub fn principal(&self, number: u32) -> Option<Principal> {
        self.principals.get(number).map(Principal::new)
    }

    /// A source as the engine matches it.
    pub fn source(&self, number: u32) -> Option<SourcePattern> {
        SourcePattern::parse(self.sources.get(number)?).ok()
    }
}
