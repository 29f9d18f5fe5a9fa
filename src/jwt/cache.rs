//! Verified tokens, remembered so that a signature is checked once.

/// A bounded cache of what was learnt about tokens: a `V` for each verified one, and the bare
/// fact for each whose signature is bad. Remembers nothing yet.
#[derive(Debug)]
pub struct TokenCache<V> {
    value: std::marker::PhantomData<V>,
    misses: u64,
}

impl<V> TokenCache<V> {
    /// A cache of at most `max_entries` verified tokens in about `max_bytes`. `seed` should be
    /// random for each VM.
    pub fn new(_max_entries: usize, _max_bytes: usize, _seed: u64) -> Self {
        Self { value: std::marker::PhantomData, misses: 0 }
    }

    /// What is known of a verified token, if its entry still holds at `now`.
    pub fn get(&mut self, _scope: u32, _token: &[u8], _now: u64) -> Option<&V> {
        self.misses = self.misses.saturating_add(1);
        None
    }

    /// Remembers a verified token until `expires_at`.
    pub fn insert(&mut self, _scope: u32, _token: &[u8], _value: V, _expires_at: u64) {}

    /// Whether this token's signature was found bad with the same keys in the last 30 seconds.
    pub fn is_known_bad(&mut self, _scope: u32, _token: &[u8], _generation: u64, _: u64) -> bool {
        false
    }

    /// Remembers a bad signature.
    pub fn insert_bad(&mut self, _scope: u32, _token: &[u8], _generation: u64, _now: u64) {}

    /// Forgets everything: keys or configuration changed. The counters stay.
    pub fn clear(&mut self) {}

    /// The number of verified tokens held.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether no verified token is held.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// How often [`TokenCache::get`] found an entry.
    pub fn hits(&self) -> u64 {
        0
    }

    /// How often [`TokenCache::get`] found none, or an expired one.
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// How many verified tokens had to make room for others.
    pub fn evictions(&self) -> u64 {
        0
    }
}
