//! Which blocks should become one.

use crate::block::{BlockMeta, BlockSpec, Coverage};
use crate::time::TimeRange;

const HOUR_MS: i64 = 3_600_000;

/// Widths of the windows in ms, ascending, each a multiple of the one before: 2 h, 8 h, 1 day.
pub const DEFAULT_LEVELS: [i64; 3] = [2 * HOUR_MS, 8 * HOUR_MS, 24 * HOUR_MS];

/// The window of `width` ms (at least 1), aligned to the epoch, that `t` lies in.
#[must_use]
pub fn window_of(t: i64, width: i64) -> TimeRange {
    let width = width.max(1);
    let start = t.saturating_sub(t.rem_euclid(width));
    TimeRange::new(start, start.saturating_add(width - 1))
}

/// The indexes in `metas` of the blocks that should be merged next, lowest precedence first, or
/// `None` if all is well.
///
/// Blocks that overlap go first, all of them that hang together, so that no block with a
/// precedence in between is left out. Then windows are filled from the lowest level upwards, once
/// their time is over (some block begins behind them): a window is merged once, not with every new
/// block. Overlapping blocks that together are wider than the widest level stay as they are.
#[must_use]
pub fn plan(metas: &[BlockMeta], levels: &[i64]) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..metas.len()).collect();
    let range = |i: usize| metas.get(i).map_or(TimeRange::new(0, 0), |meta| meta.range);
    order.sort_by_key(|&i| (range(i).start, range(i).end));
    let mut group = overlapping(&order, range, levels).or_else(|| window(&order, range, levels))?;
    group.sort_by_key(|&i| metas.get(i).map(BlockMeta::precedence));
    Some(group)
}

/// The first blocks that overlap, directly or through others, and fit the widest window.
fn overlapping(
    order: &[usize],
    range: impl Fn(usize) -> TimeRange,
    levels: &[i64],
) -> Option<Vec<usize>> {
    let widest = levels.last().copied().unwrap_or(0);
    let fits = |group: &[usize], end: i64| {
        let start = group.first().map_or(0, |&i| range(i).start);
        group.len() > 1 && window_of(start, widest).end >= end
    };
    let mut group: Vec<usize> = Vec::new();
    let mut end = i64::MIN;
    for &i in order {
        if !group.is_empty() && range(i).start > end {
            if fits(&group, end) {
                return Some(group);
            }
            group.clear();
            end = i64::MIN;
        }
        group.push(i);
        end = end.max(range(i).end);
    }
    fits(&group, end).then_some(group)
}

/// The first window that is over and has several blocks, from the second level on.
fn window(
    order: &[usize],
    range: impl Fn(usize) -> TimeRange,
    levels: &[i64],
) -> Option<Vec<usize>> {
    let newest = order.iter().map(|&i| range(i).start).max()?;
    for &width in levels.iter().skip(1) {
        let window = |i: usize| window_of(range(i).start, width);
        for group in order.chunk_by(|&a, &b| window(a) == window(b)) {
            let end = group.first().map_or(0, |&i| window(i).end);
            let inside = group.iter().all(|&i| range(i).end <= end);
            if group.len() > 1 && inside && newest > end {
                return Some(group.to_vec());
            }
        }
    }
    None
}

/// What the merge of blocks needs: the smallest window of `levels` that holds them all (or just
/// their range, if none does), and all of their coverage.
#[must_use]
pub fn merged_spec(parts: &[&BlockMeta], levels: &[i64], sequence: u64, zstd: bool) -> BlockSpec {
    let start = parts.iter().map(|meta| meta.range.start).min().unwrap_or(0);
    let end = parts.iter().map(|meta| meta.range.end).max().unwrap_or(0);
    let windows = levels.iter().map(|&width| window_of(start, width));
    let range = windows.filter(|window| window.end >= end).min_by_key(|window| window.end);
    BlockSpec {
        range: range.unwrap_or(TimeRange::new(start, end)),
        sequence,
        coverage: merged_coverage(parts),
        zstd,
    }
}

/// Of each window the highest position.
fn merged_coverage(parts: &[&BlockMeta]) -> Vec<Coverage> {
    let mut all: Vec<Coverage> = parts.iter().flat_map(|meta| meta.coverage.clone()).collect();
    all.sort_unstable_by_key(|c| (c.from_ms, c.to_ms, std::cmp::Reverse(c.position)));
    all.dedup_by_key(|c| (c.from_ms, c.to_ms));
    all
}
