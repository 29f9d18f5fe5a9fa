//! Envoy's statistics.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::filter::metrics::Sink;

/// Where the filter's counts go.
#[derive(Debug, Clone, Copy)]
pub struct Stats;

impl Sink for Stats {
    fn counter(&self, name: &str) -> Option<u32> {
        hostcalls::define_metric(MetricType::Counter, name).ok()
    }

    fn gauge(&self, name: &str) -> Option<u32> {
        hostcalls::define_metric(MetricType::Gauge, name).ok()
    }

    fn add(&self, id: u32, count: u64) {
        // What cannot be added is not known to Envoy, and nothing can be done about it.
        let _ = hostcalls::increment_metric(id, i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn record(&self, id: u32, value: u64) {
        let _ = hostcalls::record_metric(id, value);
    }
}
