//! What can go wrong: appending, encoding, decoding.

use crate::MAX_SAMPLES;

/// Why a sample was not appended. The chunk is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Times must be strictly ascending.
    #[error("time {time} is not after the chunk's last time {last}")]
    NotAfterLast {
        /// The refused time.
        time: i64,
        /// The chunk's last time.
        last: i64,
    },
    /// The chunk has as many samples as a chunk may have.
    #[error("the chunk is full: it has {MAX_SAMPLES} samples")]
    Full,
}

/// Why columns can't be a chunk. The output is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// No samples, or more than a chunk may have.
    #[error("{found} samples don't make a chunk: 1 to {MAX_SAMPLES} do")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// Times must be strictly ascending.
    #[error("time {index} is not after the time before it")]
    NotAscending {
        /// Index of the offending time.
        index: usize,
    },
}

/// Why bytes are not a chunk: they are corrupt, or were never one. The output is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No samples asked for, or more than a chunk may have.
    #[error("{found} samples don't make a chunk: 1 to {MAX_SAMPLES} do")]
    Count {
        /// How many were asked for.
        found: usize,
    },
    /// The bytes end inside the chunk.
    #[error("the chunk is cut off at byte {at}")]
    Truncated {
        /// Offset from the chunk's start where more bytes were needed.
        at: usize,
    },
    /// A varint has more than 64 bits.
    #[error("the varint before byte {at} has more than 64 bits")]
    Varint {
        /// Offset just behind the offending byte.
        at: usize,
    },
    /// A kind of stream that this build does not know.
    #[error("unknown {stream} stream kind {kind:#04x}")]
    Kind {
        /// `"time"` or `"value"`.
        stream: &'static str,
        /// The kind byte.
        kind: u8,
    },
    /// A field has a value that no encoder writes.
    #[error("{field} is {found}, which no chunk has (before byte {at})")]
    Field {
        /// The field's name in `docs/format/chunk.md`.
        field: &'static str,
        /// What was found.
        found: u64,
        /// Offset just behind the field.
        at: usize,
    },
    /// A decoded integer leaves the range in which decimals are exact.
    #[error("a decimal of the chunk leaves the range of ±2^51")]
    DecimalRange,
    /// Times are not strictly ascending.
    #[error("time {index} is not after the time before it")]
    NotAscending {
        /// Index of the offending time.
        index: usize,
    },
    /// There are bytes behind the last sample of an open chunk.
    #[error("the open chunk ends at byte {end} but has {found} bytes")]
    Trailing {
        /// Where the last sample ends.
        end: usize,
        /// How many bytes there are.
        found: usize,
    },
}

/// Checks the number of samples before an encoding.
pub(crate) fn check_encode_count(found: usize) -> Result<(), EncodeError> {
    if (1..=MAX_SAMPLES).contains(&found) { Ok(()) } else { Err(EncodeError::Count { found }) }
}

/// Checks the number of samples before a decoding, so that memory is bounded by the caller's word.
pub(crate) fn check_decode_count(found: usize) -> Result<(), DecodeError> {
    if (1..=MAX_SAMPLES).contains(&found) { Ok(()) } else { Err(DecodeError::Count { found }) }
}
