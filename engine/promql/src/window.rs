//! Functions of windows: all steps of one series at a time.
//!
//! The borders of the windows are found with two pointers, once for each timestamp stream; those of
//! the last few streams are kept. What a window function computes is then O(1) a step where the
//! function allows it: resets and changes are counted by prefix sums, counters look only at the
//! resets between their first and last sample, minima and maxima keep a monotonic queue of what lies
//! between two borders. Sums and means are computed anew for each
//! window, in the order of time, so that the result does not depend on the step. Lines through
//! windows that overlap come from prefix sums of twice the precision.

mod buckets;
mod extended;
mod extremes;
mod mixed;
mod over_time;
mod prefix;
mod rate;
mod regression;

use std::collections::HashMap;

use nunatak::Piece;

use crate::ast::{RangeMode, Span};
use crate::column::Column;
use crate::error::{QueryError, Result};
use crate::eval::{Samples, ScalarColumn};
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::notes::Notes;
use crate::number::format_plain;
use crate::plan::{RangePlan, WindowCall};
use crate::watch::Watch;

pub(crate) use buckets::{RollupFunction, wanted};
pub(crate) use extended::{cut, smooth_instants};
pub(crate) use mixed::{Remarks, smooth_histograms};

/// Where the windows of all steps lie, in time and in the samples of one series.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The end of the window of each step; its start is `range_ms` earlier and not part of it.
    ends: Vec<i64>,
    /// The times of the steps.
    steps: Grid,
    range_ms: i64,
    mode: Option<RangeMode>,
    lookback_ms: i64,
    /// Bounds by place: first those of times that stand alone, then those that are kept.
    known: Vec<Bounds>,
    /// The places of the bounds that are kept, by the hash of what their times are made of.
    places: HashMap<u64, usize>,
    /// How often the oldest bounds had to go.
    turn: usize,
    /// How many bounds were found.
    found: u64,
    /// The version of the times that came last, and the place of their bounds.
    last: Option<(u64, usize)>,
}

/// For each step the samples of its window, for some times.
#[derive(Debug, Default)]
struct Bounds {
    /// What the times are made of.
    pieces: Vec<Piece>,
    hash: u64,
    found: Vec<(usize, usize)>,
    version: u64,
}

/// The place of what belongs to one series alone.
const ALONE: usize = 0;
/// Steps for which bounds are kept at most, of 16 bytes each.
const KEPT_STEPS: usize = 256 << 10;
/// Bounds of windows that are kept at most.
const PLACES: usize = 4096;

/// The windows of one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a> {
    pub(crate) times: Times<'a>,
    pub(crate) values: &'a [f64],
    /// Whether each value is a number and at least the one before it; `false` if that is not known.
    pub(crate) rise: bool,
    /// Tells these times and bounds from others.
    pub(crate) version: u64,
    /// Where something that depends on times alone may be kept.
    pub(crate) place: usize,
    /// For each step the samples of its window: from the first index up to before the second.
    pub(crate) bounds: &'a [(usize, usize)],
    pub(crate) ends: &'a [i64],
    pub(crate) steps: &'a Grid,
    pub(crate) range_ms: i64,
    pub(crate) watch: &'a Watch<'a>,
}

/// The times of samples, which are not written down before somebody looks at them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times<'a> {
    Here(&'a [i64]),
    Of(&'a Samples),
}

impl<'a> Windows<'a> {
    pub(crate) fn times(&self) -> &'a [i64] {
        match self.times {
            Times::Here(times) => times,
            Times::Of(samples) => samples.times(),
        }
    }

    /// The steps whose windows have at least `least` samples, with their bounds.
    ///
    /// Ends early if the query has to stop: the watch has the verdict then. What a function may do
    /// with a window is counted here, sample by sample, so that no function has to look itself.
    pub(crate) fn filled(&self, least: usize) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let all = self.bounds.iter().enumerate().map(|(step, &(from, to))| (step, from, to));
        all.take_while(|&(_, from, to)| self.watch.goes_on(to - from + 1))
            .filter(move |&(_, from, to)| to - from >= least)
    }

    /// Whether most samples are in several windows.
    pub(crate) fn overlap(&self) -> bool {
        let inside: usize = self.bounds.iter().map(|(from, to)| to - from).sum();
        inside / 4 > self.values.len()
    }

    pub(crate) fn range_seconds(&self) -> f64 {
        self.range_ms as f64 / 1000.0
    }
}

impl Frames {
    pub(crate) fn new(range: &RangePlan, grid: &Grid, lookback_ms: i64) -> Self {
        let ends = (0..grid.count).map(|step| range.window_end(grid.time(step))).collect();
        let (range_ms, mode) = (range.range_ms(), range.mode());
        let (known, places) = (vec![Bounds::default()], HashMap::new());
        let (turn, found, last) = (0, 0, None);
        Self { ends, steps: *grid, range_ms, mode, lookback_ms, known, places, turn, found, last }
    }

