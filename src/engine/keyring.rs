//! The keys that are known at a moment: the third input of `decide` beside policy and request.

use std::sync::Arc;

use crate::jwt::KeySet;

/// The fetched JWKS documents of one engine, by index of [`super::Engine::remote_jwks`].
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    sets: Vec<Fetched>,
}

#[derive(Debug, Clone, Default)]
struct Fetched {
    keys: Option<Arc<KeySet>>,
    /// Grows whenever the keys change, so that what was verified with old keys is verified anew.
    generation: u64,
}

impl KeyRing {
    /// A ring for `documents` remote documents, none of them fetched yet.
    pub fn new(documents: usize) -> Self {
        Self { sets: vec![Fetched::default(); documents] }
    }

    /// Puts a fetched document in its place, in place of what was there.
    pub fn replace(&mut self, document: usize, keys: Arc<KeySet>) {
        if let Some(set) = self.sets.get_mut(document) {
            set.keys = Some(keys);
            set.generation = set.generation.saturating_add(1);
        }
    }

    /// The keys of a document, once it was fetched.
    pub fn keys(&self, document: usize) -> Option<&KeySet> {
        self.sets.get(document)?.keys.as_deref()
    }

    /// The generation of a document's keys; 0 before the first.
    pub fn generation(&self, document: usize) -> u64 {
        self.sets.get(document).map_or(0, |set| set.generation)
    }
}
