//! Durations that are known only with the query's step and range.

use super::build::Query;
use crate::ast::{DurationExpr, DurationExprKind, DurationOp};
use crate::error::{QueryError, Result};

/// The duration in ms; `fixed` unless it has to be computed.
pub(super) fn resolve(
    fixed: i64,
    computed: Option<&DurationExpr>,
    may_be_negative: bool,
    query: &Query,
) -> Result<i64> {
    let Some(expr) = computed else { return Ok(fixed) };
    let seconds = evaluate(expr, query)?;
    if seconds <= 0.0 && !may_be_negative {
        return Err(QueryError::execution("duration must be greater than 0"));
    }
    // Go holds durations in nanoseconds.
    if seconds.is_nan() || seconds.abs() > 9_223_372_036.0 {
        return Err(QueryError::execution("duration is out of range"));
    }
    Ok((seconds * 1000.0) as i64)
}

fn evaluate(expr: &DurationExpr, query: &Query) -> Result<f64> {
    Ok(match &expr.kind {
        DurationExprKind::Number(number) => number.value,
        DurationExprKind::Step => query.step_seconds(),
        DurationExprKind::Range => query.range_seconds(),
        DurationExprKind::Negate(inner) => -evaluate(inner, query)?,
        DurationExprKind::Paren(inner) => evaluate(inner, query)?,
        DurationExprKind::Binary { op, lhs, rhs } => {
            apply(*op, evaluate(lhs, query)?, evaluate(rhs, query)?)?
        }
    })
}

fn apply(op: DurationOp, a: f64, b: f64) -> Result<f64> {
    Ok(match op {
        DurationOp::Add => a + b,
        DurationOp::Sub => a - b,
        DurationOp::Mul => a * b,
        DurationOp::Div if b == 0.0 => return Err(QueryError::execution("division by zero")),
        DurationOp::Div => a / b,
        DurationOp::Mod if b == 0.0 => return Err(QueryError::execution("modulo by zero")),
        DurationOp::Mod => a % b,
        DurationOp::Pow => a.powf(b),
        DurationOp::MinOf => a.min(b),
        DurationOp::MaxOf => a.max(b),
    })
}
