//! How fast, how much, how often: functions of neighbouring samples.

use nunatak::Rollup;

use super::Windows;
use crate::column::Column;

/// `rate`, `increase` and `delta`: the difference between last and first sample, with what a
/// counter lost at its resets, extrapolated to the window's borders unless the series seems to
/// begin or end inside the window.
///
/// How far it is extrapolated depends on times alone, but for counters that were near zero: it is
/// computed once for all series with the same times.
#[derive(Debug, Default)]
pub(super) struct Extrapolation {
    /// By the place of the windows: their version, and what is known of them.
    known: Vec<(u64, Vec<Step>)>,
    resets: Vec<usize>,
}

/// What is known of a window with at least two samples without its values.
#[derive(Debug)]
pub(super) struct Step {
    index: usize,
    /// Its first and last sample.
    first: usize,
    last: usize,
    /// Seconds between them, and to the borders as far as they are taken to be covered.
    sampled: f64,
    to_start: f64,
    to_end: f64,
    /// What the rise is multiplied by.
    pub(super) factor: f64,
}

impl Extrapolation {
    pub(super) fn evaluate(
        &mut self,
        w: &Windows,
        counter: bool,
        per_second: bool,
        out: &mut Column,
    ) {
        // A step costs the same however many samples its window has.
        if !w.watch.goes_on(w.values.len() + w.bounds.len()) {
            return;
        }
        let unit = if per_second { w.range_seconds() } else { 1.0 };
        self.find_resets(w.values, counter);
        if self.known.len() <= w.place {
            self.known.resize_with(w.place + 1, || (u64::MAX, Vec::new()));
        }
        let (version, steps) = &mut self.known[w.place];
        if *version != w.version {
            *version = w.version;
            steps.clear();
            let bounds = w.bounds.iter().enumerate().filter(|(_, (from, to))| to - from >= 2);
            steps.extend(bounds.map(|(step, &bounds)| Step::new(w, step, bounds, unit)));
        }
        let resets = self.resets.as_slice();
        let mut past = 0;
        for step in &*steps {
            let first = w.values[step.first];
            let mut rise = w.values[step.last] - first;
            while resets.get(past).is_some_and(|&i| i <= step.first) {
                past += 1;
            }
            for &i in resets[past..].iter().take_while(|&&i| i <= step.last) {
                rise += w.values[i - 1];
            }
            let factor =
                if counter { step.factor_above_zero(first, rise, unit) } else { step.factor };
            out.values[step.index] = rise * factor;
        }
        if steps.len() == w.bounds.len() {
            out.present.insert_all();
        } else {
            for step in &*steps {
                out.present.insert(step.index);
            }
        }
    }

    fn find_resets(&mut self, values: &[f64], counter: bool) {
        self.resets.clear();
        let pairs = || values.iter().zip(values.iter().skip(1));
        // Most counters have none, which is found out for several pairs at a time.
        if counter && pairs().filter(|(before, after)| after < before).count() > 0 {
            let resets = pairs().enumerate().filter(|(_, (before, after))| after < before);
            self.resets.extend(resets.map(|(i, _)| i + 1));
        }
    }
}

impl Step {
    pub(super) fn new(w: &Windows, index: usize, (from, to): (usize, usize), unit: f64) -> Self {
        let times = (w.times[from], w.times[to - 1]);
        let window = (w.ends[index], w.range_ms, unit);
        Self::between(index, (from, to - 1), times, (to - from - 1) as f64, window)
    }

    /// Of the window that ends at `end`, whose first and last samples have these places and `times`
    /// and so many intervals between them.
    fn between(
        index: usize,
        (first, last): (usize, usize),
        times: (i64, i64),
        intervals: f64,
        (end, range_ms, unit): (i64, i64, f64),
    ) -> Self {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let sampled = seconds(times.1.saturating_sub(times.0));
        let mut to_start = seconds(times.0.saturating_sub(end.saturating_sub(range_ms)));
        let mut to_end = seconds(end.saturating_sub(times.1));
        let average = sampled / intervals;
        let threshold = average * 1.1;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        let factor = (sampled + to_start + to_end) / sampled / unit;
        Self { index, first, last, sampled, to_start, to_end, factor }
    }

