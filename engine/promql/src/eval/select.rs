//! Selectors: samples from the storage, at instants.

use std::sync::Arc;

use nunatak::{Cursor, Gathered, Hints, Histogram, Piece, SelectedSeries, Selector, TimeRange};
use nunatak_index::Labels;

use super::{Exec, Sink, Stage};
use crate::ast::RangeMode;
use crate::column::{Column, Held, Matrix, Row};
use crate::error::{QueryError, Result};
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::key::{Interner, without_metadata};
use crate::plan::{Scan, SelectPlan};
use crate::runs::sort_by_labels;
use crate::window::{self, Remarks};

/// The bits of the NaN that marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What a selected series counts as besides the text of its labels: ends of labels, a cursor.
const SERIES_BYTES: u64 = 320;

/// What a label set of a scan counts as besides its text.
const LABELS_BYTES: u64 = 160;

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
    gathered: Gathered,
    held: Held,
}

impl Samples {
    pub(crate) fn times(&self) -> &[i64] {
        self.gathered.times()
    }

    pub(crate) fn values(&self) -> &[f64] {
        self.gathered.values()
    }

    /// Native histograms by row.
    pub(crate) fn histograms(&self) -> &[(usize, Arc<Histogram>)] {
        self.gathered.histograms()
    }

    /// The histogram of a row, if there is one.
    pub(crate) fn histogram(&self, row: usize) -> Option<&Arc<Histogram>> {
        let histograms = self.histograms();
        let at = histograms.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&histograms[at].1)
    }

    /// Changes when the times do.
    pub(crate) fn version(&self) -> u64 {
        self.gathered.version()
    }

    /// Whether a value may be below the one before it, or no number; `false` only if none is.
    pub(crate) fn may_fall(&self) -> bool {
        self.gathered.may_fall()
    }

    /// What the times are made of.
    pub(crate) fn pieces(&self) -> &[Piece] {
        self.gathered.pieces()
    }

    pub(super) fn set_histograms(&mut self, histograms: Vec<(usize, Arc<Histogram>)>) {
        self.gathered.set_histograms(histograms);
    }

    /// Takes samples from elsewhere.
    pub(crate) fn refill(
        &mut self,
        exec: &Exec,
        samples: impl Iterator<Item = (i64, f64)>,
    ) -> Result<()> {
        self.gathered.begin();
        self.held.release();
        // Charged piece by piece, so that what is above the limit is refused before it is there.
        let (mut samples, mut times) = (samples.peekable(), Vec::new());
        while samples.peek().is_some() {
            times.clear();
            for (t, v) in samples.by_ref().take(PIECE) {
                times.push(t);
                self.gathered.values_mut().push(v);
            }
            self.gathered.push_times(&times);
            exec.take(&mut self.held, times.len())?;
        }
        self.gathered.end();
        Ok(())
    }
}

