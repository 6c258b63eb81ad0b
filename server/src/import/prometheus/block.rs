//! Reads one block series by series.

use nunatak::{Labels, LabelsBuilder};

use super::chunks::ChunkFile;
use super::index::{ChunkMeta, Index, SeriesEntry};
use super::tombstones::Tombstones;
use super::{BlockError, BlockFolder, decode_xor};

/// The chunk encoding of floats.
const XOR: u8 = 1;

/// Samples that are in a block and do not come out of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// In native histograms, or chunks of an unknown encoding.
    pub unsupported: u64,
    /// Deleted by tombstones.
    pub deleted: u64,
}

/// A series and all its samples in the block.
#[derive(Debug, Default, Clone)]
#[non_exhaustive]
pub struct BlockSeries {
    /// Its labels.
    pub labels: Labels,
    /// In ms, as they come: ascending unless chunks overlap.
    pub times: Vec<i64>,
    /// Bit for bit.
    pub values: Vec<f64>,
}

/// An open block.
#[derive(Debug)]
pub struct BlockReader {
    index: Index,
    chunks: Vec<ChunkFile>,
    tombstones: Tombstones,
    next: usize,
    entry: SeriesEntry,
    builder: LabelsBuilder,
    skipped: Skipped,
}

impl BlockReader {
    /// Opens a block at its series number `first`.
    ///
    /// # Errors
    /// If a file is missing or not as it should be.
    pub fn open(block: &BlockFolder, first: usize) -> Result<Self, BlockError> {
        let index = Index::open(&block.path.join("index"))?;
        let chunks = ChunkFile::open_all(&block.path.join("chunks"))?;
        let tombstones = Tombstones::read(&block.path.join("tombstones"))?;
        let (entry, builder, skipped) = Default::default();
        Ok(Self { index, chunks, tombstones, next: first, entry, builder, skipped })
    }

    /// Number of the series that comes next.
    #[must_use]
    pub fn position(&self) -> usize {
        self.next
    }

    /// What was left out so far.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// Reads the next series; `false` at the end.
    ///
    /// # Errors
    /// If the block is not as it should be.
    pub fn read(&mut self, series: &mut BlockSeries) -> Result<bool, BlockError> {
        if self.next >= self.index.len() {
            return Ok(false);
        }
        let mut entry = std::mem::take(&mut self.entry);
        self.index.read_series(self.next, &mut entry)?;
        series.times.clear();
        series.values.clear();
        series.labels = self.labels(&entry)?;
        for chunk in &entry.chunks {
            self.read_chunk(chunk, series)?;
        }
        let BlockSeries { times, values, .. } = series;
        self.skipped.deleted += self.tombstones.apply(entry.reference, times, values);
        self.entry = entry;
        self.next += 1;
        Ok(true)
    }

    fn labels(&mut self, entry: &SeriesEntry) -> Result<Labels, BlockError> {
        self.builder.clear();
        for &(name, value) in &entry.labels {
            let pair = self.index.symbol(name).zip(self.index.symbol(value));
            let (name, value) = pair.ok_or_else(|| self.corrupt("a label has no symbol"))?;
            self.builder.push(name, value);
        }
        self.builder.build().map_err(|_| self.corrupt("a series has a label twice"))
    }

    fn corrupt(&self, what: &'static str) -> BlockError {
        self.index.corrupt(what)
    }

    fn read_chunk(&mut self, meta: &ChunkMeta, series: &mut BlockSeries) -> Result<(), BlockError> {
        let (file, offset) = ((meta.reference >> 32) as usize, meta.reference & 0xFFFF_FFFF);
        let Some(file) = self.chunks.get_mut(file) else {
            return Err(self.corrupt("a chunk lies in a file that is missing"));
        };
        let path = file.path().to_owned();
        let chunk = file.chunk(offset)?;
        if chunk.encoding != XOR {
            self.skipped.unsupported += chunk.samples();
            return Ok(());
        }
        decode_xor(chunk.data, &mut series.times, &mut series.values)
            .ok_or_else(|| BlockError::corrupt(&path, offset, "a chunk can't be decoded"))
    }
}
