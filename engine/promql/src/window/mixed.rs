//! Functions of windows with native histograms in them.
//!
//! Floats and histograms of a series are taken apart: functions of floats run over the floats
//! alone, and what is to be done with histograms is done window by window.

mod extended;
mod histograms;

use std::sync::Arc;

use nunatak::Histogram;

use super::{ALONE, Times, WindowFunction, Windows};
use crate::ast::Span;
use crate::column::Column;
use crate::error::Result;
use crate::functions::FunctionId;
use crate::histogram::reset::is_reset;
use crate::notes::Notes;

pub(crate) use extended::smooth_histograms;

/// Where remarks on a series go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remarks<'a> {
    pub(crate) notes: &'a Notes,
    pub(crate) metric: &'a str,
    pub(crate) span: Span,
}

/// A histogram and its row.
type Row = (usize, Arc<Histogram>);

/// The floats of a series.
struct Floats {
    times: Vec<i64>,
    values: Vec<f64>,
    bounds: Vec<(usize, usize)>,
    /// How many histograms are before each row.
    before: Vec<usize>,
}

impl Floats {
    fn new(w: &Windows, histograms: &[Row]) -> Self {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let mut before = Vec::with_capacity(w.times().len() + 1);
        let mut rows = histograms.iter().map(|(row, _)| *row).peekable();
        let mut passed = 0;
        for (row, (&t, &v)) in w.times().iter().zip(w.values).enumerate() {
            before.push(passed);
            if rows.next_if_eq(&row).is_some() {
                passed += 1;
            } else {
                times.push(t);
                values.push(v);
            }
        }
        before.push(passed);
        let bounds = w.bounds.iter().map(|&(from, to)| (from - before[from], to - before[to]));
        let bounds = bounds.collect();
        Self { times, values, bounds, before }
    }

    /// The windows of floats alone.
    fn windows<'a>(&'a self, w: &Windows<'a>, version: u64) -> Windows<'a> {
        let (times, values) = (Times::Here(&self.times), &self.values);
        Windows { times, values, bounds: &self.bounds, version, place: ALONE, ..*w }
    }
}

/// One window: its step, the rows in it, and the histograms among them.
#[derive(Clone, Copy)]
struct Window<'a> {
    step: usize,
    from: usize,
    to: usize,
    histograms: &'a [Row],
}

impl Window<'_> {
    fn floats(&self) -> usize {
        self.to - self.from - self.histograms.len()
    }
}

impl WindowFunction {
    /// [`evaluate`](Self::evaluate) for a series with native histograms.
    ///
    /// # Errors
    /// If an argument has no meaning or the query has to stop.
    pub(crate) fn evaluate_mixed(
        &mut self,
        w: &Windows,
        histograms: &[Row],
        remarks: &Remarks,
        out: &mut Column,
    ) -> Result<()> {
        use FunctionId as F;
        let floats = Floats::new(w, histograms);
        self.mixed_version += 1;
        let alone = floats.windows(w, u64::MAX - self.mixed_version);
        let windows = w.filled(1).map(|(step, from, to)| {
            let histograms = &histograms[floats.before[from]..floats.before[to]];
            Window { step, from, to, histograms }
        });
        let windows: Vec<_> = windows.collect();
        w.watch.verdict()?;
        match self.func {
            F::CountOverTime | F::PresentOverTime | F::TsOfFirstOverTime | F::TsOfLastOverTime => {
                self.fill(w, out)?;
            }
            F::FirstOverTime | F::LastOverTime => {
                self.fill(w, out)?;
                picked(self.func, &windows, out);
            }
            F::Resets | F::Changes if self.mode.is_some() => {
                let windows = anchored(w, windows);
                self.count_changes(w, histograms, &windows, out);
            }
            F::Resets | F::Changes => self.count_changes(w, histograms, &windows, out),
            F::Irate | F::Idelta => {
                self.fill(&alone, out)?;
                for window in &windows {
                    self.last_two(w, window, remarks, out);
                }
            }
            F::Rate | F::Increase | F::Delta | F::SumOverTime | F::AvgOverTime => {
                self.fill(&alone, out)?;
                for window in windows.iter().filter(|window| !window.histograms.is_empty()) {
                    if window.floats() > 0 {
                        remarks.notes.mixed_in_range(remarks.metric, remarks.span);
                        out.present.remove(window.step);
                    } else if let Some(h) = self.rise_or_sum(w, window, remarks) {
                        out.set_histogram(window.step, Arc::new(h));
                    }
                }
            }
            _ => {
                self.fill(&alone, out)?;
                let both = |window: &Window| window.floats() > 0 && !window.histograms.is_empty();
                if windows.iter().any(both) {
                    remarks.notes.ignored_in_range(remarks.metric, remarks.span);
                }
            }
        }
        w.watch.verdict()
    }

    fn rise_or_sum(&self, w: &Windows, window: &Window, remarks: &Remarks) -> Option<Histogram> {
        match self.mode {
            Some(_) => self.between_borders(w, window, remarks),
            None => self.of_histograms(w, window, remarks),
        }
    }

    fn count_changes(&self, w: &Windows, histograms: &[Row], windows: &[Window], out: &mut Column) {
        if self.func == FunctionId::Resets {
            return counted(w, histograms, windows, |a, b| b < a, |a, b| is_reset(b, a), out);
        }
        let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
        counted(w, histograms, windows, differ, |a, b| !b.same_bits(a), out);
    }
}

/// The windows from the last sample at or before their beginning on, if they have others.
fn anchored<'a>(w: &Windows, windows: Vec<Window<'a>>) -> Vec<Window<'a>> {
    let inside = windows.into_iter().filter_map(|mut window| {
        let times = &w.times()[window.from..window.to];
        let start = w.ends[window.step].saturating_sub(w.range_ms);
        let last = times.len() - 1;
        let first = times[..last].partition_point(|&t| t <= start).saturating_sub(1);
        window.from += first;
        (times[last] > start).then_some(window)
    });
    inside.collect()
}

/// `first_over_time` and `last_over_time`: the sample as it is.
fn picked(func: FunctionId, windows: &[Window], out: &mut Column) {
    for window in windows {
        let (row, candidate) = match func {
            FunctionId::FirstOverTime => (window.from, window.histograms.first()),
            _ => (window.to - 1, window.histograms.last()),
        };
        if let Some((_, histogram)) = candidate.filter(|(at, _)| *at == row) {
            out.present.remove(window.step);
            out.set_histogram(window.step, Arc::clone(histogram));
        }
    }
}

/// `resets` and `changes`: how many neighbours differ; a float and a histogram always do.
fn counted(
    w: &Windows,
    histograms: &[Row],
    windows: &[Window],
    floats_differ: impl Fn(f64, f64) -> bool,
    histograms_differ: impl Fn(&Histogram, &Histogram) -> bool,
    out: &mut Column,
) {
    let mut rows = histograms.iter().peekable();
    let (mut before, mut count) = (None, 0);
    let mut prefix = Vec::with_capacity(w.values.len());
    for (row, &value) in w.values.iter().enumerate() {
        let here = rows.next_if(|(at, _)| *at == row).map(|(_, h)| &**h);
        let differs = match (row.checked_sub(1), before, here) {
            (None, ..) => false,
            (Some(last), None, None) => floats_differ(w.values[last], value),
            (_, Some(a), Some(b)) => histograms_differ(a, b),
            _ => true,
        };
        count += usize::from(differs);
        prefix.push(count);
        before = here;
    }
    for window in windows {
        out.set(window.step, (prefix[window.to - 1] - prefix[window.from]) as f64);
    }
}
