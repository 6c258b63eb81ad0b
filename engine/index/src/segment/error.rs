//! What can go wrong with a segment.

/// Why a segment can't be opened or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The bytes do not begin like an index segment.
    #[error("not an index segment: it begins with {found:02x?}")]
    NotASegment {
        /// The first bytes, at most eight.
        found: Vec<u8>,
    },
    /// Another version of the format.
    #[error("index segment has format version {found}, this build reads {supported}")]
    Version {
        /// The version in the header.
        found: u16,
        /// The version that this build reads.
        supported: u16,
    },
    /// The bytes are not what was written.
    #[error("corrupt index segment at byte {offset}: {what}")]
    Corrupt {
        /// Where, from the segment's first byte.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The caller asked for a series that the segment does not have.
    #[error("the index segment has {count} series, there is no series {id}")]
    NoSuchSeries {
        /// The series that was asked for.
        id: u32,
        /// How many there are.
        count: u32,
    },
}

/// Why a segment can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Series must come in ascending order, each once.
    #[error("series {labels} does not come after the series before it")]
    OutOfOrder {
        /// The series that came too late, or twice.
        labels: String,
    },
    /// A segment has room for 2³² − 1 series and 4 GiB of label values.
    #[error("too many {what} for one index segment (at most {limit})")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// A part could not be built; this would be a mistake in this crate.
    #[error("index segment can't be built: {what}")]
    Build {
        /// What the library below said.
        what: String,
    },
}

/// Why segments can't be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A part can't be read.
    #[error("part {part}: {error}")]
    Part {
        /// Its number.
        part: usize,
        /// What is wrong.
        error: SegmentError,
    },
    /// The merged segment can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
