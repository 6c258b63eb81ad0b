//! Selectors: samples from the storage, at instants.

use nunatak::{Hints, SampleBatch, SelectedSeries, Selector, StreamId, TimeRange};
use nunatak_index::Labels;

use super::{Exec, Sink, Stage};
use crate::ast::RangeMode;
use crate::column::{Column, Held, Row};
use crate::error::Result;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::key::{Interner, without_metadata};
use crate::plan::SelectPlan;
use crate::window;

/// The bits of the NaN that marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Samples that are charged at a time.
const PIECE: usize = 4096;

/// Whether a value marks the end of a series.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

/// Whether a function of windows gives back samples as they are, so that the name stays true.
pub(super) fn keeps_name(func: FunctionId) -> bool {
    matches!(func, FunctionId::LastOverTime | FunctionId::FirstOverTime)
}

/// The samples of one series; its memory is used again for the next one.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) times: Vec<i64>,
    pub(crate) values: Vec<f64>,
    /// The timestamp stream that `times` is, if it is a whole one.
    pub(crate) stream: Option<StreamId>,
    batch: SampleBatch,
    held: Held,
}

impl Samples {
    /// Takes samples from elsewhere.
    pub(crate) fn refill(
        &mut self,
        exec: &Exec,
        samples: impl Iterator<Item = (i64, f64)>,
    ) -> Result<()> {
        self.times.clear();
        self.values.clear();
        self.stream = None;
        self.held.release();
        // Charged piece by piece, so that what is above the limit is refused before it is there.
        let mut samples = samples.peekable();
        while samples.peek().is_some() {
            let before = self.times.len();
            for (t, v) in samples.by_ref().take(PIECE) {
                self.times.push(t);
                self.values.push(v);
            }
            exec.take(&mut self.held, self.times.len() - before)?;
        }
        Ok(())
    }

    fn drop_stale(&mut self) {
        if !self.values.iter().any(|&value| is_stale(value)) {
            return;
        }
        let mut keep = 0;
        for i in 0..self.values.len() {
            if !is_stale(self.values[i]) {
                self.values[keep] = self.values[i];
                self.times[keep] = self.times[i];
                keep += 1;
            }
        }
        self.values.truncate(keep);
        self.times.truncate(keep);
        self.stream = None;
    }
}

impl Exec<'_> {
    pub(crate) fn samples(&self) -> Samples {
        let (times, values, stream) = (Vec::new(), Vec::new(), None);
        Samples { times, values, stream, batch: SampleBatch::default(), held: self.held() }
    }

    /// The series of a selector. `range_ms` is 0 for an instant selector.
    pub(crate) fn open(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        range_ms: i64,
    ) -> Result<Vec<SelectedSeries>> {
        let ends = |t: i64| select.at.unwrap_or(t).saturating_sub(select.offset_ms);
        let (before, after) = match select.mode {
            None if range_ms == 0 => (self.lookback_ms, 0),
            None => (range_ms, 0),
            Some(RangeMode::Anchored) => (range_ms.saturating_add(self.lookback_ms), 0),
            Some(RangeMode::Smoothed) => {
                (range_ms.saturating_add(self.lookback_ms), self.lookback_ms)
            }
        };
        let start = ends(grid.start).saturating_sub(before).saturating_add(1);
        let range = TimeRange::new(start, ends(grid.end()).saturating_add(after));
        let step_ms = if grid.count > 1 { grid.step } else { 0 };
        let hints = Hints {
            step_ms,
            range_ms,
            function: select.function,
            grouping: select.grouping.clone(),
            ..Hints::default()
        };
        let selection =
            self.source.select(&Selector::new(select.matchers.clone(), range), &hints)?;
        for warning in selection.warnings {
            self.notes.storage(warning);
        }
        let read = self.series_read.get() + selection.series.len() as u64;
        self.series_read.set(read);
        Ok(selection.series)
    }

    /// Reads all samples of a series; with `keep_stale` the marks of its ends, too.
    pub(crate) fn read(
        &self,
        series: &mut SelectedSeries,
        samples: &mut Samples,
        keep_stale: bool,
    ) -> Result<()> {
        self.tick()?;
        samples.times.clear();
        samples.values.clear();
        samples.stream = None;
        samples.held.release();
        while series.cursor.next_batch(&mut samples.batch)? {
            self.take(&mut samples.held, samples.batch.len())?;
            if samples.times.is_empty() {
                std::mem::swap(&mut samples.times, &mut samples.batch.times);
                std::mem::swap(&mut samples.values, &mut samples.batch.values);
                samples.stream = samples.batch.stream;
            } else {
                samples.times.extend_from_slice(&samples.batch.times);
                samples.values.extend_from_slice(&samples.batch.values);
                samples.stream = None;
            }
        }
        let read = self.samples_read.get() + samples.times.len() as u64;
        self.samples_read.set(read);
        if !keep_stale {
            samples.drop_stale();
        }
        Ok(())
    }

    /// An instant selector.
    pub(super) fn select(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        let series = self.open(select, grid, 0)?;
        self.instants(select, grid, series, |labels| labels, &mut |row, sink| sink(row), sink)
    }

    /// An instant selector whose series go through `stage` and lose their names. `None` if their
    /// labels would not be unique then: nothing is done in that case.
    pub(super) fn select_without_names(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        stage: Stage,
        sink: Sink,
    ) -> Result<Option<()>> {
        let series = self.open(select, grid, 0)?;
        if !unique(&series) {
            return Ok(None);
        }
        self.instants(select, grid, series, |labels| without_metadata(&labels), stage, sink)
            .map(Some)
    }

    /// `timestamp` of a selector.
    pub(super) fn timestamp(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        let mut produce = |sink: Sink| {
            self.sample_times(select, grid, &mut |labels, column| self.emit(labels, column, sink))
        };
        if self.delayed_names {
            return produce(sink);
        }
        let matrix = self.gather(&mut produce)?;
        self.replay(self.merge_equal(matrix)?, sink)
    }

    /// The times of the samples that an instant selector sees, in seconds.
    pub(super) fn sample_times(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        take: &mut dyn FnMut(&Labels, &mut Column) -> Result<()>,
    ) -> Result<()> {
        let mut samples = self.samples();
        let mut column = Column::default();
        for mut series in self.open(select, grid, 0)? {
            self.read(&mut series, &mut samples, true)?;
            column.reset(grid.count);
            each_instant(&samples, select, grid, self.lookback_ms, |step, sample| {
                column.set(step, samples.times[sample] as f64 / 1000.0);
            });
            if !column.present.is_empty() {
                take(&series.labels, &mut column)?;
            }
        }
        Ok(())
    }

    /// Hands a column on whose values are no longer the metric's.
    fn emit(&self, labels: &Labels, column: &mut Column, sink: Sink) -> Result<()> {
        let labels = if self.delayed_names { labels.clone() } else { without_metadata(labels) };
        sink(Row { labels, drop_name: true, column })
    }

    fn instants(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        series: Vec<SelectedSeries>,
        labels: impl Fn(Labels) -> Labels,
        stage: Stage,
        sink: Sink,
    ) -> Result<()> {
        let mut samples = self.samples();
        let mut column = Column::default();
        for mut series in series {
            self.read(&mut series, &mut samples, select.mode.is_none())?;
            self.watch.work(grid.count)?;
            column.reset(grid.count);
            if select.mode == Some(RangeMode::Smoothed) {
                window::smooth_instants(&samples, select, grid, self.lookback_ms, &mut column);
            } else {
                each_instant(&samples, select, grid, self.lookback_ms, |step, sample| {
                    column.set(step, samples.values[sample]);
                });
            }
            if !column.present.is_empty() {
                let labels = labels(series.labels);
                stage(Row { labels, drop_name: false, column: &mut column }, sink)?;
            }
        }
        Ok(())
    }
}

