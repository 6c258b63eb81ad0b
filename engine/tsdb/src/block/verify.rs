//! Checks every byte of a block.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::storage::File;

use super::cache::DecodedTimes;
use super::directory::{ChunkPlace, DirectoryPage};
use super::page::Page;
use super::reader::{Block, check_len, missing};
use super::selection::decode_values;
use super::streams::StreamPage;
use crate::storage::join;

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;
/// Samples of decoded timestamp streams that are kept: series of one scrape share them.
const KEPT_TIMES: usize = 256 * 1024;
/// Damaged pages of one block that are listed; a file of rubbish has no end of them.
const LISTED: usize = 100;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Bytes of all files.
    pub bytes: u64,
    /// Pages whose checksum is right.
    pub pages: u64,
    /// Series whose chunks are in order.
    pub series: u64,
    /// Chunks that were decoded.
    pub chunks: u64,
    /// Samples in them.
    pub samples: u64,
}

impl Block {
    /// Reads and checks every byte: the files against the manifest's digests, every page, every
    /// chunk, the order of series and of times, and all counts.
    ///
    /// # Errors
    /// The first damage, as [`Error::Corrupt`]; else if the files can't be read.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(&|_| {})
    }

    /// As [`verify`](Self::verify), and tells `passed` about bytes as they are done, together
    /// nearly all of the block's.
    pub(crate) fn verify_with(&self, passed: &dyn Fn(u64)) -> Result<VerifyReport> {
        self.verify_digests()?;
        self.index().verify()?;
        passed(self.manifest().index.len);
        let mut walk = Walk::new(self, passed);
        walk.directory()?;
        let mut report = walk.finish()?;
        report.series = self.meta().series;
        let table = self.table()?;
        report.pages = (table.values.len() + table.times.len() + table.directory.len()) as u64;
        report.bytes = self.meta().bytes;
        Ok(report)
    }

    /// Offset in the data file and defect of each page that can't be read, the first hundred.
    pub(crate) fn damaged_pages(&self) -> Vec<(u64, String)> {
        let Ok(table) = self.table() else { return Vec::new() };
        let keyed = table.times.iter().chain(&table.directory).map(|keyed| keyed.place);
        let places = table.values.iter().copied().chain(keyed);
        let bad = places.filter_map(|place| match self.page(place) {
            Ok(_) => None,
            Err(Error::Corrupt { what, .. }) => Some((place.offset, what)),
            Err(error) => Some((place.offset, error.to_string())),
        });
        bad.take(LISTED).collect()
    }

    fn verify_digests(&self) -> Result<()> {
        let manifest = self.manifest();
        for (name, entry) in [("data", &manifest.data), ("index", &manifest.index)] {
            let path = join(self.path(), name);
            let file = self.storage().open(&path).map_err(|e| missing("open", &path, e))?;
            let len = file.len().map_err(|e| missing("read", &path, e))?;
            check_len(&path, len, entry.len)?;
            if digest(&*file, &path, len)? != entry.digest {
                return Err(Error::corrupt(path, 0, "the file's digest is not the manifest's"));
            }
        }
        Ok(())
    }
}

/// The digest of a file's bytes: read, not mapped, so that a bad disk is an error and no signal.
pub(super) fn digest(file: &dyn File, path: &str, len: u64) -> Result<u128> {
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    while at < len {
        let part = buffer.get_mut(..(len - at).min(BUFFER as u64) as usize).unwrap_or_default();
        file.read_at(at, part).map_err(|e| missing("read", path, e))?;
        hasher.update(part);
        at += part.len() as u64;
    }
    Ok(hasher.digest128())
}

/// Goes over all chunks in the order of the directory.
struct Walk<'a> {
    block: &'a Block,
    passed: &'a dyn Fn(u64),
    values: Option<(u32, Page)>,
    decoded: Vec<f64>,
    streams: Option<(usize, StreamPage)>,
    times: DecodedTimes,
    /// The next series that must come, and where the one that is being walked ended.
    series: u32,
    last: Option<i64>,
    report: VerifyReport,
    min_t: i64,
    max_t: i64,
}

impl<'a> Walk<'a> {
    fn new(block: &'a Block, passed: &'a dyn Fn(u64)) -> Self {
        Self {
            block,
            passed,
            values: None,
            decoded: Vec::new(),
            streams: None,
            times: DecodedTimes::new(KEPT_TIMES),
            series: 0,
            last: None,
            report: VerifyReport::default(),
            min_t: i64::MAX,
            max_t: i64::MIN,
        }
    }

