//! The window functions against naive ones that look at each window alone.

use super::*;
use crate::column::Bits;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// A window: the samples inside, the time of its end, and its length in ms.
struct Window<'a> {
    samples: &'a [(i64, f64)],
    end: i64,
    range_ms: i64,
}

fn values(w: &Window) -> Vec<f64> {
    w.samples.iter().map(|sample| sample.1).collect()
}

/// The function of one window, written down as its definition says.
fn naive(func: FunctionId, w: &Window) -> Option<f64> {
    use FunctionId as F;
    let v = values(w);
    let pairs = || v.windows(2);
    let rates = matches!(func, F::Rate | F::Increase | F::Delta | F::Irate | F::Idelta | F::Deriv);
    if v.is_empty() || (rates && v.len() < 2) {
        return None;
    }
    let n = v.len() as f64;
    let mean = v.iter().sum::<f64>() / n;
    let variance = v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let seconds = |i: usize| w.samples[i].0 as f64 / 1000.0;
    Some(match func {
        F::SumOverTime => v.iter().sum(),
        F::AvgOverTime => mean,
        F::MinOverTime => v.iter().copied().fold(f64::INFINITY, f64::min),
        F::MaxOverTime => v.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        F::CountOverTime => n,
        F::LastOverTime => v[v.len() - 1],
        F::FirstOverTime => v[0],
        F::StdvarOverTime => variance,
        F::Changes => pairs().filter(|p| p[0] != p[1]).count() as f64,
        F::Resets => pairs().filter(|p| p[1] < p[0]).count() as f64,
        F::Idelta => v[v.len() - 1] - v[v.len() - 2],
        F::Deriv => {
            let mid = (0..v.len()).map(seconds).sum::<f64>() / n;
            let covariance: f64 = (0..v.len()).map(|i| (seconds(i) - mid) * (v[i] - mean)).sum();
            covariance / (0..v.len()).map(|i| (seconds(i) - mid).powi(2)).sum::<f64>()
        }
        F::Increase => naive_increase(w, &v),
        _ => return None,
    })
}

fn naive_increase(w: &Window, v: &[f64]) -> f64 {
    let lost: f64 = v.windows(2).filter(|p| p[1] < p[0]).map(|p| p[0]).sum();
    let rise = v[v.len() - 1] - v[0] + lost;
    let (first, last) = (w.samples[0].0, w.samples[v.len() - 1].0);
    // In seconds, as Prometheus has it: a gap of just 1.1 times the average rounds differently
    // in milliseconds.
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let sampled = seconds(last - first);
    let average = sampled / (v.len() - 1) as f64;
    let mut before = seconds(first - (w.end - w.range_ms));
    let mut behind = seconds(w.end - last);
    if before >= average * 1.1 {
        before = average / 2.0;
    }
    if rise > 0.0 && v[0] >= 0.0 {
        before = before.min(sampled * v[0] / rise);
    }
    if behind >= average * 1.1 {
        behind = average / 2.0;
    }
    rise * (sampled + before + behind) / sampled
}

const FUNCTIONS: [FunctionId; 13] = [
    FunctionId::SumOverTime,
    FunctionId::AvgOverTime,
    FunctionId::MinOverTime,
    FunctionId::MaxOverTime,
    FunctionId::CountOverTime,
    FunctionId::LastOverTime,
    FunctionId::FirstOverTime,
    FunctionId::StdvarOverTime,
    FunctionId::Changes,
    FunctionId::Resets,
    FunctionId::Idelta,
    FunctionId::Deriv,
    FunctionId::Increase,
];

fn function(
    func: FunctionId,
    mode: Option<RangeMode>,
    params: Vec<ScalarColumn>,
) -> WindowFunction {
    let (scratch, marks, candidates) = Default::default();
    let (extrapolation, mixed_version, prefix) = Default::default();
    WindowFunction {
        func,
        mode,
        params,
        span: Span::default(),
        scratch,
        marks,
        candidates,
        extrapolation,
        mixed_version,
        prefix,
    }
}

