//! The server's own metrics.

use std::time::Duration;

use nunatak::{Batch, LabelsBuilder, Outcome, Stats};
use parking_lot::Mutex;
use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::remote_write::Counts;

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

/// Picks a number.
type Read = fn(&Stats) -> u64;

/// The engine's numbers as metrics.
#[derive(Debug)]
struct Engine {
    gauges: Vec<(IntGauge, Read)>,
    counters: Vec<(IntCounter, Read)>,
    refused: IntCounterVec,
    memory: IntGaugeVec,
    newest: IntGaugeVec,
    limits: GaugeVec,
}

const BUCKETS: [f64; 12] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0];

type Made<T> = prometheus::Result<T>;

fn counter(registry: &Registry, name: &str, help: &str) -> Made<IntCounter> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Made<IntCounterVec> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Made<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Made<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

fn histograms(registry: &Registry, name: &str, help: &str, label: &str) -> Made<HistogramVec> {
    let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    let histograms = HistogramVec::new(options, &[label])?;
    registry.register(Box::new(histograms.clone()))?;
    Ok(histograms)
}

impl Engine {
    fn new(registry: &Registry) -> Made<Self> {
        let gauge = |name: &str, help: &str| gauge(registry, name, help);
        let counter = |name: &str, help: &str| counter(registry, name, help);
        Ok(Self {
            gauges: vec![
                (gauge("nunatak_head_series", "Series in the heads.")?, |s| s.active_series),
                (gauge("nunatak_head_bytes", "Bytes of the heads.")?, |s| s.head_bytes),
                (
                    gauge("nunatak_known_series_bytes", "Bytes of the table of known series.")?,
                    |s| s.known_bytes,
                ),
                (gauge("nunatak_growth_notes_bytes", "Bytes of the notes of who grows.")?, |s| {
                    s.growth_bytes
                }),
                (gauge("nunatak_blocks", "Blocks on disk.")?, |s| s.blocks),
                (gauge("nunatak_block_bytes", "Bytes of the blocks.")?, |s| s.block_bytes),
                (gauge("nunatak_tiers", "Tiers of blocks on disk.")?, |s| s.tiers),
                (gauge("nunatak_tier_bytes", "Bytes of the tiers.")?, |s| s.tier_bytes),
                (gauge("nunatak_block_samples", "Samples in the blocks.")?, |s| s.block_samples),
                (gauge("nunatak_memory_budget_bytes", "Bytes that the engine may use.")?, |s| {
                    s.memory_budget
                }),
                (
                    gauge("nunatak_disk_free_bytes", "Free bytes of the disk, 0 if not known.")?,
                    |s| s.free_bytes.unwrap_or(0),
                ),
                (gauge("nunatak_read_only", "1 while the disk is too full for samples.")?, |s| {
                    u64::from(s.read_only)
                }),
                (gauge("nunatak_quarantined", "Things that failed their checksum.")?, |s| {
                    s.quarantined.len() as u64
                }),
            ],
            counters: vec![
                (counter("nunatak_head_series_created_total", "Series that were created.")?, |s| {
                    s.created_series
                }),
                (counter("nunatak_samples_stored_total", "Samples that were stored.")?, |s| {
                    s.stored_samples
                }),
                (counter("nunatak_log_bytes_total", "Bytes written to the log.")?, |s| s.log_bytes),
                (
                    counter("nunatak_tier_scans_total", "Scans that were answered from tiers.")?,
                    |s| s.tier_scans,
                ),
                (counter("nunatak_tier_written_bytes_total", "Bytes of tiers written.")?, |s| {
                    s.tier_written_bytes
                }),
                (counter("nunatak_scrub_bytes_total", "Bytes that the scrub has read.")?, |s| {
                    s.scrubbed_bytes
                }),
                (counter("nunatak_scrub_passes_total", "How often all blocks were read.")?, |s| {
                    s.scrub_passes
                }),
                (counter("nunatak_scrub_damaged_total", "Damaged blocks that it found.")?, |s| {
                    s.scrub_damaged
                }),
                (counter("nunatak_flushed_bytes_total", "Bytes of blocks from the heads.")?, |s| {
                    s.flushed_bytes
                }),
                (
                    counter("nunatak_compacted_bytes_total", "Bytes of blocks by compaction.")?,
                    |s| s.compacted_bytes,
                ),
                (counter("nunatak_background_failures_total", "Failed background work.")?, |s| {
                    s.background_failures
                }),
            ],
            refused: counters(
                registry,
                "nunatak_samples_refused_total",
                "Samples that were refused, by reason.",
                &["reason"],
            )?,
            memory: gauges(
                registry,
                "nunatak_memory_bytes",
                "Bytes that count to the memory budget, by what they are for.",
                &["part"],
            )?,
            newest: gauges(
                registry,
                "nunatak_sample_time_milliseconds",
                "Time of the oldest and the newest sample.",
                &["which"],
            )?,
            limits: {
                let help = "How much of a limit on series is used; at 1 new series are refused.";
                let gauges = GaugeVec::new(
                    Opts::new("nunatak_limit_usage_ratio", help),
                    &["limit", "tenant"],
                )?;
                registry.register(Box::new(gauges.clone()))?;
                gauges
            },
        })
    }

