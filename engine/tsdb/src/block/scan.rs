//! Series of blocks one after the other, read with one set of buffers.
//!
//! A selection of a hundred thousand series as a list costs an object, a label set and a place in a
//! sort for each. A scan has none of that: it walks the series in their order, and where several
//! blocks hold a series, it joins them on the way. Blocks of one shard mostly hold the same series,
//! so joining compares a number for each series, its [identity](Labelling::identity), and looks at
//! labels only where the numbers differ.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock};

use nunatak_index::Labels;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::gathered::Gathered;
use crate::merge::MergeCursor;
use crate::source::{Cursor, Hints, SampleBatch, Selector, StreamId, Visit};

use super::answers::FEW;
use super::difference::may_be_stale;
use super::directory::{ChunkPlace, DirectoryPage};
use super::page::Page;
use super::page_cache::PageCache;
use super::reader::Block;
use super::selection::{BlockSeries, Selected, decode_values};
use super::series::Labelling;

/// Timestamp streams at hand, a power of two at most; fewer for a few series.
const STREAMS: u64 = 128;
/// Series whose identities are remembered together.
const IDENTITIES: u32 = 256;

/// Hands the series that the blocks hold to `visit`, in the order of series; the blocks come with
/// the highest precedence first. Blocks that can't be read are left out. Whether `visit` wants
/// more.
///
/// # Errors
/// If the storage fails.
pub(crate) fn scan_blocks(
    blocks: &[Block],
    selector: &Selector,
    hints: &Hints,
    visit: Visit,
) -> Result<bool> {
    let parts = parts(blocks, selector, hints)?;
    let mut join = Join::new(parts.into_iter().map(|(_, part)| part).collect());
    while join.next_series()? {
        let Some(labels) = join.labels()? else { continue };
        if !visit(&labels, &mut join) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the labels of a series and its members: places of blocks, and its number in each.
pub(super) type VisitMembers<'a> = &'a mut dyn FnMut(&Labels, &[(usize, u32)]) -> Result<bool>;

/// As [`scan_blocks`], but hands on all labels of a series, the places of the blocks that have it,
/// and its number in them.
///
/// # Errors
/// If the storage fails, or with what `visit` returns.
pub(super) fn join_blocks(
    blocks: &[Block],
    selector: &Selector,
    visit: VisitMembers<'_>,
) -> Result<bool> {
    let parts = parts(blocks, selector, &Hints::default())?;
    let (places, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut join = Join::new(parts);
    let mut members = Vec::new();
    while join.next_series()? {
        let Some(labels) = join.labels()? else { continue };
        let numbers = places.iter().zip(&join.current);
        members.clear();
        members.extend(numbers.filter_map(|(&place, &id)| Some((place, id?))));
        if !visit(&labels, &members)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The blocks that have series that are selected, each with its place in `blocks`.
fn parts<'a>(
    blocks: &'a [Block],
    selector: &Selector,
    hints: &Hints,
) -> Result<Vec<(usize, Part<'a>)>> {
    let mut parts = Vec::with_capacity(blocks.len());
    for (place, block) in blocks.iter().enumerate() {
        let found = block.noted(block.selected(&selector.matchers));
        let ids = unless_damaged(found)?.unwrap_or_default();
        if !ids.is_empty() {
            let part = block.noted(Part::new(block, ids, selector, hints));
            parts.extend(unless_damaged(part)?.map(|part| (place, part)));
        }
    }
    Ok(parts)
}

fn unless_damaged<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::Corrupt { .. }) => Ok(None),
        result => result.map(Some),
    }
}

/// One block of a scan.
struct Part<'a> {
    ids: roaring::bitmap::IntoIter,
    /// The series that comes next; `None` at the end.
    id: Option<u32>,
    block: &'a Block,
    labelling: Labelling<'a>,
    /// Whether the label sets of the series are remembered.
    few: bool,
    /// Identities of the series around the next one, with the number of the first.
    identities: Option<(u32, Arc<[u128]>)>,
    reader: Reader,
}

