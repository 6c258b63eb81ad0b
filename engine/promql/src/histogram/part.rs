//! `histogram_count` and its kin: one number of each histogram.

use nunatak::Histogram;

use super::quantile::variance;
use crate::column::Column;
use crate::functions::FunctionId;

/// The function that takes a number from a histogram, if it is one of those.
pub(crate) fn part(func: FunctionId) -> Option<fn(&Histogram) -> f64> {
    Some(match func {
        FunctionId::HistogramCount => |h| h.count,
        FunctionId::HistogramSum => |h| h.sum,
        FunctionId::HistogramAvg => |h| h.sum / h.count,
        FunctionId::HistogramStddev => |h| variance(h).sqrt(),
        FunctionId::HistogramStdvar => variance,
        _ => return None,
    })
}

/// Puts a number in the place of each histogram; floats go.
pub(crate) fn take(column: &mut Column, part: fn(&Histogram) -> f64) {
    let histograms = std::mem::take(&mut column.histograms);
    column.reset(column.values.len());
    for (step, histogram) in histograms {
        column.set(step, part(&histogram));
    }
}
