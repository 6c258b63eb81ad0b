//! Native histograms of a selector, and where samples come from elsewhere.

use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use super::Exec;
use super::select::{Samples, each_instant};
use crate::column::Column;
use crate::error::Result;
use crate::grid::Grid;
use crate::histogram::reset::is_reset;
use crate::plan::SelectPlan;
use crate::value::Points;

impl Exec<'_> {
    /// Puts the histograms that the steps see in the place of the floats.
    pub(super) fn instant_histograms(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        samples: &Samples,
        column: &mut Column,
    ) {
        each_instant(samples, select, grid, self.lookback_ms, |step, row| {
            if let Some(histogram) = samples.histogram(row) {
                column.present.remove(step);
                column.set_histogram(step, Arc::clone(histogram));
            }
        });
    }

    /// Takes the points of a subquery that has histograms.
    pub(super) fn refill_mixed(
        &self,
        samples: &mut Samples,
        column: &Column,
        grid: &Grid,
    ) -> Result<()> {
        let placeholder = |step| column.get(step).unwrap_or(f64::NAN);
        let there = column.there();
        samples.refill(self, there.iter().map(|step| (grid.time(step), placeholder(step))))?;
        let rows = there.iter().enumerate();
        let histograms =
            rows.filter_map(|(row, step)| column.histograms.get(&step).map(|h| (row, unsure(h))));
        samples.set_histograms(histograms.collect());
        Ok(())
    }
}

impl Samples {
    /// The samples after a time and up to another one, without values at the borders.
    pub(super) fn points(&self, (start, end): (i64, i64)) -> Points {
        let from = self.times().partition_point(|&t| t <= start);
        let to = self.times().partition_point(|&t| t <= end).max(from);
        let inside = self.histograms().iter().filter(|(row, _)| (from..to).contains(row));
        let histograms = inside.map(|(row, h)| (row - from, Arc::clone(h))).collect();
        let (times, values) = (self.times()[from..to].to_vec(), self.values()[from..to].to_vec());
        Points { times, values, histograms }
    }

    /// Looks whether counters began anew, if only parts of the histograms are wanted: so does
    /// Prometheus, which then sees hints that contradict each other.
    pub(super) fn find_hints(&mut self, select: &SelectPlan) {
        if !select.parts_only || self.histograms().is_empty() {
            return;
        }
        let before = self.histograms().to_vec();
        let mut found = before.clone();
        for ((_, histogram), (_, previous)) in found.iter_mut().skip(1).zip(&before) {
            if histogram.hint == ResetHint::Unknown {
                let reset = is_reset(histogram, previous);
                let hint = if reset { ResetHint::Reset } else { ResetHint::NotReset };
                Arc::make_mut(histogram).hint = hint;
            }
        }
        self.set_histograms(found);
    }
}

/// A histogram whose neighbours are no longer those that its hint is about.
fn unsure(histogram: &Arc<Histogram>) -> Arc<Histogram> {
    let mut histogram = Arc::clone(histogram);
    if matches!(histogram.hint, ResetHint::Reset | ResetHint::NotReset) {
        Arc::make_mut(&mut histogram).hint = ResetHint::Unknown;
    }
    histogram
}
