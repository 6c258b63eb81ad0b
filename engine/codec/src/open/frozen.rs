//! An open chunk that has ended.

use super::{OpenChunk, Samples, decode_open};
use crate::error::DecodeError;

/// The immutable bytes of an [`OpenChunk`], without its room and its state; at least one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenChunk {
    bytes: Box<[u8]>,
    first_time: i64,
    last_time: i64,
    len: u16,
}

impl FrozenChunk {
    pub(super) fn new(bytes: Box<[u8]>, len: u16, first_time: i64, last_time: i64) -> Option<Self> {
        (len > 0).then_some(Self { bytes, first_time, last_time, len })
    }

    /// Takes the bytes of an open chunk of `len` samples, for example from a file.
    ///
    /// # Errors
    /// If they are not those of an open chunk of `len` samples.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Result<Self, DecodeError> {
        let chunk = OpenChunk::from_bytes(bytes, len)?;
        chunk.freeze().ok_or(DecodeError::Count { found: len })
    }

    /// Number of samples, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Time of the first sample.
    #[must_use]
    pub fn first_time(&self) -> i64 {
        self.first_time
    }

    /// Time of the last sample.
    #[must_use]
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// The encoded samples.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The samples, oldest first.
    #[must_use]
    pub fn iter(&self) -> Samples<'_> {
        Samples::new(&self.bytes, self.len())
    }

    /// Appends all samples to the two columns.
    ///
    /// # Errors
    /// None in a chunk that was made by this crate; the columns would then be unchanged.
    pub fn decode_into(
        &self,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        decode_open(&self.bytes, self.len(), times, values)
    }
}

impl<'a> IntoIterator for &'a FrozenChunk {
    type Item = Result<(i64, f64), DecodeError>;
    type IntoIter = Samples<'a>;

    fn into_iter(self) -> Samples<'a> {
        self.iter()
    }
}
