//! The public face: a database in a folder.

use std::time::Duration;

use nunatak_index::LabelsBuilder;

use crate::batch::{Batch, Outcome};
use crate::error::{Error, Result};
use crate::limits::RefusalReason;
use crate::options::Options;
use crate::source::{Hints, Selection, Selector, Source};
use crate::stats::{Cardinality, Stats};

/// An open database. Cheap to clone; all clones are the same database.
#[derive(Debug, Clone)]
pub struct Db {}

impl Db {
    /// Opens the database in the options' folder, making it if it is missing.
    ///
    /// # Errors
    /// If an option is wrong, the folder is in use or can't be read, or a version does not fit.
    pub fn open(options: Options) -> Result<Self> {
        options.validate()?;
        Ok(Self {})
    }

    /// Stores samples and returns when they are as durable as the options say.
    ///
    /// # Errors
    /// If samples could not be stored for a passing reason ([`Error::is_retryable`]); repeating
    /// the call is then safe: what was stored already is not stored twice.
    pub fn append(&self, _batch: &Batch) -> Result<Outcome> {
        Err(Error::Closed)
    }

    /// For decoders of protocols: series are found by their raw bytes, without parsing them.
    #[must_use]
    pub fn appender(&self) -> Appender<'_> {
        Appender { _db: self }
    }

    /// Writes everything in the heads into blocks and compacts them; returns when that is done.
    ///
    /// # Errors
    /// If the blocks can't be written; nothing is lost, the samples stay in the heads.
    pub fn flush(&self) -> Result<()> {
        Err(Error::Closed)
    }

    /// Does background work (cuts, compaction, retention, log trimming) for about `budget`;
    /// `true` if more is due. Only needed with [`Options::threads`]`(0)`.
    ///
    /// # Errors
    /// The first failure; the rest of the work is done all the same.
    pub fn maintain(&self, _budget: Duration) -> Result<bool> {
        Err(Error::Closed)
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The `top` largest metrics, labels and pairs in the heads.
    #[must_use]
    pub fn cardinality(&self, _top: usize) -> Cardinality {
        Cardinality::default()
    }

    /// Stops the threads, syncs, and gives the folder free. Other clones then answer
    /// [`Error::Closed`].
    ///
    /// # Errors
    /// If the last sync fails.
    pub fn close(self) -> Result<()> {
        Ok(())
    }
}

impl Source for Db {
    fn select(&self, _selector: &Selector, _hints: &Hints) -> Result<Selection> {
        Err(Error::Closed)
    }

    fn label_names(&self, _selector: &Selector, _limit: usize) -> Result<Vec<String>> {
        Err(Error::Closed)
    }

    fn label_values(&self, _: &str, _selector: &Selector, _limit: usize) -> Result<Vec<String>> {
        Err(Error::Closed)
    }
}

/// A series inside one [`Appender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendSeries(pub(crate) u32);

/// Collects the samples of one request. Series are named by raw bytes that identify their label
/// set inside the caller's protocol: bytes seen before are not parsed again.
#[derive(Debug)]
pub struct Appender<'db> {
    _db: &'db Db,
}

impl Appender<'_> {
    /// Finds the series that `raw` stands for; `parse` is called only if it is not known. The
    /// same `raw` must always mean the same label set.
    ///
    /// If `parse` refuses (with the reason and an example in words) or a limit does, the series
    /// takes samples all the same and each is counted as refused.
    pub fn series(
        &mut self,
        _raw: &[u8],
        _parse: impl FnOnce(&mut LabelsBuilder) -> std::result::Result<(), (RefusalReason, String)>,
    ) -> AppendSeries {
        AppendSeries(0)
    }

    /// Adds a sample: `t` in ms since the epoch, `v` kept bit for bit.
    pub fn push(&mut self, _series: AppendSeries, _t: i64, _v: f64) {}

    /// Counts samples that the decoder itself refuses.
    pub fn refuse(&mut self, _reason: RefusalReason, _samples: u64, _example: impl Into<String>) {}

    /// Stores what was collected and empties the appender; as [`Db::append`].
    ///
    /// # Errors
    /// As [`Db::append`].
    pub fn commit(&mut self) -> Result<Outcome> {
        Err(Error::Closed)
    }
}
