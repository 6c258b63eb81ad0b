//! Functions of each value alone.

use nunatak_index::Labels;

use super::{Exec, ScalarColumn, Sink};
use crate::calendar;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::histogram::part;
use crate::plan::MapCall;

impl Exec<'_> {
    /// A function of each value; the name of the metric goes.
    pub(super) fn map(&self, call: &MapCall, grid: &Grid, sink: Sink) -> Result<()> {
        let params = call.params.iter().map(|param| self.scalar(param, grid));
        let params = params.collect::<Result<Vec<_>>>()?;
        let func = simple(call.func);
        self.dropping_names(
            &call.input,
            grid,
            &mut |row, sink| {
                if let Some(part) = part::part(call.func) {
                    part::take(row.column, part);
                    return sink(row);
                }
                if call.func == FunctionId::Timestamp {
                    times(row.column, grid);
                    return sink(row);
                }
                row.column.histograms.clear();
                match func {
                    Some(func) => row.column.map(func),
                    None => with_params(call.func, &params, row.column),
                }
                sink(row)
            },
            sink,
        )
    }

    /// A calendar function of the steps' own times.
    pub(super) fn clock(&self, func: FunctionId, grid: &Grid, sink: Sink) -> Result<()> {
        self.tick()?;
        let part = simple(func).unwrap_or(|_| f64::NAN);
        let seconds = |step| grid.time(step).div_euclid(1000) as f64;
        let values = (0..grid.count).map(|step| part(seconds(step))).collect();
        let mut column = Column::full(values);
        sink(Row { labels: Labels::empty(), drop_name: false, column: &mut column })
    }
}

fn times(column: &mut Column, grid: &Grid) {
    for step in std::mem::take(&mut column.histograms).into_keys() {
        column.set(step, 0.0);
    }
    for (step, value) in column.values.iter_mut().enumerate() {
        *value = grid.time(step) as f64 / 1000.0;
    }
}

fn with_params(func: FunctionId, params: &[ScalarColumn], column: &mut Column) {
    let param = |index: usize, step| params.get(index).map(|param: &ScalarColumn| param.get(step));
    for step in 0..column.values.len() {
        let value = column.values[step];
        let (low, high) = match func {
            FunctionId::Round => {
                column.values[step] = round(value, param(0, step).unwrap_or(1.0));
                continue;
            }
            FunctionId::ClampMin => (param(0, step), None),
            FunctionId::ClampMax => (None, param(0, step)),
            _ => (param(0, step), param(1, step)),
        };
        let low = low.unwrap_or(f64::NEG_INFINITY);
        let high = high.unwrap_or(f64::INFINITY);
        if high < low {
            column.present.remove(step);
        } else {
            column.values[step] = larger(low, smaller(high, value));
        }
    }
}

/// Go's `math.Max`: infinity wins over NaN, NaN over the rest, and 0 over −0.
fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a > b || (a == b && a.is_sign_positive()) {
        a
    } else {
        b
    }
}

/// Go's `math.Min`: the mirror image.
fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

/// To the nearest multiple, ties upwards; by the inverse, which is more often exact.
fn round(value: f64, nearest: f64) -> f64 {
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// The functions without further arguments.
fn simple(func: FunctionId) -> Option<fn(f64) -> f64> {
    use FunctionId as F;
    Some(match func {
        F::Abs => f64::abs,
        F::Ceil => f64::ceil,
        F::Floor => f64::floor,
        F::Exp => f64::exp,
        F::Sqrt => f64::sqrt,
        F::Ln => f64::ln,
        F::Log2 => f64::log2,
        F::Log10 => f64::log10,
        F::Sin => f64::sin,
        F::Cos => f64::cos,
        F::Tan => f64::tan,
        F::Asin => f64::asin,
        F::Acos => f64::acos,
        F::Atan => f64::atan,
        F::Sinh => f64::sinh,
        F::Cosh => f64::cosh,
        F::Tanh => f64::tanh,
        F::Asinh => f64::asinh,
        F::Acosh => f64::acosh,
        F::Atanh => f64::atanh,
        F::Rad => |v| v * std::f64::consts::PI / 180.0,
        F::Deg => |v| v * 180.0 / std::f64::consts::PI,
        F::Sgn => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        F::Minute => calendar::minute,
        F::Hour => calendar::hour,
        F::DayOfWeek => calendar::day_of_week,
        F::DayOfMonth => calendar::day_of_month,
        F::DayOfYear => calendar::day_of_year,
        F::DaysInMonth => calendar::days_in_month,
        F::Month => calendar::month,
        F::Year => calendar::year,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_those_of_go() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        assert_eq!(larger(inf, nan), inf);
        assert_eq!(smaller(nan, -inf), -inf);
        assert!(
            larger(-inf, nan).is_nan() && smaller(inf, nan).is_nan() && larger(nan, 1.0).is_nan()
        );
        assert!(larger(-0.0, 0.0).is_sign_positive() && larger(0.0, -0.0).is_sign_positive());
        assert!(smaller(-0.0, 0.0).is_sign_negative() && smaller(0.0, -0.0).is_sign_negative());
        assert_eq!([larger(1.0, 2.0), smaller(1.0, 2.0)], [2.0, 1.0]);
    }
}
