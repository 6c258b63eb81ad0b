//! Asking the disk for what a selection is going to read.
//!
//! A query reads one shard after the other, and of each some pages that lie apart. A disk that is asked
//! for one page at a time answers one at a time; asked for those of all shards before the first of them
//! is read, it fetches them at once.

use std::sync::Arc;

use crate::error::Result;
use crate::source::Selector;

use super::page_cache::PageCache;
use super::reader::Block;
use super::selection::Selected;

/// So many selections of a block ask ahead: what is asked for again and again is in memory by then, and
/// looking whether it is would cost each query a little.
const FIRST: u32 = 64;

/// Of more series the pages mostly follow one another, which the system sees by itself.
const MOST_SERIES: u64 = 512;

impl Block {
    /// Asks for the value pages of a selection, if nobody has asked for these series before. Whatever
    /// can't be read is met again by whoever reads it.
    pub(crate) fn ask_ahead(&self, selector: &Selector) {
        if self.is_among_first_selections(FIRST) {
            let _ = self.try_ask_ahead(selector);
        }
    }

    fn try_ask_ahead(&self, selector: &Selector) -> Result<()> {
        let ids = self.selected(&selector.matchers)?;
        let Some(first) = ids.min().filter(|_| ids.len() <= MOST_SERIES) else { return Ok(()) };
        let selected = Arc::new(Selected::new(self.clone(), selector.range).for_query());
        if selected.was_read(first)? {
            return Ok(());
        }
        let cache = &PageCache::shared().values;
        let mut asked = None;
        for id in ids {
            for chunk in selected.chunks_in_range(id)? {
                if asked != Some(chunk.page) && cache.get((self.number(), chunk.page)).is_none() {
                    self.ask_for_value_page(chunk.page)?;
                }
                asked = Some(chunk.page);
            }
        }
        Ok(())
    }
}
