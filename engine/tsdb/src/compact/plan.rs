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
    plan_if(metas, levels, &|_| true)
}

/// As [`plan`], among the groups that are `allowed`.
pub(crate) fn plan_if(
    metas: &[BlockMeta],
    levels: &[i64],
    allowed: &dyn Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..metas.len()).collect();
    let range = |i: usize| metas.get(i).map_or(TimeRange::new(0, 0), |meta| meta.range);
    order.sort_by_key(|&i| (range(i).start, range(i).end));
    let mut group = overlapping(&order, range, levels, allowed)
        .or_else(|| window(&order, range, levels, allowed))?;
    group.sort_by_key(|&i| metas.get(i).map(BlockMeta::precedence));
    Some(group)
}

/// The first blocks that overlap, directly or through others, and fit the widest window.
fn overlapping(
    order: &[usize],
    range: impl Fn(usize) -> TimeRange,
    levels: &[i64],
    allowed: &dyn Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let widest = levels.last().copied().unwrap_or(0);
    let fits = |group: &[usize], end: i64| {
        let start = group.first().map_or(0, |&i| range(i).start);
        group.len() > 1 && window_of(start, widest).end >= end && allowed(group)
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
    allowed: &dyn Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let newest = order.iter().map(|&i| range(i).start).max()?;
    for &width in levels.iter().skip(1) {
        let window = |i: usize| window_of(range(i).start, width);
        for group in order.chunk_by(|&a, &b| window(a) == window(b)) {
            let end = group.first().map_or(0, |&i| window(i).end);
            let inside = group.iter().all(|&i| range(i).end <= end);
            // A block that overlaps and stays out would change its rank against the group's parts.
            let start = group.first().map_or(0, |&i| window(i).start);
            let alone = order
                .iter()
                .all(|i| group.contains(i) || !range(*i).overlaps(&TimeRange::new(start, end)));
            if group.len() > 1 && inside && alone && newest > end && allowed(group) {
                return Some(group.to_vec());
            }
        }
    }
    None
}

/// What the merge of blocks needs: the smallest window of `levels` that holds them all (or just
/// their range, if none does), and all of their coverage. A block of the widest level is cold: it
/// will not be merged again and is seldom read, so its pages are compressed, with or without `zstd`.
#[must_use]
pub fn merged_spec(parts: &[&BlockMeta], levels: &[i64], sequence: u64, zstd: bool) -> BlockSpec {
    let start = parts.iter().map(|meta| meta.range.start).min().unwrap_or(0);
    let end = parts.iter().map(|meta| meta.range.end).max().unwrap_or(0);
    let windows = levels.iter().map(|&width| window_of(start, width));
    let range = windows.filter(|window| window.end >= end).min_by_key(|window| window.end);
    let range = range.unwrap_or(TimeRange::new(start, end));
    let is_cold = levels.last().is_some_and(|&widest| range == window_of(start, widest));
    let coverage = merged_coverage(parts);
    BlockSpec { range, sequence, coverage, zstd: zstd || is_cold }
}

/// Of each window the highest position.
fn merged_coverage(parts: &[&BlockMeta]) -> Vec<Coverage> {
    let mut all: Vec<Coverage> = parts.iter().flat_map(|meta| meta.coverage.clone()).collect();
    all.sort_unstable_by_key(|c| (c.from_ms, c.to_ms, std::cmp::Reverse(c.position)));
    all.dedup_by_key(|c| (c.from_ms, c.to_ms));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Position;

    const H: i64 = HOUR_MS;

    /// A block of hours `from..to` with its position.
    fn meta(from: i64, to: i64, position: u64) -> BlockMeta {
        let range = TimeRange::new(from * H, to * H - 1);
        BlockMeta {
            name: format!("{from}-{to}"),
            range,
            min_t: range.start,
            max_t: range.end,
            sequence: position,
            coverage: vec![Coverage {
                from_ms: range.start,
                to_ms: range.end,
                position: Position(position),
            }],
            parents: Vec::new(),
            samples: 1,
            series: 1,
            bytes: 1,
        }
    }

    fn planned(metas: &[BlockMeta]) -> Option<Vec<usize>> {
        plan(metas, &DEFAULT_LEVELS)
    }

    #[test]
    fn windows_are_aligned_to_the_epoch_before_it_too() {
        assert_eq!(window_of(0, 100), TimeRange::new(0, 99));
        assert_eq!(window_of(-1, 100), TimeRange::new(-100, -1));
        assert_eq!(window_of(-100, 100), TimeRange::new(-100, -1));
        let (first, last) = (window_of(i64::MIN, 100), window_of(i64::MAX, 100));
        assert!(first.contains(i64::MIN) && last.contains(i64::MAX));
    }

    #[test]
    fn a_window_is_merged_when_its_time_is_over() {
        let mut metas: Vec<_> = (0..4).map(|i| meta(2 * i, 2 * i + 2, i as u64)).collect();
        assert_eq!(planned(&metas), None, "the window of 8 h may still grow");
        metas.push(meta(8, 10, 9));
        assert_eq!(planned(&metas), Some(vec![0, 1, 2, 3]));
        assert_eq!(planned(&[meta(0, 8, 4), meta(8, 10, 9)]), None);
        let days = [meta(16, 24, 6), meta(0, 8, 4), meta(8, 16, 5), meta(24, 26, 7)];
        assert_eq!(planned(&days), Some(vec![1, 2, 0]), "lowest precedence first");
    }

    #[test]
    fn overlapping_blocks_go_first_and_all_together() {
        let metas =
            [meta(0, 2, 1), meta(2, 4, 2), meta(8, 10, 9), meta(8, 10, 3), meta(24, 26, 10)];
        assert_eq!(planned(&metas), Some(vec![3, 2]));
        let late = [meta(0, 24, 5), meta(2, 4, 7), meta(20, 22, 6), meta(24, 26, 8)];
        assert_eq!(planned(&late), Some(vec![0, 2, 1]));
    }

    #[test]
    fn overlaps_wider_than_the_widest_window_are_left_alone() {
        let metas = [meta(20, 30, 1), meta(22, 26, 2), meta(26, 28, 3)];
        assert_eq!(planned(&metas), None);
        let metas =
            [meta(16, 18, 1), meta(18, 20, 3), meta(19, 30, 2), meta(40, 42, 4), meta(0, 2, 0)];
        assert_eq!(planned(&metas), None, "the third would change its rank against the first");
        assert_eq!(plan(&metas, &[]), None);
        assert_eq!(planned(&[]), None);
    }

    #[test]
    fn plans_come_to_an_end() {
        let mut metas: Vec<_> = (0..60).map(|i| meta(i, i + 2 - i % 2, i as u64)).collect();
        let mut rounds = 0;
        while let Some(group) = planned(&metas) {
            let parts: Vec<&BlockMeta> = group.iter().map(|&i| &metas[i]).collect();
            let spec = merged_spec(&parts, &DEFAULT_LEVELS, 100 + rounds, false);
            assert!(parts.iter().all(|part| part.range.start >= spec.range.start));
            assert!(parts.iter().all(|part| part.range.end <= spec.range.end));
            let merged = BlockMeta { range: spec.range, coverage: spec.coverage, ..meta(0, 1, 0) };
            let mut index = 0;
            metas.retain(|_| {
                index += 1;
                !group.contains(&(index - 1))
            });
            metas.push(merged);
            rounds += 1;
            assert!(rounds < 100);
        }
        assert!(metas.len() < 12, "{} blocks are left", metas.len());
    }

    #[test]
    fn blocks_of_the_widest_level_are_cold() {
        let zstd = |from: i64, to: i64| {
            let (a, b) = (meta(from, from + 2, 1), meta(to - 2, to, 2));
            merged_spec(&[&a, &b], &DEFAULT_LEVELS, 1, false).zstd
        };
        assert!(!zstd(0, 8) && zstd(0, 10) && zstd(24, 48) && !zstd(16, 24));
    }

    #[test]
    fn the_merged_range_is_the_smallest_window_that_holds_all() {
        let (a, b) = (meta(0, 2, 1), meta(4, 6, 2));
        let range = |parts: &[&BlockMeta]| merged_spec(parts, &DEFAULT_LEVELS, 1, false).range;
        assert_eq!(range(&[&a]), TimeRange::new(0, 2 * H - 1));
        assert_eq!(range(&[&a, &b]), TimeRange::new(0, 8 * H - 1));
        assert_eq!(range(&[&b, &meta(30, 32, 3)]), TimeRange::new(4 * H, 32 * H - 1));
    }
}
