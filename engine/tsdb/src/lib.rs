//! nunatak: a time-series storage engine to embed.
#![deny(unsafe_code)]

#[cfg(not(all(target_endian = "little", target_pointer_width = "64")))]
compile_error!("nunatak runs on 64-bit little-endian machines only");

mod batch;
pub mod block;
pub mod compact;
mod db;
mod error;
mod head;
mod known;
mod limits;
pub mod log;
mod merge;
mod options;
mod refusals;
mod shard;
mod source;
mod stats;
pub mod storage;
mod time;

pub use batch::{Batch, BatchSeries, Outcome};
pub use db::{AppendSeries, Appender, Db, Tenant};
pub use error::{Error, Result};
pub use limits::{Limits, Refusal, RefusalReason};
pub use merge::MergeCursor;
pub use nunatak_index::{
    LabelError, Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher, MatcherError, labels,
};
pub use options::{Durability, Options};
pub use source::{
    Cursor, Grouping, Hints, SampleBatch, SelectedSeries, Selection, Selector, Source, StreamId,
};
pub use stats::{Cardinality, Stats};
pub use time::{Clock, ManualClock, SystemClock, TimeRange};