    fn directory(&mut self) -> Result<()> {
        for number in 0..self.block.table()?.directory.len() {
            let page = self.block.directory_page(number as u32)?;
            self.page(&page, number)?;
        }
        Ok(())
    }

    fn page(&mut self, page: &DirectoryPage, number: usize) -> Result<()> {
        let first = self.block.table()?.directory.get(number).map_or(0, |page| page.first);
        let continues = self.series.checked_sub(1) == Some(first);
        if first != self.series && !continues {
            return Err(self.block.corrupt(0, format!("directory page {number} is out of place")));
        }
        for series in first..page.end() {
            if series == self.series {
                self.series += 1;
                self.last = None;
            }
            let chunks = page.chunks(series);
            if chunks.is_empty() {
                return Err(self.block.corrupt(0, format!("series {series} has no chunks")));
            }
            for &chunk in chunks {
                self.chunk(series, chunk)?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, series: u32, chunk: ChunkPlace) -> Result<()> {
        let times = self.times(chunk.stream)?;
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Ok(()) };
        if self.last.is_some_and(|before| first <= before) {
            return Err(self.block.corrupt(0, format!("chunks of series {series} overlap")));
        }
        self.last = Some(last);
        self.min_t = self.min_t.min(first);
        self.max_t = self.max_t.max(last);
        self.load_value_page(chunk.page)?;
        let none = || self.block.corrupt(0, format!("there is no value page {}", chunk.page));
        let (_, page) = self.values.as_ref().ok_or_else(none)?;
        self.decoded.clear();
        decode_values(self.block, page, chunk, times.len(), &mut self.decoded)?;
        self.report.chunks += 1;
        self.report.samples += self.decoded.len() as u64;
        Ok(())
    }

    fn load_value_page(&mut self, number: u32) -> Result<()> {
        if self.values.as_ref().is_none_or(|(n, _)| *n != number) {
            let page = self.block.value_page(number)?;
            (self.passed)(page.raw().len() as u64);
            self.values = Some((number, page));
        }
        Ok(())
    }

    fn times(&mut self, stream: u32) -> Result<Arc<[i64]>> {
        if let Some(times) = self.times.get(stream) {
            return Ok(times);
        }
        let times: Arc<[i64]> = self.decode_times(stream)?.into();
        self.times.insert(stream, Arc::clone(&times));
        Ok(times)
    }

    fn decode_times(&mut self, stream: u32) -> Result<Vec<i64>> {
        let pages = &self.block.table()?.times;
        let number = pages.partition_point(|page| page.first <= stream).saturating_sub(1);
        let first = pages.get(number).map_or(0, |page| page.first);
        if self.streams.as_ref().is_none_or(|(n, _)| *n != number) {
            self.streams = Some((number, self.block.stream_page(number as u32)?));
        }
        let page = self.streams.as_ref().map(|(_, page)| page);
        let found = page.and_then(|p| Some((p, p.stream(stream.checked_sub(first)? as usize)?)));
        let none = || self.block.corrupt(0, format!("there is no timestamp stream {stream}"));
        let (page, stream) = found.ok_or_else(none)?;
        page.decode(stream).map_err(|what| self.block.corrupt(0, what))
    }

    /// Compares what was met with what the footer counts.
    fn finish(mut self) -> Result<VerifyReport> {
        self.report.series = u64::from(self.series);
        let footer = self.block.footer();
        let streams = self.streams_in_pages()?;
        let met = (self.series, self.report.chunks, self.report.samples, self.min_t, self.max_t);
        let counted = (footer.series, footer.chunks, footer.samples, footer.min_t, footer.max_t);
        if met != counted || streams != u64::from(footer.streams) {
            return Err(self.block.corrupt(0, format!("the block has {met:?}, not {counted:?}")));
        }
        let range = self.block.meta().range;
        if !range.contains(self.min_t) || !range.contains(self.max_t) {
            return Err(self.block.corrupt(0, "samples lie outside the block's range"));
        }
        Ok(self.report)
    }

    fn streams_in_pages(&self) -> Result<u64> {
        let table = self.block.table()?;
        let mut streams = 0;
        for (number, page) in table.times.iter().enumerate() {
            if u64::from(page.first) != streams {
                return Err(self.block.corrupt(page.place.offset, "streams are out of place"));
            }
            streams += self.block.stream_page(number as u32)?.len() as u64;
        }
        Ok(streams)
    }
}
