//! The engine's numbers as metrics.

use nunatak::Stats;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::registry::{Made, counter, counters, gauge, gauges, ratios};

/// Picks a number.
type Read = fn(&Stats) -> u64;

/// A metric without labels: its name, its help, and what it tells.
type Row = (&'static str, &'static str, Read);

/// What is now.
const GAUGES: &[Row] = &[
    ("nunatak_head_series", "Series in the heads.", |s| s.active_series),
    ("nunatak_head_bytes", "Bytes of the heads.", |s| s.head_bytes),
    ("nunatak_known_series_bytes", "Bytes of the table of known series.", |s| s.known_bytes),
    ("nunatak_growth_notes_bytes", "Bytes of the notes of who grows.", |s| s.growth_bytes),
    ("nunatak_blocks", "Blocks on disk.", |s| s.blocks),
    ("nunatak_block_bytes", "Bytes of the blocks.", |s| s.block_bytes),
    ("nunatak_tiers", "Tiers of blocks on disk.", |s| s.tiers),
    ("nunatak_tier_bytes", "Bytes of the tiers.", |s| s.tier_bytes),
    ("nunatak_block_samples", "Samples in the blocks.", |s| s.block_samples),
    ("nunatak_memory_budget_bytes", "Bytes that the engine may use.", |s| s.memory_budget),
    ("nunatak_disk_free_bytes", "Free bytes of the disk, 0 if not known.", |s| {
        s.free_bytes.unwrap_or(0)
    }),
    ("nunatak_read_only", "1 while the disk is too full for samples.", |s| u64::from(s.read_only)),
    ("nunatak_quarantined", "Things that failed their checksum.", |s| s.quarantined.len() as u64),
];

/// What has happened.
const COUNTERS: &[Row] = &[
    ("nunatak_head_series_created_total", "Series that were created.", |s| s.created_series),
    ("nunatak_samples_stored_total", "Samples that were stored.", |s| s.stored_samples),
    ("nunatak_log_bytes_total", "Bytes written to the log.", |s| s.log_bytes),
    ("nunatak_tier_scans_total", "Scans that were answered from tiers.", |s| s.tier_scans),
    ("nunatak_tier_written_bytes_total", "Bytes of tiers written.", |s| s.tier_written_bytes),
    ("nunatak_scrub_bytes_total", "Bytes that the scrub has read.", |s| s.scrubbed_bytes),
    ("nunatak_scrub_passes_total", "How often all blocks were read.", |s| s.scrub_passes),
    ("nunatak_scrub_damaged_total", "Damaged blocks that it found.", |s| s.scrub_damaged),
    ("nunatak_flushed_bytes_total", "Bytes of blocks from the heads.", |s| s.flushed_bytes),
    ("nunatak_compacted_bytes_total", "Bytes of blocks by compaction.", |s| s.compacted_bytes),
    ("nunatak_background_failures_total", "Failed background work.", |s| s.background_failures),
];

/// The engine's numbers at the last look.
#[derive(Debug)]
pub(super) struct Engine {
    gauges: Vec<(IntGauge, Read)>,
    counters: Vec<(IntCounter, Read)>,
    refused: IntCounterVec,
    memory: IntGaugeVec,
    newest: IntGaugeVec,
    limits: GaugeVec,
}

impl Engine {
    pub(super) fn new(registry: &Registry) -> Made<Self> {
        let gauge = |&(name, help, read): &Row| Ok((gauge(registry, name, help)?, read));
        let counter = |&(name, help, read): &Row| Ok((counter(registry, name, help)?, read));
        let help_refused = "Samples that were refused, by reason.";
        let help_memory = "Bytes that count to the memory budget, by what they are for.";
        let help_newest = "Time of the oldest and the newest sample.";
        let help_limits = "How much of a limit on series is used; at 1 new series are refused.";
        Ok(Self {
            gauges: GAUGES.iter().map(gauge).collect::<Made<_>>()?,
            counters: COUNTERS.iter().map(counter).collect::<Made<_>>()?,
            refused: counters(
                registry,
                "nunatak_samples_refused_total",
                help_refused,
                &["reason"],
            )?,
            memory: gauges(registry, "nunatak_memory_bytes", help_memory, &["part"])?,
            newest: gauges(registry, "nunatak_sample_time_milliseconds", help_newest, &["which"])?,
            limits: ratios(
                registry,
                "nunatak_limit_usage_ratio",
                help_limits,
                &["limit", "tenant"],
            )?,
        })
    }

    pub(super) fn look(&self, stats: &Stats) {
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
