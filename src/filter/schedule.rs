//! When a JWKS document is fetched, and which worker fetches it.
//!
//! One [`Schedule`] per document lives in data shared by all workers of the process and is only
//! ever replaced by compare-and-swap, so that whatever it grants is granted once. Times are
//! milliseconds since the Unix epoch. Nothing here does I/O.

/// Time-out of one fetch in milliseconds.
pub const FETCH_TIMEOUT_MS: u64 = 5_000;
/// How long a request waits for keys, in milliseconds.
pub const MAX_WAIT_MS: u64 = 5_000;
/// How long the right to fetch lasts unless it is renewed: short, so that a VM that goes away
/// while it fetches (a restarted one, or the one in which Envoy tries a configuration) is soon
/// replaced.
const LEASE_MS: u64 = 1_000;
/// How often its holder renews it.
pub const RENEW_MS: u64 = 500;
/// Bounds and default of the time for which fetched keys count as fresh.
const MIN_FRESH_MS: u64 = 30_000;
const MAX_FRESH_MS: u64 = 24 * 3_600_000;
const DEFAULT_FRESH_MS: u64 = 600_000;
/// First and longest pause after a failed fetch.
const MIN_BACKOFF_MS: u64 = 1_000;
const MAX_BACKOFF_MS: u64 = 60_000;
/// Early refreshes for unknown keys: so many at once, and one more after each interval.
const EARLY_REFRESHES: u64 = 3;
const EARLY_REFRESH_INTERVAL_MS: u64 = 10_000;
/// Keys older than this may lack a key that exists by now.
const RECENT_MS: u64 = 10_000;

/// The state of one document, shared by all workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Grows with every document that was stored; 0: none yet.
    pub version: u64,
    /// When the document was fetched.
    pub fetched_at: u64,
    /// Finished fetches, good or bad.
    pub attempts: u64,
    /// Failures since the last success.
    failures: u64,
    /// When the next fetch is due.
    due_at: u64,
    /// Until when a worker holds the right to fetch; 0: none does.
    lease_until: u64,
    /// Early refreshes that were granted and not yet made up for, as the time at which the last
    /// of them will be.
    early_until: u64,
}

/// What an unknown key leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EarlyRefresh {
    /// A fetch is under way or due now; its result will tell.
    Wait,
    /// No fetch is granted, and the keys are so recent that the key does not exist.
    Unknown,
    /// No fetch is granted, and the key may be new.
    #[default]
    Unavailable,
}

impl Schedule {
    /// The form in which workers share it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { version, fetched_at, attempts, failures, due_at, lease_until, early_until } =
            self;
        [version, fetched_at, attempts, failures, due_at, lease_until, early_until]
            .map(|field| field.to_le_bytes())
            .concat()
    }

    /// Reads [`Schedule::to_bytes`]; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.as_chunks::<8>();
        let fields: &[[u8; 8]; 7] = fields.try_into().ok().filter(|_| rest.is_empty())?;
        let [version, fetched_at, attempts, failures, due_at, lease_until, early_until] =
            fields.map(u64::from_le_bytes);
        Some(Self { version, fetched_at, attempts, failures, due_at, lease_until, early_until })
    }

    /// Takes the right to fetch if a fetch is due and nobody holds it.
    pub fn take_lease(&mut self, now: u64) -> bool {
        let free = self.lease_until <= now;
        let due = self.due_at <= now;
        if free && due {
            self.lease_until = now.saturating_add(LEASE_MS);
        }
        free && due
    }

    /// Keeps the right to fetch for a while longer; only its holder may.
    pub fn renew_lease(&mut self, now: u64) {
        self.lease_until = now.saturating_add(LEASE_MS);
    }

    /// Asks for a fetch before the next one is due, because a token names an unknown key.
    pub fn request_early(&mut self, now: u64) -> EarlyRefresh {
        if self.lease_until > now || self.due_at <= now {
            return EarlyRefresh::Wait;
        }
        // A token bucket kept as one time: every grant pushes it on by one interval, and it may
        // be at most the whole bucket ahead of now.
        let until = self.early_until.max(now).saturating_add(EARLY_REFRESH_INTERVAL_MS);
        let bucket = EARLY_REFRESHES.saturating_mul(EARLY_REFRESH_INTERVAL_MS);
        if until <= now.saturating_add(bucket) {
            self.early_until = until;
            self.due_at = now;
            return EarlyRefresh::Wait;
        }
        match now.saturating_sub(self.fetched_at) {
            age if age > RECENT_MS => EarlyRefresh::Unavailable,
            _ => EarlyRefresh::Unknown,
        }
    }

    /// A fetch brought a usable document. `changed` says whether it differs from the last one,
    /// `fresh_ms` how long it stays fresh, `random` spreads the refreshes of many processes.
    pub fn succeeded(&mut self, now: u64, changed: bool, fresh_ms: u64, random: u64) {
        self.version = self.version.saturating_add(u64::from(changed));
        self.fetched_at = now;
        self.failures = 0;
        // Between 75 and 90 per cent of the time, so that new keys are there before the old end.
        let percent = 75_u64.saturating_add(random % 16);
        self.due_at = now.saturating_add(fresh_ms.saturating_mul(percent) / 100);
        self.finish();
    }

    /// A fetch failed: the next one is due after a pause that doubles, less up to a quarter.
    pub fn failed(&mut self, now: u64, random: u64) {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let pause = MIN_BACKOFF_MS.saturating_mul(1_u64 << doublings).min(MAX_BACKOFF_MS);
        let jitter = random.checked_rem(pause / 4).unwrap_or_default();
        self.due_at = now.saturating_add(pause.saturating_sub(jitter).max(MIN_BACKOFF_MS));
        self.finish();
    }

    fn finish(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.lease_until = 0;
    }

    /// When to look at the schedule again that others may have changed by then: when the next
    /// fetch is due, or when the right to the one under way ends.
    pub fn look_at(&self, now: u64) -> u64 {
        if self.lease_until > now { self.lease_until } else { self.due_at }
    }

    /// Whether the last finished fetch failed.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }
}

