//! nunatak: a time-series storage engine to embed, as one embeds SQLite.
//!
//! A [`Db`] is a folder. [`Db::append`] takes samples (a label set, milliseconds, a float) and
//! returns when they are durable; [`Db::select`] reads them back by label matchers and a range of
//! time. In between, samples go through a log into the *head* (memory, one compressed chunk for
//! each series) and, a window of two hours at a time, into immutable *blocks* on disk. A crash at
//! any moment loses nothing that was acknowledged.
//!
//! ```
//! use nunatak::{Batch, Db, MatchOp, Matcher, Options, SampleBatch, Selector, TimeRange, labels};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let db = Db::open(Options::new(path))?;
//!
//! let mut batch = Batch::new();
//! let idle = batch.series(&labels! { "__name__" => "cpu_seconds_total", "mode" => "idle" })?;
//! batch.push(idle, 1_700_000_000_000, 1.5);
//! batch.push(idle, 1_700_000_015_000, 16.25);
//! let outcome = db.append(&batch)?; // durable; says what was refused and why
//! assert_eq!((outcome.stored, outcome.refused_samples()), (2, 0));
//!
//! let cpu = Matcher::new("__name__", MatchOp::Regex, "cpu_.*")?;
//! let mut samples = SampleBatch::default();
//! for mut series in db.select(&Selector::new(vec![cpu], TimeRange::ALL))?.series {
//!     assert_eq!(series.labels.get("mode"), Some("idle"));
//!     while series.cursor.next_batch(&mut samples)? {
//!         assert_eq!(samples.values, [1.5, 16.25]);
//!     }
//! }
//! db.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Calls block and may be made from any thread. `append` may wait for a sync: inside an async
//! program call it where blocking is allowed. With [`Options::threads`]`(0)` nothing runs in the
//! background and the program calls [`Db::maintain`] itself. An open database does not survive a
//! `fork`.
//!
//! The floors below, each a module that uses only those under it: [`storage`] (the only door to
//! files) < [`log`] (every change, in order), the head, [`block`] < a shard (a whole little
//! database; the unit of concurrency) < [`compact`] < [`Db`].
#![deny(unsafe_code)]

#[cfg(not(all(target_endian = "little", target_pointer_width = "64")))]
compile_error!("nunatak runs on 64-bit little-endian machines only");

mod aggregate;
mod backup;
mod batch;
pub mod block;
mod bytes;
mod cardinality;
pub mod compact;
mod db;
mod delete;
mod description;
mod error;
mod gathered;
mod growth;
mod head;
mod hidden;
mod import;
mod inspect;
mod known;
mod limits;
pub mod log;
mod merge;
mod options;
mod refusals;
mod retention;
mod scrub;
mod shard;
mod sorted_texts;
mod source;
mod space;
mod start_progress;
mod stats;
pub mod storage;
mod stream_times;
mod time;
mod verify;

pub use aggregate::{Aggregation, Rollup, RollupCursor, VisitRollups, Windows};
pub use backup::Snapshot;
pub use batch::{Batch, BatchSeries, Outcome};
pub use cardinality::{
    BlockCardinality, Cardinality, GROWTH_SPANS_MS, Grown, Growth, LimitUsage, MetricCardinality,
    MetricLabel, MetricSource, RankBy, RefusedSeriesCount,
};
pub use db::{
    AppendSeries, Appender, Db, ImportOptions, ImportReport, ImportSeries, Importer, Tenant,
    Uncommitted,
};
pub use delete::{Delete, DeleteId};
pub use error::{Error, Result};
pub use gathered::{Gathered, Piece};
#[doc(hidden)]
pub use head::fuzzing;
pub use inspect::{Fact, Inspection, inspect};
pub use limits::{GlobalLimits, LimitRules, Limits, Refusal, RefusalReason};
pub use merge::MergeCursor;
pub use nunatak_codec::{Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
pub use nunatak_index::{
    LabelError, Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher, MatcherError, labels,
};
pub use options::{Durability, Options};
pub use retention::RetentionRule;
pub use sorted_texts::Charge;
pub use source::{
    Cursor, Grouping, Hints, SampleBatch, SelectedSeries, Selection, Selector, Source, StreamId,
    Visit,
};
pub use start_progress::StartProgress;
pub use stats::Stats;
pub use stream_times::StreamTimes;
pub use time::{Clock, ManualClock, SystemClock, TimeRange};
pub use verify::{Damage, Verification, verify, verify_storage};