impl<'a> Part<'a> {
    fn new(
        block: &'a Block,
        ids: RoaringBitmap,
        selector: &Selector,
        hints: &Hints,
    ) -> Result<Self> {
        let few = hints.labels.is_none() && ids.len() <= FEW;
        let streams = ids.len().min(STREAMS).next_power_of_two() as usize;
        let mut ids = ids.into_iter();
        let labelling = block.index().labelling(hints.labels.as_deref())?;
        let selected = Arc::new(Selected::new(block.clone(), selector.range).for_query());
        let reader = Reader::new(selected, hints.presence_only, streams);
        Ok(Self { id: ids.next(), ids, block, labelling, few, identities: None, reader })
    }

    /// The labels of a series that are wanted.
    fn labels(&mut self, id: u32) -> Result<Labels> {
        let labelling = &mut self.labelling;
        if self.few {
            self.block.labels_of_few(id, || labelling.labels(id))
        } else {
            labelling.labels(id)
        }
    }

    /// The identity of the next series.
    fn identity(&mut self, id: u32) -> Result<u128> {
        let first = id - id % IDENTITIES;
        let at = (id - first) as usize;
        if let Some((held, identities)) = &self.identities
            && *held == first
            && let Some(&identity) = identities.get(at)
        {
            return Ok(identity);
        }
        let identities = self.read_identities(first)?;
        let identity = identities.get(at).copied();
        self.identities = Some((first, identities));
        identity.ok_or_else(|| self.block.corrupt(0, "a series is not in the index"))
    }

    fn read_identities(&mut self, first: u32) -> Result<Arc<[u128]>> {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        let cache = &PageCache::shared().identities;
        let key = (self.block.number(), first);
        if let Some(found) = cache.get(key) {
            return Ok(found);
        }
        let end = self.block.index().series_count().min(first.saturating_add(IDENTITIES));
        let identities = (first..end).map(|id| self.labelling.identity(id, *SEED));
        let identities: Arc<[u128]> = identities.collect::<Result<_>>()?;
        cache.insert(key, Arc::clone(&identities), size_of_val::<[u128]>(&identities));
        Ok(identities)
    }

    fn advance(&mut self) {
        self.id = self.ids.next();
    }

    /// Remembers damage of the block and goes on without it.
    fn tolerate<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        let result = unless_damaged(self.block.noted(result))?;
        if result.is_none() {
            self.id = None;
        }
        Ok(result)
    }
}

/// Several blocks as one: the series that they are at, and its samples.
struct Join<'a> {
    /// The highest precedence first.
    parts: Vec<Part<'a>>,
    /// The parts in the order of time, if none begins before the one before it ends.
    in_time: Option<Vec<usize>>,
    /// For each part the number of the current series, if it has it.
    current: Vec<Option<u32>>,
    /// Parts of `in_time` that have been read.
    done: usize,
    begun: bool,
    merged: Option<MergeCursor>,
}

impl<'a> Join<'a> {
    fn new(parts: Vec<Part<'a>>) -> Self {
        let mut order: Vec<usize> = (0..parts.len()).collect();
        let meta = |index: usize| parts.get(index).map(|part| part.block.meta());
        order.sort_by_key(|&index| meta(index).map(|meta| meta.min_t));
        let apart = order.windows(2).all(|pair| match pair {
            &[a, b] => meta(a).map(|meta| meta.max_t) < meta(b).map(|meta| meta.min_t),
            _ => true,
        });
        let current = Vec::with_capacity(parts.len());
        let in_time = apart.then_some(order);
        Self { parts, in_time, current, done: 0, begun: false, merged: None }
    }

    /// Goes to the next series; `false` at the end.
    fn next_series(&mut self) -> Result<bool> {
        self.done = 0;
        self.begun = false;
        self.merged = None;
        self.current.clear();
        if let [only] = self.parts.as_mut_slice() {
            self.current.push(only.id);
            only.advance();
        } else {
            self.join()?;
        }
        Ok(self.current.iter().any(Option::is_some))
    }

