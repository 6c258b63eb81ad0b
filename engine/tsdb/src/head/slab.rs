//! Slots with stable numbers, in pages: growing never moves what is there.

const PAGE: usize = 256;

/// A growing array of slots; freed ones are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Number of slots in use.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One more than the highest slot that was ever used, or that is after a
    /// [`shrink`](Self::shrink).
    pub(crate) fn bound(&self) -> u32 {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len()) as u32
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            self.pages[slot as usize / PAGE][slot as usize % PAGE] = Some(value);
            return slot;
        }
        let slot = self.bound();
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(Some(value));
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let place = self.pages.get_mut(slot as usize / PAGE)?.get_mut(slot as usize % PAGE)?;
        let value = place.take()?;
        self.len -= 1;
        self.free.push(slot);
        Some(value)
    }

    /// Gives back the pages behind the last slot in use. The lowest free slots are used first from
    /// then on, so that the end becomes free.
    pub(crate) fn shrink(&mut self) {
        while self.pages.last().is_some_and(|page| page.iter().all(Option::is_none)) {
            self.pages.pop();
        }
        let bound = self.bound();
        self.free.retain(|&slot| slot < bound);
        self.free.sort_unstable_by_key(|&slot| std::cmp::Reverse(slot));
        self.free.shrink_to_fit();
        self.pages.shrink_to_fit();
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.pages.get(slot as usize / PAGE)?.get(slot as usize % PAGE)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.pages.get_mut(slot as usize / PAGE)?.get_mut(slot as usize % PAGE)?.as_mut()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.pages.len() * PAGE * size_of::<Option<T>>()
            + self.pages.capacity() * size_of::<Vec<Option<T>>>()
            + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_stable_and_used_again() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..600).map(|i| slab.insert(i)).collect();
        assert_eq!((slab.len(), slab.bound()), (600, 600));
        assert_eq!(slab.remove(slots[300]), Some(300));
        assert_eq!(slab.get(slots[300]), None);
        assert_eq!(slab.remove(slots[300]), None);
        assert_eq!(slab.insert(7), slots[300]);
        assert_eq!((slab.get(slots[300]), slab.len()), (Some(&7), 600));
    }
    #[test]
    fn the_end_is_given_back_and_the_start_is_used_first() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..2000).map(|i| slab.insert(i)).collect();
        let full = slab.heap_bytes();
        for slot in slots.into_iter().filter(|slot| ![3, 400].contains(slot)) {
            slab.remove(slot);
        }
        slab.shrink();
        assert_eq!(slab.bound(), 512);
        assert!(slab.heap_bytes() < full / 2, "{} of {full}", slab.heap_bytes());
        assert_eq!((slab.insert(7), slab.insert(7), slab.insert(7), slab.insert(7)), (0, 1, 2, 4));
        assert_eq!((slab.get(3), slab.get(400), slab.get(512)), (Some(&3), Some(&400), None));
    }
}
