//! Who has the most series: what one looks at when a flood of series has come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::HeadIndex;
use crate::labels::METRIC_NAME;

/// A name and how many it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// A metric name, a label name, or a pair `name=value`.
    pub name: String,
    /// Series, values or bytes.
    pub count: u64,
}

/// The largest of each kind, largest first; equal ones by name. These are the tables of
/// Prometheus' `/api/v1/status/tsdb`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// All series.
    pub series: u64,
    /// All distinct label pairs.
    pub pairs: u64,
    /// All label names.
    pub names: u64,
    /// Series of a metric name.
    pub series_by_metric: Vec<Count>,
    /// Distinct values of a label name.
    pub values_by_name: Vec<Count>,
    /// Bytes of the distinct values of a label name.
    pub bytes_by_name: Vec<Count>,
    /// Series that have a pair.
    pub series_by_pair: Vec<Count>,
}

pub(super) fn cardinality(head: &HeadIndex, top: usize) -> Cardinality {
    let (mut metrics, mut values) = (Top::new(top), Top::new(top));
    let (mut bytes, mut pairs) = (Top::new(top), Top::new(top));
    for name_id in head.interner.name_ids() {
        let Some(index) = head.names.get(name_id as usize) else { continue };
        let name = head.interner.name(name_id);
        let value_bytes = index.pairs.iter().map(|&id| head.interner.value(id).len() as u64).sum();
        values.offer(index.pairs.len() as u64, || name.to_owned());
        bytes.offer(value_bytes, || name.to_owned());
        for &id in &index.pairs {
            let (value, series) = (head.interner.value(id), head.postings[id as usize].len());
            pairs.offer(series, || format!("{name}={value}"));
            if name == METRIC_NAME {
                metrics.offer(series, || value.to_owned());
            }
        }
    }
    Cardinality {
        series: head.len() as u64,
        pairs: head.pair_count() as u64,
        names: head.interner.name_ids().count() as u64,
        series_by_metric: metrics.finish(),
        values_by_name: values.finish(),
        bytes_by_name: bytes.finish(),
        series_by_pair: pairs.finish(),
    }
}

/// The largest so far; the one that would leave first is at the heap's top.
struct Top {
    most: usize,
    heap: BinaryHeap<(Reverse<u64>, String)>,
}

impl Top {
    fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    /// Makes the name only if the count is among the largest.
    fn offer(&mut self, count: u64, name: impl FnOnce() -> String) {
        let full = self.heap.len() >= self.most;
        if full && self.heap.peek().is_none_or(|(Reverse(least), _)| count < *least) {
            return;
        }
        self.heap.push((Reverse(count), name()));
        if full {
            self.heap.pop();
        }
    }

    fn finish(self) -> Vec<Count> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|(Reverse(count), name)| Count { name, count }).collect()
    }
}
