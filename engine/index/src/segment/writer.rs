//! Makes the image of a segment.

use roaring::RoaringBitmap;

use super::layout::{BLOCK_SERIES, Layout, PAGE_BYTES, SECTIONS, header};
use super::{WriteError, posting, table, varint};
use crate::head::HeadIndex;
use crate::labels::Labels;

/// Collects series in their order and makes a segment of them.
///
/// Everything is kept in memory until [`finish`](Self::finish): about 40 bytes a series besides
/// the distinct label pairs, and the image itself at the end.
#[derive(Debug, Default)]
pub struct SegmentWriter {
    index: HeadIndex,
    /// Pair ids of all series, one after the other.
    pairs: Vec<u32>,
    /// Number of labels of each series.
    counts: Vec<u32>,
    last: Option<Labels>,
}

impl SegmentWriter {
    /// A writer without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series and returns its id: 0 for the first, one more for each next.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`] if the series does not come after the one before by
    /// [`Labels::series_cmp`]; [`WriteError::TooLarge`] if there are 2³² − 1 of them. The writer
    /// is then as before.
    pub fn add(&mut self, labels: &Labels) -> Result<u32, WriteError> {
        if self.last.as_ref().is_some_and(|last| last.series_cmp(labels).is_ge()) {
            return Err(WriteError::OutOfOrder { labels: labels.to_string() });
        }
        let id = u32::try_from(self.counts.len()).ok().filter(|&id| id < u32::MAX);
        let id = id.ok_or(WriteError::TooLarge { what: "series", limit: u64::from(u32::MAX) })?;
        let ids = self.index.add(id, labels);
        self.counts.push(ids.len() as u32);
        self.pairs.extend_from_slice(&ids.0);
        self.last = Some(labels.clone());
        Ok(id)
    }

    /// Number of series so far.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are no series so far.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.index.heap_bytes() + (self.pairs.capacity() + self.counts.capacity()) * 4
    }

    /// The segment's image. The same series give the same bytes.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] if the distinct pairs' values take more than 4 GiB.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        self.index.settle();
        let mut parts = Parts::default();
        parts.value_ends.push(0);
        let mut new_ids = vec![0; self.index.pair_slots()];
        for (name, id) in self.index.names_sorted() {
            parts.add_name(&self.index, name, id, &mut new_ids)?;
        }
        let Self { index, pairs, counts, .. } = self;
        // The image takes as much again.
        drop(index);
        write_series(&pairs, &counts, &new_ids, &mut parts);
        drop((pairs, new_ids));
        Ok(parts.assemble(counts.len() as u32))
    }
}

fn write_series(pairs: &[u32], counts: &[u32], new_ids: &[u32], parts: &mut Parts) {
    let mut rest = pairs;
    let mut body = Vec::new();
    for (i, &count) in counts.iter().enumerate() {
        if (i as u32).is_multiple_of(BLOCK_SERIES) {
            parts.end_block();
        }
        let (pairs, others) = rest.split_at(count as usize);
        rest = others;
        body.clear();
        let mut before = 0;
        for &pair in pairs {
            let id = new_ids.get(pair as usize).copied().unwrap_or(0);
            varint::put(&mut body, u64::from(id - before));
            before = id;
        }
        varint::put(&mut parts.series, body.len() as u64);
        parts.series.extend_from_slice(&body);
    }
    parts.end_block();
}

/// The sections as they grow.
#[derive(Debug, Default)]
struct Parts {
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
}

impl Parts {
    fn add_name(
        &mut self,
        index: &HeadIndex,
        name: &str,
        name_id: u32,
        new_ids: &mut [u32],
    ) -> Result<(), WriteError> {
        let pairs = index.pairs_sorted(name_id);
        let first_pair = self.pair_count;
        for (ordinal, &(value, id)) in pairs.iter().enumerate() {
            self.add_pair(value, &index.series_of_pair(id))?;
            if let Some(slot) = new_ids.get_mut(id as usize) {
                *slot = first_pair + ordinal as u32;
            }
        }
        let present = posting::write(&index.series_of_name(name_id), &mut self.lists);
        let present = present.map_err(build)?;
        let name_start = offset_u32(self.name_text.len(), "bytes of label names")?;
        for number in [name_start, name.len() as u32, first_pair, pairs.len() as u32] {
            self.names.extend_from_slice(&number.to_le_bytes());
        }
        self.names.extend_from_slice(&present.to_le_bytes());
        self.name_text.extend_from_slice(name.as_bytes());
        self.name_count += 1;
        Ok(())
    }