    /// The windows of a series.
    pub(crate) fn of<'a>(&'a mut self, samples: &'a Samples, watch: &'a Watch<'_>) -> Windows<'a> {
        let place = match self.last {
            Some((version, place)) if version == samples.version() => place,
            _ => self.look_up(samples),
        };
        self.last = Some((samples.version(), place));
        let Bounds { found, version, .. } = &self.known[place];
        Windows {
            times: Times::Of(samples),
            values: samples.values(),
            rise: !samples.may_fall(),
            version: *version,
            place,
            bounds: found,
            ends: &self.ends,
            steps: &self.steps,
            range_ms: self.range_ms,
            watch,
        }
    }

    /// How many samples of 16 bytes the bounds count as that are kept besides those of one series.
    pub(crate) fn kept(&self) -> usize {
        self.known.len().saturating_sub(2) * self.ends.len()
    }

    /// The place of the bounds for the samples' times, which are found if they are not known.
    fn look_up(&mut self, samples: &Samples) -> usize {
        let pieces = samples.pieces();
        let shared = !pieces.is_empty() && pieces.iter().all(|(stream, ..)| stream.is_some());
        let hash = hash(pieces);
        let place = match self.places.get(&hash) {
            _ if !shared => ALONE,
            Some(&place) if self.known[place].pieces == pieces => return place,
            Some(&place) => place,
            None => self.new_place(hash),
        };
        self.found += 1;
        let mut entry = std::mem::take(&mut self.known[place]);
        entry.pieces.clear();
        entry.pieces.extend_from_slice(pieces);
        entry.hash = hash;
        entry.version = self.found;
        self.find(samples.times(), &mut entry.found);
        self.known[place] = entry;
        place
    }

    /// A place for bounds to keep: a free one, or that of the oldest.
    fn new_place(&mut self, hash: u64) -> usize {
        let most = KEPT_STEPS.checked_div(self.ends.len()).unwrap_or(1).clamp(1, PLACES);
        let place = if self.known.len() <= most {
            self.known.push(Bounds::default());
            self.known.len() - 1
        } else {
            let oldest = ALONE + 1 + self.turn % most;
            self.turn += 1;
            self.places.remove(&self.known[oldest].hash);
            oldest
        };
        self.places.insert(hash, place);
        place
    }

    fn find(&self, times: &[i64], bounds: &mut Vec<(usize, usize)>) {
        bounds.clear();
        let (before, after) = match self.mode {
            None => (0, 0),
            Some(RangeMode::Anchored) => (self.lookback_ms, 0),
            Some(RangeMode::Smoothed) => (self.lookback_ms, self.lookback_ms),
        };
        let (mut from, mut to) = (Border::default(), Border::default());
        for &end in &self.ends {
            let start = end.saturating_sub(self.range_ms).saturating_sub(before);
            from.pass(times, start);
            to.pass(times, end.saturating_add(after));
            bounds.push((from.index, to.index.max(from.index)));
        }
    }
}

/// A border of a window on its way through the times.
#[derive(Debug, Default)]
struct Border {
    /// So many times are not behind it.
    index: usize,
    /// How far it went the last time.
    stride: usize,
}

impl Border {
    /// Passes all times up to `t`. Mostly they are as many as the last time.
    fn pass(&mut self, times: &[i64], t: i64) {
        let guess = self.index + self.stride;
        let is_right = guess.checked_sub(1).is_none_or(|i| times.get(i).is_some_and(|&at| at <= t))
            && times.get(guess).is_none_or(|&at| at > t);
        if is_right {
            self.index = guess;
            return;
        }
        let before = self.index;
        while times.get(self.index).is_some_and(|&at| at <= t) {
            self.index += 1;
        }
        self.stride = self.index - before;
    }
}

fn hash(pieces: &[Piece]) -> u64 {
    pieces.iter().fold(0, |hash: u64, (stream, from, to)| {
        let stream = stream.map_or(0, |stream| stream.0);
        let mixed = (hash ^ stream ^ (*from as u64) << 40 ^ (*to as u64) << 50)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 29
    })
}

/// A function of windows with its scalar arguments and its memory.
#[derive(Debug)]
pub(crate) struct WindowFunction {
    func: FunctionId,
    mode: Option<RangeMode>,
    params: Vec<ScalarColumn>,
    span: Span,
    scratch: Vec<f64>,
    marks: Vec<usize>,
    candidates: Vec<extremes::Candidate>,
    extrapolation: rate::Extrapolation,
    /// Series with histograms so far: their floats have times of their own.
    mixed_version: u64,
    prefix: prefix::Prefix,
}

