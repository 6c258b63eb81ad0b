//! Numbers about a database.

/// A snapshot of a database's counters and sizes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Series in the heads.
    pub active_series: u64,
    /// Series that were created since the database was opened.
    pub created_series: u64,
    /// Samples that were stored since the database was opened.
    pub stored_samples: u64,
    /// Samples that were refused since the database was opened, by reason.
    pub refused_samples: Vec<(crate::RefusalReason, u64)>,
    /// Bytes of the heads: series, index and chunks.
    pub head_bytes: u64,
    /// Bytes of the table of known series.
    pub known_bytes: u64,
    /// What is in memory while nobody asks, by what it is for, in bytes: `series`
    /// (slots of the heads and the tables that find them), `labels` (names and values, each once),
    /// `postings` (which series have which), `samples` (chunks in memory), `known` (the table of
    /// known series), `entering` (new series that requests bring in) and `cache` (what queries have
    /// read of blocks lately, of all databases of the process together: it has a sixteenth of the
    /// budget, and no mark counts it).
    pub memory: Vec<(&'static str, u64)>,
    /// Bytes written to the log since the database was opened.
    pub log_bytes: u64,
    /// Bytes of blocks that were written from the heads since the database was opened.
    pub flushed_bytes: u64,
    /// Bytes of blocks that compaction wrote since the database was opened.
    pub compacted_bytes: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Bytes of the blocks.
    pub block_bytes: u64,
    /// Tiers of blocks on disk.
    pub tiers: u64,
    /// Bytes of the tiers.
    pub tier_bytes: u64,
    /// Bytes of tiers that were written since the database was opened.
    pub tier_written_bytes: u64,
    /// Scans that were answered from tiers since the database was opened.
    pub tier_scans: u64,
    /// Samples in the blocks.
    pub block_samples: u64,
    /// Oldest and newest sample in ms, `None` if there is none.
    pub time_range: Option<(i64, i64)>,
    /// Things that failed their checksum and were put aside, each with shard, name and reason.
    pub quarantined: Vec<String>,
    /// Failures of background work since the database was opened.
    pub background_failures: u64,
    /// The last failure of background work.
    pub last_background_failure: Option<String>,
    /// Free bytes of the disk, if the storage knows.
    pub free_bytes: Option<u64>,
    /// Whether samples are refused because the disk is nearly full.
    pub read_only: bool,
    /// Bytes that the scrub has read since the database was opened.
    pub scrubbed_bytes: u64,
    /// How often the scrub has read all blocks since then.
    pub scrub_passes: u64,
    /// Blocks that the scrub has found damaged since then.
    pub scrub_damaged: u64,
    /// Bytes that the engine may use.
    pub memory_budget: u64,
    /// Bytes of the notes of who grows.
    pub growth_bytes: u64,
    /// How near the limits on series are; those of single metrics and labels were looked at within
    /// the last minute.
    pub limit_usage: Vec<crate::LimitUsage>,
}
