//! Labels, matchers, postings and index segments of nunatak.
//!
//! A *label set* ([`Labels`]) identifies a series; a *matcher* ([`Matcher`]) tests one label of it.
//! Two indexes answer which series a list of matchers accepts, with the same algorithm: the
//! [`HeadIndex`] of the series in memory, and the [`Segment`], an immutable image that is read in
//! place, made by a [`SegmentWriter`].
//!
//! ```
//! use nunatak_index::{MatchOp, Matcher, Segment, SegmentWriter, labels};
//!
//! let mut writer = SegmentWriter::new();
//! writer.add(&labels! { "__name__" => "up", "job" => "api" })?;
//! writer.add(&labels! { "__name__" => "up", "job" => "node" })?;
//! let segment = Segment::open(writer.finish()?)?;
//!
//! let not_api = Matcher::new("job", MatchOp::NotRegex, "a.*")?;
//! let found = segment.select(&[not_api])?;
//! assert_eq!(found.iter().collect::<Vec<_>>(), [1]);
//! assert_eq!(segment.labels(1)?.to_string(), r#"up{job="node"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod answers;
mod head;
mod interner;
mod labels;
mod matcher;
mod postings;
mod segment;
mod select;

pub use head::{HeadIndex, NameCount, PairCount};
pub use labels::{LabelError, Labels, LabelsBuilder, METRIC_NAME};
pub use matcher::{Groups, MatchOp, Matcher, MatcherError, Pattern};
pub use roaring::RoaringBitmap;
pub use segment::{
    LabelsReader, MergeError, ProjectedReader, Segment, SegmentError, SegmentImage, SegmentMerge,
    SegmentWriter, WriteError,
};
