//! Functions of windows over the buckets of a tier in place of samples.
//!
//! A bucket lies wholly inside or outside of each window, so minima, maxima, counts, first and last
//! values, and the rise of counters are those of the samples, bit for bit. The sum of a bucket was
//! rounded once, so sums and means may differ from those of the samples in the last digit; those of
//! whole numbers below 2^53 do not.

use nunatak::{Aggregation, Rollup};

use super::extremes::Candidate;
use super::{ALONE, Frames, Times, Windows, over_time, rate};
use crate::column::Column;
use crate::error::Result;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::math::Sum;
use crate::plan::RangePlan;
use crate::watch::Watch;

/// What a function wants of buckets; `None` if it needs samples.
pub(crate) fn wanted(func: FunctionId) -> Option<Aggregation> {
    use FunctionId as F;
    Some(match func {
        F::MinOverTime => Aggregation::Min,
        F::MaxOverTime => Aggregation::Max,
        F::SumOverTime => Aggregation::Sum,
        F::CountOverTime | F::PresentOverTime => Aggregation::Count,
        F::AvgOverTime => Aggregation::Mean,
        F::FirstOverTime => Aggregation::First,
        F::LastOverTime => Aggregation::Last,
        F::Rate | F::Increase => Aggregation::Increase,
        F::Delta => Aggregation::Delta,
        _ => return None,
    })
}

/// A function of windows, with its memory.
#[derive(Debug)]
pub(crate) struct RollupFunction {
    func: FunctionId,
    frames: Frames,
    times: Vec<i64>,
    values: Vec<f64>,
    bounds: Vec<(usize, usize)>,
    queue: Vec<Candidate>,
}

impl RollupFunction {
    pub(crate) fn new(func: FunctionId, range: &RangePlan, grid: &Grid) -> Self {
        let (times, values, bounds, queue) = Default::default();
        let frames = Frames::new(range, grid, 0);
        Self { func, frames, times, values, bounds, queue }
    }

    /// The ends of the windows.
    pub(crate) fn ends(&self) -> &[i64] {
        &self.frames.ends
    }

    /// The function's value at each step that has one; `buckets` are in the order of time.
    ///
    /// # Errors
    /// If the query has to stop.
    pub(crate) fn evaluate(
        &mut self,
        buckets: &[Rollup],
        watch: &Watch<'_>,
        out: &mut Column,
    ) -> Result<()> {
        use FunctionId as F;
        self.times.clear();
        self.times.extend(buckets.iter().map(|bucket| bucket.last_t));
        self.frames.find(&self.times, &mut self.bounds);
        self.values.clear();
        self.values.extend(buckets.iter().map(value(self.func)));
        let windows = Windows {
            times: Times::Here(&self.times),
            values: &self.values,
            rise: false,
            version: 0,
            place: ALONE,
            bounds: &self.bounds,
            ends: &self.frames.ends,
            steps: &self.frames.steps,
            range_ms: self.frames.range_ms,
            watch,
        };
        match self.func {
            F::Rate => rate::of_buckets(&windows, buckets, true, true, out),
            F::Increase => rate::of_buckets(&windows, buckets, true, false, out),
            F::Delta => rate::of_buckets(&windows, buckets, false, false, out),
            F::AvgOverTime => means(&windows, buckets, out),
            F::CountOverTime => over_time::simple(F::SumOverTime, &windows, &mut self.queue, out),
            func => over_time::simple(func, &windows, &mut self.queue, out),
        }
        watch.verdict()
    }
}

/// The number of a bucket that stands for the values of its samples.
fn value(func: FunctionId) -> fn(&Rollup) -> f64 {
    use FunctionId as F;
    match func {
        F::MinOverTime => |bucket| bucket.min,
        F::MaxOverTime => |bucket| bucket.max,
        F::FirstOverTime => |bucket| bucket.first,
        F::LastOverTime => |bucket| bucket.last,
        F::CountOverTime => |bucket| bucket.count,
        _ => |bucket| bucket.sum,
    }
}

fn means(w: &Windows<'_>, buckets: &[Rollup], out: &mut Column) {
    for (step, from, to) in w.filled(1) {
        let mut sum = Sum::default();
        w.values[from..to].iter().for_each(|&value| sum.add(value));
        let count: f64 = buckets[from..to].iter().map(|bucket| bucket.count).sum();
        if sum.value.is_infinite() {
            // It may be the sum alone that can't be said.
            sum = Sum::default();
            w.values[from..to].iter().for_each(|&value| sum.add(value / count));
            out.set(step, sum.total());
            continue;
        }
        out.set(step, sum.value / count + sum.lost / count);
    }
}
