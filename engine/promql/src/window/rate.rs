//! How fast, how much, how often: functions of neighbouring samples.

use super::Windows;
use crate::column::Column;

/// `rate`, `increase` and `delta`: the difference between last and first sample, with what a
/// counter lost at its resets, extrapolated to the window's borders unless the series seems to
/// begin or end inside the window.
pub(super) fn extrapolated(
    w: &Windows,
    counter: bool,
    per_second: bool,
    resets: &mut Vec<usize>,
    out: &mut Column,
) {
    resets.clear();
    if counter {
        resets.extend((1..w.values.len()).filter(|&i| w.values[i] < w.values[i - 1]));
    }
    let mut first_reset = 0;
    for (step, from, to) in w.filled(2) {
        while resets.get(first_reset).is_some_and(|&i| i <= from) {
            first_reset += 1;
        }
        let mut rise = w.values[to - 1] - w.values[from];
        for &i in resets[first_reset..].iter().take_while(|&&i| i < to) {
            rise += w.values[i - 1];
        }
        let factor = extrapolation(w, step, (from, to), counter.then_some(rise));
        let factor = if per_second { factor / w.range_seconds() } else { factor };
        out.set(step, rise * factor);
    }
}

/// How much longer the window is taken to be than the time between its first and last sample.
/// Of a counter the rise is passed: it can't have been below zero, which bounds its beginning.
fn extrapolation(w: &Windows, step: usize, (from, to): (usize, usize), rise: Option<f64>) -> f64 {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let (first, last, end) = (w.times[from], w.times[to - 1], w.ends[step]);
    let sampled = seconds(last.saturating_sub(first));
    let mut to_start = seconds(first.saturating_sub(end.saturating_sub(w.range_ms)));
    let mut to_end = seconds(end.saturating_sub(last));
    let average = sampled / (to - from - 1) as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if let Some(rise) = rise
        && rise > 0.0
        && w.values[from] >= 0.0
    {
        let to_zero = sampled * (w.values[from] / rise);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    (sampled + to_start + to_end) / sampled
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