/// For how long a response stays fresh by its `cache-control` (RFC 9111, section 5.2.2.1).
pub fn fresh_ms(cache_control: Option<&[u8]>) -> u64 {
    let seconds = cache_control
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| {
            value.split(',').find_map(|directive| {
                let (name, value) = directive.trim().split_once('=')?;
                name.trim().eq_ignore_ascii_case("max-age").then_some(value)
            })
        })
        .and_then(|value| value.trim().trim_matches('"').parse::<u64>().ok());
    match seconds {
        Some(seconds) => seconds.saturating_mul(1_000).clamp(MIN_FRESH_MS, MAX_FRESH_MS),
        None => DEFAULT_FRESH_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    #[test]
    fn what_is_shared_comes_back() {
        let mut schedule = Schedule::default();
        schedule.failed(NOW, 7);
        schedule.take_lease(NOW + 5_000);
        schedule.request_early(NOW + 5_000);
        let bytes = schedule.to_bytes();
        assert_eq!(Schedule::from_bytes(&bytes), Some(schedule));
        assert_eq!(Schedule::from_bytes(&bytes[1..]), None);
        assert_eq!(Schedule::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Schedule::from_bytes(b"{}"), None);
    }

    #[test]
    fn one_worker_fetches_and_the_right_ends_by_itself() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.look_at(NOW), 0, "due at once");
        assert!(schedule.take_lease(NOW));
        assert_eq!(schedule.look_at(NOW), NOW + LEASE_MS, "while another fetches");
        assert!(!schedule.take_lease(NOW));
        schedule.renew_lease(NOW + 900);
        assert!(!schedule.take_lease(NOW + LEASE_MS));
        assert!(schedule.take_lease(NOW + 900 + LEASE_MS));
        schedule.succeeded(NOW, true, DEFAULT_FRESH_MS, 0);
        assert_eq!((schedule.version, schedule.attempts), (1, 1));
        assert_eq!(schedule.look_at(NOW), NOW + 450_000);
        assert!(!schedule.take_lease(NOW));
        assert!(!schedule.take_lease(NOW + 449_999));
        assert!(schedule.take_lease(NOW + 450_000));
        schedule.succeeded(NOW + 450_000, false, DEFAULT_FRESH_MS, 0);
        assert_eq!((schedule.version, schedule.attempts), (1, 2));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_never_go_below_a_second() {
        let mut schedule = Schedule::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            schedule.failed(NOW, 0);
            pauses.push(schedule.due_at - NOW);
        }
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        assert!(schedule.is_failing());
        schedule.failed(NOW, 14_999);
        assert_eq!(schedule.due_at - NOW, 45_001);
        schedule.succeeded(NOW, true, DEFAULT_FRESH_MS, 0);
        assert!(!schedule.is_failing());
        for random in 0..2_000 {
            let mut schedule = Schedule::default();
            schedule.failed(NOW, random);
            assert_eq!(schedule.due_at, NOW + MIN_BACKOFF_MS);
        }
    }

    #[test]
    fn unknown_keys_refresh_three_times_and_then_once_each_interval() {
        let mut schedule = Schedule::default();
        let fetch = |schedule: &mut Schedule, now: u64| {
            assert!(schedule.take_lease(now));
            schedule.succeeded(now, false, DEFAULT_FRESH_MS, 0);
        };
        fetch(&mut schedule, NOW);
        for _ in 0..3 {
            assert_eq!(schedule.request_early(NOW), EarlyRefresh::Wait);
            // Whoever comes while it is under way waits for the same fetch.
            assert_eq!(schedule.request_early(NOW), EarlyRefresh::Wait);
            fetch(&mut schedule, NOW);
        }
        assert_eq!(schedule.request_early(NOW), EarlyRefresh::Unknown);
        assert_eq!(schedule.request_early(NOW + 9_999), EarlyRefresh::Unknown);
        assert_eq!(schedule.request_early(NOW + 10_000), EarlyRefresh::Wait);
        schedule.failed(NOW + 10_000, 0);
        assert_eq!(schedule.request_early(NOW + 10_500), EarlyRefresh::Unavailable);
    }

    #[test]
    fn freshness_follows_cache_control_within_bounds() {
        let table: [(Option<&[u8]>, u64); 9] = [
            (None, 600_000),
            (Some(b"no-store"), 600_000),
            (Some(b"public, max-age=3600"), 3_600_000),
            (Some(b"Max-Age=\"3600\""), 3_600_000),
            (Some(b"max-age=0"), 30_000),
            (Some(b"max-age=99999999999999999999"), 600_000),
            (Some(b"max-age=9999999999"), 86_400_000),
            (Some(b"max-age=-1"), 600_000),
            (Some(b"\xff"), 600_000),
        ];
        for (header, expected) in table {
            assert_eq!(fresh_ms(header), expected, "{header:?}");
        }
    }
}
