//! What repeats is written once.

use std::collections::HashMap;
use std::hash::Hash;

/// Distinct values, each with an index, in the order in which they were first added.
pub struct Table<T>(HashMap<T, u32>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Table<T> {
    /// The index of a value, which is added unless it is there already.
    pub fn index(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value).or_insert(next)
    }

    /// How many distinct values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Every value, at its index.
    pub fn into_vec(self) -> Vec<T> {
        let mut values: Vec<(T, u32)> = self.0.into_iter().collect();
        values.sort_unstable_by_key(|(_, index)| *index);
        values.into_iter().map(|(value, _)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_an_index_and_order_is_kept() {
        let mut table = Table::default();
        let indices = ["b", "a", "b", "c", "a"].map(|value| table.index(value));
        assert_eq!(indices, [0, 1, 0, 2, 1]);
        assert_eq!(table.into_vec(), ["b", "a", "c"]);
    }
}
