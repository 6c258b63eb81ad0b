//! How fast, how much, how often: functions of neighbouring samples.

mod run;

use nunatak::Rollup;

use run::{Run, find_runs};

use super::{ALONE, Windows};
use crate::column::Column;

pub(super) use run::{Gaps, Shape};

/// `rate`, `increase` and `delta`: the difference between last and first sample, with what a
/// counter lost at its resets, extrapolated to the window's borders unless the series seems to
/// begin or end inside the window.
///
/// How far it is extrapolated depends on times alone, but for counters that were near zero: it is
/// computed once for all series with the same times, and once for all windows that have their
/// samples at the same distances from their ends, as those of regular scrapes do.
#[derive(Debug, Default)]
pub(super) struct Extrapolation {
    /// By the place of the windows: their version, and what is known of them.
    known: Vec<(u64, Vec<Run>)>,
    /// Runs in all places.
    runs: usize,
    resets: Vec<usize>,
}

/// Runs that are kept at most, but for those of one series.
const KEPT_RUNS: usize = 64 << 10;

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
        self.find_resets(w.values, counter && !w.rise);
        self.know(w, unit);
        let runs = self.known.get(w.place).map_or(&[][..], |(_, runs)| runs);
        let mut past = 0;
        for run in runs {
            if self.resets.is_empty() {
                run.without_resets(w.values, counter, unit, &mut out.values);
            } else {
                past = run.with_resets(w.values, &self.resets, past, unit, &mut out.values);
            }
        }
        for run in runs {
            out.present.insert_range(run.steps());
        }
    }

    /// How many samples of 16 bytes the runs count as that are kept.
    pub(super) fn kept(&self) -> usize {
        if self.known.len() > ALONE + 2 { self.runs * size_of::<Run>() / 16 } else { 0 }
    }

    /// Sees to it that the runs of the windows are known.
    fn know(&mut self, w: &Windows, unit: f64) {
        if self.known.get(w.place).is_some_and(|(version, _)| *version == w.version) {
            return;
        }
        if self.runs > KEPT_RUNS {
            self.known.clear();
            self.runs = 0;
        }
        if self.known.len() <= w.place {
            self.known.resize_with(w.place + 1, || (u64::MAX, Vec::new()));
        }
        let (version, runs) = &mut self.known[w.place];
        *version = w.version;
        self.runs -= runs.len();
        find_runs(w, unit, runs);
        self.runs += runs.len();
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
        let gaps = Gaps::new((first.first_t, last.last_t), w.ends[index], w.range_ms);
        let shape = Shape::new(gaps, samples - 1.0, unit);
        let factor =
            if counter { shape.factor_above_zero(first.first, rise, unit) } else { shape.factor };
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
        let interval = w.times()[to - 1].saturating_sub(w.times()[to - 2]);
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

/// How many runs windows are.
#[cfg(test)]
pub(super) fn runs(w: &Windows) -> usize {
    let mut runs = Vec::new();
    find_runs(w, 1.0, &mut runs);
    runs.len()
}
