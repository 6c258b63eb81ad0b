//! Functions of windows with native histograms in them.
//!
//! Floats and histograms of a series are taken apart: functions of floats run over the floats
//! alone, and what is to be done with histograms is done window by window.

mod histograms;

use std::sync::Arc;

use nunatak::Histogram;

use super::{PLACES, WindowFunction, Windows};
use crate::ast::Span;
use crate::column::Column;
use crate::error::Result;
use crate::functions::FunctionId;
use crate::histogram::reset::is_reset;
use crate::notes::Notes;

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
        let mut before = Vec::with_capacity(w.times.len() + 1);
        let mut rows = histograms.iter().map(|(row, _)| *row).peekable();
        let mut passed = 0;
        for (row, (&t, &v)) in w.times.iter().zip(w.values).enumerate() {
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
        let (times, values, bounds) = (&self.times, &self.values, &self.bounds);
        Windows { times, values, bounds, version, place: PLACES, ..*w }
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
            F::Resets => counted(w, histograms, &windows, |a, b| b < a, is_reset_between, out),
            F::Changes => {
                let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
                counted(w, histograms, &windows, differ, |a, b| !b.same_bits(a), out);
            }
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
                    } else if let Some(h) = self.of_histograms(w, window, remarks) {
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

fn is_reset_between(before: &Histogram, after: &Histogram) -> bool {
    is_reset(after, before)
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
