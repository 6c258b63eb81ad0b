//! The sections of a segment as they grow, and the file that they make.

use roaring::RoaringBitmap;

use super::layout::{BLOCK_SERIES, Layout, PAGE_BYTES, SECTIONS, Section, header};
use super::{WriteError, posting, table, varint};

/// The parts of an image: first the names with their pairs, sorted, then the series in their order.
#[derive(Debug, Default)]
pub(super) struct Sections {
    value_text: Vec<u8>,
    value_ends: Vec<u32>,
    postings: Vec<u64>,
    series: Vec<u8>,
    series_blocks: Vec<u64>,
    lists: Vec<u8>,
    name_text: Vec<u8>,
    names: Vec<u8>,
    pair_count: u32,
    name_count: u32,
    series_count: u32,
}

impl Sections {
    /// Empty ones with room for as much as the segments with these layouts have together.
    pub(super) fn with_room_for(layouts: &[&Layout]) -> Self {
        let bytes = |section| {
            let sizes = layouts.iter().map(|layout| layout.section(section));
            sizes.map(|(start, end)| (end - start) as usize).sum()
        };
        let pairs: usize = layouts.iter().map(|layout| layout.pairs as usize).sum();
        Self {
            value_text: Vec::with_capacity(bytes(Section::ValueText)),
            value_ends: Vec::with_capacity(pairs + 1),
            postings: Vec::with_capacity(pairs),
            series: Vec::with_capacity(bytes(Section::Series)),
            ..Self::default()
        }
    }

    /// Adds the next pair of the name that [`end_name`](Self::end_name) ends; returns its id.
    pub(super) fn add_pair(
        &mut self,
        value: &str,
        series: &RoaringBitmap,
    ) -> Result<u32, WriteError> {
        self.value_text.extend_from_slice(value.as_bytes());
        let end = offset_u32(self.value_text.len(), "bytes of label values")?;
        self.value_ends.push(end);
        self.postings.push(posting::write(series, &mut self.lists).map_err(build)?);
        self.pair_count += 1;
        Ok(self.pair_count - 1)
    }

    /// Pairs so far.
    pub(super) fn pairs(&self) -> u32 {
        self.pair_count
    }

    /// Ends the next name: its pairs from `first_pair` on are there.
    pub(super) fn end_name(
        &mut self,
        name: &str,
        first_pair: u32,
        series: &RoaringBitmap,
    ) -> Result<(), WriteError> {
        let present = posting::write(series, &mut self.lists).map_err(build)?;
        let name_start = offset_u32(self.name_text.len(), "bytes of label names")?;
        let count = self.pair_count - first_pair;
        for number in [name_start, name.len() as u32, first_pair, count] {
            self.names.extend_from_slice(&number.to_le_bytes());
        }
        self.names.extend_from_slice(&present.to_le_bytes());
        self.name_text.extend_from_slice(name.as_bytes());
        self.name_count += 1;
        Ok(())
    }

    /// Adds the next series by its pairs, ascending; `body` is memory that is used again.
    pub(super) fn add_series(&mut self, pairs: impl Iterator<Item = u32>, body: &mut Vec<u8>) {
        if self.series_count.is_multiple_of(BLOCK_SERIES) {
            self.end_block();
        }
        self.series_count += 1;
        body.clear();
        let mut before = 0;
        for pair in pairs {
            varint::put(body, u64::from(pair - before));
            before = pair;
        }
        varint::put(&mut self.series, body.len() as u64);
        self.series.extend_from_slice(body);
    }

    fn end_block(&mut self) {
        self.series_blocks.push(self.series.len() as u64);
    }

    /// Hands on header, sections, page table and footer, each piece once; a section is gone when it
    /// was handed on.
    fn write<E>(mut self, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.end_block();
        let (series, pairs, names) = (self.series_count, self.pair_count, self.name_count);
        let Self { value_text, value_ends, postings, series: pairs_of, series_blocks, .. } = self;
        let header = header();
        let mut table = PageTable::default();
        table.add(&header);
        out(&header)?;
        let mut starts = [table.bytes; SECTIONS + 1];
        let mut ends = starts.iter_mut().skip(1);
        let mut section = |section: Vec<u8>| {
            table.add(&section);
            if let Some(end) = ends.next() {
                *end = table.bytes;
            }
            out(&section)
        };
        section(value_text)?;
        section(offsets(std::iter::once(0).chain(value_ends.into_iter().map(u64::from))))?;
        section(packed(&postings))?;
        drop(postings);
        section(pairs_of)?;
        section(offsets(series_blocks.into_iter()))?;
        for text in [self.lists, self.name_text, self.names] {
            section(text)?;
        }
        let table = table.finish();
        let table_crc = crc32c::crc32c(&table);
        out(&table)?;
        out(&Layout { starts, series, pairs, names, table_crc }.footer())
    }
}

/// A finished segment that still has to be written somewhere.
#[derive(Debug)]
pub struct SegmentImage(Sections);

impl SegmentImage {
    pub(super) fn new(sections: Sections) -> Self {
        Self(sections)
    }

    /// Hands the image on in pieces, from front to back. What was handed on takes no memory any
    /// more.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write<E>(self, out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.0.write(out)
    }

    /// The whole image.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let mut image = Vec::new();
        let Ok(()) = self.write(|piece| {
            image.extend_from_slice(piece);
            Ok::<(), std::convert::Infallible>(())
        });
        image
    }
}

/// The checksums of the pages of what goes by.
#[derive(Debug, Default)]
struct PageTable {
    crcs: Vec<u8>,
    /// Of the page that is not full yet.
    crc: u32,
    bytes: u64,
}

impl PageTable {
    fn add(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = PAGE_BYTES - self.bytes % PAGE_BYTES;
            let (page, rest) = piece.split_at(piece.len().min(room as usize));
            self.crc = crc32c::crc32c_append(self.crc, page);
            self.bytes += page.len() as u64;
            if self.bytes.is_multiple_of(PAGE_BYTES) {
                self.end_page();
            }
            piece = rest;
        }
    }

    fn end_page(&mut self) {
        self.crcs.extend_from_slice(&std::mem::take(&mut self.crc).to_le_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.bytes.is_multiple_of(PAGE_BYTES) {
            self.end_page();
        }
        self.crcs
    }
}

/// Ascending offsets in the least width.
fn offsets(offsets: impl DoubleEndedIterator<Item = u64> + Clone) -> Vec<u8> {
    let mut bytes = Vec::new();
    let width = table::width_for(offsets.clone().next_back().unwrap_or(0));
    table::write(offsets, width, &mut bytes);
    bytes
}

/// Packed postings, in half the width if all fit.
fn packed(postings: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let short = || postings.iter().map_while(|&bits| posting::shorten(bits));
    if short().count() == postings.len() {
        table::write(short(), 4, &mut bytes);
    } else {
        table::write(postings.iter().copied(), 8, &mut bytes);
    }
    bytes
}

fn build(error: impl std::fmt::Display) -> WriteError {
    WriteError::Build { what: error.to_string() }
}

fn offset_u32(len: usize, what: &'static str) -> Result<u32, WriteError> {
    u32::try_from(len).map_err(|_| WriteError::TooLarge { what, limit: u64::from(u32::MAX) })
}
