//! Windows one after the other that differ in their place alone.
//!
//! Samples of one scrape are regular, and steps mostly are a multiple of the interval. Then each
//! window has its samples as far from its end as the one before it, so that all of them extrapolate
//! by the same factor, and the samples that count are so many apart. Where times are not regular a
//! run is one window.

use std::ops::Range;

use super::super::Windows;

/// Windows one after the other with at least two samples each.
#[derive(Debug)]
pub(super) struct Run {
    /// The step of the first window, and how many windows there are.
    step: usize,
    count: usize,
    /// The first and the last sample of the first window.
    first: usize,
    last: usize,
    /// How many samples the next window begins later.
    stride: usize,
    shape: Shape,
}

/// How far the samples of a window are apart, and from its borders, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Gaps {
    sampled: i64,
    to_start: i64,
    to_end: i64,
}

/// What is known of a window without its values.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Shape {
    /// Seconds between first and last sample, and to the borders as far as they are taken to be
    /// covered.
    sampled: f64,
    to_start: f64,
    to_end: f64,
    /// What the rise is multiplied by.
    pub(in super::super) factor: f64,
}

/// Puts windows with at least two samples together to runs.
pub(super) fn find_runs(w: &Windows, unit: f64, runs: &mut Vec<Run>) {
    runs.clear();
    let times = w.times();
    let mut before = None;
    for (step, &(from, to)) in w.bounds.iter().enumerate() {
        if to - from < 2 {
            continue;
        }
        let (first, last) = (from, to - 1);
        let gaps = Gaps::new((times[first], times[last]), w.ends[step], w.range_ms);
        let looks = (gaps, last - first);
        let goes_on =
            before == Some(looks) && runs.last_mut().is_some_and(|run| run.extend(step, first));
        if !goes_on {
            before = Some(looks);
            let shape = Shape::new(gaps, (last - first) as f64, unit);
            runs.push(Run { step, count: 1, first, last, stride: 0, shape });
        }
    }
}

impl Run {
    /// Adds the window of `step` that looks like the others and begins at sample `first`, if it is
    /// the next one.
    fn extend(&mut self, step: usize, first: usize) -> bool {
        let stride = if self.count == 1 { first - self.first } else { self.stride };
        let is_next = step == self.step + self.count && first == self.first + stride * self.count;
        if !is_next || stride == 0 {
            return false;
        }
        self.stride = stride;
        self.count += 1;
        true
    }

    /// The steps of the windows.
    pub(super) fn steps(&self) -> Range<usize> {
        self.step..self.step + self.count
    }

    /// First and last values of the windows.
    fn ends<'a>(&self, values: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let stride = self.stride.max(1);
        let (firsts, lasts) = (&values[self.first..], &values[self.last..]);
        let pairs = firsts.iter().step_by(stride).zip(lasts.iter().step_by(stride));
        pairs.map(|(&first, &last)| (first, last))
    }

    /// Writes the results of a series that has no resets, by step.
    pub(super) fn without_resets(&self, values: &[f64], counter: bool, unit: f64, out: &mut [f64]) {
        let (shape, out) = (&self.shape, &mut out[self.steps()]);
        let mut is_near_zero = false;
        for (out, (first, last)) in out.iter_mut().zip(self.ends(values)) {
            let rise = last - first;
            is_near_zero |= !shape.is_far_from_zero(first, rise);
            *out = rise * shape.factor;
        }
        if counter && is_near_zero {
            for (out, (first, last)) in out.iter_mut().zip(self.ends(values)) {
                let rise = last - first;
                *out = rise * shape.factor_above_zero(first, rise, unit);
            }
        }
    }

    /// As [`without_resets`](Self::without_resets), of a counter with some. Those before `past` are
    /// not behind the first sample of the run; returns how many are not behind that of its last
    /// window.
    pub(super) fn with_resets(
        &self,
        values: &[f64],
        resets: &[usize],
        mut past: usize,
        unit: f64,
        out: &mut [f64],
    ) -> usize {
        for i in 0..self.count {
            let (first, last) = (self.first + i * self.stride, self.last + i * self.stride);
            while resets.get(past).is_some_and(|&reset| reset <= first) {
                past += 1;
            }
            let mut rise = values[last] - values[first];
            for &reset in resets[past..].iter().take_while(|&&reset| reset <= last) {
                rise += values[reset - 1];
            }
            let factor = self.shape.factor_above_zero(values[first], rise, unit);
            out[self.step + i] = rise * factor;
        }
        past
    }
}

impl Gaps {
    /// Of a window that ends at `end`, whose first and last sample have these times.
    pub(in super::super) fn new((first, last): (i64, i64), end: i64, range_ms: i64) -> Self {
        Self {
            sampled: last.saturating_sub(first),
            to_start: first.saturating_sub(end.saturating_sub(range_ms)),
            to_end: end.saturating_sub(last),
        }
    }
}

impl Shape {
    /// Of a window whose samples have so many intervals between them.
    pub(in super::super) fn new(gaps: Gaps, intervals: f64, unit: f64) -> Self {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let sampled = seconds(gaps.sampled);
        let (mut to_start, mut to_end) = (seconds(gaps.to_start), seconds(gaps.to_end));
        let average = sampled / intervals;
        let threshold = average * 1.1;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        let factor = (sampled + to_start + to_end) / sampled / unit;
        Self { sampled, to_start, to_end, factor }
    }

    /// Whether a counter was so far from zero that its beginning is not bound by it. No division is
    /// needed to see that, and nearly all counters are.
    fn is_far_from_zero(&self, first: f64, rise: f64) -> bool {
        let may_be_near = rise > 0.0 && first >= 0.0;
        !may_be_near || first * self.sampled > rise * self.to_start * 1.001
    }

    /// The factor for a counter: it can't have been below zero, which bounds its beginning.
    pub(in super::super) fn factor_above_zero(&self, first: f64, rise: f64, unit: f64) -> f64 {
        if self.is_far_from_zero(first, rise) {
            return self.factor;
        }
        let to_zero = self.sampled * (first / rise);
        let to_start = if to_zero < self.to_start { to_zero } else { self.to_start };
        (self.sampled + to_start + self.to_end) / self.sampled / unit
    }
}
