//! Reads the series of one block of a scan, one after the other.

use std::sync::Arc;

use crate::block::difference::{may_be_stale, may_fall};
use crate::block::directory::{ChunkPlace, DirectoryPage};
use crate::block::page::Page;
use crate::block::page_cache::PageCache;
use crate::block::selection::{Selected, decode_values};
use crate::error::Result;
use crate::gathered::Gathered;
use crate::source::{Cursor, SampleBatch, StreamId};
use crate::stream_times::StreamTimes;

use super::slots::Slots;

/// Timestamp streams at hand, at most; fewer for a few series. Times that follow a rule take next
/// to nothing, so there are as many as a thousand series of a day may have.
const LISTED: usize = 128;
const REGULAR: usize = 4096;
/// Streams of a series that count for the number of those at hand.
const STREAMS_OF_SERIES: usize = 16;

/// Reads the series of one block, one after the other.
pub(super) struct Reader {
    pub(super) selected: Arc<Selected>,
    presence_only: bool,
    directory: Option<Arc<DirectoryPage>>,
    page: Option<(u32, Arc<Page>)>,
    /// Whether value pages are read past the cache of all queries, into memory of this scan alone.
    passes_by: bool,
    regular: Slots<StreamTimes>,
    listed: Slots<StreamTimes>,
    /// The last times of streams.
    ends: Slots<i64>,
    /// Chunks of the series, from `next` on still to be read.
    chunks: Vec<ChunkPlace>,
    next: usize,
}

/// A chunk, the part of it that is in the range, and where its values are.
struct Taken {
    chunk: ChunkPlace,
    times: StreamTimes,
    from: usize,
    to: usize,
    page: Arc<Page>,
}

impl Reader {
    /// A reader of so many series.
    pub(super) fn new(selected: Arc<Selected>, presence_only: bool, series: u64) -> Self {
        let series = usize::try_from(series).unwrap_or(usize::MAX);
        let passes_by = PageCache::shared().is_flooded_by(selected.value_bytes(series as u64));
        Self {
            selected,
            presence_only,
            directory: None,
            page: None,
            passes_by,
            regular: Slots::new(series.saturating_mul(STREAMS_OF_SERIES).min(REGULAR)),
            listed: Slots::new(series.min(LISTED)),
            ends: Slots::new(series.min(LISTED)),
            chunks: Vec::new(),
            next: 0,
        }
    }

    /// Goes to a series.
    pub(super) fn start(&mut self, series: u32) -> Result<()> {
        self.chunks.clear();
        self.next = 0;
        let found = self.find_chunks(series);
        let selected = Arc::clone(&self.selected);
        selected.tolerate(found, ())
    }

    fn find_chunks(&mut self, series: u32) -> Result<()> {
        match &self.directory {
            Some(page) if page.holds_all_of(series) => {
                self.chunks.extend_from_slice(page.chunks(series));
            }
            _ => {
                self.chunks = self.selected.chunks(series)?;
                self.directory = Some(self.selected.page_of(series)?);
            }
        }
        if self.selected.range().start > self.selected.block().meta().min_t {
            self.next = self.first_in_range()?;
        }
        Ok(())
    }

