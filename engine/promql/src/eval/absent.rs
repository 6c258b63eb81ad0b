//! `absent` and `absent_over_time`: a series where there is none.

use nunatak_index::Labels;

use super::ranges::Input;
use super::{Exec, Sink};
use crate::column::{Bits, Column, Row};
use crate::error::Result;
use crate::grid::Grid;
use crate::plan::{RangePlan, VectorPlan};
use crate::window::Frames;

impl Exec<'_> {
    pub(super) fn absent(
        &self,
        input: &VectorPlan,
        labels: &Labels,
        grid: &Grid,
        sink: Sink,
    ) -> Result<()> {
        let mut seen = Bits::new(grid.count);
        self.stream(input, grid, &mut |row| {
            seen.union(&row.column.there());
            Ok(())
        })?;
        ones(&seen, labels, sink)
    }

    pub(super) fn absent_over_time(
        &self,
        range: &RangePlan,
        labels: &Labels,
        grid: &Grid,
        sink: Sink,
    ) -> Result<()> {
        crate::window::check_mode(crate::functions::FunctionId::AbsentOverTime, range.mode())?;
        let mut seen = Bits::new(grid.count);
        let mut frames = Frames::new(range, grid, self.lookback_ms);
        self.each_samples(range, grid, Input::Unopened, &mut |_, _, samples| {
            for (step, ..) in frames.of(samples, &self.watch).filled(1) {
                seen.insert(step);
            }
            self.watch.verdict()
        })?;
        ones(&seen, labels, sink)
    }
}

fn ones(seen: &Bits, labels: &Labels, sink: Sink) -> Result<()> {
    if seen.is_full() {
        return Ok(());
    }
    let mut column = Column::full(vec![1.0; seen.len()]);
    column.present = seen.complement();
    sink(Row { labels: labels.clone(), drop_name: false, column: &mut column })
}
