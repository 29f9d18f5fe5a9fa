//! Which policies of a Gateway are in force in the process.
//!
//! Nobody tells a policy that another has replaced it, and of two policies one need not have: two
//! listeners may each enforce one of the same Gateway. So every worker signs for the policy that it
//! enforces, again and again, on one list that all workers of the process share. A policy that
//! nobody has signed for lately is not in force any more, whatever became of its workers.
//!
//! Times are milliseconds since the Unix epoch.

/// For how long a signature counts, in milliseconds.
const COUNTS_MS: u64 = 5_000;
/// How old a signature is before it is written anew, in milliseconds.
const SIGNS_MS: u64 = 1_000;
/// For so many milliseconds after a policy came, the one before may still be asked: it takes Envoy
/// a moment to change over. Policies that come within this time of each other stand beside each
/// other.
const CHANGES_OVER_MS: u64 = 1_000;

/// The policies that are in force, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    /// When the policy came.
    since: u64,
    /// When a worker signed for it last.
    signed: u64,
}

impl InForce {
    /// The form in which workers share it: a line for each policy.
    pub fn to_bytes(&self) -> Vec<u8> {
        let line = |entry: &Entry| format!("{} {} {}\n", entry.since, entry.signed, entry.name);
        self.entries.iter().map(line).collect::<String>().into_bytes()
    }

    /// Reads [`InForce::to_bytes`]. A line that is anything else is left out.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let entry = |line: &str| {
            let (since, rest) = line.split_once(' ')?;
            let (signed, name) = rest.split_once(' ')?;
            let (since, signed) = (since.parse().ok()?, signed.parse().ok()?);
            Some(Entry { name: name.to_owned(), since, signed })
        };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        Self { entries: text.lines().filter_map(entry).collect() }
    }

    /// Signs for a policy; whether nobody had.
    pub fn sign(&mut self, name: &str, now: u64) -> bool {
        match self.entries.iter_mut().find(|entry| entry.name == name) {
            Some(entry) if entry.signed.saturating_add(SIGNS_MS) > now => false,
            Some(entry) => {
                entry.signed = now;
                false
            }
            None => {
                self.entries.push(Entry { name: name.to_owned(), since: now, signed: now });
                true
            }
        }
    }

    /// Strikes a policy off.
    pub fn strike(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }

    /// Strikes off the policies that nobody signs for any more: their names.
    pub fn strike_lapsed(&mut self, now: u64) -> Vec<String> {
        let lapsed = |entry: &mut Entry| entry.signed.saturating_add(COUNTS_MS) < now;
        self.entries.extract_if(.., lapsed).map(|entry| entry.name).collect()
    }

    /// When the newest policy came that came after this one.
    fn newer_than(&self, own: &Own) -> Option<u64> {
        let since = self.since(own);
        let others = self.entries.iter().filter(|entry| entry.name != own.name);
        others.map(|entry| entry.since).max().filter(|newest| *newest > since)
    }

    fn since(&self, own: &Own) -> u64 {
        let entry = self.entries.iter().find(|entry| entry.name == own.name);
        entry.map_or(own.since, |entry| entry.since)
    }
}

/// The policy of one worker.
#[derive(Debug)]
pub struct Own {
    name: String,
    /// When this worker got it.
    since: u64,
    /// When a newer policy came, and how many requests this one had been asked about when that was
    /// first seen.
    newer: Option<(u64, u64)>,
}