fn frames(steps: Grid, range_ms: i64) -> Frames {
    let ends = (0..steps.count).map(|step| steps.time(step)).collect();
    let (mode, lookback_ms, known) = (None, 0, vec![Bounds::default()]);
    let (places, turn, found, last) = Default::default();
    Frames { ends, steps, range_ms, mode, lookback_ms, known, places, turn, found, last }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #[test]
    fn functions_are_the_naive_ones(
        times in prop::collection::btree_set(0_i64..60, 0..40),
        raw in prop::collection::vec(0_i32..6, 40),
        step in 1_i64..20, range in 1_i64..40, which in 0..FUNCTIONS.len(),
    ) {
        let samples: Vec<_> =
            times.iter().map(|t| t * 1000).zip(raw.iter().map(|&v| f64::from(v))).collect();
        let (func, range_ms) = (FUNCTIONS[which], range * 1000);
        let grid = Grid { start: -5000, step: step * 1000, count: 10 };
        let (times, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        let frames = frames(grid, range_ms);
        let mut bounds = Vec::new();
        frames.find(&times, &mut bounds);
        let w = Windows {
            times: Times::Here(&times), values: &values, rise: false, bounds: &bounds, ends: &frames.ends,
            steps: &grid, range_ms, version: 0, place: 0, watch: &Watch::default(),
        };
        let mut function = function(func, None, Vec::new());
        let mut out = Column::new(grid.count);
        function.evaluate(&w, &mut out).unwrap();
        for step in 0..grid.count {
            let end = grid.time(step);
            let from = times.partition_point(|&t| t <= end - range_ms);
            let to = times.partition_point(|&t| t <= end);
            let window = Window { samples: &samples[from..to.max(from)], end, range_ms };
            match (out.get(step), naive(func, &window)) {
                (None, None) => {}
                (Some(got), Some(want)) => prop_assert!(close(got, want), "{func:?}: {got} {want}"),
                (got, want) => prop_assert!(false, "{func:?}: {got:?} {want:?}"),
            }
        }
    }
}

/// `rate`, `increase` and `delta` of one window, computed as Prometheus does it and in that order of
/// operations, so that even rounding is the same.
fn plain_rate(func: FunctionId, w: &Window) -> Option<f64> {
    let (&(first_t, first), &(last_t, last)) = (w.samples.first()?, w.samples.last()?);
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let intervals = (w.samples.len() - 1) as f64;
    let is_counter = func != FunctionId::Delta;
    let mut rise = last - first;
    let resets = w.samples.windows(2).filter(|pair| is_counter && pair[1].1 < pair[0].1);
    resets.for_each(|pair| rise += pair[0].1);
    let sampled = seconds(last_t - first_t);
    let (mut to_start, mut to_end) =
        (seconds(first_t - (w.end - w.range_ms)), seconds(w.end - last_t));
    let threshold = sampled / intervals * 1.1;
    if to_start >= threshold {
        to_start = sampled / intervals / 2.0;
    }
    if to_end >= threshold {
        to_end = sampled / intervals / 2.0;
    }
    if is_counter && rise > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / rise));
    }
    let unit = if func == FunctionId::Rate { seconds(w.range_ms) } else { 1.0 };
    let factor = (sampled + to_start + to_end) / sampled / unit;
    (w.samples.len() >= 2).then_some(rise * factor)
}

/// Times of scrapes: mostly regular, with a jitter now and then, gaps, and another interval at the
/// end.
fn scrapes() -> impl Strategy<Value = Vec<i64>> {
    let jitter = prop_oneof![20 => Just(0_i64), 1 => -3_i64..4];
    let gap = prop_oneof![30 => Just(0_i64), 1 => 1_i64..40];
    let each = prop::collection::vec((jitter, gap), 2..200);
    (each, 0_i64..15_000, 1_i64..3).prop_map(|(each, offset, slower)| {
        let half = each.len() / 2;
        let times = each.into_iter().enumerate().scan(offset, |t, (i, (jitter, gap))| {
            *t += 15_000 * (1 + gap) * if i < half { 1 } else { slower };
            Some(*t + jitter)
        });
        times.collect()
    })
}

