//! Reading series of a block: cursors that share what they have read and decoded.

use std::fmt;
use std::sync::Arc;

use nunatak_index::Labels;
use parking_lot::Mutex;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::source::{Cursor, SampleBatch};
use crate::stream_times::StreamTimes;
use crate::time::TimeRange;

use super::ahead::{MOST_PAGES, MOST_SERIES};
use super::cache::{DecodedTimes, Recent};
use super::difference;
use super::directory::{ChunkPlace, DirectoryPage};
use super::page::Page;
use super::page_cache::{PageCache, Remembered};
use super::reader::Block;
use super::streams::{Stream, StreamPage};

/// Pages of each kind that a selection keeps.
const PAGES: usize = 4;
/// Decoded times that a selection keeps: 1 MiB. Decoding a stream again costs little more than
/// copying it, and a query may have a selection in each of a hundred blocks.
const DECODED_SAMPLES: usize = 128 * 1024;

/// What the cursors of one selection share. No lock is held while a page is read.
pub(crate) struct Selected {
    block: Block,
    range: TimeRange,
    values: Mutex<Recent<Page>>,
    streams: Mutex<Recent<StreamPage>>,
    directory: Mutex<Recent<DirectoryPage>>,
    times: Mutex<DecodedTimes>,
    /// Whether what is damaged is left out: whoever asked has been warned.
    leaves_out: bool,
    /// What queries have read before. A merge reads all there is, once, and does without.
    shared: Option<&'static PageCache>,
}

/// A stream's description and the page that it is on.
struct FoundStream {
    page: Arc<StreamPage>,
    stream: Stream,
}

impl Selected {
    pub(crate) fn new(block: Block, range: TimeRange) -> Self {
        Self {
            block,
            range,
            values: Mutex::new(Recent::new(PAGES)),
            streams: Mutex::new(Recent::new(PAGES)),
            directory: Mutex::new(Recent::new(PAGES)),
            times: Mutex::new(DecodedTimes::new(DECODED_SAMPLES)),
            leaves_out: false,
            shared: None,
        }
    }

    /// For a query: uses the cache of all queries, and leaves out what can't be read if the block
    /// is known to be damaged. A merge must do neither.
    pub(crate) fn for_query(mut self) -> Self {
        self.leaves_out = self.block.damage().is_some();
        self.shared = Some(PageCache::shared());
        self
    }

    /// Something from the cache of all queries, or else read and put there.
    fn shared<T: ?Sized>(
        &self,
        kind: fn(&PageCache) -> &Remembered<T>,
        number: u32,
        read: impl FnOnce() -> Result<(Arc<T>, usize)>,
    ) -> Result<Arc<T>> {
        let Some(cache) = self.shared.map(kind) else { return Ok(read()?.0) };
        let key = (self.block.number(), number);
        if let Some(found) = cache.get(key) {
            return Ok(found);
        }
        let (value, bytes) = read()?;
        cache.insert(key, Arc::clone(&value), bytes);
        Ok(value)
    }

    /// Remembers damage; turns it into `left_out` if that is wanted.
    pub(super) fn tolerate<T>(&self, result: Result<T>, left_out: T) -> Result<T> {
        match self.block.noted(result) {
            Err(Error::Corrupt { .. }) if self.leaves_out => Ok(left_out),
            result => result,
        }
    }

    pub(super) fn block(&self) -> &Block {
        &self.block
    }

    pub(super) fn range(&self) -> TimeRange {
        self.range
    }

    /// About how many bytes of value pages are read for so many series: neighbours in time are on
    /// the same page, so a short range reads nearly as many as a long one.
    pub(super) fn value_bytes(&self, series: u64) -> u64 {
        let footer = self.block.footer();
        footer.table_offset / u64::from(footer.series).max(1) * series
    }

    pub(super) fn value_page(&self, page: u32) -> Result<Arc<Page>> {
        let read = || self.block.value_page(page).map(|page| weighed(page, Page::heap_bytes));
        cached(&self.values, page, || self.shared(|cache| &cache.values, page, read))
    }

    fn directory_page(&self, page: u32) -> Result<Arc<DirectoryPage>> {
        let read = || {
            let read = self.block.directory_page(page)?;
            Ok(weighed(read, DirectoryPage::heap_bytes))
        };
        cached(&self.directory, page, || self.shared(|cache| &cache.directory, page, read))
    }

    /// The first page of the directory that may have a series.
    fn first_page_of(&self, series: u32) -> Result<usize> {
        let pages = &self.block.table()?.directory;
        Ok(pages.partition_point(|page| page.first < series).saturating_sub(1))
    }

    /// As [`first_page_of`](Self::first_page_of), read.
    pub(super) fn page_of(&self, series: u32) -> Result<Arc<DirectoryPage>> {
        self.directory_page(self.first_page_of(series)? as u32)
    }

    /// Whether a query has read the page of the directory that has a series, and remembers it.
    pub(super) fn was_read(&self, series: u32) -> Result<bool> {
        let key = (self.block.number(), self.first_page_of(series)? as u32);
        Ok(self.shared.is_some_and(|cache| cache.directory.get(key).is_some()))
    }

