//! Columns: the values of one series at all steps, and which of them are there.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use nunatak::Histogram;
use nunatak_index::Labels;

/// A set of step numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// No step out of `len`.
    pub(crate) fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// All of `len` steps.
    pub(crate) fn all(len: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        bits.trim();
        bits
    }

    /// Empties the set and makes room for `len` steps.
    pub(crate) fn reset(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
    }

    /// Number of steps that may be in the set.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, step: usize) {
        self.words[step / 64] |= 1 << (step % 64);
    }

    /// Adds all steps from the first of a range up to before its end.
    pub(crate) fn insert_range(&mut self, steps: Range<usize>) {
        if steps.is_empty() {
            return;
        }
        let (first, last) = (steps.start / 64, (steps.end - 1) / 64);
        let from = u64::MAX << (steps.start % 64);
        let to = u64::MAX >> (63 - (steps.end - 1) % 64);
        if first == last {
            self.words[first] |= from & to;
            return;
        }
        self.words[first] |= from;
        self.words[first + 1..last].fill(u64::MAX);
        self.words[last] |= to;
    }

    pub(crate) fn remove(&mut self, step: usize) {
        self.words[step / 64] &= !(1 << (step % 64));
    }

    pub(crate) fn contains(&self, step: usize) -> bool {
        self.words[step / 64] >> (step % 64) & 1 == 1
    }

    /// The steps as words: bit i of word w is step 64 w + i.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Number of steps in the set.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count() == self.len
    }

    /// Adds the steps of `other`.
    pub(crate) fn union(&mut self, other: &Self) {
        self.zip(other, |a, b| a | b);
    }

    /// Keeps the steps that are in `other`, too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.zip(other, |a, b| a & b);
    }

    /// Removes the steps of `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.zip(other, |a, b| a & !b);
    }

    /// The steps that are not in the set.
    pub(crate) fn complement(&self) -> Self {
        let mut bits = Self { words: self.words.iter().map(|word| !word).collect(), len: self.len };
        bits.trim();
        bits
    }

    /// The first step in the set.
    pub(crate) fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    /// The first step that both sets hold.
    pub(crate) fn first_common(&self, other: &Self) -> Option<usize> {
        let both = self.words.iter().zip(&other.words).map(|(a, b)| a & b);
        both.enumerate()
            .find(|(_, word)| *word != 0)
            .map(|(i, w)| i * 64 + w.trailing_zeros() as usize)
    }

    /// The steps in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    i * 64 + bit
                })
            })
        })
    }

    fn zip(&mut self, other: &Self, op: impl Fn(u64, u64) -> u64) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a = op(*a, *b);
        }
    }

    fn trim(&mut self) {
        if !self.len.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
    }
}

/// One value for each step, with the set of steps that have one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// As long as there are steps; what stands at a step that is not `present` has no meaning.
    pub(crate) values: Vec<f64>,
    pub(crate) present: Bits,
    /// Native histograms by step, at steps that have no float.
    pub(crate) histograms: BTreeMap<usize, Arc<Histogram>>,
}

impl Column {
    /// A column of `len` steps without values.
    pub(crate) fn new(len: usize) -> Self {
        Self { values: vec![0.0; len], present: Bits::new(len), histograms: BTreeMap::new() }
    }

    /// A column with a value at each step.
    pub(crate) fn full(values: Vec<f64>) -> Self {
        let present = Bits::all(values.len());
        Self { values, present, histograms: BTreeMap::new() }
    }

    /// Forgets all values and makes room for `len` steps.
    pub(crate) fn reset(&mut self, len: usize) {
        self.values.resize(len, 0.0);
        self.present.reset(len);
        self.histograms.clear();
    }

    /// Whether there is neither a float nor a histogram.
    pub(crate) fn is_empty(&self) -> bool {
        self.present.is_empty() && self.histograms.is_empty()
    }

