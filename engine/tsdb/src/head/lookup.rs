//! Series of a head by labels, by reference and by slot.

use std::hash::BuildHasher;

use nunatak_index::{Labels, Matcher};
use roaring::RoaringBitmap;

use super::{Epoch, Head, SeriesSnapshot, View, mix};
use crate::log::Definition;
use crate::time::TimeRange;

impl Head {
    /// What [`find`](Self::find) takes besides the labels. They are long: it is worth to be kept.
    pub(crate) fn hash(&self, labels: &Labels) -> u64 {
        self.hasher.hash_one(labels)
    }

    /// The reference of a label set with this hash.
    pub(crate) fn find(&self, hash: u64, labels: &Labels) -> Option<u64> {
        let slot = self.find_slot(hash, labels)?;
        self.slots.get(slot).map(|series| series.reference)
    }

    pub(super) fn find_slot(&self, hash: u64, labels: &Labels) -> Option<u32> {
        let same = |&slot: &u32| {
            let series = self.slots.get(slot);
            series.is_some_and(|s| s.hash == hash && self.index.equals(slot, labels))
        };
        self.by_labels.find(hash, same).copied()
    }

    pub(super) fn slot_of(&self, reference: u64) -> Option<u32> {
        let same = |&slot: &u32| self.slots.get(slot).is_some_and(|s| s.reference == reference);
        let own = self.by_reference.find(mix(reference), same).copied();
        own.or_else(|| self.aliases.get(&reference).copied())
    }

    /// The slot of a reference, which is mostly `guess`: what comes next in a frame mostly comes
    /// next in the head, too. Of a million series, looking references up took a third of a replay.
    pub(super) fn slot_near(&self, reference: u64, guess: u32) -> Option<u32> {
        let is_there = self.slots.get(guess).is_some_and(|s| s.reference == reference);
        if is_there { Some(guess) } else { self.slot_of(reference) }
    }

    /// Whether the reference is that of a series.
    pub(crate) fn has_reference(&self, reference: u64) -> bool {
        self.slot_of(reference).is_some()
    }

    /// The slot of a reference, which is mostly `guess`, and the time of the newest sample that the
    /// series ever had here.
    pub(crate) fn newest_near(&self, reference: u64, guess: u32) -> Option<(u32, Option<i64>)> {
        let slot = self.slot_near(reference, guess)?;
        Some((slot, self.slots.get(slot)?.samples.newest()))
    }

    /// The label set of a reference.
    pub(crate) fn labels_of(&self, reference: u64) -> Option<Labels> {
        self.labels(self.slot_of(reference)?)
    }

    /// The label set in a slot.
    pub(crate) fn labels(&self, slot: u32) -> Option<Labels> {
        self.slots.get(slot).map(|_| self.index.labels(slot))
    }

    /// The slots that all matchers select.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        self.index.select(matchers)
    }

    /// Whether a slot has samples near `range`, written up to `epoch`.
    pub(crate) fn has_samples(&self, slot: u32, range: TimeRange, epoch: Epoch) -> bool {
        self.slots.get(slot).is_some_and(|series| series.samples.overlaps(range, epoch))
    }

    /// Copies what a slot has of a view.
    pub(crate) fn snapshot(&self, slot: u32, view: &View<'_>) -> Option<SeriesSnapshot> {
        self.slots.get(slot)?.samples.snapshot(view)
    }

    /// The definitions of the series in `slots`.
    pub(crate) fn definitions(&self, slots: std::ops::Range<u32>) -> Vec<Definition> {
        let definition = |slot| {
            let series = self.slots.get(slot)?;
            let labels = self.index.labels(slot);
            Some(Definition { reference: series.reference, labels })
        };
        slots.filter_map(definition).collect()
    }

    /// The further references of series, as definitions.
    pub(crate) fn alias_definitions(&self) -> Vec<Definition> {
        let definition = |(&reference, &slot)| {
            let labels = self.labels(slot)?;
            Some(Definition { reference, labels })
        };
        self.aliases.iter().filter_map(definition).collect()
    }
}
