//! What the filter counts. Counts are added up here and handed to the host on a tick, so that no
//! request pays for a host call.

use crate::engine::Decision;
use crate::signals::catalogue::{Metric, REQUESTS};
use crate::signals::{Mechanism, Reason};

/// One counter.
#[derive(Debug)]
pub struct Counter {
    name: String,
    /// What the host calls it, once it was told of it.
    id: Option<u32>,
    pending: u64,
    /// The total of [`Counter::add_up_to`].
    total: u64,
}

/// One gauge.
#[derive(Debug)]
pub struct Gauge {
    name: String,
    id: Option<u32>,
}

/// Where counts go.
pub trait Sink {
    /// Makes a counter known; absent when that fails.
    fn counter(&self, name: &str) -> Option<u32>;
    /// Makes a gauge known; absent when that fails.
    fn gauge(&self, name: &str) -> Option<u32>;
    /// Adds to a counter.
    fn add(&self, id: u32, count: u64);
    /// Sets a gauge.
    fn record(&self, id: u32, value: u64);
}

impl Counter {
    /// A counter at zero.
    pub fn new<const LABELS: usize>(metric: &Metric<LABELS>, values: [&str; LABELS]) -> Self {
        Self { name: metric.with(values), id: None, pending: 0, total: 0 }
    }

    /// Counts, until the next flush.
    pub fn add(&mut self, count: u64) {
        self.pending = self.pending.saturating_add(count);
    }

    /// Counts up to a total that is kept elsewhere.
    pub fn add_up_to(&mut self, total: u64) {
        self.add(total.saturating_sub(self.total));
        self.total = total;
    }

    /// Hands over what was counted.
    pub fn flush(&mut self, sink: &impl Sink) {
        if self.pending == 0 {
            return;
        }
        self.id = self.id.or_else(|| sink.counter(&self.name));
        if let Some(id) = self.id {
            sink.add(id, self.pending);
            self.pending = 0;
        }
    }
}

impl Gauge {
    /// A gauge that was not recorded yet.
    pub fn new<const LABELS: usize>(metric: &Metric<LABELS>, values: [&str; LABELS]) -> Self {
        Self::named(metric.with(values))
    }

    /// A gauge by the name that it has with its labels.
    pub fn named(name: String) -> Self {
        Self { name, id: None }
    }

    /// The name with the labels.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the gauge.
    pub fn record(&mut self, value: u64, sink: &impl Sink) {
        self.id = self.id.or_else(|| sink.gauge(&self.name));
        if let Some(id) = self.id {
            sink.record(id, value);
        }
    }
}

/// The decisions of one worker, by server, mechanism and reason.
#[derive(Debug, Default)]
pub struct Requests {
    /// By the server's position, after those of no server. The few kinds of decision that a
    /// server sees are found faster one by one than by a hash.
    servers: Vec<Vec<Kind>>,
    /// Positions in `servers` that counted since the last flush.
    dirty: Vec<usize>,
}

#[derive(Debug)]
struct Kind {
    mechanism: Mechanism,
    reason: Reason,
    shadow: bool,
    counter: Counter,
}

impl Requests {
    /// Counts a decision.
    pub fn count(&mut self, decision: &Decision<'_>) {
        let position = decision.position.map_or(0, |position| position.saturating_add(1));
        if self.servers.len() <= position {
            self.servers.resize_with(position.saturating_add(1), Vec::new);
        }
        let Some(kinds) = self.servers.get_mut(position) else { return };
        if kinds.iter().all(|kind| kind.counter.pending == 0) {
            self.dirty.push(position);
        }
        let same = |kind: &&mut Kind| {
            kind.reason == decision.reason
                && kind.mechanism == decision.mechanism
                && kind.shadow == decision.shadow
        };
        if let Some(kind) = kinds.iter_mut().find(same) {
            return kind.counter.add(1);
        }
        let code = decision.code();
        let values = [decision.server.unwrap_or("-"), decision.mechanism.as_str(), &*code];
        let mut counter = Counter::new(&REQUESTS, values);
        counter.add(1);
        let Decision { mechanism, reason, shadow, .. } = *decision;
        kinds.push(Kind { mechanism, reason, shadow, counter });
    }

    /// Hands over what was counted.
    pub fn flush(&mut self, sink: &impl Sink) {
        for position in self.dirty.drain(..) {
            for kind in self.servers.get_mut(position).into_iter().flatten() {
                kind.counter.flush(sink);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::{Mutations, Outcome};

    #[derive(Default)]
    struct Recorder {
        names: RefCell<Vec<String>>,
        values: RefCell<BTreeMap<u32, u64>>,
    }

    impl Recorder {
        fn define(&self, name: &str) -> Option<u32> {
            self.names.borrow_mut().push(name.to_owned());
            u32::try_from(self.names.borrow().len()).ok()
        }
    }

    impl Sink for Recorder {
        fn counter(&self, name: &str) -> Option<u32> {
            self.define(name)
        }
        fn gauge(&self, name: &str) -> Option<u32> {
            self.define(name)
        }
        fn add(&self, id: u32, count: u64) {
            let mut values = self.values.borrow_mut();
            let value = values.entry(id).or_default();
            *value = value.checked_add(count).unwrap();
        }
        fn record(&self, id: u32, value: u64) {
            self.values.borrow_mut().insert(id, value);
        }
    }

    #[test]
    fn each_decision_is_counted_once_and_named_once() {
        let sink = Recorder::default();
        let mut requests = Requests::default();
        let decision = |position: Option<usize>, reason, shadow| Decision {
            outcome: Outcome::Allow(Mutations::default()),
            reason,
            mechanism: Mechanism::Authorization,
            server: position.map(|_| "api"),
            position,
            rule: None,
            shadow,
        };
        for _ in 0..2 {
            for _ in 0..3 {
                requests.count(&decision(Some(1), Reason::Allowed, false));
            }
            requests.count(&decision(Some(1), Reason::NoRuleMatched, true));
            requests.count(&decision(None, Reason::UnlistedHost, false));
            requests.flush(&sink);
            requests.flush(&sink);
        }
        assert_eq!(
            *sink.names.borrow(),
            [
                "egress_auth.requests;server=api;mechanism=authorization;reason=allowed",
                "egress_auth.requests;server=api;mechanism=authorization;reason=shadow_no_rule_matched",
                "egress_auth.requests;server=-;mechanism=authorization;reason=unlisted_host",
            ]
        );
        assert_eq!(*sink.values.borrow(), BTreeMap::from([(1, 6), (2, 2), (3, 2)]));
    }
}
