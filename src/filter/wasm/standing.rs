//! Whether this worker's policy is in force, and that the metrics say so.

use super::shared;
use super::stats::Stats;
use crate::filter::in_force::{InForce, Own};
use crate::filter::metrics::Gauge;
use crate::policy;
use crate::signals::catalogue::POLICY_INFO;

/// The policy of one worker, beside all others of its Gateway.
#[derive(Debug)]
pub struct Standing {
    own: Own,
    /// Where the list lies that all workers share.
    key: String,
    info: Gauge,
    /// Whether the gauge says that the policy is in force.
    said: bool,
}

impl Standing {
    /// Signs for a policy that the worker has just got. `hash` stands for it in metrics.
    pub fn new(gateway: &str, hash: &str, now: u64) -> Self {
        let info = Gauge::new(&POLICY_INFO, [&policy::VERSION.to_string(), hash]);
        let own = Own::new(info.name().to_owned(), now);
        let this = Self { own, key: format!("policies|{gateway}"), info, said: false };
        this.change(|list| list.sign(this.own.name(), now));
        this
    }

    /// Signs again, or no more. `asked` counts the requests that the policy was asked about, `open`
    /// those that have not ended.
    pub fn on_flush(&mut self, now: u64, asked: u64, open: usize) {
        if !self.own.is_in_force(&self.list(), asked, open) {
            return self.end();
        }
        let name = self.own.name();
        let (new, lapsed) = self.change(|list| (list.sign(name, now), list.strike_lapsed(now)));
        lapsed.into_iter().for_each(|name| Gauge::named(name).record(0, &Stats));
        if new || !self.said {
            self.info.record(1, &Stats);
            self.said = true;
        }
    }

    /// Signs no more.
    pub fn end(&mut self) {
        if self.said {
            self.change(|list| list.strike(self.own.name()));
            self.info.record(0, &Stats);
            self.said = false;
        }
    }

    /// Whoever came before this time came before another policy was in force.
    pub fn replaced_before(&self) -> u64 {
        self.own.replaced_before(&self.list())
    }

    fn list(&self) -> InForce {
        let list = shared::get(&self.key).map(|(bytes, _)| InForce::from_bytes(&bytes));
        list.unwrap_or_default()
    }

    fn change<T: Default>(&self, mut change: impl FnMut(&mut InForce) -> T) -> T {
        shared::update(&self.key, |bytes| {
            let mut list = bytes.map(InForce::from_bytes).unwrap_or_default();
            let before = list.clone();
            let result = change(&mut list);
            (result, (list != before).then(|| list.to_bytes()))
        })
    }
}
