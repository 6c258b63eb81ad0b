//! What a block's files say of themselves.

use nunatak_index::Segment;

use crate::error::{Error, Result};
use crate::storage::{File, Storage};

use super::data::DataBytes;
use super::manifest::{BlockMeta, Manifest};
use super::reader::{Block, footer_of, missing, read_manifest};
use super::series::damage;
use super::table::Footer;

/// The counts of a data file.
#[derive(Debug)]
pub(crate) struct DataFacts {
    pub(crate) samples: u64,
    pub(crate) series: u64,
    pub(crate) chunks: u64,
    pub(crate) streams: u64,
    pub(crate) times: (i64, i64),
}

/// The counts of an index file.
#[derive(Debug)]
pub(crate) struct IndexFacts {
    pub(crate) series: u64,
    pub(crate) pairs: u64,
}

/// Reads header and footer of a data file.
pub(crate) fn data(file: &dyn File, path: &str) -> Result<DataFacts> {
    let len = file.len().map_err(|e| missing("read", path, e))?;
    let Footer { samples, series, chunks, streams, min_t, max_t, .. } =
        footer_of(file, path, len, None)?;
    let (series, streams) = (u64::from(series), u64::from(streams));
    Ok(DataFacts { samples, series, chunks, streams, times: (min_t, max_t) })
}

/// Opens an index file and checks every byte of it.
pub(crate) fn index(storage: &dyn Storage, path: &str) -> Result<IndexFacts> {
    let image = storage.map(path).map_err(|e| missing("map", path, e))?;
    let segment = Segment::open((*image).as_ref()).map_err(|e| damage(path, e))?;
    segment.verify().map_err(|e| damage(path, e))?;
    let (series, pairs) = (segment.series_count(), segment.pair_count());
    Ok(IndexFacts { series: u64::from(series), pairs: u64::from(pairs) })
}

/// Reads the manifest of the block `name`.
pub(crate) fn manifest(storage: &dyn Storage, path: &str, name: &str) -> Result<BlockMeta> {
    read_manifest(storage, path, name).map(|Manifest { meta, .. }| meta)
}

impl Block {
    /// Bytes of the data file by what they are for, from the page table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the page table is damaged; else if it can't be read.
    pub fn data_bytes(&self) -> Result<DataBytes> {
        let table = self.table()?;
        let keyed = |pages: &[super::table::KeyedPlace]| -> u64 {
            pages.iter().map(|page| u64::from(page.place.len)).sum()
        };
        let mut bytes = DataBytes {
            values: table.values.iter().map(|place| u64::from(place.len)).sum(),
            times: keyed(&table.times),
            directory: keyed(&table.directory),
            rest: 0,
        };
        let paged = bytes.values + bytes.times + bytes.directory;
        bytes.rest = self.manifest().data.len.checked_sub(paged).ok_or_else(|| {
            Error::corrupt(self.path(), 0, "the pages are longer than the data file")
        })?;
        Ok(bytes)
    }

    /// Bytes of the index file.
    pub fn index_bytes(&self) -> u64 {
        self.manifest().index.len
    }
}
