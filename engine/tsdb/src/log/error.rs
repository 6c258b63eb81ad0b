//! Why bytes are no frame, or a frame can't become bytes.

use nunatak_index::LabelError;

use crate::bytes::Malformed;

/// Why bytes are no frame, or a frame can't become bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame of another version.
    #[error("frame version {found}, this build reads {supported}")]
    Version {
        /// The version in the frame.
        found: u8,
        /// The version that this build reads.
        supported: u8,
    },
    /// A record of a kind that this build does not know.
    #[error("record of unknown kind {found}")]
    Kind {
        /// The kind in the frame.
        found: u8,
    },
    /// The content breaks a rule of the format.
    #[error("malformed frame: {what}")]
    Malformed {
        /// Which rule.
        what: &'static str,
    },
    /// A definition's labels are no label set.
    #[error("malformed frame: {0}")]
    Labels(#[from] LabelError),
    /// The content is larger than a frame may be.
    #[error("frame of {bytes} bytes, at most {limit} are allowed; split the write")]
    TooLarge {
        /// Bytes before compression.
        bytes: u64,
        /// The most that a frame may have.
        limit: u64,
    },
    /// More samples than a frame may have.
    #[error("{samples} samples, at most {limit} are allowed in a frame; split the write")]
    TooManySamples {
        /// How many.
        samples: usize,
        /// The most that a frame may have.
        limit: usize,
    },
    /// The columns of the samples have different lengths.
    #[error(
        "columns of different lengths: {references} references, {times} times, {values} values"
    )]
    Columns {
        /// Length of the column of references.
        references: usize,
        /// Length of the column of times.
        times: usize,
        /// Length of the column of values.
        values: usize,
    },
    /// The compressor or decompressor failed.
    #[error("zstd: {what}")]
    Compression {
        /// What it said.
        what: String,
    },
}

impl From<Malformed> for FrameError {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed { what }
    }
}
