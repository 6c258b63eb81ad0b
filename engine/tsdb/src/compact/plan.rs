//! Which blocks should become one.

use crate::block::{BlockMeta, BlockSpec, Coverage};
use crate::time::TimeRange;

const HOUR_MS: i64 = 3_600_000;
/// A flush merges a window that is not over if its largest block has at most so many times the bytes
/// of the others.
const LARGEST_PART: u64 = 8;

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
    planned(metas, levels, allowed, &|_| false)
}

/// As [`plan_if`] after a flush: takes windows of the widest level at once, also those that are
/// not over, unless one of their blocks is much larger than the others together. So flushes that
/// follow one another do not each write a whole day again.
pub(crate) fn plan_begun(
    metas: &[BlockMeta],
    levels: &[i64],
    allowed: &dyn Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let ends: Vec<i64> = levels.first().into_iter().chain(levels.last()).copied().collect();
    planned(metas, &ends, allowed, &|group| {
        let sizes = group.iter().filter_map(|&i| metas.get(i)).map(|meta| meta.bytes);
        let largest = sizes.clone().max().unwrap_or(0);
        largest <= LARGEST_PART * (sizes.sum::<u64>() - largest)
    })
}

/// The indexes of the ranges that do not hang together with a hole, of which nobody knows what it
/// holds: those that overlap one, directly or through others, become holes themselves. A merge of
/// two blocks would else rank the lower one above a third that overlaps both and is left out.
pub(crate) fn clear_of(holes: &mut Vec<TimeRange>, ranges: &[TimeRange]) -> Vec<usize> {
    let mut clear: Vec<usize> = (0..ranges.len()).collect();
    let range = |i: usize| ranges.get(i).copied().unwrap_or(TimeRange::new(0, 0));
    loop {
        let is_clear = |i: &usize| !holes.iter().any(|hole| hole.overlaps(&range(*i)));
        let (left, taken): (Vec<_>, Vec<_>) = clear.into_iter().partition(is_clear);
        if taken.is_empty() {
            return left;
        }
        holes.extend(taken.into_iter().map(range));
        clear = left;
    }
}

fn planned(
    metas: &[BlockMeta],
    levels: &[i64],
    allowed: &dyn Fn(&[usize]) -> bool,
    early: &dyn Fn(&[usize]) -> bool,
) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..metas.len()).collect();
    let range = |i: usize| metas.get(i).map_or(TimeRange::new(0, 0), |meta| meta.range);
    order.sort_by_key(|&i| (range(i).start, range(i).end));
    let mut group = overlapping(&order, range, levels, allowed)
        .or_else(|| window(&order, range, levels, allowed, early))?;
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

/// The first window that has several blocks and is over or taken early, from the second level on.
fn window(
    order: &[usize],
    range: impl Fn(usize) -> TimeRange,
    levels: &[i64],
    allowed: &dyn Fn(&[usize]) -> bool,
    early: &dyn Fn(&[usize]) -> bool,
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
            let due = group.len() > 1 && (newest > end || early(group));
            if due && inside && alone && allowed(group) {
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

/// As `spec`, for a window that is not over: the block reaches no further than its parts do, so that
/// those that follow do not overlap it, and will be merged again.
pub(crate) fn begun_spec(parts: &[&BlockMeta], spec: BlockSpec) -> BlockSpec {
    let start = parts.iter().map(|meta| meta.range.start).min().unwrap_or(spec.range.start);
    let end = parts.iter().map(|meta| meta.range.end).max().unwrap_or(spec.range.end);
    BlockSpec { range: TimeRange::new(start, end), zstd: false, ..spec }
}

/// Of each window the highest position; windows next to each other with one position are one.
fn merged_coverage(parts: &[&BlockMeta]) -> Vec<Coverage> {
    let mut all: Vec<Coverage> = parts.iter().flat_map(|meta| meta.coverage.clone()).collect();
    all.sort_unstable_by_key(|c| (c.from_ms, c.to_ms, std::cmp::Reverse(c.position)));
    all.dedup_by_key(|c| (c.from_ms, c.to_ms));
    all.dedup_by(|next, before| {
        let joins =
            next.position == before.position && before.to_ms.checked_add(1) == Some(next.from_ms);
        if joins {
            before.to_ms = next.to_ms;
        }
        joins
    });
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
            hash: 0,
            coverage: vec![Coverage {
                from_ms: range.start,
                to_ms: range.end,
                position: Position(position),
            }],
            parents: Vec::new(),
            resolutions: Vec::new(),
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
    fn what_hangs_together_with_a_hole_is_left() {
        let hours = |from: i64, to: i64| TimeRange::new(from * H, to * H - 1);
        let ranges = [hours(22, 24), hours(0, 2), hours(12, 24), hours(10, 12)];
        let mut holes = vec![hours(20, 22)];
        assert_eq!(clear_of(&mut holes, &ranges), [1, 3], "the first one through the third");
        assert!(holes.contains(&ranges[0]) && holes.contains(&ranges[2]));
        assert_eq!(clear_of(&mut Vec::new(), &ranges), [0, 1, 2, 3]);
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
    fn a_flush_takes_the_windows_of_a_day_that_is_not_over() {
        let begun = |metas: &[BlockMeta]| plan_begun(metas, &DEFAULT_LEVELS, &|_| true);
        let metas = [meta(0, 2, 0), meta(2, 4, 1), meta(24, 26, 2), meta(32, 34, 3)];
        assert_eq!(begun(&metas), Some(vec![0, 1]), "the day before");
        assert_eq!(planned(&metas[2..]), None);
        assert_eq!(begun(&metas[2..]), Some(vec![0, 1]), "this one, at once");
        let mut uneven = [meta(0, 8, 0), meta(8, 10, 1), meta(10, 12, 2)];
        uneven[0].bytes = 16;
        assert_eq!(begun(&uneven), Some(vec![0, 1, 2]));
        assert_eq!(begun(&uneven[..2]), None, "little for much that is written again");
        assert_eq!(begun(&metas[..1]), None);
    }

    #[test]
    fn a_window_that_is_not_over_goes_as_far_as_its_parts() {
        let (a, b) = (meta(0, 8, 1), meta(8, 10, 2));
        let parts = [&a, &b];
        let spec = merged_spec(&parts, &DEFAULT_LEVELS, 3, false);
        assert!(spec.zstd && spec.range.end == 24 * H - 1);
        let spec = begun_spec(&parts, spec);
        assert_eq!((spec.range, spec.zstd), (TimeRange::new(0, 10 * H - 1), false));
        let whole = BlockMeta { range: spec.range, ..meta(0, 10, 4) };
        let metas = [whole, meta(10, 12, 5), meta(12, 14, 6), meta(16, 18, 7)];
        assert_eq!(planned(&metas), None, "it reaches into the window of eight hours");
        let day = [metas[0].clone(), metas[1].clone(), meta(24, 26, 8)];
        assert_eq!(planned(&day), Some(vec![0, 1]));
    }

    #[test]
    fn windows_with_one_position_are_one_line_of_coverage() {
        let (a, b, c) = (meta(0, 2, 7), meta(2, 4, 7), meta(4, 6, 8));
        let line = |from: i64, to: i64, position| Coverage {
            from_ms: from * H,
            to_ms: to * H - 1,
            position: Position(position),
        };
        let merged = merged_coverage(&[&c, &a, &b]);
        assert_eq!(merged, [line(0, 4, 7), line(4, 6, 8)]);
        assert_eq!(merged_coverage(&[&a, &meta(4, 6, 7)]).len(), 2, "something lies between");
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
