//! Where the time of a query went, operator by operator.
//!
//! Series run through all operators one by one, so their times are interleaved. The profile has
//! one clock that always runs for one operator: it is handed down when an operator asks for its
//! input, and up for as long as a series is with the operator above.

mod describe;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::column::Row;
use crate::plan::VectorPlan;

/// What one operator of a query did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperatorStats {
    /// How many operators are above it.
    pub depth: usize,
    /// What it is.
    pub operator: String,
    /// Series that it handed on.
    pub series: u64,
    /// Their points.
    pub points: u64,
    /// Samples that it read from the storage.
    pub samples: u64,
    /// The most bytes that the query held while it worked.
    pub peak_bytes: u64,
    /// The time that it took, without that of the operators below.
    pub time: Duration,
}

/// The operators met so far, each behind the one that asked for it.
#[derive(Debug)]
pub(crate) struct Profile {
    operators: RefCell<Vec<OperatorStats>>,
    /// By the address of their plans: an operator may be asked again and again.
    numbers: RefCell<HashMap<usize, usize>>,
    current: Cell<Option<usize>>,
    since: Cell<Instant>,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            operators: RefCell::default(),
            numbers: RefCell::default(),
            current: Cell::new(None),
            since: Cell::new(Instant::now()),
        }
    }

    /// From now on the clock runs for an operator; returns for which one it did before.
    pub(crate) fn enter(&self, plan: &VectorPlan) -> Option<usize> {
        let address = std::ptr::from_ref(plan).addr();
        let known = self.numbers.borrow().get(&address).copied();
        let number = known.unwrap_or_else(|| {
            let mut operators = self.operators.borrow_mut();
            let above = self.current.get().and_then(|above| operators.get(above));
            let depth = above.map_or(0, |above| above.depth + 1);
            let operator = describe::operator(plan);
            operators.push(OperatorStats { depth, operator, ..OperatorStats::default() });
            self.numbers.borrow_mut().insert(address, operators.len() - 1);
            operators.len() - 1
        });
        self.switch(Some(number))
    }

    /// From now on the clock runs for another one; returns for which one it did before.
    pub(crate) fn switch(&self, to: Option<usize>) -> Option<usize> {
        let now = Instant::now();
        let time = now - self.since.replace(now);
        self.update(|operator| operator.time += time);
        self.current.replace(to)
    }

    /// The current operator hands a series on.
    pub(crate) fn hand_on(&self, row: &Row) {
        let points = (row.column.present.count() + row.column.histograms.len()) as u64;
        self.update(|operator| {
            operator.series += 1;
            operator.points += points;
        });
    }

    /// The current operator read samples.
    pub(crate) fn read(&self, samples: u64) {
        self.update(|operator| operator.samples += samples);
    }

    /// The query holds so many bytes now.
    pub(crate) fn hold(&self, bytes: u64) {
        self.update(|operator| operator.peak_bytes = operator.peak_bytes.max(bytes));
    }

    pub(crate) fn finish(self) -> Vec<OperatorStats> {
        self.operators.into_inner()
    }

    fn update(&self, change: impl FnOnce(&mut OperatorStats)) {
        if let Some(current) = self.current.get()
            && let Some(operator) = self.operators.borrow_mut().get_mut(current)
        {
            change(operator);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Engine, MemorySource, QueryParams};
    use nunatak_index::labels;

    #[test]
    fn operators_say_what_they_did() {
        let mut source = MemorySource::new();
        for (cpu, v) in [("0", 1.0), ("1", 3.0)] {
            let labels = labels! { "__name__" => "busy_total", "cpu" => cpu };
            (0..10).for_each(|i| source.push(&labels, i * 1000, v * i as f64));
        }
        let params = QueryParams { profile: true, ..QueryParams::default() };
        let query = "sum by (job) (rate(busy_total[5s])) * 2";
        let range = (5000, 9000, 1000);
        let result = Engine::default().range_with(&source, query, range, &params).unwrap();
        let rows: Vec<_> = result
            .operators
            .iter()
            .map(|o| (o.depth, o.operator.as_str(), o.series, o.points, o.samples))
            .collect();
        assert_eq!(rows[0], (0, "*", 1, 5, 0));
        assert_eq!(rows[1], (1, "sum by (job)", 1, 5, 0));
        assert_eq!(rows[2], (2, "rate({__name__=\"busy_total\"}[5s])", 2, 10, 18));
        assert!(result.operators.iter().any(|operator| !operator.time.is_zero()));
        let plain = Engine::default().range(&source, query, 5000, 9000, 1000).unwrap();
        assert!(plain.operators.is_empty());
    }
}