    /// Finds the smallest of the series that the parts are at, and all parts that have it.
    fn join(&mut self) -> Result<()> {
        let mut identities = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            let identity = part.id.map(|id| part.identity(id)).transpose();
            identities.push(part.tolerate(identity)?.flatten());
        }
        let first = identities.iter().flatten().next().copied();
        let smallest = if identities.iter().flatten().all(|&other| Some(other) == first) {
            first
        } else {
            self.smallest(&identities)?
        };
        for (part, identity) in self.parts.iter_mut().zip(identities) {
            let has = identity.is_some() && identity == smallest;
            self.current.push(part.id.filter(|_| has));
            if has {
                part.advance();
            }
        }
        Ok(())
    }

    /// The identity of the series that comes first.
    fn smallest(&mut self, identities: &[Option<u128>]) -> Result<Option<u128>> {
        let mut best: Option<(Labels, u128)> = None;
        for (part, identity) in self.parts.iter_mut().zip(identities) {
            let (Some(id), &Some(identity)) = (part.id, identity) else { continue };
            let labels = part.labelling.whole(id);
            let Some(labels) = part.tolerate(labels)? else { continue };
            if best.as_ref().is_none_or(|(least, _)| labels.series_cmp(least).is_lt()) {
                best = Some((labels, identity));
            }
        }
        Ok(best.map(|(_, identity)| identity))
    }

    /// The labels of the current series; `None` if they can't be read.
    fn labels(&mut self) -> Result<Option<Labels>> {
        for (part, current) in self.parts.iter_mut().zip(&self.current) {
            if let Some(id) = *current {
                let labels = part.labels(id);
                if let Some(labels) = part.tolerate(labels)? {
                    return Ok(Some(labels));
                }
            }
        }
        Ok(None)
    }

    /// Reads on in the part that is due, and in the ones after it; `false` at the end.
    fn read(&mut self, mut read: impl FnMut(&mut Reader) -> Result<bool>) -> Result<bool> {
        let Some(order) = &self.in_time else { return Ok(false) };
        while let Some(&index) = order.get(self.done) {
            let id = self.current.get(index).copied().flatten();
            if let (Some(id), Some(part)) = (id, self.parts.get_mut(index)) {
                if !std::mem::replace(&mut self.begun, true) {
                    part.reader.start(id)?;
                }
                if read(&mut part.reader)? {
                    return Ok(true);
                }
            }
            self.done += 1;
            self.begun = false;
        }
        Ok(false)
    }

    /// The samples of parts that overlap.
    fn merged(&mut self) -> &mut MergeCursor {
        let (parts, current) = (&self.parts, &self.current);
        self.merged.get_or_insert_with(|| {
            let cursors = parts.iter().zip(current).filter_map(|(part, id)| {
                let selected = Arc::clone(&part.reader.selected);
                let series = BlockSeries::new(Labels::empty(), (*id)?, selected);
                let cursor: Box<dyn Cursor> = Box::new(series);
                Some((part.block.meta().min_t, cursor))
            });
            MergeCursor::with_starts(cursors.collect())
        })
    }
}

impl Cursor for Join<'_> {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        if self.in_time.is_none() {
            return self.merged().next_batch(batch);
        }
        batch.clear();
        self.read(|reader| reader.next_batch(batch))
    }

    fn gather(&mut self, all: &mut Gathered) -> Result<bool> {
        if self.in_time.is_none() {
            return self.merged().gather(all);
        }
        self.read(|reader| reader.gather(all))
    }
}

/// What is known of a timestamp stream, by its number.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The decoded times of a stream.
    times: Option<(u32, Arc<[i64]>)>,
    /// The last time of a stream.
    end: Option<(u32, i64)>,
}

/// Reads the series of one block, one after the other.
struct Reader {
    selected: Arc<Selected>,
    presence_only: bool,
    directory: Option<Arc<DirectoryPage>>,
    page: Option<(u32, Arc<Page>)>,
    /// Each stream has the place that its number gives it.
    known: Vec<Known>,
    /// Chunks of the series, from `next` on still to be read.
    chunks: Vec<ChunkPlace>,
    next: usize,
}

/// A chunk, the part of it that is in the range, and where its values are.
struct Taken {
    chunk: ChunkPlace,
    times: Arc<[i64]>,
    from: usize,
    to: usize,
    page: Arc<Page>,
}

impl Reader {
    fn new(selected: Arc<Selected>, presence_only: bool, streams: usize) -> Self {
        Self {
            selected,
            presence_only,
            directory: None,
            page: None,
            known: vec![Known::default(); streams],
            chunks: Vec::new(),
            next: 0,
        }
    }

