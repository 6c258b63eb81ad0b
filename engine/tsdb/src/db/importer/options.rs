//! What an import is told and what it tells.

use crate::error::{Error, Result};
use crate::limits::Refusal;

/// Longest id.
const ID_BYTES: usize = 64;
/// Least memory for samples.
const LEAST_MEMORY: u64 = 16 << 10;
/// Samples of a part, if the caller says nothing else.
const PART_SAMPLES: u64 = 200_000_000;

/// Options of [`Db::importer`](crate::Db::importer), checked there.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    pub(super) id: String,
    pub(super) memory: Option<u64>,
    pub(super) part_samples: u64,
    pub(super) threads: Option<usize>,
}

impl ImportOptions {
    /// The defaults, for the import `id`: 1 to 64 of the characters `A-Z a-z 0-9 _ -`. The same id
    /// continues an import that was interrupted, so it should be a hash of the source and of all that
    /// decides what becomes of it.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), memory: None, part_samples: PART_SAMPLES, threads: None }
    }

    /// Bytes for series and samples that wait, at least 16 KiB; another half of it comes on top while
    /// a part is written. Default: a quarter of the database's memory budget.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Samples after which a part is full. More are faster and need more temporary space; what was
    /// read since the last part is read again when an import is continued. Default: 200 million.
    #[must_use]
    pub fn part_samples(mut self, samples: u64) -> Self {
        self.part_samples = samples;
        self
    }

    /// Threads that sort samples and write blocks. Default: as many as there are cores, or 1 if the
    /// database [works nothing in the background](crate::Options::threads).
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.id.is_empty() || self.id.len() > ID_BYTES || !self.id.chars().all(allowed) {
            let what = format!("{:?} is not 1 to {ID_BYTES} of A-Z a-z 0-9 _ -", self.id);
            return Err(Error::Option { option: "id", what });
        }
        if self.memory.is_some_and(|bytes| bytes < LEAST_MEMORY) {
            let what = "at least 16 KiB are needed".to_owned();
            return Err(Error::Option { option: "memory", what });
        }
        Ok(())
    }

    pub(super) fn memory_or(&self, default: u64) -> usize {
        self.memory.unwrap_or(default.max(LEAST_MEMORY)) as usize
    }
}

/// What an import has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// Samples that were taken by this importer.
    pub samples: u64,
    /// Series that were seen by it; one that comes in two generations counts twice.
    pub series: u64,
    /// Samples in the blocks that it published: those taken, less those that came twice in a part.
    pub stored: u64,
    /// Blocks that it published.
    pub blocks: u64,
    /// Bytes of these blocks.
    pub block_bytes: u64,
    /// Samples that earlier importers with the same id have published.
    pub earlier_samples: u64,
    /// Samples that it refused, by reason.
    pub refused: Vec<Refusal>,
}
