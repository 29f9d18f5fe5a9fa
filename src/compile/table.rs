//! What repeats is written once.

use std::hash::Hash;

use indexmap::IndexSet;

/// Distinct values, each with an index, in the order in which they were first added.
pub struct Table<T>(IndexSet<T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(IndexSet::new())
    }
}

impl<T: Eq + Hash> Table<T> {
    /// The index of a value, which is added unless it is there already.
    pub fn index(&mut self, value: T) -> u32 {
        u32::try_from(self.0.insert_full(value).0).unwrap_or(u32::MAX)
    }

    /// The value at an index.
    pub fn get(&self, index: u32) -> Option<&T> {
        self.0.get_index(usize::try_from(index).ok()?)
    }

    /// How many distinct values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A copy of every value, at its index.
    pub fn to_vec(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.0.iter().cloned().collect()
    }

    /// Every value, at its index.
    pub fn into_vec(self) -> Vec<T> {
        self.0.into_iter().collect()
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
        assert_eq!(table.get(1), Some(&"a"));
        assert_eq!(table.get(3), None);
        assert_eq!(table.into_vec(), ["b", "a", "c"]);
    }
}
