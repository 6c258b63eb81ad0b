//! A vector and a scalar: each series alone, in place.

use super::apply::{arithmetic, changes_meaning, compares, is_trim};
use crate::ast::BinaryOp;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::eval::{Exec, ScalarColumn, Sink};
use crate::grid::Grid;
use crate::plan::MixedPlan;

pub(crate) fn mixed(exec: &Exec, plan: &MixedPlan, grid: &Grid, sink: Sink) -> Result<()> {
    let scalar = exec.scalar(&plan.scalar, grid)?;
    if is_trim(plan.op) {
        return trim(exec, plan, grid);
    }
    let drops = changes_meaning(plan.op) || plan.return_bool;
    let mut apply = |row: Row, sink: Sink| {
        if plan.op.is_comparison() {
            compare(row.column, &scalar, plan);
        } else {
            calculate(row.column, &scalar, plan.op, plan.scalar_left);
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
        ScalarColumn::Steps(values) => {
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

/// Trims need a native histogram: a float is left out, with a remark.
fn trim(exec: &Exec, plan: &MixedPlan, grid: &Grid) -> Result<()> {
    let op = plan.op.symbol();
    exec.stream(&plan.vector, grid, &mut |_| {
        let text = format!(
            "incompatible sample types encountered for binary operator {op:?}: float {op} float"
        );
        exec.notes.info(&text, plan.span);
        Ok(())
    })
}
