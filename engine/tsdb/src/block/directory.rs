//! The series directory: for each series its chunks, in the order of time.
//!
//! Chunks are written series by series, so where a chunk is follows from the one before it; an
//! entry has only its stream and its length, four bytes in the common case. A page says where its
//! first chunk is and which series comes first: any page can be read alone.

use super::bytes::ByteReader;
use super::page::{MAX_PAGE, Page};
use crate::bytes::{put_signed, put_varint};

/// Raw bytes at which a page of the directory is closed: about a thousand series, since a query
/// for one series reads one page.
const TARGET_PAGE: usize = 4 * 1024;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// The number of its timestamp stream.
    pub(super) stream: u32,
    /// The number of its value page.
    pub(super) page: u32,
    /// Where its values begin in the raw bytes of that page.
    pub(super) offset: u32,
    /// How long they are.
    pub(super) len: u32,
}

/// A page of the directory that was read.
#[derive(Debug)]
pub(super) struct DirectoryPage {
    first: u32,
    /// Ends of the chunks of series `first`, `first + 1`, …
    ends: Vec<u32>,
    chunks: Vec<ChunkPlace>,
}

impl DirectoryPage {
    /// Reads a page whose first series is `first`; `None` if it is no page of the directory.
    pub(super) fn parse(page: &Page, first: u32) -> Option<Self> {
        let mut reader = ByteReader::new(page.raw());
        let mut place = ChunkPlace {
            stream: 0,
            page: reader.varint_u32()?,
            offset: reader.varint_u32()?,
            len: 0,
        };
        // Four bytes an entry in the common case.
        let room = page.raw().len() / 4;
        let (ends, chunks) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut parsed = Self { first, ends, chunks };
        while !reader.is_done() {
            let chunks = reader.varint_u32()?;
            for _ in 0..chunks {
                place = next_place(place, &mut reader)?;
                parsed.chunks.push(place);
            }
            parsed.ends.push(parsed.chunks.len() as u32);
        }
        Some(parsed)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.chunks.capacity() * size_of::<ChunkPlace>()
    }

    /// One more than the last series in the page.
    pub(super) fn end(&self) -> u32 {
        self.first.saturating_add(self.ends.len() as u32)
    }

    /// Whether all chunks of a series are in this page for sure: those of the first and of the last
    /// one may reach beyond it.
    pub(super) fn holds_all_of(&self, series: u32) -> bool {
        self.first < series && series.saturating_add(1) < self.end()
    }

    /// The chunks of a series that are in this page.
    pub(super) fn chunks(&self, series: u32) -> &[ChunkPlace] {
        let Some(index) = series.checked_sub(self.first) else { return &[] };
        let end = |index: u32| self.ends.get(index as usize).map(|&end| end as usize);
        let start = index.checked_sub(1).and_then(end).unwrap_or(0);
        end(index).and_then(|end| self.chunks.get(start..end)).unwrap_or_default()
    }
}

/// The entry behind the chunk at `before`.
fn next_place(before: ChunkPlace, reader: &mut ByteReader<'_>) -> Option<ChunkPlace> {
    let stream = i64::from(before.stream).checked_add(reader.zigzag()?)?;
    let word = reader.varint_u32()?;
    let new_page = word & 1;
    let (page, offset) = match new_page {
        0 => (before.page, before.offset.checked_add(before.len)?),
        _ => (before.page.checked_add(1)?, 0),
    };
    let len = word >> 1;
    let fits = offset.checked_add(len).is_some_and(|end| end as usize <= MAX_PAGE);
    let place = ChunkPlace { stream: u32::try_from(stream).ok()?, page, offset, len };
    fits.then_some(place)
}

/// Collects chunks into pages of the directory.
#[derive(Debug)]
pub(super) struct DirectoryBuilder {
    raw: Vec<u8>,
    /// The first series in `raw`.
    first: u32,
    /// The series that is being written, its chunks and their number.
    series: u32,
    run: Vec<u8>,
    run_chunks: u32,
    before: Option<ChunkPlace>,
}

impl DirectoryBuilder {
    pub(super) fn new() -> Self {
        Self { raw: Vec::new(), first: 0, series: 0, run: Vec::new(), run_chunks: 0, before: None }
    }

    /// Adds a chunk. `series` is that of the chunk before, or the next one. A page that is full
    /// is returned with the number of its first series.
    pub(super) fn push(&mut self, series: u32, place: ChunkPlace) -> Option<(Vec<u8>, u32)> {
        if series != self.series {
            self.end_run();
            self.series = series;
        }
        let full = self.raw.len() + self.run.len() >= TARGET_PAGE;
        let page = if full { self.last_page() } else { None };
        self.append(place);
        page
    }

    fn append(&mut self, place: ChunkPlace) {
        let before = self.before.unwrap_or_else(|| {
            self.first = self.series;
            put_varint(&mut self.raw, u64::from(place.page));
            put_varint(&mut self.raw, u64::from(place.offset));
            ChunkPlace { stream: 0, len: 0, ..place }
        });
        let new_page = u64::from(place.page != before.page);
        put_signed(&mut self.run, i64::from(place.stream) - i64::from(before.stream));
        put_varint(&mut self.run, u64::from(place.len) << 1 | new_page);
        self.run_chunks += 1;
        self.before = Some(place);
    }

    fn end_run(&mut self) {
        if self.run_chunks > 0 {
            put_varint(&mut self.raw, u64::from(self.run_chunks));
            self.raw.append(&mut self.run);
            self.run_chunks = 0;
        }
    }

    /// The page that is being filled, with the number of its first series.
    pub(super) fn last_page(&mut self) -> Option<(Vec<u8>, u32)> {
        self.end_run();
        self.before = None;
        let raw = std::mem::take(&mut self.raw);
        (!raw.is_empty()).then_some((raw, self.first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::page::seal;

    fn page(raw: &[u8]) -> Page {
        let mut sealed = Vec::new();
        seal(raw, false, &mut sealed).unwrap();
        Page::unseal(sealed).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_come_back(series in prop::collection::vec(
            prop::collection::vec((0u32..500, 0u32..9000), 1..40), 1..120)) {
            let mut builder = DirectoryBuilder::new();
            let mut pages = Vec::new();
            let mut model = Vec::new();
            let mut next = (0u32, 0u32);
            for (id, chunks) in series.iter().enumerate() {
                let mut places = Vec::new();
                for &(stream, len) in chunks {
                    if (next.1 + len) as usize > MAX_PAGE {
                        next = (next.0 + 1, 0);
                    }
                    let place = ChunkPlace { stream, page: next.0, offset: next.1, len };
                    next.1 += len;
                    pages.extend(builder.push(id as u32, place));
                    places.push(place);
                }
                model.push(places);
            }
            pages.extend(builder.last_page());
            prop_assert_eq!(pages[0].1, 0);
            let pages: Vec<_> = pages
                .iter()
                .map(|(raw, first)| DirectoryPage::parse(&page(raw), *first).unwrap())
                .collect();
            for (id, places) in model.iter().enumerate() {
                let got: Vec<_> =
                    pages.iter().flat_map(|page| page.chunks(id as u32)).copied().collect();
                prop_assert_eq!(&got, places);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(parsed) = DirectoryPage::parse(&page(&raw), u32::MAX - 3) {
                prop_assert!(parsed.chunks.iter().all(|c| (c.offset + c.len) as usize <= MAX_PAGE));
                prop_assert!(parsed.chunks(0).is_empty());
            }
        }
    }
}
