//! Aggregations: series go in one by one, each step of each group has its own accumulator.

mod count_values;
mod fold;
mod groups;
mod limit;
mod quantile;
mod topk;

use crate::ast::{AggregateOp, Span};
use crate::error::{QueryError, Result};
use crate::eval::{Exec, ScalarColumn, Sink};
use crate::grid::Grid;
use crate::plan::{AggregateParam, AggregatePlan};

/// Evaluates an aggregation.
pub(crate) fn aggregate(exec: &Exec, plan: &AggregatePlan, grid: &Grid, sink: Sink) -> Result<()> {
    match (plan.op, &plan.param) {
        (AggregateOp::CountValues, Some(AggregateParam::Label(label))) => {
            count_values::count_values(exec, plan, label, grid, sink)
        }
        (op, Some(AggregateParam::Number(number, span))) => {
            let param = exec.scalar(number, grid)?;
            match op {
                AggregateOp::Quantile => {
                    quantile::quantile(exec, plan, (&param, *span), grid, sink)
                }
                AggregateOp::LimitRatio => limit::ratio(exec, plan, (&param, *span), grid, sink),
                _ => match counts(&param) {
                    Ok(true) => topk::topk(exec, plan, &param, grid, sink),
                    // An error of the input comes first.
                    other => exec.stream(&plan.input, grid, &mut |_| Ok(())).and(other).map(drop),
                },
            }
        }
        _ => fold::fold(exec, plan, grid, sink),
    }
}

/// Checks the numbers of series of `topk` and its kin; whether there is one above zero.
fn counts(param: &ScalarColumn) -> Result<bool> {
    let (min, max) = extremes(param);
    if has_nan(param) {
        return Err(QueryError::execution("Parameter value is NaN"));
    }
    if max < 1.0 {
        return Ok(false);
    }
    let text = crate::number::format_general;
    if min <= -9_223_372_036_854_775_808.0 {
        let text = format!("Scalar value {} underflows int64", text(min));
        return Err(QueryError::execution(text));
    }
    if max >= 9_223_372_036_854_774_784.0 {
        let text = format!("Scalar value {} overflows int64", text(max));
        return Err(QueryError::execution(text));
    }
    Ok(true)
}

/// The smallest and the largest number of a scalar.
fn extremes(param: &ScalarColumn) -> (f64, f64) {
    let values = param.distinct().iter();
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &v| (min.min(v), max.max(v)))
}

fn has_nan(param: &ScalarColumn) -> bool {
    param.distinct().iter().any(|value| value.is_nan())
}

/// A parameter and its place.
type Param<'a> = (&'a ScalarColumn, Span);
