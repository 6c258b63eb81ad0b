//! Asking the disk for what a selection is going to read.
//!
//! A query reads one shard after the other, and of each some pages that lie apart. A disk that is asked
//! for one page at a time answers one at a time; asked for those of all shards before the first of them
//! is read, it fetches them at once. That takes two rounds: where values are says the directory, which
//! comes from the disk, too.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::error::Result;
use crate::source::Selector;

use super::directory::ChunkPlace;
use super::page_cache::PageCache;
use super::reader::Block;
use super::selection::Selected;

/// So many selections of a block ask ahead: what is asked for again and again is in memory by then, and
/// looking whether it is would cost each query a little.
const FIRST: u32 = 64;

/// The chunks of more series are not looked up one by one: their pages mostly follow one another.
pub(super) const MOST_SERIES: u64 = 512;

/// Pages that follow one another and are asked for at once, at most: 4 MiB of a block's values.
pub(super) const MOST_PAGES: u32 = 64;

/// Bytes of values that a selection asks for in all blocks together: what comes too early may have left
/// memory again when it is read.
pub(crate) const MOST_BYTES: u64 = 64 << 20;

/// A selection of a block whose value pages are still to be asked for.
pub(crate) struct Ahead {
    selected: Arc<Selected>,
    ids: RoaringBitmap,
    first: u32,
    last: u32,
}

impl Block {
    /// The first round: asks for what says where the values of a selection are, if nobody has asked for
    /// these series before. Whatever can't be read is met again by whoever reads it.
    pub(crate) fn ask_ahead(&self, selector: &Selector) -> Option<Ahead> {
        if !self.is_among_first_selections(FIRST) {
            return None;
        }
        self.ask_for_places(selector).ok().flatten()
    }

    fn ask_for_places(&self, selector: &Selector) -> Result<Option<Ahead>> {
        let ids = self.selected(&selector.matchers)?;
        let (Some(first), Some(last)) = (ids.min(), ids.max()) else { return Ok(None) };
        let selected = Arc::new(Selected::new(self.clone(), selector.range).for_query());
        if selected.was_read(first)? {
            return Ok(None);
        }
        selected.ask_for_places(&ids)?;
        Ok(Some(Ahead { selected, ids, first, last }))
    }
}

impl Ahead {
    /// The second round: asks for the values, as long as there are bytes left that may be asked for.
    pub(crate) fn ask_for_values(self, left: &mut u64) {
        let few = self.ids.len() <= MOST_SERIES;
        let _ = if few { self.ask_one_by_one(left) } else { self.ask_at_once(left) };
    }

    fn ask_one_by_one(&self, left: &mut u64) -> Result<()> {
        let block = self.selected.block();
        let cache = &PageCache::shared().values;
        let mut asked = None;
        for id in &self.ids {
            for ChunkPlace { page, .. } in self.selected.chunks_in_range(id)? {
                if *left == 0 {
                    return Ok(());
                }
                if asked != Some(page) && cache.get((block.number(), page)).is_none() {
                    *left = left.saturating_sub(block.ask_for_value_pages(page, page)?);
                }
                asked = Some(page);
            }
        }
        Ok(())
    }

    /// Asks for all pages from those of the first series to those of the last, if most of what is on them
    /// is selected.
    fn ask_at_once(&self, left: &mut u64) -> Result<()> {
        if *left == 0 || u64::from(self.last - self.first) >= 2 * self.ids.len() {
            return Ok(());
        }
        let first = self.selected.chunks(self.first)?.first().map(|chunk| chunk.page);
        let last = self.selected.chunks(self.last)?.last().map(|chunk| chunk.page);
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        let last = last.min(first.saturating_add(MOST_PAGES - 1));
        let asked = self.selected.block().ask_for_value_pages(first, last)?;
        *left = left.saturating_sub(asked);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use crate::block::{BlockSpec, BlockWriter};
    use crate::storage::{FaultStorage, Storage};
    use crate::time::TimeRange;

    use super::*;

    /// Its chunks could also begin at the end of the page before, so both are read.
    #[test]
    fn a_series_that_begins_a_page_of_the_directory_is_asked_for_there() {
        let faults = FaultStorage::new(1);
        let storage: Arc<dyn Storage> = Arc::new(faults.clone());
        let range = TimeRange::new(0, 999);
        let spec = BlockSpec { range, sequence: 1, coverage: Vec::new(), zstd: false };
        let mut writer = BlockWriter::new(storage, "", spec).unwrap();
        for number in 0..3000 {
            let labels = labels! { "number" => &format!("{number:04}") };
            writer.add_series(&labels, &[1, 2], &[0.5, f64::from(number)]).unwrap();
        }
        let block = writer.finish().unwrap().unwrap();
        for page in 0..block.table().unwrap().directory.len() {
            let id = block.table().unwrap().directory[page].first;
            let selected = Selected::new(block.clone(), range).for_query();
            faults.take_readings();
            selected.ask_for_places(&RoaringBitmap::from([id])).unwrap();
            let asked = faults.take_readings();
            assert_eq!(selected.chunks(id).unwrap().len(), 1);
            for read in faults.take_readings() {
                let is_read = |asked: &crate::storage::Reading| asked.bytes == read.bytes;
                assert!(asked.iter().any(is_read), "page {page}: {read:?}");
            }
        }
    }
}
