//! The `…_over_time` functions.

use super::Windows;
use super::extremes::{Candidate, Max, Min, extremes};
use crate::column::Column;
use crate::functions::FunctionId;
use crate::math::{Mean, Sum, quantile};

/// The functions without arguments.
pub(super) fn simple(func: FunctionId, w: &Windows, queue: &mut Vec<Candidate>, out: &mut Column) {
    use FunctionId as F;
    let seconds = |i: usize| w.times()[i] as f64 / 1000.0;
    match func {
        F::MinOverTime => return extremes::<Min>(w, queue, out),
        F::MaxOverTime => return extremes::<Max>(w, queue, out),
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