/// Calls `found` for each step that sees a sample: the last one in (t − look-back, t], unless it
/// is the mark of the series' end.
fn each_instant(
    samples: &Samples,
    select: &SelectPlan,
    grid: &Grid,
    lookback_ms: i64,
    mut found: impl FnMut(usize, usize),
) {
    let mut next = 0;
    for step in 0..grid.count {
        let t = select.at.unwrap_or_else(|| grid.time(step)).saturating_sub(select.offset_ms);
        while samples.times.get(next).is_some_and(|&time| time <= t) {
            next += 1;
        }
        let Some(last) = next.checked_sub(1) else { continue };
        if samples.times[last] > t.saturating_sub(lookback_ms) && !is_stale(samples.values[last]) {
            found(step, last);
        }
    }
}

/// Whether the label sets stay different without the metric's name, type and unit.
pub(super) fn unique(series: &[SelectedSeries]) -> bool {
    let mut numbers = Interner::default();
    series
        .iter()
        .all(|series| numbers.number(&series.labels, |name| !crate::key::is_metadata(name)).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(at: Option<i64>, offset_ms: i64) -> SelectPlan {
        let (mode, function, grouping) = (None, None, None);
        SelectPlan { matchers: Vec::new(), offset_ms, at, mode, function, grouping }
    }

    fn samples(pairs: &[(i64, f64)]) -> Samples {
        let (times, values) = pairs.iter().copied().unzip();
        let (batch, held) = (SampleBatch::default(), Held::default());
        Samples { times, values, stream: None, batch, held }
    }

    proptest! {
        #[test]
        fn instants_are_the_naive_ones(
            times in prop::collection::btree_set(0_i64..200, 0..40),
            stale in prop::collection::vec(any::<bool>(), 40),
            step in 1_i64..30, offset in -20_i64..20, lookback in 1_i64..50,
        ) {
            let pairs: Vec<_> = times.iter().zip(stale)
                .map(|(&t, stale)| (t, if stale { f64::from_bits(STALE) } else { t as f64 }))
                .collect();
            let grid = Grid { start: -10, step, count: 12 };
            let mut got = vec![None; grid.count];
            each_instant(&samples(&pairs), &plan(None, offset), &grid, lookback, |step, i| got[step] = Some(i));
            for (step, got) in got.into_iter().enumerate() {
                let t = grid.time(step) - offset;
                let want = pairs.iter().rposition(|&(time, _)| time <= t)
                    .filter(|&i| pairs[i].0 > t - lookback && !is_stale(pairs[i].1));
                prop_assert_eq!(got, want);
            }
        }
    }
}