impl Own {
    /// A policy that the worker has just got.
    pub fn new(name: String, since: u64) -> Self {
        Self { name, since, newer: None }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the policy is still in force, as far as this worker can tell: it is not asked about
    /// new requests since a newer one came, and lives on only for those that it let through.
    /// `asked` counts the requests so far, `open` those that have not ended.
    pub fn is_in_force(&mut self, list: &InForce, asked: u64, open: usize) -> bool {
        let newer = list.newer_than(self);
        match (newer, self.newer) {
            (Some(newer), Some((seen, then))) if newer == seen => asked != then || open == 0,
            _ => {
                self.newer = newer.map(|newer| (newer, asked));
                true
            }
        }
    }

    /// Whoever came before this time came before another policy was in force; nobody, where none
    /// came after this one.
    pub fn replaced_before(&self, list: &InForce) -> u64 {
        let Some(newer) = list.newer_than(self) else { return 0 };
        let together = newer.saturating_sub(list.since(self)) <= CHANGES_OVER_MS;
        newer.saturating_add(if together { 0 } else { CHANGES_OVER_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    fn list(policies: &[(&str, u64)]) -> InForce {
        let mut list = InForce::default();
        for (name, since) in policies {
            assert!(list.sign(name, *since));
        }
        list
    }

    #[test]
    fn what_is_shared_comes_back() {
        let list = list(&[("policy_info;version=1;hash=a b", NOW), ("two", NOW + 5)]);
        assert_eq!(InForce::from_bytes(&list.to_bytes()), list);
        let broken = [b"x 1 a\n1 \xff\n".as_slice(), b"1 2 kept\n3 x\n\n"];
        let kept = broken.map(|bytes| InForce::from_bytes(bytes).entries.len());
        assert_eq!(kept, [0, 1]);
    }

    #[test]
    fn a_signature_counts_for_five_seconds() {
        let mut list = list(&[("one", NOW), ("two", NOW)]);
        assert!(!list.sign("one", NOW + 999));
        assert_eq!(list.entries[0].signed, NOW, "not written anew too often");
        assert!(!list.sign("one", NOW + 1_000));
        assert!(list.strike_lapsed(NOW + 5_000).is_empty());
        assert_eq!(list.strike_lapsed(NOW + 5_001), ["two"]);
        list.strike("one");
        assert_eq!(list, InForce::default());
        assert!(list.sign("one", NOW + 6_000), "new again");
    }

    #[test]
    fn a_policy_gives_way_when_only_old_requests_are_left_of_it() {
        let mut own = Own::new("old".to_owned(), NOW);
        assert!(own.is_in_force(&list(&[("old", NOW)]), 3, 1), "alone");
        let both = list(&[("old", NOW), ("new", NOW + 10_000)]);
        assert!(own.is_in_force(&both, 4, 2), "a moment's silence says nothing");
        assert!(!own.is_in_force(&both, 4, 2));
        assert!(own.is_in_force(&both, 4, 0), "nothing keeps it but that it is in force");
        assert!(own.is_in_force(&both, 5, 2), "it is asked");
        // Signed for again, it is the newer one.
        let again = list(&[("new", NOW + 10_000), ("old", NOW + 20_000)]);
        assert!(own.is_in_force(&again, 5, 2) && own.is_in_force(&again, 5, 2));
        // The next one makes it look again.
        let third = list(&[("old", NOW + 20_000), ("third", NOW + 30_000)]);
        assert!(own.is_in_force(&third, 5, 2) && !own.is_in_force(&third, 5, 2));
    }

    #[test]
    fn the_newest_never_gives_way() {
        let mut own = Own::new("new".to_owned(), NOW + 10);
        let both = list(&[("old", NOW), ("new", NOW + 10)]);
        assert!((0..3).all(|_| own.is_in_force(&both, 0, 1)));
        assert_eq!(own.replaced_before(&both), 0);
    }

    #[test]
    fn who_came_before_another_policy_is_known() {
        let own = Own::new("old".to_owned(), NOW);
        // While Envoy changes over, the old one may still be asked.
        let later = list(&[("old", NOW), ("new", NOW + 10_000)]);
        assert_eq!(own.replaced_before(&later), NOW + 11_000);
        // Two that came together stand beside each other.
        let together = list(&[("old", NOW), ("new", NOW + 1_000)]);
        assert_eq!(own.replaced_before(&together), NOW + 1_000);
        assert_eq!(own.replaced_before(&list(&[("old", NOW)])), 0);
        // Struck off, it came when its worker got it.
        assert_eq!(own.replaced_before(&list(&[("new", NOW + 1)])), NOW + 1);
    }
}