/// Counters with and without resets, from zero or far from it, and any gauges, with NaN.
fn measured() -> impl Strategy<Value = Vec<f64>> {
    let steps = prop::collection::vec(0_i32..500, 200);
    let falls = prop_oneof![Just(None), (1_usize..60).prop_map(Some)];
    let counter = (steps, falls, prop_oneof![Just(0_i32), Just(1_000_000)]).prop_map(
        |(steps, falls, start)| {
            let values = steps.into_iter().enumerate().scan(start, move |value, (i, step)| {
                let is_reset = falls.is_some_and(|every| i % every == every - 1);
                *value = if is_reset { step } else { *value + step };
                Some(f64::from(*value) / 100.0)
            });
            values.collect::<Vec<_>>()
        },
    );
    let any = prop_oneof![10 => -5.0..5.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    prop_oneof![3 => counter, 1 => prop::collection::vec(any, 200)]
}

proptest! {
    #[test]
    fn rates_are_the_plain_ones_bit_for_bit(
        times in scrapes(), values in measured(), which in 0_usize..3,
        start in prop_oneof![Just(0_i64), 0_i64..60_000],
        step in prop_oneof![4 => (1_i64..20).prop_map(|n| n * 15_000), 1 => 1_i64..100_000],
        range_ms in prop_oneof![Just(300_000_i64), 1_i64..600_000],
    ) {
        let func = [FunctionId::Rate, FunctionId::Increase, FunctionId::Delta][which];
        let values = &values[..times.len()];
        let grid = Grid { start, step, count: 120 };
        let frames = frames(grid, range_ms);
        let mut bounds = Vec::new();
        frames.find(&times, &mut bounds);
        let watch = Watch::default();
        let w = Windows {
            times: Times::Here(&times), values, rise: false, bounds: &bounds, ends: &frames.ends,
            steps: &grid, range_ms, version: 0, place: 0, watch: &watch,
        };
        let rise = !values[0].is_nan() && values.windows(2).all(|pair| pair[0] <= pair[1]);
        for rise in if rise { &[false, true][..] } else { &[false] } {
            let mut out = Column::new(grid.count);
            function(func, None, Vec::new()).evaluate(&Windows { rise: *rise, ..w }, &mut out).unwrap();
            for (step, &end) in frames.ends.iter().enumerate() {
                let from = times.partition_point(|&t| t <= end - range_ms);
                let to = times.partition_point(|&t| t <= end).max(from);
                prop_assert_eq!(bounds[step], (from, to));
                let samples: Vec<_> = (from..to).map(|i| (times[i], values[i])).collect();
                let want = plain_rate(func, &Window { samples: &samples, end, range_ms });
                let (got, want) = (out.get(step).map(f64::to_bits), want.map(f64::to_bits));
                prop_assert_eq!(got, want, "step {}", step);
            }
        }
    }
}

#[test]
fn regular_windows_are_one_run() {
    let times: Vec<i64> = (0..480).map(|i| i * 15_000 + 97).collect();
    let grid = Grid { start: 0, step: 60_000, count: 121 };
    let frames = frames(grid, 300_000);
    let mut bounds = Vec::new();
    frames.find(&times, &mut bounds);
    let w = Windows {
        times: Times::Here(&times),
        values: &[],
        rise: false,
        bounds: &bounds,
        ends: &frames.ends,
        steps: &grid,
        range_ms: 300_000,
        version: 0,
        place: 0,
        watch: &Watch::default(),
    };
    // The first windows begin before the samples.
    assert!(rate::runs(&w) < 8, "{} runs", rate::runs(&w));
}

#[test]
fn nan_loses_minima_and_maxima() {
    let (times, values) = ([1, 2, 3], [f64::NAN, 2.0, f64::NAN]);
    let grid = Grid { start: 1, step: 1, count: 3 };
    let w = Windows {
        times: Times::Here(&times),
        values: &values,
        rise: false,
        bounds: &[(0, 1), (0, 2), (2, 3)],
        ends: &[1, 2, 3],
        steps: &grid,
        range_ms: 2,
        version: 0,
        place: 0,
        watch: &Watch::default(),
    };
    let mut out = Column::new(3);
    over_time::simple(FunctionId::MinOverTime, &w, &mut Vec::new(), &mut out);
    assert!(out.values[0].is_nan() && out.values[2].is_nan());
    assert_eq!((out.values[1], out.present), (2.0, Bits::all(3)));
}

#[test]
fn a_cancelled_query_stops_inside_one_series() {
    let times: Vec<i64> = (0..1000).collect();
    let values = vec![1.0; times.len()];
    let grid = Grid { start: 999, step: 1, count: 1000 };
    // A rate does not look at all samples of each window.
    let functions = FUNCTIONS.into_iter().filter(|func| *func != FunctionId::Increase);
    for (func, mode) in functions.map(|func| (func, None)).chain([
        (FunctionId::QuantileOverTime, None),
        (FunctionId::MadOverTime, None),
        (FunctionId::Rate, Some(RangeMode::Anchored)),
    ]) {
        let cancel = AtomicBool::new(false);
        let watch = Watch::new(None, Some(&cancel));
        watch.tick().unwrap();
        cancel.store(true, Ordering::Relaxed);
        let (bounds, ends) = (vec![(0, 1000); grid.count], vec![999; grid.count]);
        let w = Windows {
            times: Times::Here(&times),
            values: &values,
            rise: false,
            bounds: &bounds,
            ends: &ends,
            steps: &grid,
            range_ms: 1000,
            version: 0,
            place: 0,
            watch: &watch,
        };
        let params = vec![ScalarColumn::Constant(0.5)];
        let mut function = function(func, mode, params);
        let mut out = Column::new(grid.count);
        let error = function.evaluate(&w, &mut out).unwrap_err();
        assert!(matches!(error, QueryError::Canceled { .. }), "{func:?}: {error:?}");
        // 65,536 samples are 65 windows of 1000.
        assert_eq!(out.present.count(), 65, "{func:?}");
    }
}
