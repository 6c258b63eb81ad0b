//! A vector and a scalar: each series alone, in place.

use std::sync::Arc;

use nunatak::Histogram;

use super::apply::{arithmetic, changes_meaning, compares, is_trim};
use crate::ast::BinaryOp;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::eval::{Exec, ScalarColumn, Sink};
use crate::grid::Grid;
use crate::histogram::operate::{Operand, Outcome, operate};
use crate::plan::MixedPlan;

pub(crate) fn mixed(exec: &Exec, plan: &MixedPlan, grid: &Grid, sink: Sink) -> Result<()> {
    let scalar = exec.scalar(&plan.scalar, grid)?;
    let drops = changes_meaning(plan.op) || plan.return_bool;
    let mut apply = |row: Row, sink: Sink| {
        let histograms = std::mem::take(&mut row.column.histograms);
        if is_trim(plan.op) {
            refuse_floats(exec, plan, row.column);
        } else if plan.op.is_comparison() {
            compare(row.column, &scalar, plan);
        } else {
            calculate(row.column, &scalar, plan.op, plan.scalar_left);
        }
        for (step, histogram) in histograms {
            with_histogram(exec, plan, (step, &histogram), scalar.get(step), row.column);
        }
        sink(row)
    };
    if drops {
        return exec.dropping_names(&plan.vector, grid, &mut apply, sink);
    }
    exec.stream(&plan.vector, grid, &mut |row| apply(row, sink))
}

fn calculate(column: &mut Column, scalar: &ScalarColumn, op: BinaryOp, scalar_left: bool) {
    match scalar {
        ScalarColumn::Constant(s) if scalar_left => column.map(|v| arithmetic(op, *s, v)),
        ScalarColumn::Constant(s) => column.map(|v| arithmetic(op, v, *s)),
        ScalarColumn::Steps(values, _) => {
            for (v, s) in column.values.iter_mut().zip(values) {
                *v = if scalar_left { arithmetic(op, *s, *v) } else { arithmetic(op, *v, *s) };
            }
        }
    }
}

/// The vector's value stays, or becomes 0 or 1 with `bool`.
fn compare(column: &mut Column, scalar: &ScalarColumn, plan: &MixedPlan) {
    for step in 0..column.values.len() {
        let (v, s) = (column.values[step], scalar.get(step));
        let (a, b) = if plan.scalar_left { (s, v) } else { (v, s) };
        let holds = compares(plan.op, a, b);
        if plan.return_bool {
            column.values[step] = f64::from(u8::from(holds));
        } else if !holds {
            column.present.remove(step);
        }
    }
}

/// Trims need a native histogram: floats are left out, with a remark.
fn refuse_floats(exec: &Exec, plan: &MixedPlan, column: &mut Column) {
    if !column.present.is_empty() {
        exec.notes.incompatible_types("float", plan.op, "float", plan.span);
        column.present.reset(column.values.len());
    }
}

fn with_histogram(
    exec: &Exec,
    plan: &MixedPlan,
    (step, histogram): (usize, &Arc<Histogram>),
    scalar: f64,
    column: &mut Column,
) {
    let (vector, scalar) = (Operand::Histogram(histogram), Operand::Float(scalar));
    let (a, b) = if plan.scalar_left { (scalar, vector) } else { (vector, scalar) };
    // No comparison is one of a histogram and a number.
    if let Some(Outcome::Histogram(result)) = operate(plan.op, a, b, &exec.notes, plan.span) {
        column.set_histogram(step, result);
    }
}
