//! Numbers about a database, added up over its shards.

use std::sync::atomic::Ordering;

use super::open::Inner;
use crate::block::remembered_bytes;
use crate::head::HeadBytes;
use crate::shard::Shard;
use crate::stats::Stats;

impl Inner {
    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats {
            stored_samples: self.counters.stored.load(Ordering::Relaxed),
            refused_samples: self.counters.refused.lock().clone(),
            log_bytes: self.log().written_bytes(),
            background_failures: self.counters.failures.load(Ordering::Relaxed),
            last_background_failure: self.counters.last_failure.lock().clone(),
            memory_budget: self.memory_budget,
            growth_bytes: self.growth_bytes.load(Ordering::Relaxed),
            limit_usage: self.limit_usage(),
            free_bytes: self.space.free(),
            read_only: self.space.is_read_only(),
            scrubbed_bytes: self.counters.scrubbed.load(Ordering::Relaxed),
            scrub_passes: self.counters.scrub_passes.load(Ordering::Relaxed),
            scrub_damaged: self.counters.scrub_damaged.load(Ordering::Relaxed),
            tier_scans: self.counters.tier_scans.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for tenant in self.tenants.read().values() {
            stats.known_bytes += tenant.known.heap_bytes() as u64;
        }
        let mut heads = HeadBytes::default();
        for part in self.shards.iter().flat_map(Shard::tenants) {
            part.add_stats(&mut stats);
            let HeadBytes { series, labels, postings, samples } = part.head().read().bytes();
            heads.series += series;
            heads.labels += labels;
            heads.postings += postings;
            heads.samples += samples;
        }
        stats.memory = vec![
            ("series", heads.series as u64),
            ("labels", heads.labels as u64),
            ("postings", heads.postings as u64),
            ("samples", heads.samples as u64),
            ("known", stats.known_bytes),
            ("entering", self.pressure.entering_bytes()),
            ("cache", remembered_bytes() as u64),
        ];
        stats.quarantined.extend_from_slice(&self.log_damage.found);
        stats
    }
}