    /// The steps that have a float or a histogram.
    pub(crate) fn there(&self) -> Cow<'_, Bits> {
        if self.histograms.is_empty() {
            return Cow::Borrowed(&self.present);
        }
        let mut there = self.present.clone();
        self.histograms.keys().for_each(|&step| there.insert(step));
        Cow::Owned(there)
    }

    /// Keeps only what is at some steps.
    pub(crate) fn keep(&mut self, steps: &Bits) {
        self.present.intersect(steps);
        self.histograms.retain(|&step, _| steps.contains(step));
    }

    /// Takes away what is at some steps.
    pub(crate) fn remove(&mut self, steps: &Bits) {
        self.present.subtract(steps);
        self.histograms.retain(|&step, _| !steps.contains(step));
    }

    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<Histogram>) {
        self.histograms.insert(step, histogram);
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.present.insert(step);
    }

    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        self.present.contains(step).then(|| self.values[step])
    }

    /// How many samples of 16 bytes the column counts as: it has 8 bytes for each step, also for
    /// those without a value.
    pub(crate) fn cost(&self) -> usize {
        let floats = self.present.count().max(self.values.len().div_ceil(2));
        let histograms = self.histograms.values().map(|h| h.bytes().div_ceil(16));
        floats + histograms.sum::<usize>()
    }

    /// The steps that have a value, and their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.present.iter().map(|step| (step, self.values[step]))
    }

    /// Replaces each value.
    pub(crate) fn map(&mut self, f: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            *value = f(*value);
        }
    }

    /// The value at the first step at all of `len` steps.
    pub(crate) fn spread(&mut self, len: usize) {
        let histogram = self.histograms.remove(&0);
        match self.get(0) {
            Some(value) => *self = Self::full(vec![value; len]),
            None => self.reset(len),
        }
        if let Some(histogram) = histogram {
            self.histograms = (0..len).map(|step| (step, Arc::clone(&histogram))).collect();
        }
    }

    /// Adds the values of `other`, which has none where this column has one.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for (step, value) in other.iter() {
            self.values[step] = value;
        }
        self.present.union(&other.present);
        let histograms = other.histograms.iter().map(|(&step, h)| (step, Arc::clone(h)));
        self.histograms.extend(histograms);
    }
}

/// A series on its way through the operators; the column may be changed in place or taken.
pub(crate) struct Row<'a> {
    pub(crate) labels: Labels,
    /// With delayed name removal: the name goes at the end of the query.
    pub(crate) drop_name: bool,
    pub(crate) column: &'a mut Column,
}

/// A series at rest.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// With delayed name removal: the name goes at the end of the query.
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}

/// Series at rest, charged to the query's sample limit for as long as they live.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    pub(crate) series: Vec<Series>,
    pub(crate) held: Held,
}

/// A share of the query's samples, or bytes, in memory, given back on drop.
#[derive(Debug, Default)]
pub(crate) struct Held {
    live: Rc<Cell<u64>>,
    samples: u64,
}

impl Held {
    pub(crate) fn new(live: Rc<Cell<u64>>) -> Self {
        Self { live, samples: 0 }
    }

    /// Takes `samples` more; the new total of the query.
    pub(crate) fn take(&mut self, samples: u64) -> u64 {
        self.samples += samples;
        self.live.set(self.live.get() + samples);
        self.live.get()
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.live.set(self.live.get().saturating_sub(self.samples));
        self.samples = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_sets() {
        let mut a = Bits::new(130);
        for step in [0, 63, 64, 129] {
            a.insert(step);
        }
        let b = a.complement();
        assert_eq!((a.count(), b.count()), (4, 126));
        assert_eq!(a.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(a.first_common(&b), None);
        a.union(&b);
        assert!(a.is_full() && a == Bits::all(130));
        a.subtract(&b);
        assert_eq!(a.count(), 4);
        a.remove(63);
        assert!(!a.contains(63) && a.contains(64));
    }

    #[test]
    fn ranges_are_added_step_by_step() {
        for start in [0, 1, 63, 64, 65, 128] {
            for end in
                [start, start + 1, 64, 65, 127, 128, 129, 190].into_iter().filter(|&e| e >= start)
            {
                let (mut range, mut steps) = (Bits::new(190), Bits::new(190));
                range.insert_range(start..end);
                (start..end).for_each(|step| steps.insert(step));
                assert_eq!(range, steps, "{start}..{end}");
            }
        }
    }

    #[test]
    fn histograms_stand_beside_floats() {
        let mut column = Column::new(3);
        column.set(0, 1.0);
        column.set_histogram(2, Arc::default());
        assert_eq!(column.there().iter().collect::<Vec<_>>(), [0, 2]);
        let mut other = Column::new(3);
        other.absorb(&column);
        other.remove(&column.present);
        assert!(other.present.is_empty() && !other.is_empty());
        other.keep(&column.present);
        assert!(other.is_empty());
        let mut first = Column::new(1);
        first.set_histogram(0, Arc::default());
        first.spread(2);
        assert_eq!(first.histograms.len(), 2);
    }

    #[test]
    fn held_samples_are_given_back() {
        let live = Rc::new(Cell::new(0));
        let mut held = Held::new(Rc::clone(&live));
        assert_eq!(held.take(5), 5);
        drop(held);
        assert_eq!(live.get(), 0);
    }
}
