//! How a database is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::limits::LimitRules;
use crate::retention::RetentionRule;
use crate::start_progress::StartProgress;
use crate::storage::Storage;
use crate::time::{Clock, SystemClock};

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Synced to the disk: survives power loss. One sync serves all waiting writers.
    #[default]
    Fsync,
    /// Written to the operating system (survives kill -9), and synced at most this much later:
    /// a power failure, or a disk whose sync fails, may take what was written since.
    Interval(Duration),
    /// Written to the operating system: survives kill -9, not a power failure nor a disk whose
    /// sync fails.
    Os,
}

/// The most shards that a database may have.
pub(crate) const MAX_SHARDS: usize = 1024;

/// Options of [`Db::open`](crate::Db::open), checked there.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) path: PathBuf,
    pub(crate) storage: Option<Arc<dyn Storage>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    pub(crate) shards: usize,
    pub(crate) threads: Option<usize>,
    pub(crate) retention: Option<Duration>,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) retention_rules: Vec<RetentionRule>,
    pub(crate) delete_grace: Duration,
    pub(crate) memory_budget: Option<u64>,
    pub(crate) limits: LimitRules,
    pub(crate) append_deadline: Duration,
    pub(crate) segment_bytes: u64,
    pub(crate) replay_target: Duration,
    pub(crate) start_progress: StartProgress,
    pub(crate) low_space: Option<u64>,
    pub(crate) scrub_every: Option<Duration>,
    pub(crate) downsample_after: Option<Duration>,
}

impl Options {
    /// The defaults, for the folder `path` (made if it is missing).
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_path_buf(),
            storage: None,
            clock: Arc::new(SystemClock),
            durability: Durability::default(),
            shards: 8,
            threads: None,
            retention: None,
            retention_bytes: None,
            retention_rules: Vec::new(),
            delete_grace: Duration::from_hours(24),
            memory_budget: None,
            limits: LimitRules::default(),
            append_deadline: Duration::from_secs(10),
            segment_bytes: 64 * 1024 * 1024,
            replay_target: Duration::from_secs(2),
            start_progress: StartProgress::default(),
            low_space: None,
            scrub_every: Some(Duration::from_hours(7 * 24)),
            downsample_after: None,
        }
    }

    /// When a write counts as done. Default: [`Durability::Fsync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Number of shards of a new database, a power of two up to 1,024; an existing one keeps
    /// its own. Default: 8.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Background threads. With 0 nothing runs in the background and the caller calls
    /// [`Db::maintain`](crate::Db::maintain). Default: 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How long samples are kept, counted from the newest sample of the tenant (at most from the
    /// clock). Default: for ever.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// The most bytes that all blocks may take: the oldest go first, those of all shards and
    /// tenants that end at the same time together. Log and heads come on top. Default: no limit.
    #[must_use]
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.retention_bytes = Some(bytes);
        self
    }

    /// Series that are kept for less long than [`retention`](Self::retention) says, of all
    /// tenants. Their samples are hidden when they have ended, and their bytes go when all of a
    /// block's have. Default: none.
    #[must_use]
    pub fn retention_rules(mut self, rules: Vec<RetentionRule>) -> Self {
        self.retention_rules = rules;
        self
    }

    /// How long a delete can be taken back, by the database's clock; after that its bytes are
    /// given back. Default: a day.
    #[must_use]
    pub fn delete_grace(mut self, grace: Duration) -> Self {
        self.delete_grace = grace;
        self
    }

    /// Bytes of memory that the engine may use, at least 16 MiB. Default: half of the smaller of
    /// the machine's memory and the control group's limit.
    #[must_use]
    pub fn memory_budget(mut self, bytes: u64) -> Self {
        self.memory_budget = Some(bytes);
        self
    }

    /// What tenants may store; [`Limits`](crate::Limits) alone are those of every tenant. They can
    /// be changed later by [`Db::set_limits`](crate::Db::set_limits). Default:
    /// [`LimitRules::default`].
    #[must_use]
    pub fn limits(mut self, limits: impl Into<LimitRules>) -> Self {
        self.limits = limits.into();
        self
    }

    /// How long an append waits for room before it fails with
    /// [`Error::Overloaded`](crate::Error::Overloaded). Default: 10 s.
    #[must_use]
    pub fn append_deadline(mut self, deadline: Duration) -> Self {
        self.append_deadline = deadline;
        self
    }

    /// Bytes after which the log begins a new segment, at least 64 KiB. Default: 64 MiB.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// How long a start may replay the log: when it would take longer, the background work saves
    /// the heads to files that a start loads instead. 0 saves them in every round. Default: 2 s.
    #[must_use]
    pub fn replay_target(mut self, target: Duration) -> Self {
        self.replay_target = target;
        self
    }

    /// Where the opening tells how far it is, for those who wait on another thread. Default:
    /// nobody looks.
    #[must_use]
    pub fn start_progress(mut self, progress: &StartProgress) -> Self {
        self.start_progress = progress.clone();
        self
    }

    /// Free bytes of the disk below which samples are refused with
    /// [`Error::LowSpace`](crate::Error::LowSpace) until a quarter more is free; 0: never. Default:
    /// 64 MiB, or half of what the heads hold if that is more.
    #[must_use]
    pub fn low_space(mut self, bytes: u64) -> Self {
        self.low_space = Some(bytes);
        self
    }

    /// In what time all blocks are read once in the background, to find what the disk has changed;
    /// `None`: never. Default: 7 days. At least 64 KiB are read a second.
    #[must_use]
    pub fn scrub_every(mut self, time: Option<Duration>) -> Self {
        self.scrub_every = time;
        self
    }

    /// Age from which blocks get tiers: their samples in buckets of 5 minutes and of an hour, beside
    /// them, which queries over long windows read in place of samples. The age counts as that of
    /// [`retention`](Self::retention) does. A tier changes no answer, and goes with its block;
    /// with `None` tiers that are there are removed. Default: `None`.
    #[must_use]
    pub fn downsample_after(mut self, age: Option<Duration>) -> Self {
        self.downsample_after = age;
        self
    }

    /// Where files are kept. Default: the operating system's folder `path`.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Where the time comes from. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks every option.
    pub(crate) fn validate(&self) -> Result<()> {
        let bad = |option, what: String| Err(Error::Option { option, what });
        if !self.shards.is_power_of_two() || self.shards > MAX_SHARDS {
            let what = format!("{} is no power of two from 1 to {MAX_SHARDS}", self.shards);
            return bad("shards", what);
        }
        if self.segment_bytes < 64 * 1024 {
            let what = format!("{} bytes are too few, at least 65536", self.segment_bytes);
            return bad("segment_bytes", what);
        }
        if self.memory_budget.is_some_and(|bytes| bytes < 16 << 20) {
            return bad("memory_budget", "at least 16 MiB are needed".to_owned());
        }
        if self.retention.is_some_and(|age| age < Duration::from_mins(1)) {
            return bad("retention", "at least one minute is needed".to_owned());
        }
        if self.downsample_after.is_some_and(|age| age < Duration::from_mins(1)) {
            return bad("downsample_after", "at least one minute is needed".to_owned());
        }
        for rule in &self.retention_rules {
            if rule.matchers.is_empty() {
                return bad("retention_rules", "a rule needs at least one matcher".to_owned());
            }
            if rule.keep < Duration::from_mins(1) {
                return bad("retention_rules", "at least one minute is needed".to_owned());
            }
        }
        if matches!(self.durability, Durability::Interval(every) if every.is_zero()) {
            return bad("durability", "the interval is zero; use Fsync".to_owned());
        }
        Ok(())
    }
}
