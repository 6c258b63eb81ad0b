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
    let (scratch, marks, extrapolation, mixed_version, prefix) = Default::default();
    let span = Span::default();
    WindowFunction {
        func,
        mode,
        params,
        span,
        scratch,
        marks,
        extrapolation,
        mixed_version,
        prefix,
    }
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
        let ends: Vec<_> = (0..grid.count).map(|step| grid.time(step)).collect();
        let (times, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        let (mode, lookback_ms, known) = (None, 0, Vec::new());
        let (found, last) = (0, None);
        let frames = Frames { ends, steps: grid, range_ms, mode, lookback_ms, known, found, last };
        let mut bounds = Vec::new();
        frames.find(&times, &mut bounds);
        let w = Windows {
            times: &times, values: &values, bounds: &bounds, ends: &frames.ends,
            steps: &grid, range_ms, version: 0, place: 0, watch: &Watch::default(),
        };
        let mut function = function(func, mode, Vec::new());
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

#[test]
fn nan_loses_minima_and_maxima() {
    let (times, values) = ([1, 2, 3], [f64::NAN, 2.0, f64::NAN]);
    let grid = Grid { start: 1, step: 1, count: 3 };
    let w = Windows {
        times: &times,
        values: &values,
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
            times: &times,
            values: &values,
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
