//! Samples that a replay holds back, to give each series many at once.
//!
//! In the log the samples of one scrape follow one another, so a replay comes to each series anew
//! with every scrape, and with a million of them its memory has left the caches meanwhile: that
//! wait is most of the time that an append takes. Held back and sorted by the place of their
//! series, the samples of many scrapes share one such wait.

use std::hint::black_box;
use std::ops::Range;

use super::Head;
use crate::log::Samples;

/// Slots whose samples are held together, and given to their series in one go: what those take
/// stays in a cache meanwhile.
const PAGE: usize = 256;

/// Stands for no reference.
const NONE: u64 = u64::MAX;

/// Samples of neighbouring slots at one time.
#[derive(Debug)]
struct Run {
    time: i64,
    first: u32,
    len: u32,
}

/// Samples of one page of slots, in the order of the log.
#[derive(Debug)]
pub(super) struct Page {
    slots: Range<u32>,
    runs: Vec<Run>,
    /// Of all runs.
    values: Vec<f64>,
}

impl Page {
    fn new(number: usize) -> Self {
        let first = (number * PAGE) as u32;
        Self { slots: first..first + PAGE as u32, runs: Vec::new(), values: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn slots(&self) -> Range<u32> {
        self.slots.clone()
    }

    /// Gives all samples away, those of a slot in the order in which they came.
    pub(super) fn drain(&mut self, mut take: impl FnMut(u32, i64, f64)) {
        let mut values = self.values.drain(..);
        for run in self.runs.drain(..) {
            let slots = run.first..run.first + run.len;
            slots.zip(&mut values).for_each(|(slot, value)| take(slot, run.time, value));
        }
    }
}

/// Samples by page of slots.
#[derive(Debug, Default)]
pub(super) struct Held {
    pages: Vec<Page>,
    bytes: usize,
    /// References by slot, as far as they were met. What is in the series is further apart.
    references: Vec<u64>,
}

impl Held {
    /// Whether a slot is known to have this reference.
    pub(super) fn knows(&self, slot: u32, reference: u64) -> bool {
        reference != NONE && self.references.get(slot as usize) == Some(&reference)
    }

    pub(super) fn learn(&mut self, slot: u32, reference: u64) {
        if self.references.len() <= slot as usize {
            self.references.resize(slot as usize + 1, NONE);
        }
        if let Some(known) = self.references.get_mut(slot as usize) {
            *known = reference;
        }
    }

    pub(super) fn push(&mut self, slot: u32, time: i64, value: f64) {
        let number = slot as usize / PAGE;
        while self.pages.len() <= number {
            self.pages.push(Page::new(self.pages.len()));
        }
        let Some(page) = self.pages.get_mut(number) else { return };
        match page.runs.last_mut() {
            Some(run) if run.time == time && run.first + run.len == slot => run.len += 1,
            _ => {
                page.runs.push(Run { time, first: slot, len: 1 });
                self.bytes += size_of::<Run>();
            }
        }
        page.values.push(value);
        self.bytes += size_of::<f64>();
    }

    /// Bytes of what is held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The pages, to be drained.
    pub(super) fn take(&mut self) -> impl Iterator<Item = &mut Page> {
        self.bytes = 0;
        self.pages.iter_mut().filter(|page| !page.is_empty())
    }
}

impl Head {
    /// As [`insert_range`](Self::insert_range) of all samples of a frame, but their series get them
    /// later: with the next [`insert_held`](Self::insert_held), and before an epoch ends. No series
    /// may leave meanwhile.
    pub(crate) fn hold(&mut self, stamp: i64, samples: &Samples) -> u64 {
        let rows = 0..samples.times.len();
        self.place_range(stamp, samples, rows, |head, reference, guess, time, value| {
            let slot = head.slot_to_hold(reference, guess)?;
            head.held.push(slot, time, value);
            Some(slot)
        })
    }

    /// As [`slot_near`](Self::slot_near), without a look at the series where it can be helped.
    fn slot_to_hold(&mut self, reference: u64, guess: u32) -> Option<u32> {
        if self.held.knows(guess, reference) {
            return Some(guess);
        }
        let slot = self.slot_near(reference, guess)?;
        self.held.learn(slot, reference);
        Some(slot)
    }

    /// Gives the series what is held back.
    pub(crate) fn insert_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        for page in held.take() {
            self.fetch(page.slots());
            page.drain(|slot, time, value| self.insert(slot, time, value));
        }
        // Its memory is used again.
        self.held = held;
    }

    /// Touches what will be appended to: the memory of many series is waited for together here,
    /// and one after the other later.
    fn fetch(&self, slots: Range<u32>) {
        let series = slots.filter_map(|slot| self.slots.get(slot));
        black_box(series.fold(0, |sum, series| sum ^ series.samples.last_byte()));
    }

    /// Bytes of what is held back.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_slot_keep_their_order() {
        let mut held = Held::default();
        let came = [(300, 5), (0, 5), (1, 5), (1, 5), (0, 3), (299, 4), (300, 4), (1, 6)];
        for (i, (slot, time)) in came.into_iter().enumerate() {
            held.push(slot, time, i as f64);
        }
        assert_eq!(held.bytes(), 8 * 8 + 6 * 16);
        let mut found = Vec::new();
        for page in held.take() {
            let slots = page.slots();
            page.drain(|slot, time, value| {
                assert!(slots.contains(&slot));
                found.push((slot, time, value as usize));
            });
        }
        found.sort_by_key(|&(slot, ..)| slot);
        let mut expected: Vec<_> =
            came.into_iter().enumerate().map(|(i, (slot, time))| (slot, time, i)).collect();
        expected.sort_by_key(|&(slot, ..)| slot);
        assert_eq!(found, expected);
        assert_eq!((held.take().count(), held.bytes()), (0, 0), "they are given away once");
    }

    #[test]
    fn a_slot_is_known_by_the_reference_that_it_had_last() {
        let mut held = Held::default();
        held.learn(2, 7);
        assert!(held.knows(2, 7) && !held.knows(1, 7) && !held.knows(9, 7));
        assert!(!held.knows(1, NONE), "of slot 1 nothing is known");
        held.learn(2, 8);
        assert!(held.knows(2, 8) && !held.knows(2, 7));
    }
}
