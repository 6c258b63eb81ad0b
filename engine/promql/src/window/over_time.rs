//! The `…_over_time` functions.

use super::Windows;
use crate::column::Column;
use crate::functions::FunctionId;
use crate::math::{Mean, Sum, quantile};

/// The functions without arguments.
pub(super) fn simple(func: FunctionId, w: &Windows, queue: &mut Vec<usize>, out: &mut Column) {
    use FunctionId as F;
    let seconds = |i: usize| w.times[i] as f64 / 1000.0;
    match func {
        F::MinOverTime => return extremes(w, queue, |a, b| a < b, out),
        F::MaxOverTime => return extremes(w, queue, |a, b| a > b, out),
        _ => {}
    }
    for (step, from, to) in w.filled(1) {
        let values = &w.values[from..to];
        let value = match func {
            F::CountOverTime => (to - from) as f64,
            F::PresentOverTime => 1.0,
            F::LastOverTime => w.values[to - 1],
            F::FirstOverTime => w.values[from],
            F::SumOverTime => sum(values),
            F::AvgOverTime => mean(values),
            F::StddevOverTime => variance(values).sqrt(),
            F::StdvarOverTime => variance(values),
            F::TsOfFirstOverTime => seconds(from),
            F::TsOfLastOverTime => seconds(to - 1),
            F::TsOfMinOverTime => seconds(from + last_extreme(values, |a, b| a <= b)),
            F::TsOfMaxOverTime => seconds(from + last_extreme(values, |a, b| a >= b)),
            _ => continue,
        };
        out.set(step, value);
    }
}

/// Sums that are carried on at a time in a large window.
const LANES: usize = 4;
/// Below this size no sum of a window overflows on the way.
const SMALL: f64 = 1e290;

/// The compensated sum of a large window of values that are not huge: value i goes into lane i
/// mod 4, and the lanes are added in their order.
fn lanes(values: &[f64]) -> Option<Sum> {
    if values.len() < 8 * LANES {
        return None;
    }
    let mut lanes = [Sum::default(); LANES];
    let (pieces, rest) = values.as_chunks::<LANES>();
    for piece in pieces.iter().map(<[f64; LANES]>::as_slice).chain([rest]) {
        for (lane, &value) in lanes.iter_mut().zip(piece) {
            lane.add(value);
        }
    }
    let small = lanes.iter().all(|lane| lane.value.abs() < SMALL);
    small.then(|| {
        let mut total = Sum::default();
        for lane in lanes {
            total.add(lane.value);
            total.lost += lane.lost;
        }
        total
    })
}

fn sum(values: &[f64]) -> f64 {
    if let Some(sum) = lanes(values) {
        return sum.total();
    }
    let mut sum = Sum::default();
    for &value in values {
        sum.add(value);
    }
    if sum.value.is_infinite() { sum.value } else { sum.total() }
}

fn mean(values: &[f64]) -> f64 {
    if let Some(sum) = lanes(values) {
        let count = values.len() as f64;
        return sum.value / count + sum.lost / count;
    }
    let mut mean = Mean::default();
    for &value in values {
        mean.add(value);
    }
    mean.total()
}

/// The population variance (Welford 1962) with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    let mut count = 0.0;
    for &value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    squares.total() / count
}

/// The index of the last value that no other one beats; NaN loses against everything.
fn last_extreme(values: &[f64], at_least: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate() {
        if at_least(value, values[best]) || values[best].is_nan() {
            best = i;
        }
    }
    best
}

/// Minimum or maximum of each window; NaN only if there is nothing else. `queue` holds the
/// indices of the values that may still win, the best one first.
fn extremes(
    w: &Windows,
    queue: &mut Vec<usize>,
    beats: impl Fn(f64, f64) -> bool,
    out: &mut Column,
) {
    if !w.overlap() {
        for (step, from, to) in w.filled(1) {
            out.set(step, extreme(&w.values[from..to], &beats));
        }
        return;
    }
    queue.clear();
    let (mut head, mut next) = (0, 0);
    for (step, from, to) in w.filled(1) {
        next = next.max(from);
        while next < to {
            let value = w.values[next];
            if !value.is_nan() {
                while queue.len() > head && beats(value, w.values[queue[queue.len() - 1]]) {
                    queue.pop();
                }
                queue.push(next);
            }
            next += 1;
        }
        while queue.get(head).is_some_and(|&i| i < from) {
            head += 1;
        }
        out.set(step, queue.get(head).map_or(f64::NAN, |&i| w.values[i]));
    }
}

/// The value that no other one beats, the first of equal ones; NaN only if there is nothing else.
fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best = f64::NAN;
    for &value in values {
        if beats(value, best) || best.is_nan() {
            best = value;
        }
    }
    best
}

/// `quantile_over_time`
pub(super) fn quantiles(
    w: &Windows,
    scratch: &mut Vec<f64>,
    q: impl Fn(usize) -> f64,
    out: &mut Column,
) {
    for (step, from, to) in w.filled(1) {
        scratch.clear();
        scratch.extend_from_slice(&w.values[from..to]);
        out.set(step, quantile(q(step), scratch));
    }
}

/// `mad_over_time`: the median distance from the median; NaN if one value is.
pub(super) fn mad(w: &Windows, scratch: &mut Vec<f64>, out: &mut Column) {
    for (step, from, to) in w.filled(1) {
        scratch.clear();
        scratch.extend_from_slice(&w.values[from..to]);
        if scratch.iter().any(|value| value.is_nan()) {
            out.set(step, f64::NAN);
            continue;
        }
        let median = quantile(0.5, scratch);
        for value in &mut *scratch {
            *value = (*value - median).abs();
        }
        out.set(step, quantile(0.5, scratch));
    }
}
