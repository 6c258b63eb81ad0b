//! The sealed index: one immutable image, read in place.
//!
//! The layout is described in `docs/format/index.md`. Nothing is decoded when a segment is opened;
//! each 4 KiB page is checked against its crc32c when it is touched first.

#![deny(clippy::indexing_slicing, reason = "the bytes come from a disk")]

mod error;
mod layout;
mod merge;
mod pages;
mod posting;
mod reader;
mod sections;
mod table;
mod varint;
mod writer;

pub use error::{MergeError, SegmentError, WriteError};
pub use merge::SegmentMerge;
pub use reader::{LabelsReader, ProjectedReader, Segment};
pub use sections::SegmentImage;
pub use writer::SegmentWriter;

type Result<T> = std::result::Result<T, SegmentError>;
