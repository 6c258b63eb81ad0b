//! `topk`, `bottomk` and `limitk`: a small heap for each group and step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::Groups;
use crate::ast::AggregateOp;
use crate::column::{Column, Row};
use crate::error::Result;
use crate::eval::{Exec, ScalarColumn, Sink};
use crate::grid::Grid;
use crate::plan::AggregatePlan;
use nunatak::Histogram;
use nunatak_index::Labels;

/// A value and the number of its series.
type Entry = (f64, usize);

/// Native histograms that `limitk` keeps, by the number of the series and the step; entries for
/// them stand in the heaps, too.
type Histograms = BTreeMap<(usize, usize), Arc<Histogram>>;

/// Which of two entries leaves first.
#[derive(Debug, Clone, Copy)]
enum Keep {
    Largest,
    Smallest,
    First,
}

pub(super) fn topk(
    exec: &Exec,
    plan: &AggregatePlan,
    k: &ScalarColumn,
    grid: &Grid,
    sink: Sink,
) -> Result<()> {
    let keep = match plan.op {
        AggregateOp::Topk => Keep::Largest,
        AggregateOp::Bottomk => Keep::Smallest,
        _ => Keep::First,
    };
    let mut groups = Groups::default();
    let mut heaps: Vec<Vec<Vec<Entry>>> = Vec::new();
    let mut series: Vec<(Labels, bool)> = Vec::new();
    let mut histograms = Histograms::new();
    let mut held = exec.held();
    exec.stream(&plan.input, grid, &mut |row| {
        if !row.column.histograms.is_empty() && !matches!(keep, Keep::First) {
            exec.notes.ignored_in_aggregation(plan.op, plan.span);
            row.column.histograms.clear();
        }
        let (group, new) = groups.of(plan, &row.labels, row.drop_name);
        if new {
            // The heaps are 24 bytes each as long as they are empty.
            exec.take(&mut held, grid.count.saturating_mul(2))?;
            heaps.push(vec![Vec::new(); grid.count]);
        }
        let mut grown = 0;
        for (step, value) in row.column.iter() {
            let k = k.get(step);
            let heap = &mut heaps[group][step];
            let before = heap.capacity();
            if k >= 1.0 {
                offer(heap, keep, k as usize, (value, series.len()));
            }
            grown += heap.capacity() - before;
        }
        for (step, histogram) in std::mem::take(&mut row.column.histograms) {
            let heap = &mut heaps[group][step];
            if k.get(step) >= 1.0 && heap.len() < k.get(step) as usize {
                heap.push((f64::NAN, series.len()));
                grown += histogram.bytes().div_ceil(16);
                histograms.insert((series.len(), step), histogram);
            }
        }
        exec.take(&mut held, grown)?;
        series.push((row.labels, row.drop_name));
        Ok(())
    })?;
    if grid.count == 1 {
        return instant(heaps, &series, &histograms, keep, sink);
    }
    let mut points: Vec<Vec<(usize, f64)>> = vec![Vec::new(); series.len()];
    for steps in heaps {
        for (step, heap) in steps.into_iter().enumerate() {
            for (value, number) in heap {
                points[number].push((step, value));
            }
        }
    }
    let mut column = Column::default();
    for (number, ((labels, drop_name), points)) in series.into_iter().zip(points).enumerate() {
        if points.is_empty() {
            continue;
        }
        column.reset(grid.count);
        for (step, value) in points {
            put(&mut column, step, value, histograms.get(&(number, step)));
        }
        sink(Row { labels, drop_name, column: &mut column })?;
    }
    Ok(())
}

/// The best first, group by group.
fn instant(
    heaps: Vec<Vec<Vec<Entry>>>,
    series: &[(Labels, bool)],
    histograms: &Histograms,
    keep: Keep,
    sink: Sink,
) -> Result<()> {
    let mut column = Column::default();
    for mut heap in heaps.into_iter().flatten() {
        if !matches!(keep, Keep::First) {
            heap.sort_by(|a, b| {
                match (leaves_first(keep, b.0, a.0), leaves_first(keep, a.0, b.0)) {
                    (true, false) => std::cmp::Ordering::Less,
                    (false, true) => std::cmp::Ordering::Greater,
                    _ => std::cmp::Ordering::Equal,
                }
            });
        }
        for (value, number) in heap {
            column.reset(1);
            put(&mut column, 0, value, histograms.get(&(number, 0)));
            let (labels, drop_name) = &series[number];
            sink(Row { labels: labels.clone(), drop_name: *drop_name, column: &mut column })?;
        }
    }
    Ok(())
}

fn put(column: &mut Column, step: usize, value: f64, histogram: Option<&Arc<Histogram>>) {
    match histogram {
        Some(histogram) => column.set_histogram(step, Arc::clone(histogram)),
        None => column.set(step, value),
    }
}

/// Puts an entry into a heap of at most `k`, whose first entry is the one to leave.
fn offer(heap: &mut Vec<Entry>, keep: Keep, k: usize, entry: Entry) {
    if heap.len() < k {
        heap.push(entry);
        sift_up(heap, keep);
        return;
    }
    let worst = heap[0].0;
    let better = match keep {
        Keep::Largest => worst < entry.0,
        Keep::Smallest => worst > entry.0,
        Keep::First => return,
    };
    if better || (worst.is_nan() && !entry.0.is_nan()) {
        heap[0] = entry;
        sift_down(heap, keep);
    }
}

/// NaN leaves before everything else.
fn leaves_first(keep: Keep, a: f64, b: f64) -> bool {
    a.is_nan()
        || match keep {
            Keep::Smallest => a > b,
            Keep::Largest | Keep::First => a < b,
        }
}

fn sift_up(heap: &mut [Entry], keep: Keep) {
    let mut child = heap.len() - 1;
    while child > 0 {
        let parent = (child - 1) / 2;
        if !leaves_first(keep, heap[child].0, heap[parent].0) {
            break;
        }
        heap.swap(child, parent);
        child = parent;
    }
}

fn sift_down(heap: &mut [Entry], keep: Keep) {
    let mut parent = 0;
    loop {
        let left = 2 * parent + 1;
        if left >= heap.len() {
            break;
        }
        let right = left + 1;
        let first = right < heap.len() && leaves_first(keep, heap[right].0, heap[left].0);
        let child = if first { right } else { left };
        if !leaves_first(keep, heap[child].0, heap[parent].0) {
            break;
        }
        heap.swap(parent, child);
        parent = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn heaps_keep_the_best(values in prop::collection::vec(-100.0..100.0f64, 0..60), k in 1_usize..10) {
            for keep in [Keep::Largest, Keep::Smallest] {
                let mut heap = Vec::new();
                for (i, &v) in values.iter().enumerate() {
                    offer(&mut heap, keep, k, (v, i));
                }
                let mut got: Vec<_> = heap.iter().map(|entry| entry.0).collect();
                let mut want = values.clone();
                got.sort_by(f64::total_cmp);
                want.sort_by(f64::total_cmp);
                if matches!(keep, Keep::Largest) {
                    want.reverse();
                    got.reverse();
                }
                want.truncate(k);
                prop_assert_eq!(got, want);
            }
        }
    }
}
