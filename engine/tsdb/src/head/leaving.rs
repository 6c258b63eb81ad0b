//! How series leave a head, and their memory with them.

use super::{Head, Idle, Series, mix};

impl Head {
    /// Removes series in `slots` that have no samples here and are `idle`.
    pub(crate) fn evict(&mut self, idle: Idle, slots: std::ops::Range<u32>) -> usize {
        let mut evicted = 0;
        for slot in slots {
            let idle = |s: &Series| {
                s.samples.is_empty() && s.samples.rhythm().is_idle(idle, s.samples.newest())
            };
            if self.slots.get(slot).is_some_and(idle) {
                self.remove(slot);
                evicted += 1;
            }
        }
        evicted
    }

    /// Forgets the other references of series that have left.
    pub(crate) fn forget_aliases(&mut self) {
        let slots = &self.slots;
        self.aliases.retain(|_, slot| slots.get(*slot).is_some());
    }

    /// Removes series that [`mark_idle`](Self::mark_idle) gave and that were not written to since;
    /// returns how many.
    pub(crate) fn remove_idle(&mut self, slots: &[u32]) -> usize {
        let before = self.slots.len();
        for &slot in slots {
            if self.slots.get(slot).is_some_and(|s| s.samples.rhythm().is_leaving()) {
                self.remove_with_samples(slot);
            }
        }
        before - self.slots.len()
    }

    fn remove_with_samples(&mut self, slot: u32) {
        let bytes = self.slots.get(slot).map_or(0, |series| series.samples.heap_bytes());
        self.sample_bytes -= bytes;
        self.remove(slot);
    }

    /// Gives back the memory behind the last series, after many have left.
    pub(crate) fn shrink(&mut self) {
        self.slots.shrink();
        self.index.shrink();
        let slots = &self.slots;
        let hash = |&slot: &u32| slots.get(slot).map_or(0, |series| series.hash);
        let reference = |&slot: &u32| slots.get(slot).map_or(0, |series| mix(series.reference));
        // Places of those that left count as taken in their capacity.
        if self.by_labels.len() * 3 < self.by_labels.num_buckets() {
            self.by_labels.shrink_to(self.by_labels.len(), hash);
            self.by_reference.shrink_to(self.by_reference.len(), reference);
        }
    }

    /// The pairs that [`compact`](Self::compact) is worth for.
    pub(crate) fn frequent_pairs(&self) -> Vec<u32> {
        self.index.frequent_pairs()
    }

    /// Writes down anew which series have these pairs, after others have left from between them.
    pub(crate) fn compact(&mut self, pairs: &[u32]) {
        self.index.compact(pairs);
    }

    /// Marks the series in `slots` that have samples and are `idle`, and adds their slots to
    /// `found`.
    pub(crate) fn mark_idle(
        &mut self,
        idle: Idle,
        slots: std::ops::Range<u32>,
        found: &mut Vec<u32>,
    ) {
        for slot in slots {
            let Some(series) = self.slots.get_mut(slot) else { continue };
            let samples = &mut series.samples;
            if !samples.is_empty() && samples.rhythm().is_idle(idle, samples.newest()) {
                samples.mark_leaving();
                found.push(slot);
            }
        }
    }

    fn remove(&mut self, slot: u32) {
        let Some(series) = self.slots.remove(slot) else { return };
        self.index.remove(slot);
        if let Ok(entry) = self.by_labels.find_entry(series.hash, |&s| s == slot) {
            entry.remove();
        }
        if let Ok(entry) = self.by_reference.find_entry(mix(series.reference), |&s| s == slot) {
            entry.remove();
        }
    }
}