    /// The factor for a counter: it can't have been below zero, which bounds its beginning.
    pub(super) fn factor_above_zero(&self, first: f64, rise: f64, unit: f64) -> f64 {
        // Far from zero nearly always; no division is needed to see that.
        if !(rise > 0.0 && first >= 0.0) || first * self.sampled > rise * self.to_start * 1.001 {
            return self.factor;
        }
        let to_zero = self.sampled * (first / rise);
        let to_start = if to_zero < self.to_start { to_zero } else { self.to_start };
        (self.sampled + to_start + self.to_end) / self.sampled / unit
    }
}

/// `rate`, `increase` and `delta` of buckets: as [`Extrapolation`] has them of samples, with what
/// was lost by resets inside of buckets and between them in the order of time.
pub(super) fn of_buckets(
    w: &Windows<'_>,
    buckets: &[Rollup],
    counter: bool,
    per_second: bool,
    out: &mut Column,
) {
    let unit = if per_second { w.range_seconds() } else { 1.0 };
    let resets = if counter { resets_of(buckets) } else { Vec::new() };
    let mut past = 0;
    for (index, from, to) in w.filled(1) {
        let samples: f64 = buckets[from..to].iter().map(|bucket| bucket.count).sum();
        if samples < 2.0 {
            continue;
        }
        let (first, last) = (&buckets[from], &buckets[to - 1]);
        let mut rise = last.last - first.first;
        while resets.get(past).is_some_and(|reset| reset.before < from) {
            past += 1;
        }
        for reset in resets[past..].iter().take_while(|reset| reset.at < to) {
            rise += reset.lost;
        }
        let (times, window) = ((first.first_t, last.last_t), (w.ends[index], w.range_ms, unit));
        let step = Step::between(index, (from, to - 1), times, samples - 1.0, window);
        let factor =
            if counter { step.factor_above_zero(first.first, rise, unit) } else { step.factor };
        out.set(index, rise * factor);
    }
}

/// A value that a counter had before it began anew, in a bucket or between two.
struct Reset {
    /// The buckets of the samples before and after.
    before: usize,
    at: usize,
    lost: f64,
}

fn resets_of(buckets: &[Rollup]) -> Vec<Reset> {
    let mut resets = Vec::new();
    for (at, bucket) in buckets.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| (before, buckets[before].last));
        if let Some((before, lost)) = before.filter(|(_, last)| bucket.first < *last) {
            resets.push(Reset { before, at, lost });
        }
        if bucket.dropped != 0.0 {
            resets.push(Reset { before: at, at, lost: bucket.dropped });
        }
    }
    resets
}

/// `irate` and `idelta`: the last two samples.
pub(super) fn instant(w: &Windows, counter: bool, out: &mut Column) {
    for (step, _, to) in w.filled(2) {
        let (before, last) = (w.values[to - 2], w.values[to - 1]);
        let interval = w.times[to - 1].saturating_sub(w.times[to - 2]);
        if interval == 0 {
            continue;
        }
        let reset = counter && last < before;
        let rise = if reset { last } else { last - before };
        out.set(step, if counter { rise / (interval as f64 / 1000.0) } else { rise });
    }
}

/// `resets` and `changes`: how many neighbours are as `differ` says.
pub(super) fn counted(
    w: &Windows,
    prefix: &mut Vec<usize>,
    differ: impl Fn(f64, f64) -> bool,
    out: &mut Column,
) {
    prefix.clear();
    let mut count = 0;
    for i in 0..w.values.len() {
        count += usize::from(i > 0 && differ(w.values[i - 1], w.values[i]));
        prefix.push(count);
    }
    for (step, from, to) in w.filled(1) {
        out.set(step, (prefix[to - 1] - prefix[from]) as f64);
    }
}
