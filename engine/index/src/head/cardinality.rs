//! Who has the most series: what one looks at when a flood of series has come.
//!
//! Nothing here visits every series, and of many pairs only those are looked at that many series
//! have: a list of them is kept as series come and go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{HeadIndex, NameIndex};

/// Up to so many pairs are all looked at; of more only those with many series.
const LOOKED_AT: usize = 1 << 16;
/// Values that are measured to learn how many bytes all have.
const MEASURED: usize = 1024;

/// A pair and its series.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PairCount {
    /// The label name.
    pub name: String,
    /// The value.
    pub value: String,
    /// Series that have it.
    pub series: u64,
}

/// A label name and what there is of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameCount {
    /// The label name.
    pub name: String,
    /// Distinct values.
    pub values: u64,
    /// Bytes of the values; of more than 1,024 values an estimate.
    pub value_bytes: u64,
    /// Series that have the label.
    pub series: u64,
}

impl HeadIndex {
    /// The `top` values of a label that the most series have, the largest first; equal ones by
    /// value.
    ///
    /// Of more than 65,536 values those with up to 64 series may be missing.
    pub fn largest_values(&self, name: &str, top: usize) -> Vec<PairCount> {
        let Some(id) = self.interner.find_name(name) else { return Vec::new() };
        let all = self.names.get(id as usize).map_or(&[][..], |name| &name.pairs);
        if all.len() <= LOOKED_AT {
            return self.largest(all.iter().copied(), top);
        }
        let is_own = |pair: &u32| self.interner.name_of(*pair) == Some(id);
        self.largest(self.large.iter().copied().filter(is_own), top)
    }

    /// The `top` pairs with the most series, the largest first; equal ones by name and value.
    ///
    /// Of more than 65,536 pairs those with up to 64 series may be missing.
    pub fn largest_pairs(&self, top: usize) -> Vec<PairCount> {
        if self.pair_count() <= LOOKED_AT {
            let all = self.interner.name_ids().filter_map(|id| self.names.get(id as usize));
            return self.largest(all.flat_map(|name| name.pairs.iter().copied()), top);
        }
        self.largest(self.large.iter().copied(), top)
    }

    /// All label names.
    pub fn name_counts(&self) -> Vec<NameCount> {
        let count = |id: u32| {
            let index = self.names.get(id as usize)?;
            Some(NameCount {
                name: self.interner.name(id).to_owned(),
                values: index.pairs.len() as u64,
                value_bytes: self.value_bytes(index),
                series: index.series.len(),
            })
        };
        self.interner.name_ids().filter_map(count).collect()
    }

    fn value_bytes(&self, name: &NameIndex) -> u64 {
        let step = name.pairs.len().div_ceil(MEASURED).max(1);
        let measured = name.pairs.iter().step_by(step);
        let (mut bytes, mut count) = (0, 0);
        for &pair in measured {
            bytes += self.interner.value(pair).len() as u64;
            count += 1;
        }
        bytes * name.pairs.len() as u64 / count.max(1)
    }

    fn largest(&self, pairs: impl Iterator<Item = u32>, top: usize) -> Vec<PairCount> {
        let mut largest = Top { most: top, heap: BinaryHeap::new() };
        for id in pairs {
            let series = self.postings[id as usize].len();
            if largest.takes(series)
                && let Some((name, value)) = self.interner.get(id)
            {
                largest.add(series, (name, value));
            }
        }
        largest.finish()
    }
}

/// The largest so far; the one that would leave first is at the heap's top.
struct Top<'a> {
    most: usize,
    heap: BinaryHeap<(Reverse<u64>, (&'a str, &'a str))>,
}

impl<'a> Top<'a> {
    fn takes(&self, count: u64) -> bool {
        self.heap.len() < self.most
            || self.heap.peek().is_some_and(|(Reverse(least), _)| count >= *least)
    }

    fn add(&mut self, count: u64, pair: (&'a str, &'a str)) {
        self.heap.push((Reverse(count), pair));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    fn finish(self) -> Vec<PairCount> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        let count = |(Reverse(series), (name, value)): (Reverse<u64>, (&str, &str))| PairCount {
            name: name.to_owned(),
            value: value.to_owned(),
            series,
        };
        sorted.map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;

    /// `count` series of a metric, each with an id of its own.
    fn fill(index: &mut HeadIndex, from: u32, count: u32, metric: &str) {
        for id in from..from + count {
            index.insert(id, &labels! { "__name__" => metric, "id" => &id.to_string() });
        }
    }

    fn named(found: &[PairCount]) -> Vec<(&str, u64)> {
        found.iter().map(|pair| (pair.value.as_str(), pair.series)).collect()
    }

    #[test]
    fn the_largest_come_first_and_equal_ones_by_name() {
        let mut index = HeadIndex::new();
        fill(&mut index, 0, 2, "b");
        fill(&mut index, 2, 2, "a");
        fill(&mut index, 4, 70, "large");
        assert_eq!(named(&index.largest_values("__name__", 2)), [("large", 70), ("a", 2)]);
        assert_eq!(named(&index.largest_pairs(3)), [("large", 70), ("a", 2), ("b", 2)]);
        assert_eq!(
            (index.largest_values("__name__", 0).len(), index.largest_pairs(999).len()),
            (0, 77)
        );
        let mut names = index.name_counts();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        let told: Vec<_> =
            names.iter().map(|n| (&*n.name, n.values, n.value_bytes, n.series)).collect();
        assert_eq!(told, [("__name__", 3, 7, 74), ("id", 74, 10 + 64 * 2, 74)]);
    }

    #[test]
    fn of_very_many_pairs_those_with_many_series_are_found() {
        let mut index = HeadIndex::new();
        fill(&mut index, 0, LOOKED_AT as u32, "flood");
        fill(&mut index, LOOKED_AT as u32, 80, "calm");
        assert_eq!(named(&index.largest_pairs(2)), [("flood", 65_536), ("calm", 80)]);
        for id in (LOOKED_AT as u32..).take(80) {
            index.remove(id);
        }
        assert_eq!(named(&index.largest_pairs(9)), [("flood", 65_536)]);
    }
}
