//! Writes the data file: pages as they fill, then the table, then the footer.

use nunatak_codec::EncodeError;

use crate::error::{Error, Result};

use super::difference::Bases;
use super::directory::{ChunkPlace, DirectoryBuilder};
use super::output::Output;
use super::page::{self, MAX_PAGE, PageKind};
use super::streams::StreamInterner;
use super::table::{Footer, TableBuilder, header};

/// Bytes of the data file by what they are for, heads of pages included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DataBytes {
    /// Value pages.
    pub values: u64,
    /// Pages of timestamp streams.
    pub times: u64,
    /// Pages of the series directory.
    pub directory: u64,
    /// Header, page table and footer.
    pub rest: u64,
}

#[derive(Debug)]
pub(super) struct DataWriter {
    output: Output,
    zstd: bool,
    table: TableBuilder,
    streams: StreamInterner,
    directory: DirectoryBuilder,
    values: Vec<u8>,
    bases: Bases,
    value_page: u32,
    encoded: Vec<u8>,
    sealed: Vec<u8>,
    bytes: DataBytes,
    chunks: u64,
    samples: u64,
    min_t: i64,
    max_t: i64,
}

impl DataWriter {
    pub(super) fn new(mut output: Output, zstd: bool) -> Result<Self> {
        output.write(&header())?;
        Ok(Self {
            output,
            zstd,
            table: TableBuilder::default(),
            streams: StreamInterner::new(),
            directory: DirectoryBuilder::new(),
            values: Vec::new(),
            bases: Bases::default(),
            value_page: 0,
            encoded: Vec::new(),
            sealed: Vec::new(),
            bytes: DataBytes::default(),
            chunks: 0,
            samples: 0,
            min_t: i64::MAX,
            max_t: i64::MIN,
        })
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    pub(super) fn times(&self) -> (i64, i64) {
        (self.min_t, self.max_t)
    }

    /// Adds a chunk of series `series`, that of the chunk before or the next one, with the number of
    /// the histogram that it belongs to.
    pub(super) fn chunk(
        &mut self,
        series: u32,
        histogram: Option<u64>,
        times: &[i64],
        values: &[f64],
    ) -> Result<()> {
        let invalid = |e: EncodeError| Error::Invalid { what: e.to_string() };
        let stream = self.streams.intern(times).map_err(invalid)?;
        self.encoded.clear();
        nunatak_codec::encode_values(values, &mut self.encoded).map_err(invalid)?;
        if self.values.len() + self.encoded.len() > MAX_PAGE {
            self.end_value_page()?;
        }
        if let Some(histogram) = histogram {
            let (page, encoded) = (&self.values, &mut self.encoded);
            let shorter = self.bases.shorten(histogram, stream, page, values, encoded);
            shorter.map_err(invalid)?;
        }
        let place = ChunkPlace {
            stream,
            page: self.value_page,
            offset: self.values.len() as u32,
            len: self.encoded.len() as u32,
        };
        self.values.extend_from_slice(&self.encoded);
        if let Some((raw, first)) = self.streams.full_page() {
            self.page(PageKind::Times, &raw, first)?;
        }
        if let Some((raw, first)) = self.directory.push(series, place) {
            self.page(PageKind::Directory, &raw, first)?;
        }
        self.count(times);
        Ok(())
    }

    fn count(&mut self, times: &[i64]) {
        self.chunks += 1;
        self.samples += times.len() as u64;
        self.min_t = times.first().map_or(self.min_t, |&t| t.min(self.min_t));
        self.max_t = times.last().map_or(self.max_t, |&t| t.max(self.max_t));
    }

    fn end_value_page(&mut self) -> Result<()> {
        let raw = std::mem::take(&mut self.values);
        self.page(PageKind::Values, &raw, 0)?;
        self.values = raw;
        self.values.clear();
        self.bases.clear();
        self.value_page += 1;
        Ok(())
    }

    fn page(&mut self, kind: PageKind, raw: &[u8], first: u32) -> Result<()> {
        self.sealed.clear();
        page::seal(raw, self.zstd, &mut self.sealed)
            .map_err(|e| Error::Invalid { what: format!("zstd can't compress a page: {e}") })?;
        self.table.push(kind, self.sealed.len(), first);
        let bytes = match kind {
            PageKind::Values => &mut self.bytes.values,
            PageKind::Times => &mut self.bytes.times,
            PageKind::Directory => &mut self.bytes.directory,
        };
        *bytes += self.sealed.len() as u64;
        self.output.write(&self.sealed)
    }

    /// Writes what is left; `series` is the number of series.
    pub(super) fn finish(mut self, series: u32) -> Result<(Output, DataBytes)> {
        if !self.values.is_empty() {
            self.end_value_page()?;
        }
        if let Some((raw, first)) = self.streams.last_page() {
            self.page(PageKind::Times, &raw, first)?;
        }
        if let Some((raw, first)) = self.directory.last_page() {
            self.page(PageKind::Directory, &raw, first)?;
        }
        let table_offset = self.output.len();
        let (table, pages) = self.table.finish();
        let footer = Footer {
            table_offset,
            table_len: table.len() as u32,
            table_crc: crc32c::crc32c(&table),
            pages,
            series,
            streams: self.streams.len(),
            chunks: self.chunks,
            samples: self.samples,
            min_t: self.min_t,
            max_t: self.max_t,
        };
        self.output.write(&table)?;
        self.output.write(&footer.encode())?;
        let paged = self.bytes.values + self.bytes.times + self.bytes.directory;
        self.bytes.rest = self.output.len() - paged;
        Ok((self.output, self.bytes))
    }
}
