//! Straight lines through samples, and exponential smoothing.

use super::Windows;
use super::prefix::Prefix;
use crate::column::Column;
use crate::math::Sum;

/// `deriv`: the slope of the line.
pub(super) fn deriv(w: &Windows, prefix: &mut Prefix, out: &mut Column) {
    // Times relative to the first sample keep the sums small.
    lines(w, prefix, |_, from| w.times()[from], |step, (slope, _)| out.set(step, slope));
}

/// `predict_linear`: the line's value some seconds after the step.
pub(super) fn predict(
    w: &Windows,
    prefix: &mut Prefix,
    seconds: impl Fn(usize) -> f64,
    out: &mut Column,
) {
    let origin = |step, _| w.steps.time(step);
    lines(w, prefix, origin, |step, (slope, now)| out.set(step, slope * seconds(step) + now));
}

/// Hands the line through each window to `take`: its slope, and its value at the time that
/// `origin` says of the step and its window's first sample.
fn lines(
    w: &Windows,
    prefix: &mut Prefix,
    origin: impl Fn(usize, usize) -> i64,
    mut take: impl FnMut(usize, (f64, f64)),
) {
    let by_prefix = w.overlap() && prefix.fill(w);
    for (step, from, to) in w.filled(2) {
        let origin = origin(step, from);
        let quick = by_prefix && prefix.reaches(origin);
        let quick = quick.then(|| prefix.line(from, to, origin)).flatten();
        let slow = || line(&w.times()[from..to], &w.values[from..to], origin);
        take(step, quick.unwrap_or_else(slow));
    }
}

/// Least squares: the slope per second, and the line's value at `origin`.
pub(super) fn line(times: &[i64], values: &[f64], origin: i64) -> (f64, f64) {
    let first = values[0];
    if values.iter().all(|&value| value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = values.len() as f64;
    let [mut x, mut y, mut xy, mut xx] = [Sum::default(); 4];
    for (&t, &v) in times.iter().zip(values) {
        let seconds = t.saturating_sub(origin) as f64 / 1e3;
        x.add(seconds);
        y.add(v);
        xy.add(seconds * v);
        xx.add(seconds * seconds);
    }
    let [x, y, xy, xx] = [x, y, xy, xx].map(Sum::total);
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// `double_exponential_smoothing` (Holt's linear method).
pub(super) fn smoothed(values: &[f64], smoothing: f64, trend: f64) -> f64 {
    let (mut before, mut now) = (0.0, values[0]);
    let mut slope = values[1] - values[0];
    for (i, &value) in values.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (now - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (now + slope);
        (before, now) = (now, next);
    }
    now
}
