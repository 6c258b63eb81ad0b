//! A full chunk of a head: in memory, or in the spill file.

use std::sync::Arc;

use nunatak_codec::{DecodeError, FrozenChunk, decode_open};

use super::spill::SpillFile;
use crate::error::{Error, Result};
use crate::source::SampleBatch;

/// A chunk that does not change any more; a clone is the same chunk.
#[derive(Debug, Clone)]
pub(crate) enum Chunk {
    /// In memory.
    Memory(Arc<FrozenChunk>),
    /// On disk.
    Spilled(SpilledChunk),
}

/// Where a chunk is in a spill file.
#[derive(Debug, Clone)]
pub(crate) struct SpilledChunk {
    pub(super) file: Arc<SpillFile>,
    pub(super) offset: u64,
    pub(super) last_time: i64,
    pub(super) len: u32,
    pub(super) count: u16,
}

impl Chunk {
    pub(super) fn new(chunk: FrozenChunk) -> Self {
        Self::Memory(Arc::new(chunk))
    }

    /// A time before which it has no sample. Of a spilled one only its holder knows it: this is
    /// one number less for each of many millions.
    pub(super) fn first_time(&self) -> i64 {
        match self {
            Self::Memory(chunk) => chunk.first_time(),
            Self::Spilled(_) => i64::MIN,
        }
    }

    /// Time of the last sample.
    pub(super) fn last_time(&self) -> i64 {
        match self {
            Self::Memory(chunk) => chunk.last_time(),
            Self::Spilled(chunk) => chunk.last_time,
        }
    }

    /// Bytes on the heap that go with the last clone.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Memory(chunk) => size_of::<FrozenChunk>() + 16 + chunk.heap_bytes(),
            Self::Spilled(_) => 0,
        }
    }

    /// Brings a spilled chunk to memory.
    pub(super) fn fetch(&mut self) -> Result<()> {
        if let Self::Spilled(chunk) = self {
            let fetched = chunk.fetch()?;
            *self = Self::new(fetched);
        }
        Ok(())
    }

    /// Adds the samples to `batch`.
    pub(super) fn decode_into(&self, batch: &mut SampleBatch) -> Result<()> {
        match self {
            Self::Memory(chunk) => {
                let decoded = chunk.decode_into(&mut batch.times, &mut batch.values);
                decoded.map_err(|error| Error::corrupt("head", 0, error.to_string()))
            }
            Self::Spilled(chunk) => chunk.decode_into(batch),
        }
    }
}

impl SpilledChunk {
    /// Bytes of the chunk in its file.
    pub(super) fn bytes(&self) -> u64 {
        self.len.into()
    }

    pub(super) fn fetch(&self) -> Result<FrozenChunk> {
        let bytes = self.file.read(self.offset, self.len)?;
        FrozenChunk::from_bytes(&bytes, self.count.into()).map_err(|error| self.damage(&error))
    }

    fn damage(&self, error: &DecodeError) -> Error {
        Error::corrupt(self.file.path(), self.offset, error.to_string())
    }

    pub(super) fn decode_into(&self, batch: &mut SampleBatch) -> Result<()> {
        let bytes = self.file.read(self.offset, self.len)?;
        let count = usize::from(self.count);
        let decoded = decode_open(&bytes, count, &mut batch.times, &mut batch.values);
        decoded.map_err(|error| self.damage(&error))
    }
}