    /// Says that what tells where these series' chunks are is going to be read: their pages of the
    /// directory, of many series all up to a bound, and those of timestamp streams if there are few.
    pub(super) fn ask_for_places(&self, series: &RoaringBitmap) -> Result<()> {
        let table = self.block.table()?;
        if series.len() > MOST_SERIES {
            self.ask_for_directory(series)?;
        } else {
            let mut asked = None;
            for id in series {
                let first = self.first_page_of(id)?;
                // As they are read: one that begins with the series has it, too.
                let pages = table.directory.iter().enumerate().skip(first);
                for (page, keyed) in pages.take_while(|(_, keyed)| keyed.first <= id) {
                    if asked.is_none_or(|asked| asked < page) {
                        asked = Some(page);
                        self.block.ask_for(keyed.place);
                    }
                }
            }
        }
        if table.times.len() <= PAGES {
            table.times.iter().for_each(|keyed| self.block.ask_for(keyed.place));
        }
        Ok(())
    }

    /// Says that the pages of the directory from the first to the last of these series are going to be
    /// read.
    fn ask_for_directory(&self, series: &RoaringBitmap) -> Result<()> {
        let pages = &self.block.table()?.directory;
        let (Some(first), Some(last)) = (series.min(), series.max()) else { return Ok(()) };
        let (first, last) = (self.first_page_of(first)?, self.first_page_of(last)?);
        let last = last.min(first.saturating_add(MOST_PAGES as usize - 1));
        if let (Some(first), Some(last)) = (pages.get(first), pages.get(last)) {
            self.block.ask_between(first.place, last.place);
        }
        Ok(())
    }

    /// The chunks of a series that may have something in the range.
    pub(super) fn chunks_in_range(&self, series: u32) -> Result<Vec<ChunkPlace>> {
        let mut chunks = self.chunks(series)?;
        chunks.drain(..self.first_in_range(&chunks)?);
        if self.range.end < self.block.meta().max_t {
            let mut end = 0;
            for chunk in &chunks {
                if self.stream(chunk.stream)?.stream.min_t > self.range.end {
                    break;
                }
                end += 1;
            }
            chunks.truncate(end);
        }
        Ok(chunks)
    }

    /// All chunks of a series; they may be spread over several pages of the directory.
    pub(super) fn chunks(&self, series: u32) -> Result<Vec<ChunkPlace>> {
        let pages = &self.block.table()?.directory;
        let mut chunks = Vec::new();
        for number in self.first_page_of(series)?..pages.len() {
            if pages.get(number).is_none_or(|page| page.first > series) {
                break;
            }
            let page = self.directory_page(number as u32)?;
            chunks.extend_from_slice(page.chunks(series));
        }
        if chunks.is_empty() {
            return Err(self.block.corrupt(0, format!("series {series} has no chunks")));
        }
        Ok(chunks)
    }

    fn stream(&self, number: u32) -> Result<FoundStream> {
        let pages = &self.block.table()?.times;
        let index = pages.partition_point(|page| page.first <= number).saturating_sub(1);
        let first = pages.get(index).map_or(0, |page| page.first);
        let at = index as u32;
        let read = || self.block.stream_page(at).map(|page| weighed(page, StreamPage::heap_bytes));
        let page = cached(&self.streams, at, || self.shared(|cache| &cache.streams, at, read))?;
        let stream = page.stream(number.saturating_sub(first) as usize).cloned();
        let missing = || self.block.corrupt(0, format!("there is no timestamp stream {number}"));
        Ok(FoundStream { stream: stream.ok_or_else(missing)?, page })
    }

    /// The last time of a stream.
    pub(super) fn end_of(&self, number: u32) -> Result<i64> {
        Ok(self.stream(number)?.stream.max_t)
    }

    /// The times of a stream.
    pub(super) fn times_of(&self, number: u32) -> Result<Arc<[i64]>> {
        if let Some(times) = self.times.lock().get(number) {
            return Ok(times);
        }
        self.times(number, &self.stream(number)?)
    }

    /// The times of a stream; regular ones are neither decoded nor remembered.
    pub(super) fn stream_times(&self, number: u32) -> Result<StreamTimes> {
        let found = self.stream(number)?;
        if let Some((first, step)) = found.page.regular(&found.stream) {
            return Ok(StreamTimes::Regular { first, step, count: found.stream.samples });
        }
        self.times(number, &found).map(StreamTimes::Listed)
    }

    fn times(&self, number: u32, found: &FoundStream) -> Result<Arc<[i64]>> {
        if let Some(times) = self.times.lock().get(number) {
            return Ok(times);
        }
        let times = self.shared(
            |cache| &cache.times,
            number,
            || {
                let decoded = found.page.decode(&found.stream);
                let times: Arc<[i64]> = decoded.map_err(|what| self.block.corrupt(0, what))?.into();
                let bytes = size_of_val::<[i64]>(&times);
                Ok((times, bytes))
            },
        )?;
        self.times.lock().insert(number, Arc::clone(&times));
        Ok(times)
    }