    /// The first chunk that does not end before the range, or else the last.
    fn first_in_range(&mut self) -> Result<usize> {
        let start = self.selected.range().start;
        let (mut low, mut high) = (0, self.chunks.len().saturating_sub(1));
        while low < high {
            let middle = low.midpoint(high);
            let Some(chunk) = self.chunks.get(middle) else { break };
            if self.end(chunk.stream)? < start {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The next chunk that has something in the range.
    fn take(&mut self) -> Result<Option<Taken>> {
        while let Some(&chunk) = self.chunks.get(self.next) {
            self.next += 1;
            let taken = self.look_at(chunk).map(Some);
            match self.selected.tolerate(taken, None)? {
                Some(taken) if taken.from < taken.to => return Ok(Some(taken)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn look_at(&mut self, chunk: ChunkPlace) -> Result<Taken> {
        let times = self.times(chunk.stream)?;
        let range = self.selected.range();
        let inside = times.first().is_some_and(|t| t >= range.start)
            && times.last().is_some_and(|t| t <= range.end);
        let (from, to) = if inside {
            (0, times.len())
        } else {
            let from = times.before(range.start);
            let to = range.end.checked_add(1).map_or(times.len(), |end| times.before(end));
            (from, to.max(from))
        };
        if to == 0 {
            // It begins behind the range, and so do those after it.
            self.next = self.chunks.len();
        }
        let page = self.value_page(chunk.page)?;
        Ok(Taken { chunk, times, from, to, page })
    }

    fn times(&mut self, stream: u32) -> Result<StreamTimes> {
        let known = self.regular.get(stream).or_else(|| self.listed.get(stream));
        if let Some(times) = known {
            return Ok(times.clone());
        }
        let times = self.selected.stream_times(stream)?;
        let slots = match times {
            StreamTimes::Regular { .. } => &mut self.regular,
            StreamTimes::Listed(_) => &mut self.listed,
        };
        slots.put(stream, times.clone());
        Ok(times)
    }

    /// The last time of a stream.
    fn end(&mut self, stream: u32) -> Result<i64> {
        if let Some(end) = self.ends.get(stream) {
            return Ok(*end);
        }
        let end = self.selected.end_of(stream)?;
        self.ends.put(stream, end);
        Ok(end)
    }

    fn value_page(&mut self, number: u32) -> Result<Arc<Page>> {
        if let Some((held, page)) = &self.page
            && *held == number
        {
            return Ok(Arc::clone(page));
        }
        let page = if self.passes_by {
            let used = self.page.take().and_then(|(_, page)| Arc::into_inner(page));
            let memory = used.map(Page::into_buffer).unwrap_or_default();
            Arc::new(self.selected.block().value_page_into(number, memory)?)
        } else {
            self.selected.value_page(number)?
        };
        self.page = Some((number, Arc::clone(&page)));
        Ok(page)
    }

    /// Adds the values of what was taken; whether they may be marks of ends, and may fall.
    fn values(&self, taken: &Taken, values: &mut Vec<f64>) -> Result<(bool, bool)> {
        let Taken { chunk, times, from, to, page } = taken;
        let encoded = page.padded_from(chunk.offset as usize);
        let stale = may_be_stale(encoded);
        if self.presence_only && !stale {
            values.resize(values.len() + (to - from), 0.0);
            return Ok((false, true));
        }
        let before = values.len();
        decode_values(self.selected.block(), page, *chunk, times.len(), values)?;
        values.truncate(before + to);
        values.drain(before..before + from);
        let falls = before.checked_sub(1).is_some_and(|last| {
            let (last, first) = (values.get(last), values.get(before));
            first.zip(last).is_some_and(|(first, last)| first < last || first.is_nan())
        });
        Ok((stale, falls || may_fall(encoded)))
    }

    fn stream_id(&self, taken: &Taken) -> StreamId {
        self.selected.block().stream_id(taken.chunk.stream)
    }
}

impl Cursor for Reader {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        while let Some(taken) = self.take()? {
            let decoded = self.values(&taken, &mut batch.values).map(Some);
            if self.selected.tolerate(decoded, None)?.is_none() {
                batch.clear();
                continue;
            }
            let Taken { times, from, to, .. } = &taken;
            times.append_to((*from, *to), &mut batch.times);
            let whole = to - from == times.len();
            batch.stream = whole.then(|| self.stream_id(&taken));
            return Ok(true);
        }
        Ok(false)
    }

    fn gather(&mut self, all: &mut Gathered) -> Result<bool> {
        while let Some(taken) = self.take()? {
            let before = all.values().len();
            let decoded = self.values(&taken, all.values_mut()).map(Some);
            let Some((may_be_stale, may_fall)) = self.selected.tolerate(decoded, None)? else {
                all.values_mut().truncate(before);
                continue;
            };
            all.doubt(may_be_stale, may_fall);
            all.push_stream(self.stream_id(&taken), (taken.from, taken.to), &taken.times);
            return Ok(true);
        }
        Ok(false)
    }
}
