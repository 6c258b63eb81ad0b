//! The server's own metrics.

mod engine;
mod registry;
mod scrape;

use std::time::Duration;

use nunatak::{Batch, Outcome, Stats};
use parking_lot::Mutex;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, Registry, TextEncoder};

use crate::remote_write::Counts;
use engine::Engine;
use registry::{Made, counter, counters, gauges, histograms};

/// Counters and histograms of the server, and the engine's numbers at the last look.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    queries: IntCounterVec,
    query_seconds: HistogramVec,
    write_samples: IntCounter,
    write_bytes: IntCounter,
    write_refused: IntCounterVec,
    write_failures: IntCounterVec,
    exemplars: IntCounter,
    /// Held while numbers are read, so that two readers don't count an increase twice.
    engine: Mutex<Engine>,
}

impl Metrics {
    /// Registers everything.
    pub(crate) fn new() -> Made<Self> {
        let registry = Registry::new();
        let r = &registry;
        #[cfg(target_os = "linux")]
        r.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        gauges(r, "nunatak_build_info", "The build that runs.", &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            requests: counters(
                r,
                "nunatak_http_requests_total",
                "Requests by route and status.",
                &["handler", "code"],
            )?,
            request_seconds: histograms(
                r,
                "nunatak_http_request_duration_seconds",
                "Time until the head of the reply, by route.",
                "handler",
            )?,
            queries: counters(r, "nunatak_queries_total", "Queries by result.", &["result"])?,
            query_seconds: histograms(
                r,
                "nunatak_query_duration_seconds",
                "Time of queries from request to result.",
                "result",
            )?,
            write_samples: counter(
                r,
                "nunatak_remote_write_samples_total",
                "Samples in remote-write requests.",
            )?,
            write_bytes: counter(
                r,
                "nunatak_remote_write_bytes_total",
                "Bytes of remote-write bodies.",
            )?,
            write_refused: counters(
                r,
                "nunatak_remote_write_refused_total",
                "Samples of remote-write requests that were refused, by reason.",
                &["reason"],
            )?,
            write_failures: counters(
                r,
                "nunatak_remote_write_failures_total",
                "Remote-write requests that were not answered with 204, by status.",
                &["code"],
            )?,
            exemplars: counter(
                r,
                "nunatak_remote_write_exemplars_ignored_total",
                "Exemplars in remote-write requests; they are not kept.",
            )?,
            engine: Mutex::new(Engine::new(r)?),
            registry,
        })
    }

    pub(crate) fn request(&self, handler: &str, status: u16, took: Duration) {
        let mut code = itoa::Buffer::new();
        self.requests.with_label_values(&[handler, code.format(status)]).inc();
        self.request_seconds.with_label_values(&[handler]).observe(took.as_secs_f64());
    }

    pub(crate) fn query(&self, took: Duration, ok: bool) {
        let result = if ok { "success" } else { "error" };
        self.queries.with_label_values(&[result]).inc();
        self.query_seconds.with_label_values(&[result]).observe(took.as_secs_f64());
    }

    pub(crate) fn remote_write(&self, counts: &Counts, outcome: &Outcome, bytes: usize) {
        self.write_samples.inc_by(counts.samples);
        self.write_bytes.inc_by(bytes as u64);
        self.exemplars.inc_by(counts.exemplars);
        for refusal in &outcome.refused {
            let counter = self.write_refused.with_label_values(&[refusal.reason.id()]);
            counter.inc_by(refusal.samples);
        }
    }

    pub(crate) fn remote_write_failed(&self, status: u16) {
        let mut code = itoa::Buffer::new();
        self.write_failures.with_label_values(&[code.format(status)]).inc();
    }

    /// Prometheus' text format; `stats` is missing until the database is open.
    pub(crate) fn text(&self, stats: Option<&Stats>) -> String {
        let families = self.gather(stats);
        TextEncoder::new().encode_to_string(&families).unwrap_or_default()
    }

    fn gather(&self, stats: Option<&Stats>) -> Vec<MetricFamily> {
        let engine = self.engine.lock();
        if let Some(stats) = stats {
            engine.look(stats);
        }
        self.registry.gather()
    }

    /// All metrics as samples at `now_ms` under job and instance, as if they had been scraped.
    pub(crate) fn batch(&self, stats: &Stats, instance: &str, now_ms: i64) -> Batch {
        scrape::batch(&self.gather(Some(stats)), instance, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_batch_say_the_same() {
        let metrics = Metrics::new().unwrap();
        metrics.request("/api/v1/query", 200, Duration::from_millis(5));
        let mut stats = Stats::default();
        stats.stored_samples = 7;
        let text = metrics.text(Some(&stats));
        assert!(text.contains("nunatak_samples_stored_total 7\n"), "{text}");
        let request = "nunatak_http_requests_total{code=\"200\",handler=\"/api/v1/query\"} 1\n";
        assert!(text.contains(request), "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(metrics.batch(&stats, "localhost:9099", 1).len(), lines + 1, "and up");
        // Counters never count twice.
        assert!(metrics.text(Some(&stats)).contains("nunatak_samples_stored_total 7\n"));
    }
}