    /// Goes to a series.
    fn start(&mut self, series: u32) -> Result<()> {
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
        let selected = Arc::clone(&self.selected);
        while let Some(&chunk) = self.chunks.get(self.next) {
            self.next += 1;
            let taken = self.look_at(chunk);
            match selected.tolerate(taken.map(Some), None)? {
                Some(taken) if taken.from < taken.to => return Ok(Some(taken)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn look_at(&mut self, chunk: ChunkPlace) -> Result<Taken> {
        let times = self.times(chunk.stream)?;
        let range = self.selected.range();
        let inside = times.first().is_some_and(|&t| t >= range.start)
            && times.last().is_some_and(|&t| t <= range.end);
        let (from, to) = if inside {
            (0, times.len())
        } else {
            let from = times.partition_point(|&t| t < range.start);
            (from, times.partition_point(|&t| t <= range.end).max(from))
        };
        if to == 0 {
            // It begins behind the range, and so do those after it.
            self.next = self.chunks.len();
        }
        let page = self.value_page(chunk.page)?;
        Ok(Taken { chunk, times, from, to, page })
    }

    fn times(&mut self, stream: u32) -> Result<Arc<[i64]>> {
        let place = stream as usize % self.known.len().max(1);
        if let Some(Known { times: Some((held, times)), .. }) = self.known.get(place)
            && *held == stream
        {
            return Ok(Arc::clone(times));
        }
        let times = self.selected.times_of(stream)?;
        if let Some(known) = self.known.get_mut(place) {
            known.times = Some((stream, Arc::clone(&times)));
        }
        Ok(times)
    }

    /// The last time of a stream.
    fn end(&mut self, stream: u32) -> Result<i64> {
        let place = stream as usize % self.known.len().max(1);
        if let Some(Known { end: Some((held, end)), .. }) = self.known.get(place)
            && *held == stream
        {
            return Ok(*end);
        }
        let end = self.selected.end_of(stream)?;
        if let Some(known) = self.known.get_mut(place) {
            known.end = Some((stream, end));
        }
        Ok(end)
    }

    fn value_page(&mut self, number: u32) -> Result<Arc<Page>> {
        if let Some((held, page)) = &self.page
            && *held == number
        {
            return Ok(Arc::clone(page));
        }
        let page = self.selected.value_page(number)?;
        self.page = Some((number, Arc::clone(&page)));
        Ok(page)
    }

    /// Adds the values of what was taken.
    fn values(&self, taken: &Taken, values: &mut Vec<f64>) -> Result<()> {
        let Taken { chunk, times, from, to, page } = taken;
        let encoded = page.padded_from(chunk.offset as usize);
        if self.presence_only && !may_be_stale(encoded) {
            values.resize(values.len() + (to - from), 0.0);
            return Ok(());
        }
        let before = values.len();
        decode_values(self.selected.block(), page, *chunk, times.len(), values)?;
        values.truncate(before + to);
        values.drain(before..before + from);
        Ok(())
    }

    fn stream_id(&self, taken: &Taken) -> StreamId {
        self.selected.block().stream_id(taken.chunk.stream)
    }
}

impl Cursor for Reader {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        let selected = Arc::clone(&self.selected);
        while let Some(taken) = self.take()? {
            let decoded = self.values(&taken, &mut batch.values).map(Some);
            if selected.tolerate(decoded, None)?.is_none() {
                batch.clear();
                continue;
            }
            let Taken { times, from, to, .. } = &taken;
            batch.times.extend_from_slice(times.get(*from..*to).unwrap_or_default());
            let whole = to - from == times.len();
            batch.stream = whole.then(|| self.stream_id(&taken));
            return Ok(true);
        }
        Ok(false)
    }

    fn gather(&mut self, all: &mut Gathered) -> Result<bool> {
        let selected = Arc::clone(&self.selected);
        while let Some(taken) = self.take()? {
            let before = all.values().len();
            let decoded = self.values(&taken, all.values_mut()).map(Some);
            if selected.tolerate(decoded, None)?.is_none() {
                all.values_mut().truncate(before);
                continue;
            }
            all.push_shared(self.stream_id(&taken), (taken.from, taken.to), &taken.times);
            return Ok(true);
        }
        Ok(false)
    }
}
