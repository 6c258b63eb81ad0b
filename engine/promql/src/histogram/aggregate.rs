//! Native histograms in aggregations that fold: beside the accumulators for floats.

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::Histogram;

use super::total::{Incompatible, Joined};
use super::{Mean, SeenHints, Total};
use crate::ast::{AggregateOp, Span};
use crate::column::Column;
use crate::notes::{Joining, Notes};

/// The histograms of all groups of one aggregation.
#[derive(Debug)]
pub(crate) struct Groups<'a> {
    op: AggregateOp,
    /// Of the expression that is aggregated.
    span: Span,
    notes: &'a Notes,
    /// By the number of the group, and by step.
    cells: Vec<BTreeMap<usize, Cell>>,
}

#[derive(Debug)]
struct Cell {
    sum: Sum,
    seen: SeenHints,
}

#[derive(Debug)]
enum Sum {
    Total(Total),
    Mean(Mean),
    /// Histograms that can't be put together: no result.
    Incompatible,
}

impl Sum {
    fn add(&mut self, h: &Histogram) -> Result<Joined, Incompatible> {
        match self {
            Self::Total(total) => total.add(h),
            Self::Mean(mean) => mean.add(h),
            Self::Incompatible => Ok(Joined::default()),
        }
    }
}

impl<'a> Groups<'a> {
    pub(crate) fn new(op: AggregateOp, span: Span, notes: &'a Notes) -> Self {
        Self { op, span, notes, cells: Vec::new() }
    }

    /// Takes the histograms out of a column that goes to `group`; an aggregation that counts gets
    /// a float in their place.
    pub(crate) fn take(&mut self, group: usize, name: &str, column: &mut Column) {
        let histograms = std::mem::take(&mut column.histograms);
        match self.op {
            AggregateOp::Count | AggregateOp::Group => {
                for step in histograms.into_keys() {
                    column.set(step, 0.0);
                }
            }
            AggregateOp::Sum | AggregateOp::Avg => self.add(group, name, &histograms),
            _ => self.notes.ignored_in_aggregation(self.op, self.span),
        }
    }

    fn add(&mut self, group: usize, name: &str, histograms: &BTreeMap<usize, Arc<Histogram>>) {
        if self.cells.len() <= group {
            self.cells.resize_with(group + 1, BTreeMap::new);
        }
        for (&step, h) in histograms {
            let Some(cell) = self.cells[group].get_mut(&step) else {
                let cell = Cell::new(self.op, h);
                self.cells[group].insert(step, cell);
                continue;
            };
            if matches!(cell.sum, Sum::Incompatible) {
                continue;
            }
            cell.seen.see(h.hint);
            match cell.sum.add(h) {
                Ok(Joined { reconciled: true, .. }) => {
                    self.notes.reconciled_bounds(Joining::Aggregation, self.span);
                }
                Ok(_) => {}
                Err(Incompatible) => {
                    cell.sum = Sum::Incompatible;
                    self.notes.mixed_schemas(name, self.span);
                }
            }
        }
    }

    /// Adds the results of a group to those for floats; where both are there is none.
    pub(crate) fn finish(&mut self, group: usize, out: &mut Column) {
        let Some(cells) = self.cells.get_mut(group) else { return };
        for (step, cell) in std::mem::take(cells) {
            if cell.seen.collide() {
                self.notes.colliding_resets(Joining::Aggregation, self.span);
            }
            if out.present.contains(step) {
                self.notes.mixed_in_aggregation(self.span);
                out.present.remove(step);
                continue;
            }
            let histogram = match cell.sum {
                Sum::Total(total) => total.finish(),
                Sum::Mean(mean) => mean.finish(),
                Sum::Incompatible => continue,
            };
            out.set_histogram(step, Arc::new(histogram));
        }
    }
}

impl Cell {
    fn new(op: AggregateOp, h: &Histogram) -> Self {
        let mut seen = SeenHints::default();
        seen.see(h.hint);
        let sum = match op {
            AggregateOp::Avg => Sum::Mean(Mean::from(h)),
            _ => Sum::Total(Total::from(h)),
        };
        Self { sum, seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(step: usize, count: f64) -> Column {
        let mut column = Column::new(3);
        column.set_histogram(step, Arc::new(Histogram { count, ..Histogram::default() }));
        column
    }

    #[test]
    fn floats_and_histograms_at_one_step_give_nothing() {
        let notes = Notes::new("");
        let mut groups = Groups::new(AggregateOp::Sum, Span::default(), &notes);
        groups.take(1, "", &mut column(0, 2.0));
        groups.take(1, "", &mut column(0, 3.0));
        groups.take(1, "", &mut column(2, 3.0));
        let mut out = Column::new(3);
        out.set(2, 1.0);
        groups.finish(1, &mut out);
        groups.finish(7, &mut out);
        assert_eq!(out.histograms.keys().collect::<Vec<_>>(), [&0]);
        assert_eq!(out.histograms[&0].count, 5.0);
        assert!(out.present.is_empty());
        assert_eq!(notes.finish().0.len(), 1);
    }

    #[test]
    fn who_counts_counts_histograms() {
        let notes = Notes::new("");
        let mut groups = Groups::new(AggregateOp::Count, Span::default(), &notes);
        let mut column = column(1, 2.0);
        groups.take(0, "", &mut column);
        assert!(column.present.contains(1) && column.histograms.is_empty());
    }
}