impl WindowFunction {
    pub(crate) fn new(call: &WindowCall, params: Vec<ScalarColumn>) -> Self {
        let (func, mode, span) = (call.func, call.range.mode(), call.span);
        let (scratch, marks, candidates) = Default::default();
        let (extrapolation, mixed_version, prefix) = Default::default();
        Self {
            func,
            mode,
            params,
            span,
            scratch,
            marks,
            candidates,
            extrapolation,
            mixed_version,
            prefix,
        }
    }

    /// How many samples of 16 bytes what is kept besides that of one series counts as.
    pub(crate) fn kept(&self) -> usize {
        self.extrapolation.kept()
    }

    /// Remarks on the arguments at the steps that have a value.
    pub(crate) fn remark(&self, out: &Column, notes: &Notes) {
        let [q] = &self.params[..] else { return };
        if self.func != FunctionId::QuantileOverTime {
            return;
        }
        let constant = matches!(q, ScalarColumn::Constant(_));
        let steps = out.present.iter().take(if constant { 1 } else { usize::MAX });
        for q in steps.map(|step| q.get(step)).filter(|q| !(0.0..=1.0).contains(q)) {
            notes.invalid_quantile(q, self.span);
        }
    }

    fn param(&self, index: usize, step: usize) -> f64 {
        self.params.get(index).map_or(f64::NAN, |param| param.get(step))
    }

    /// The function's value at each step that has one.
    ///
    /// # Errors
    /// If an argument has no meaning or the query has to stop.
    pub(crate) fn evaluate(&mut self, w: &Windows, out: &mut Column) -> Result<()> {
        self.fill(w, out)?;
        w.watch.verdict()
    }

    fn fill(&mut self, w: &Windows, out: &mut Column) -> Result<()> {
        use FunctionId as F;
        if self.mode.is_some() {
            extended::evaluate(self.func, self.mode, w, out);
            return Ok(());
        }
        match self.func {
            F::Rate => self.extrapolation.evaluate(w, true, true, out),
            F::Increase => self.extrapolation.evaluate(w, true, false, out),
            F::Delta => self.extrapolation.evaluate(w, false, false, out),
            F::Irate => rate::instant(w, true, out),
            F::Idelta => rate::instant(w, false, out),
            F::Resets => rate::counted(w, &mut self.marks, |a, b| b < a, out),
            F::Changes => {
                let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
                rate::counted(w, &mut self.marks, differ, out);
            }
            F::Deriv => regression::deriv(w, &mut self.prefix, out),
            F::PredictLinear => {
                let mut prefix = std::mem::take(&mut self.prefix);
                regression::predict(w, &mut prefix, |step| self.param(0, step), out);
                self.prefix = prefix;
            }
            F::DoubleExponentialSmoothing => self.smoothing(w, out)?,
            F::QuantileOverTime => {
                let mut scratch = std::mem::take(&mut self.scratch);
                over_time::quantiles(w, &mut scratch, |step| self.param(0, step), out);
                self.scratch = scratch;
            }
            F::MadOverTime => over_time::mad(w, &mut self.scratch, out),
            func => over_time::simple(func, w, &mut self.candidates, out),
        }
        Ok(())
    }

    fn smoothing(&self, w: &Windows, out: &mut Column) -> Result<()> {
        for (step, from, to) in w.filled(1) {
            let (smoothing, trend) = (self.param(0, step), self.param(1, step));
            factor("smoothing", "sf", smoothing)?;
            factor("trend", "tf", trend)?;
            if to - from >= 2 {
                out.set(step, regression::smoothed(&w.values[from..to], smoothing, trend));
            }
        }
        Ok(())
    }
}

fn factor(name: &str, short: &str, value: f64) -> Result<()> {
    if value > 0.0 && value < 1.0 || value.is_nan() {
        return Ok(());
    }
    let got = if value.is_finite() { format!("{value:.6}") } else { format_plain(value) };
    let text = format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {got}");
    Err(QueryError::execution(text))
}

/// Refuses functions that `anchored` or `smoothed` mean nothing to.
pub(crate) fn check_mode(func: FunctionId, mode: Option<RangeMode>) -> Result<()> {
    use FunctionId as F;
    let name =
        crate::functions::Function::all().iter().find(|f| f.id == func).map_or("", |f| f.name);
    let rates = matches!(func, F::Rate | F::Increase | F::Delta);
    let (mode, allowed, fits) = match mode {
        None => return Ok(()),
        Some(RangeMode::Anchored) => {
            let fits = rates || matches!(func, F::Changes | F::Resets);
            ("anchored", "changes, delta, increase, rate, resets", fits)
        }
        Some(RangeMode::Smoothed) => ("smoothed", "delta, increase, rate", rates),
    };
    if fits {
        return Ok(());
    }
    let text = format!("{mode} modifier can only be used with: {allowed} - not with {name}");
    Err(QueryError::execution(text))
}

#[cfg(test)]
mod tests;
