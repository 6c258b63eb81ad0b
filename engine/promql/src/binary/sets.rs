//! `and`, `or` and `unless`: algebra of the steps at which series are there.

use super::matching::Signatures;
use crate::ast::BinaryOp;
use crate::column::{Bits, Matrix, Series};
use crate::error::Result;
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::plan::PairPlan;

pub(crate) fn set_operation(exec: &Exec, plan: &PairPlan, grid: &Grid, sink: Sink) -> Result<()> {
    let mut left = exec.collect(&plan.lhs, grid)?;
    let mut right = exec.collect(&plan.rhs, grid)?;
    let signatures = Signatures::new(&plan.matching, &left.series, &right.series);
    if plan.op == BinaryOp::Or {
        let there = occupied(&left.series, &signatures.left, signatures.count, grid);
        for (series, &signature) in right.series.iter_mut().zip(&signatures.right) {
            series.column.remove(&there[signature]);
        }
        left.series.append(&mut right.series);
    } else {
        let there = occupied(&right.series, &signatures.right, signatures.count, grid);
        for (series, &signature) in left.series.iter_mut().zip(&signatures.left) {
            match plan.op {
                BinaryOp::And => series.column.keep(&there[signature]),
                _ => series.column.remove(&there[signature]),
            }
        }
    }
    left.series.retain(|series| !series.column.is_empty());
    let merged = exec.merge_unless_instant(left, grid)?;
    exec.replay(merged, sink)
}

/// For each signature the steps at which one of its series is there.
fn occupied(series: &[Series], signatures: &[usize], count: usize, grid: &Grid) -> Vec<Bits> {
    let mut there = vec![Bits::new(grid.count); count];
    for (series, &signature) in series.iter().zip(signatures) {
        there[signature].union(&series.column.there());
    }
    there
}

impl Exec<'_> {
    /// Makes one series of those with equal labels. With delayed name removal an instant query
    /// does so at its end alone.
    pub(super) fn merge_unless_instant(&self, matrix: Matrix, grid: &Grid) -> Result<Matrix> {
        if self.delayed_names && grid.count == 1 { Ok(matrix) } else { self.merge_equal(matrix) }
    }
}
