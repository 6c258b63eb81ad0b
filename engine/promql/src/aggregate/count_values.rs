//! `count_values`: a series for each value.

use std::collections::BTreeMap;

use nunatak_index::{Labels, LabelsBuilder};

use super::groups::keeps;
use crate::column::{Column, Row};
use crate::error::{QueryError, Result};
use crate::eval::{Exec, Sink};
use crate::grid::Grid;
use crate::histogram::describe;
use crate::key::Interner;
use crate::number::format_plain;
use crate::plan::AggregatePlan;

/// Samples that a group counts as, without the text of its labels: list, tree and key.
const GROUP: usize = 8;

/// How often a group saw its value at each step.
type Counts = BTreeMap<usize, f64>;

pub(super) fn count_values(
    exec: &Exec,
    plan: &AggregatePlan,
    label: &str,
    grid: &Grid,
    sink: Sink,
) -> Result<()> {
    let mut numbers = Interner::default();
    let mut groups: Vec<(Labels, Counts)> = Vec::new();
    let mut held = exec.held();
    // The label of the value belongs to each group of `by`.
    let keep = |name: &str| keeps(plan, name) || (!plan.without && name == label);
    exec.stream(&plan.input, grid, &mut |row| {
        let mut known: BTreeMap<u64, usize> = BTreeMap::new();
        for (step, value) in row.column.iter() {
            let group = if let Some(&group) = known.get(&value.to_bits()) {
                group
            } else {
                let labels = labelled(&row.labels, label, &format_plain(value))?;
                let (group, new) = numbers.number(&labels, keep);
                if new {
                    exec.take(&mut held, GROUP + labels.text_len() / 16)?;
                    groups.push((labels.filtered(keep), Counts::new()));
                }
                known.insert(value.to_bits(), group);
                group
            };
            let counts = &mut groups[group].1;
            let before = counts.len();
            *counts.entry(step).or_default() += 1.0;
            exec.take(&mut held, counts.len() - before)?;
        }
        for (&step, histogram) in &row.column.histograms {
            let labels = labelled(&row.labels, label, &describe(histogram))?;
            let (group, new) = numbers.number(&labels, keep);
            if new {
                exec.take(&mut held, GROUP + labels.text_len() / 16)?;
                groups.push((labels.filtered(keep), Counts::new()));
            }
            *groups[group].1.entry(step).or_default() += 1.0;
        }
        Ok(())
    })?;
    let mut column = Column::default();
    for (labels, counts) in groups {
        column.reset(grid.count);
        for (step, count) in counts {
            column.set(step, count);
        }
        sink(Row { labels, drop_name: false, column: &mut column })?;
    }
    Ok(())
}

fn labelled(labels: &Labels, label: &str, value: &str) -> Result<Labels> {
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(label, value);
    builder.build().map_err(|error| QueryError::execution(error.to_string()))
}
