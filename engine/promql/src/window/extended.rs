//! `anchored` and `smoothed`: windows with a value at each border (experimental).

use super::Windows;
use crate::ast::RangeMode;
use crate::column::Column;
use crate::eval::Samples;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::plan::SelectPlan;

/// A function of windows whose bounds already reach beyond the borders by the look-back.
pub(super) fn evaluate(func: FunctionId, mode: Option<RangeMode>, w: &Windows, out: &mut Column) {
    let smoothed = mode == Some(RangeMode::Smoothed);
    for (step, from, to) in w.filled(1) {
        let (times, values) = (&w.times()[from..to], &w.values[from..to]);
        let end = w.ends[step];
        let start = end.saturating_sub(w.range_ms);
        let value = match func {
            FunctionId::Resets => counted(times, values, start, |a, b| b < a),
            FunctionId::Changes => {
                counted(times, values, start, |a, b| a != b && !(a.is_nan() && b.is_nan()))
            }
            _ => {
                let counter = func != FunctionId::Delta;
                let rise = rise(times, values, (start, end), smoothed, counter);
                let per_second = func == FunctionId::Rate;
                rise.map(|rise| if per_second { rise / w.range_seconds() } else { rise })
            }
        };
        if let Some(value) = value {
            out.set(step, value);
        }
    }
}

/// The first index whose sample is the last one at or before the border, and the last index.
pub(super) fn ends(
    times: &[i64],
    (start, end): (i64, i64),
    smoothed: bool,
) -> Option<(usize, usize)> {
    let mut last = times.len().checked_sub(1)?;
    let first = times[..last].partition_point(|&t| t <= start).saturating_sub(1);
    if smoothed {
        last = times[..last].partition_point(|&t| t < end);
    }
    (times[last] > start).then_some((first, last))
}

fn rise(
    times: &[i64],
    values: &[f64],
    (start, end): (i64, i64),
    smoothed: bool,
    counter: bool,
) -> Option<f64> {
    let (mut first, mut last) = ends(times, (start, end), smoothed)?;
    if times[first] > end {
        return None;
    }
    let (left, right) = borders(times, values, (first, last), (start, end), smoothed, counter);
    let mut rise = right - left;
    if counter {
        if times[first] <= start {
            first += 1;
        }
        last = if times[last] >= end { last } else { last + 1 };
        let mut before = left;
        for &value in values.get(first..last).unwrap_or(&[]) {
            if value < before {
                rise += before;
            }
            before = value;
        }
        if right < before {
            rise += before;
        }
    }
    Some(rise)
}

/// The values at both borders.
fn borders(
    times: &[i64],
    values: &[f64],
    (first, last): (usize, usize),
    (start, end): (i64, i64),
    smoothed: bool,
    counter: bool,
) -> (f64, f64) {
    let between =
        |i: usize, t| interpolate((times[i], values[i]), (times[i + 1], values[i + 1]), t, counter);
    let left = if smoothed && times[first] < start && first + 1 < times.len() {
        between(first, start)
    } else {
        values[first]
    };
    let right = if smoothed && last > 0 && times[last] > end {
        between(last - 1, end)
    } else {
        values[last]
    };
    (left, right)
}

/// The value at `t` on the line between two samples; a counter that fell began again at zero.
fn interpolate((t1, v1): (i64, f64), (t2, v2): (i64, f64), t: i64, counter: bool) -> f64 {
    let v1 = if counter && v2 < v1 { 0.0 } else { v1 };
    v1 + (v2 - v1) * t.saturating_sub(t1) as f64 / t2.saturating_sub(t1) as f64
}

fn counted(
    times: &[i64],
    values: &[f64],
    start: i64,
    differ: impl Fn(f64, f64) -> bool,
) -> Option<f64> {
    let last = times.len().checked_sub(1)?;
    if times[last] <= start {
        return None;
    }
    let first = times[..last].partition_point(|&t| t <= start).saturating_sub(1);
    Some(values[first..].windows(2).filter(|pair| differ(pair[0], pair[1])).count() as f64)
}

/// The samples of the window of the first step, with a value at each border if a mode asks for it.
pub(crate) fn cut(w: &Windows, mode: Option<RangeMode>) -> (Vec<i64>, Vec<f64>) {
    let Some(&(from, to)) = w.bounds.first() else { return Default::default() };
    let (times, values) = (&w.times()[from..to], &w.values[from..to]);
    let Some(mode) = mode else { return (times.to_vec(), values.to_vec()) };
    let end = w.ends[0];
    let start = end.saturating_sub(w.range_ms);
    let smoothed = mode == RangeMode::Smoothed;
    let Some((mut first, mut last)) = ends(times, (start, end), smoothed) else {
        return Default::default();
    };
    let (left, right) = borders(times, values, (first, last), (start, end), smoothed, false);
    if times[first] <= start {
        first += 1;
    }
    last = if times[last] >= end { last } else { last + 1 };
    let (mut new_times, mut new_values) = (vec![start], vec![left]);
    new_times.extend_from_slice(times.get(first..last).unwrap_or(&[]));
    new_values.extend_from_slice(values.get(first..last).unwrap_or(&[]));
    new_times.push(end);
    new_values.push(right);
    (new_times, new_values)
}

/// An instant selector that is `smoothed`: the value at each step on the line between the samples
/// around it.
pub(crate) fn smooth_instants(
    samples: &Samples,
    select: &SelectPlan,
    grid: &Grid,
    lookback_ms: i64,
    out: &mut Column,
) {
    let (times, values) = (samples.times(), samples.values());
    for step in 0..grid.count {
        let t = select.at.unwrap_or_else(|| grid.time(step)).saturating_sub(select.offset_ms);
        let next = times.partition_point(|&time| time < t);
        let near_next = times.get(next).filter(|&&time| time <= t.saturating_add(lookback_ms));
        let before = next.checked_sub(1).filter(|&i| times[i] > t.saturating_sub(lookback_ms));
        let value = match (before, near_next) {
            (_, Some(&time)) if time == t => values[next],
            (Some(i), Some(_)) => {
                interpolate((times[i], values[i]), (times[next], values[next]), t, false)
            }
            (Some(i), None) => values[i],
            (None, _) => continue,
        };
        out.set(step, value);
    }
}
