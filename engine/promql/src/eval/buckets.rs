//! Functions of windows from buckets, where the storage has them.

use nunatak::{Rollup, RollupCursor, Windows};

use super::ranges::refuse_equal;
use super::select::keeps_name;
use super::{Exec, Sink};
use crate::column::{Column, Held, Row};
use crate::error::Result;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::key::without_metadata;
use crate::plan::{RangePlan, Scan, SelectPlan, WindowCall};
use crate::window::{RollupFunction, wanted};

/// Samples that a bucket counts as.
const BUCKET: usize = size_of::<Rollup>() / 16;

impl Exec<'_> {
    /// A function of windows, if the storage has buckets for it; `None`, with nothing done, if not.
    pub(super) fn window_of_buckets(
        &self,
        call: &WindowCall,
        grid: &Grid,
        sink: Sink,
    ) -> Result<Option<()>> {
        let RangePlan::Select(select, range_ms) = &call.range else { return Ok(None) };
        if wanted(call.func).is_none() || select.mode.is_some() {
            return Ok(None);
        }
        let function = RollupFunction::new(call.func, &call.range, grid);
        let windows = Windows { ends: function.ends(), range_ms: *range_ms };
        let (selector, _) = self.asked(select, grid, *range_ms);
        if !self.source.has_rollups(selector.range, &windows) {
            return Ok(None);
        }
        let keeps_names = self.delayed_names || keeps_name(call.func);
        let unsorted = matches!(select.scan, Scan::Unsorted | Scan::By(_));
        if unsorted && (keeps_names || !self.has_types(select, grid, *range_ms)?) {
            return self.bucket_windows(call, select, grid, function, sink).map(Some);
        }
        let mut function = Some(function);
        let mut matrix = self.gather(&mut |sink| match function.take() {
            Some(function) => self.bucket_windows(call, select, grid, function, sink),
            None => Ok(()),
        })?;
        matrix.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        if !keeps_names {
            refuse_equal(&matrix)?;
        }
        self.replay(matrix, sink).map(Some)
    }

    fn bucket_windows(
        &self,
        call: &WindowCall,
        select: &SelectPlan,
        grid: &Grid,
        mut function: RollupFunction,
        sink: Sink,
    ) -> Result<()> {
        let Some(wanted) = wanted(call.func) else { return Ok(()) };
        let (selector, _) = self.asked(select, grid, call.range.range_ms());
        let ends = function.ends().to_vec();
        let windows = Windows { ends: &ends, range_ms: call.range.range_ms() };
        let counter = matches!(call.func, FunctionId::Rate | FunctionId::Increase);
        let nameless = !keeps_name(call.func) && !self.delayed_names;
        let mut held = self.held();
        self.take(&mut held, grid.count.saturating_mul(3))?;
        let (mut column, mut buckets, mut own) = (Column::default(), Vec::new(), self.held());
        let mut failure = None;
        let warnings = self.source.rollups(&selector, &windows, wanted, &mut |labels, cursor| {
            self.series_read.set(self.series_read.get() + 1);
            column.reset(grid.count);
            let evaluated = self.read_buckets(cursor, &mut buckets, &mut own).and_then(|()| {
                function.evaluate(&buckets, &self.watch, &mut column)?;
                if column.present.is_empty() {
                    return Ok(());
                }
                if counter {
                    self.notes.possible_non_counter(labels, call.span);
                }
                let labels = if nameless { without_metadata(labels) } else { labels.clone() };
                let drop_name = !keeps_name(call.func);
                sink(Row { labels, drop_name, column: &mut column })
            });
            failure = evaluated.err();
            failure.is_none()
        });
        if let Some(error) = failure {
            return Err(error);
        }
        warnings?.into_iter().for_each(|warning| self.notes.storage(warning));
        Ok(())
    }

    /// Reads all buckets of a series, and puts them into the order of time.
    fn read_buckets(
        &self,
        cursor: &mut dyn RollupCursor,
        buckets: &mut Vec<Rollup>,
        held: &mut Held,
    ) -> Result<()> {
        self.tick()?;
        held.release();
        buckets.clear();
        let mut read = 0;
        while cursor.next_buckets(buckets)? {
            let before = std::mem::replace(&mut read, buckets.len());
            self.take(held, (read - before).saturating_mul(BUCKET))?;
        }
        self.samples_read.set(self.samples_read.get() + read as u64);
        if let Some(profile) = &self.profile {
            profile.read(read as u64);
        }
        if !buckets.is_sorted_by_key(|bucket| bucket.last_t) {
            buckets.sort_unstable_by_key(|bucket| bucket.last_t);
        }
        Ok(())
    }
}
