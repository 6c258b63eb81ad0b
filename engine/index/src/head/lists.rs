//! The pairs of each series.
//!
//! Lists of series with neighbouring ids stand side by side in one piece of memory. Each in memory of
//! its own would cost an allocation and some bytes more; and after a flood the lists that stay would
//! hold on to all the allocator's pages that they shared with those which have left.

use crate::interner::grow;

/// Series whose lists stand together.
const PAGE: usize = 256;
/// So many ids of lists that have left are not worth moving the others.
const FEW: usize = 64;

/// Where a list stands; without length: no list.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u32,
    len: u32,
}

#[derive(Debug, Default)]
struct Page {
    /// The lists, and what has left between them.
    ids: Vec<u32>,
    /// By series.
    places: Vec<Place>,
    /// Ids that are in use.
    live: usize,
}

/// Lists of pairs by series.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pages: Vec<Page>,
    /// Heap bytes of the pages, counted as they change.
    page_bytes: usize,
}

impl Lists {
    /// The list of a series, empty if it has none.
    pub(super) fn get(&self, series: u32) -> &[u32] {
        self.pages.get(series as usize / PAGE).map_or(&[], |page| page.get(series as usize % PAGE))
    }

    /// Gives a series that has none its list.
    pub(super) fn insert(&mut self, series: u32, list: &[u32]) {
        let (page, at) = (series as usize / PAGE, series as usize % PAGE);
        while self.pages.len() <= page {
            grow(&mut self.pages);
            self.pages.push(Page::default());
        }
        self.change(page, |page| page.insert(at, list));
    }

    /// Takes the list of a series away.
    pub(super) fn remove(&mut self, series: u32) {
        if (series as usize / PAGE) < self.pages.len() {
            self.change(series as usize / PAGE, |page| page.remove(series as usize % PAGE));
        }
    }

    /// Gives back the pages behind the last list.
    pub(super) fn shrink(&mut self) {
        while self.pages.last().is_some_and(|page| page.live == 0) {
            self.pages.pop();
        }
        self.pages.shrink_to(self.pages.len() + self.pages.len() / 8);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.page_bytes + self.pages.capacity() * size_of::<Page>()
    }

    fn change(&mut self, page: usize, change: impl FnOnce(&mut Page)) {
        let page = &mut self.pages[page];
        self.page_bytes -= page.heap_bytes();
        change(page);
        self.page_bytes += page.heap_bytes();
    }
}

impl Page {
    fn get(&self, at: usize) -> &[u32] {
        let place = self.places.get(at).copied().unwrap_or_default();
        &self.ids[place.start as usize..place.start as usize + place.len as usize]
    }

    fn insert(&mut self, at: usize, list: &[u32]) {
        if self.places.len() <= at {
            let more = (at + 1 - self.places.len()).max(self.places.len() / 2);
            self.places.reserve_exact(more.min(PAGE - self.places.len()));
            self.places.resize(at + 1, Place::default());
        }
        if self.ids.capacity() - self.ids.len() < list.len() {
            self.pack(list.len().max(self.live / 4));
        }
        self.places[at] = Place { start: self.ids.len() as u32, len: list.len() as u32 };
        self.ids.extend_from_slice(list);
        self.live += list.len();
    }

    fn remove(&mut self, at: usize) {
        let Some(place) = self.places.get_mut(at) else { return };
        self.live -= std::mem::take(place).len as usize;
        if self.live == 0 {
            *self = Self::default();
        } else if self.ids.len() - self.live > self.live.max(FEW) {
            self.pack(0);
        }
    }

    /// Moves what is in use together, with room for `more` ids behind it.
    fn pack(&mut self, more: usize) {
        let mut ids = Vec::with_capacity(self.live + more);
        for place in &mut self.places {
            let start = ids.len() as u32;
            ids.extend_from_slice(&self.ids[place.start as usize..][..place.len as usize]);
            place.start = start;
        }
        self.ids = ids;
    }

    fn heap_bytes(&self) -> usize {
        self.ids.capacity() * size_of::<u32>() + self.places.capacity() * size_of::<Place>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_series_keeps_its_list(
            steps in prop::collection::vec((0u32..900, prop::collection::vec(any::<u32>(), 1..9)), 0..1500)
        ) {
            let (mut lists, mut model) = (Lists::default(), BTreeMap::new());
            for (series, list) in steps {
                if model.remove(&series).is_some() {
                    lists.remove(series);
                } else {
                    lists.insert(series, &list);
                    model.insert(series, list);
                }
                prop_assert_eq!(lists.get(series), model.get(&series).map_or(&[][..], |list| list));
            }
            for series in 0..1000 {
                prop_assert_eq!(lists.get(series), model.get(&series).map_or(&[][..], |list| list));
            }
            let pages: usize = lists.pages.iter().map(Page::heap_bytes).sum();
            prop_assert_eq!(lists.page_bytes, pages);
            for series in model.into_keys() {
                lists.remove(series);
            }
            lists.shrink();
            prop_assert_eq!(lists.heap_bytes(), 0);
        }
    }

    #[test]
    fn what_leaves_gives_its_memory_back() {
        let mut lists = Lists::default();
        (0..1024).for_each(|series| lists.insert(series, &[series; 10]));
        let full = lists.heap_bytes();
        assert!(full < 1024 * 60, "{full}");
        (0..1024).filter(|series| series % 8 != 3).for_each(|series| lists.remove(series));
        assert!(lists.heap_bytes() < full / 2, "{} of {full}", lists.heap_bytes());
        assert_eq!(lists.get(803), [803; 10]);
    }
}