    fn add_pair(&mut self, value: &str, series: &RoaringBitmap) -> Result<(), WriteError> {
        self.value_text.extend_from_slice(value.as_bytes());
        let end = offset_u32(self.value_text.len(), "bytes of label values")?;
        self.value_ends.push(end);
        self.postings.push(posting::write(series, &mut self.lists).map_err(build)?);
        self.pair_count += 1;
        Ok(())
    }

    fn end_block(&mut self) {
        self.series_blocks.push(self.series.len() as u64);
    }

    /// Puts header, sections, page table and footer together.
    fn assemble(self, series: u32) -> Vec<u8> {
        let mut image = header();
        let bytes = self.byte_len();
        image.reserve_exact(bytes + bytes / 512 + 4096);
        let mut starts = [image.len() as u64; SECTIONS + 1];
        let (pairs, names) = (self.pair_count, self.name_count);
        self.write_sections(&mut image, &mut starts);
        let pages = image.chunks(PAGE_BYTES as usize).map(crc32c::crc32c);
        let table: Vec<u8> = pages.flat_map(u32::to_le_bytes).collect();
        let table_crc = crc32c::crc32c(&table);
        image.extend_from_slice(&table);
        image.extend_from_slice(&Layout { starts, series, pairs, names, table_crc }.footer());
        image
    }

    /// Bytes of all sections, at most.
    fn byte_len(&self) -> usize {
        let texts = [&self.value_text, &self.series, &self.lists, &self.name_text, &self.names];
        let numbers = self.value_ends.len() * 4 + self.postings.len() * 8;
        texts.iter().map(|text| text.len()).sum::<usize>() + numbers + self.series_blocks.len() * 8
    }

    /// Appends the sections in their order, and notes where each ends.
    fn write_sections(self, image: &mut Vec<u8>, starts: &mut [u64; SECTIONS + 1]) {
        let mut ends = starts.iter_mut().skip(1);
        let mut section = |write: &mut dyn FnMut(&mut Vec<u8>)| {
            write(image);
            if let Some(end) = ends.next() {
                *end = image.len() as u64;
            }
        };
        let Self { value_text, value_ends, postings, series, series_blocks, .. } = self;
        section(&mut |image| image.extend_from_slice(&value_text));
        section(&mut |image| write_offsets(value_ends.iter().map(|&end| end.into()), image));
        section(&mut |image| write_postings(&postings, image));
        section(&mut |image| image.extend_from_slice(&series));
        section(&mut |image| write_offsets(series_blocks.iter().copied(), image));
        for text in [&self.lists, &self.name_text, &self.names] {
            section(&mut |image| image.extend_from_slice(text));
        }
    }
}

/// Writes ascending offsets in the least width.
fn write_offsets(offsets: impl DoubleEndedIterator<Item = u64> + Clone, image: &mut Vec<u8>) {
    let width = table::width_for(offsets.clone().next_back().unwrap_or(0));
    table::write(offsets, width, image);
}

/// Writes packed postings, in half the width if all fit.
fn write_postings(postings: &[u64], image: &mut Vec<u8>) {
    let short = || postings.iter().map_while(|&bits| posting::shorten(bits));
    if short().count() == postings.len() {
        table::write(short(), 4, image);
    } else {
        table::write(postings.iter().copied(), 8, image);
    }
}

fn build(error: impl std::fmt::Display) -> WriteError {
    WriteError::Build { what: error.to_string() }
}

fn offset_u32(len: usize, what: &'static str) -> Result<u32, WriteError> {
    u32::try_from(len).map_err(|_| WriteError::TooLarge { what, limit: u64::from(u32::MAX) })
}