    fn look(&self, stats: &Stats) {
        for (gauge, read) in &self.gauges {
            gauge.set(read(stats) as i64);
        }
        for (counter, read) in &self.counters {
            counter.inc_by(read(stats).saturating_sub(counter.get()));
        }
        for (reason, count) in &stats.refused_samples {
            let counter = self.refused.with_label_values(&[reason.id()]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        for (part, bytes) in &stats.memory {
            self.memory.with_label_values(&[part]).set(*bytes as i64);
        }
        self.limits.reset();
        for usage in &stats.limit_usage {
            let tenant = match usage.tenant.as_deref() {
                None => "",
                Some("") => "default",
                Some(name) => name,
            };
            self.limits.with_label_values(&[usage.limit, tenant]).set(usage.ratio());
        }
        if let Some((oldest, newest)) = stats.time_range {
            self.newest.with_label_values(&["oldest"]).set(oldest);
            self.newest.with_label_values(&["newest"]).set(newest);
        }
    }
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
        let mut scrape = Scrape { batch: Batch::new(), instance, now_ms };
        scrape.push("up", "", &[], None, 1.0);
        for family in self.gather(Some(stats)) {
            scrape.family(&family);
        }
        scrape.batch
    }
}

struct Scrape<'a> {
    batch: Batch,
    instance: &'a str,
    now_ms: i64,
}

impl Scrape<'_> {
    fn family(&mut self, family: &MetricFamily) {
        use prometheus::proto::MetricType;
        let name = family.name();
        for metric in family.get_metric() {
            let labels = metric.get_label();
            match family.get_field_type() {
                MetricType::COUNTER => {
                    self.push(name, "", labels, None, metric.get_counter().get_value());
                }
                MetricType::HISTOGRAM => {
                    let histogram = metric.get_histogram();
                    let count = histogram.get_sample_count() as f64;
                    for bucket in histogram.get_bucket() {
                        let le = bucket.upper_bound().to_string();
                        let value = bucket.cumulative_count() as f64;
                        self.push(name, "_bucket", labels, Some(&le), value);
                    }
                    self.push(name, "_bucket", labels, Some("+Inf"), count);
                    self.push(name, "_sum", labels, None, histogram.get_sample_sum());
                    self.push(name, "_count", labels, None, count);
                }
                _ => self.push(name, "", labels, None, metric.get_gauge().get_value()),
            }
        }
    }

    fn push(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[prometheus::proto::LabelPair],
        le: Option<&str>,
        value: f64,
    ) {
        let mut builder = LabelsBuilder::default();
        builder.push("__name__", &format!("{name}{suffix}"));
        builder.push("job", "nunatak");
        builder.push("instance", self.instance);
        builder.push("le", le.unwrap_or_default());
        for pair in labels {
            builder.push(pair.name(), pair.value());
        }
        let Ok(set) = builder.build() else { return };
        if let Ok(series) = self.batch.series(&set) {
            self.batch.push(series, self.now_ms, value);
        }
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
