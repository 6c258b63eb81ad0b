//! `quantile`: needs all values of a group and step at once.

use super::groups::Groups;
use super::{Param, extremes, has_nan};
use crate::ast::Span;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::eval::{Exec, ScalarColumn, Sink};
use crate::grid::Grid;
use crate::math;
use crate::plan::AggregatePlan;

pub(super) fn quantile(
    exec: &Exec,
    plan: &AggregatePlan,
    (q, span): Param,
    grid: &Grid,
    sink: Sink,
) -> Result<()> {
    let mut groups = Groups::default();
    let mut members: Vec<Vec<Column>> = Vec::new();
    let mut held = exec.held();
    exec.stream(&plan.input, grid, &mut |row| {
        let (group, new) = groups.of(plan, &row.labels, row.drop_name);
        if new {
            members.push(Vec::new());
        }
        if !row.column.histograms.is_empty() {
            exec.notes.ignored_in_aggregation(plan.op, plan.span);
            row.column.histograms.clear();
        }
        exec.take(&mut held, row.column.cost())?;
        members[group].push(std::mem::take(row.column));
        Ok(())
    })?;
    remark(exec, q, span);
    let (mut column, mut values) = (Column::default(), Vec::new());
    for (labels, drop_name, members) in groups.with(plan, members) {
        exec.tick()?;
        column.reset(grid.count);
        for step in 0..grid.count {
            exec.watch.work(members.len())?;
            values.clear();
            values.extend(members.iter().filter_map(|member| member.get(step)));
            if !values.is_empty() {
                column.set(step, math::quantile(q.get(step), &mut values));
            }
        }
        sink(Row { labels, drop_name, column: &mut column })?;
    }
    Ok(())
}

/// Behind the remarks of the input, as of equal texts the last one counts.
fn remark(exec: &Exec, q: &ScalarColumn, span: Span) {
    let (min, max) = extremes(q);
    if has_nan(q) {
        exec.notes.invalid_quantile(f64::NAN, span);
    }
    if max > 1.0 {
        exec.notes.invalid_quantile(max, span);
    }
    if min < 0.0 {
        exec.notes.invalid_quantile(min, span);
    }
}