    /// The first of `chunks` that does not end before the range.
    pub(super) fn first_in_range(&self, chunks: &[ChunkPlace]) -> Result<usize> {
        if self.range.start <= self.block.meta().min_t {
            return Ok(0);
        }
        let (mut low, mut high) = (0, chunks.len());
        while low < high {
            let middle = low.midpoint(high);
            let Some(chunk) = chunks.get(middle) else { break };
            if self.stream(chunk.stream)?.stream.max_t < self.range.start {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Gets an entry of a cache, or reads it without holding the cache's lock.
fn cached<T>(
    cache: &Mutex<Recent<T>>,
    key: u32,
    read: impl FnOnce() -> Result<Arc<T>>,
) -> Result<Arc<T>> {
    if let Some(found) = cache.lock().get(key) {
        return Ok(found);
    }
    let value = read()?;
    cache.lock().insert(key, Arc::clone(&value));
    Ok(value)
}

/// A value to share, and its size.
fn weighed<T>(value: T, bytes: fn(&T) -> usize) -> (Arc<T>, usize) {
    let bytes = size_of::<T>() + bytes(&value);
    (Arc::new(value), bytes)
}

/// One series of a block: its labels, and a [`Cursor`] over its samples in the range.
///
/// A batch is a chunk; one that lies wholly in the range carries the id of its timestamp stream.
pub struct BlockSeries {
    /// Its whole label set.
    pub labels: Labels,
    id: u32,
    selected: Arc<Selected>,
    /// Chunks that are still to be read, the next one last; `None` before the first read.
    chunks: Option<Vec<ChunkPlace>>,
    /// The value page that was read last.
    page: Option<(u32, Arc<Page>)>,
}

impl BlockSeries {
    pub(super) fn new(labels: Labels, id: u32, selected: Arc<Selected>) -> Self {
        Self { labels, id, selected, chunks: None, page: None }
    }

    /// The series' number in its block.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// A time before which the cursor has no sample, in ms: for a merge that pulls late.
    pub fn starts_at(&self) -> i64 {
        self.selected.block.meta().min_t.max(self.selected.range.start)
    }

    fn next_chunk(&mut self) -> Result<Option<ChunkPlace>> {
        if self.chunks.is_none() {
            let mut chunks = self.selected.chunks(self.id)?;
            chunks.drain(..self.selected.first_in_range(&chunks)?);
            chunks.reverse();
            self.chunks = Some(chunks);
        }
        Ok(self.chunks.as_mut().and_then(Vec::pop))
    }

    fn value_page(&mut self, number: u32) -> Result<Arc<Page>> {
        if let Some((last, page)) = &self.page
            && *last == number
        {
            return Ok(Arc::clone(page));
        }
        let page = self.selected.value_page(number)?;
        self.page = Some((number, Arc::clone(&page)));
        Ok(page)
    }

    /// Reads a chunk; `false` if it begins after the range.
    fn read(&mut self, chunk: ChunkPlace, batch: &mut SampleBatch) -> Result<bool> {
        let selected = Arc::clone(&self.selected);
        let found = selected.stream(chunk.stream)?;
        if found.stream.min_t > selected.range.end {
            return Ok(false);
        }
        let times = selected.times(chunk.stream, &found)?;
        let page = self.value_page(chunk.page)?;
        decode_values(&selected.block, &page, chunk, times.len(), &mut batch.values)?;
        let start = times.partition_point(|&t| t < selected.range.start);
        let end = times.partition_point(|&t| t <= selected.range.end).max(start);
        if end - start == times.len() {
            batch.stream = Some(selected.block.stream_id(chunk.stream));
        } else {
            batch.values.truncate(end);
            batch.values.drain(..start);
        }
        batch.times.extend_from_slice(times.get(start..end).unwrap_or_default());
        Ok(true)
    }
}

/// Adds the values of a chunk of `samples` samples to `values`.
pub(super) fn decode_values(
    block: &Block,
    page: &Page,
    chunk: ChunkPlace,
    samples: usize,
    values: &mut Vec<f64>,
) -> Result<()> {
    if (chunk.offset + chunk.len) as usize > page.raw().len() {
        return Err(block.corrupt(0, "a chunk goes beyond its page"));
    }
    let before = values.len();
    let used = difference::decode(page, chunk.offset as usize, samples, values);
    let used = used.map_err(|what| block.corrupt(0, what))?;
    if used != chunk.len as usize || values.len() - before != samples {
        return Err(block.corrupt(0, "a chunk is not what the directory says of it"));
    }
    Ok(())
}

impl Cursor for BlockSeries {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        let selected = Arc::clone(&self.selected);
        while let Some(chunk) = selected.tolerate(self.next_chunk(), None)? {
            let read = selected.tolerate(self.read(chunk, batch).map(Some), None)?;
            if read.is_none() {
                batch.clear();
            }
            if read == Some(false) {
                self.chunks = Some(Vec::new());
                break;
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        batch.clear();
        Ok(false)
    }
}

impl fmt::Debug for BlockSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let block = &self.selected.block.meta().name;
        let mut debug = f.debug_struct("BlockSeries");
        debug.field("labels", &self.labels).field("block", block).finish_non_exhaustive()
    }
}