impl Exec<'_> {
    pub(crate) fn samples(&self) -> Samples {
        Samples { gathered: Gathered::default(), held: self.held() }
    }

    /// The series of a selector. `range_ms` is 0 for an instant selector.
    pub(crate) fn open(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        range_ms: i64,
    ) -> Result<Vec<SelectedSeries>> {
        let (selector, hints) = self.asked(select, grid, range_ms);
        let selection = self.source.select(&selector, &hints)?;
        for warning in selection.warnings {
            self.notes.storage(warning);
        }
        let read = self.series_read.get() + selection.series.len() as u64;
        self.series_read.set(read);
        let labels = selection.series.iter().map(|series| series.labels.text_len() as u64);
        self.take_bytes(labels.map(|text| text + SERIES_BYTES).sum())?;
        Ok(selection.series)
    }

    /// What the storage is asked for.
    pub(super) fn asked(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        range_ms: i64,
    ) -> (Selector, Hints) {
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
            labels: match &select.scan {
                Scan::By(labels) => Some(labels.clone()),
                _ => None,
            },
            presence_only: select.presence_only,
            ..Hints::default()
        };
        (Selector::new(select.matchers.clone(), range), hints)
    }

    /// Hands the series of a selector that [scans](SelectPlan::scan) to `take`, one by one.
    pub(super) fn scan(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        range_ms: i64,
        keep_stale: bool,
        take: &mut dyn FnMut(Labels, &mut Samples) -> Result<()>,
    ) -> Result<()> {
        let (selector, hints) = self.asked(select, grid, range_ms);
        let mut samples = self.samples();
        let mut failure = None;
        // Whole label sets are kept by whoever is above; groups are few.
        let are_kept = !matches!(select.scan, Scan::Unsorted | Scan::By(_));
        let warnings = self.source.scan(&selector, &hints, &mut |labels, cursor| {
            self.series_read.set(self.series_read.get() + 1);
            let bytes = if are_kept { labels.text_len() as u64 + LABELS_BYTES } else { 0 };
            let read =
                self.take_bytes(bytes).and_then(|()| self.read(cursor, &mut samples, keep_stale));
            samples.find_hints(select);
            failure = read.and_then(|()| take(labels, &mut samples)).err();
            failure.is_none()
        });
        if let Some(error) = failure {
            return Err(error);
        }
        warnings?.into_iter().for_each(|warning| self.notes.storage(warning));
        Ok(())
    }

    /// Reads all samples of a series; with `keep_stale` the marks of its ends, too.
    pub(crate) fn read(
        &self,
        cursor: &mut dyn Cursor,
        samples: &mut Samples,
        keep_stale: bool,
    ) -> Result<()> {
        self.tick()?;
        let Samples { gathered, held } = samples;
        held.release();
        gathered.begin();
        let mut read = 0;
        while cursor.gather(gathered)? {
            let before = std::mem::replace(&mut read, gathered.values().len());
            self.take(held, read - before)?;
        }
        gathered.end();
        if !gathered.histograms().is_empty() {
            let bytes = gathered.histograms().iter().map(|(_, h)| h.bytes().div_ceil(16));
            self.take(held, bytes.sum())?;
        }
        self.samples_read.set(self.samples_read.get() + read as u64);
        if let Some(profile) = &self.profile {
            profile.read(read as u64);
        }
        if !keep_stale && gathered.may_be_stale() {
            gathered.retain(|value| !is_stale(value));
        }
        Ok(())
    }

    /// An instant selector.
    pub(super) fn select(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        if select.scan.is_unsorted() {
            return self.scanned_instants(select, grid, sink);
        }
        if grid.count == 1 || select.scan == Scan::SortedLater {
            // What comes of each series is sorted, and not what it comes from.
            let scan = &mut |sink: Sink| self.scanned_instants(select, grid, sink);
            return self.sorted(scan, sink);
        }
        let series = self.open(select, grid, 0)?;
        self.instants(select, grid, series, |labels| labels, &mut |row, sink| sink(row), sink)
    }

    fn scanned_instants(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        let _charged = self.columns(1, grid)?;
        let (mut column, keep_stale) = (Column::default(), select.mode.is_none());
        self.scan(select, grid, 0, keep_stale, &mut |labels, samples| {
            self.instant(select, grid, samples, &labels, &mut column)?;
            if column.is_empty() {
                return Ok(());
            }
            sink(Row { labels, drop_name: false, column: &mut column })
        })
    }

    /// Hands on what `produce` hands to its sink, sorted by labels.
    pub(super) fn sorted(
        &self,
        produce: &mut dyn FnMut(Sink) -> Result<()>,
        sink: Sink,
    ) -> Result<()> {
        let Matrix { series, held } = self.gather(produce)?;
        let series = sort_by_labels(series, |series| &series.labels);
        // From here on those are charged who keep them.
        drop(held);
        self.replay(Matrix { series, held: self.held() }, sink)
    }

    /// An instant selector whose series go through `stage` and lose their names; those whose labels
    /// are equal then are merged.
    pub(super) fn select_without_names(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        stage: Stage,
        sink: Sink,
    ) -> Result<()> {
        let mut series = self.open(select, grid, 0)?;
        let nameless = |labels| without_metadata(&labels);
        if unique(&series) {
            return self.instants(select, grid, series, nameless, stage, sink);
        }
        let matrix = self.gather(&mut |sink| {
            self.instants(select, grid, std::mem::take(&mut series), nameless, stage, sink)
        })?;
        self.replay(self.merge_equal(matrix)?, sink)
    }

    /// `timestamp` of a selector.
    pub(super) fn timestamp(&self, select: &SelectPlan, grid: &Grid, sink: Sink) -> Result<()> {
        let mut produce = |sink: Sink| {
            self.sample_times(select, grid, false, &mut |labels, column| {
                self.emit(labels, column, sink)
            })
        };
        if self.delayed_names {
            return produce(sink);
        }
        let matrix = self.gather(&mut produce)?;
        self.replay(self.merge_equal(matrix)?, sink)
    }

    /// The times of the samples that an instant selector sees, in seconds. Those of `info` must
    /// be floats.
    pub(super) fn sample_times(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        is_info: bool,
        take: &mut dyn FnMut(&Labels, &mut Column) -> Result<()>,
    ) -> Result<()> {
        let _charged = self.columns(1, grid)?;
        let mut samples = self.samples();
        let mut column = Column::default();
        for mut series in self.open(select, grid, 0)? {
            self.read(&mut *series.cursor, &mut samples, true)?;
            column.reset(grid.count);
            let mut histogram = false;
            each_instant(&samples, select, grid, self.lookback_ms, |step, sample| {
                histogram |= is_info && samples.histogram(sample).is_some();
                column.set(step, samples.times()[sample] as f64 / 1000.0);
            });
            if histogram {
                return Err(QueryError::execution("info sample should be float"));
            }
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

    /// The values of one series at the steps.
    fn instant(
        &self,
        select: &SelectPlan,
        grid: &Grid,
        samples: &Samples,
        labels: &Labels,
        column: &mut Column,
    ) -> Result<()> {
        self.watch.work(grid.count)?;
        column.reset(grid.count);
        if select.mode == Some(RangeMode::Smoothed) {
            window::smooth_instants(samples, select, grid, self.lookback_ms, column);
            if !samples.histograms().is_empty() {
                let metric = select.metric_name(labels);
                let remarks = Remarks { notes: &self.notes, metric, span: select.span };
                window::smooth_histograms(
                    samples,
                    select,
                    grid,
                    self.lookback_ms,
                    &remarks,
                    column,
                );
            }
        } else {
            each_instant(samples, select, grid, self.lookback_ms, |step, sample| {
                column.set(step, samples.values()[sample]);
            });
            if !samples.histograms().is_empty() {
                self.instant_histograms(select, grid, samples, column);
            }
        }
        Ok(())
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
        let _charged = self.columns(1, grid)?;
        let mut samples = self.samples();
        let mut column = Column::default();
        for mut series in series {
            self.read(&mut *series.cursor, &mut samples, select.mode.is_none())?;
            samples.find_hints(select);
            self.instant(select, grid, &samples, &series.labels, &mut column)?;
            if !column.is_empty() {
                let labels = labels(series.labels);
                stage(Row { labels, drop_name: false, column: &mut column }, sink)?;
            }
        }
        Ok(())
    }
}

/// Calls `found` for each step that sees a sample: the last one in (t − look-back, t], unless it
/// is the mark of the series' end.
pub(super) fn each_instant(
    samples: &Samples,
    select: &SelectPlan,
    grid: &Grid,
    lookback_ms: i64,
    mut found: impl FnMut(usize, usize),
) {
    let (times, values) = (samples.times(), samples.values());
    // Before the first step they are skipped at once.
    let first = select.at.unwrap_or(grid.start).saturating_sub(select.offset_ms);
    let mut next = times.partition_point(|&time| time <= first);
    for step in 0..grid.count {
        let t = select.at.unwrap_or_else(|| grid.time(step)).saturating_sub(select.offset_ms);
        while times.get(next).is_some_and(|&time| time <= t) {
            next += 1;
        }
        let Some(last) = next.checked_sub(1) else { continue };
        if times[last] > t.saturating_sub(lookback_ms) && !is_stale(values[last]) {
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

    use crate::ast::Span;
    use proptest::prelude::*;

    fn plan(at: Option<i64>, offset_ms: i64) -> SelectPlan {
        let (mode, function, grouping) = (None, None, None);
        let (scan, presence_only, parts_only) = (Scan::Sorted, false, false);
        let matchers = Vec::new();
        SelectPlan {
            matchers,
            offset_ms,
            at,
            mode,
            function,
            grouping,
            scan,
            presence_only,
            parts_only,
            span: Span::default(),
        }
    }

    fn samples(pairs: &[(i64, f64)]) -> Samples {
        let (times, values): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let mut gathered = Gathered::default();
        gathered.begin();
        gathered.push_times(&times);
        gathered.values_mut().extend(values);
        gathered.end();
        Samples { gathered, held: Held::default() }
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
