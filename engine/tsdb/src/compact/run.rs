//! How much of a planned group may be merged at once.
//!
//! A merge keeps the new block's index in memory until it is written, so what it may take is
//! bounded; and while memory is short, many small blocks come of one window, which must not all be
//! written again with each new one.

use crate::block::BlockMeta;

/// Bytes of memory that a merge takes for each series: its part of the new index, and its numbers.
const MERGED_BYTES: u64 = 120;
/// The same where the index is collected, not merged: its labels and its place in the index.
const SERIES_BYTES: u64 = 300;
/// So many overlapping blocks are left as they are while memory is short.
const PRESSED_BLOCKS: usize = 8;

/// What a merge may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// Whether memory is short.
    pub(crate) is_pressed: bool,
}

impl Allowance {
    /// Whether a block with so many series may be written whose index is collected.
    pub(crate) fn has_room_for(&self, series: u64) -> bool {
        series <= self.memory / SERIES_BYTES
    }
}

/// Picks what may be merged of `group`, sorted by precedence: all of it, or of blocks that overlap
/// one stretch, since then nothing changes its rank. `None` if it is to be left.
pub(crate) fn pick(
    metas: &[BlockMeta],
    group: &[usize],
    allowance: Allowance,
) -> Option<Vec<usize>> {
    let mut group = group.to_vec();
    group.sort_by_key(|&i| metas.get(i).map(BlockMeta::precedence));
    let series = |&i: &usize| metas.get(i).map_or(0, |meta| meta.series);
    let sizes: Vec<u64> = group.iter().map(series).collect();
    let limit = allowance.memory / MERGED_BYTES;
    let overlap = do_overlap(metas, &group);
    if allowance.is_pressed && (!overlap || group.len() <= PRESSED_BLOCKS) {
        return None;
    }
    if sizes.iter().sum::<u64>() <= limit && !allowance.is_pressed {
        return Some(group);
    }
    let run = if overlap { longest(&sizes, limit, allowance.is_pressed)? } else { return None };
    group.get(run).map(<[usize]>::to_vec)
}

fn do_overlap(metas: &[BlockMeta], group: &[usize]) -> bool {
    let mut ranges: Vec<_> =
        group.iter().filter_map(|&i| metas.get(i)).map(|m| (m.range.start, m.range.end)).collect();
    ranges.sort_unstable();
    ranges.windows(2).any(|pair| matches!(pair, [a, b] if b.0 <= a.1))
}

/// The longest stretch of at least two with at most `limit` in all; if `balanced`, none in which one
/// is larger than all others together, so that a large one is not written again for a small one.
fn longest(sizes: &[u64], limit: u64, balanced: bool) -> Option<std::ops::Range<usize>> {
    let runs = (0..sizes.len()).flat_map(|from| (from + 2..=sizes.len()).map(move |to| from..to));
    let fits = |run: &std::ops::Range<usize>| {
        let part = sizes.get(run.clone()).unwrap_or_default();
        let (sum, largest) = (part.iter().sum::<u64>(), part.iter().max().copied().unwrap_or(0));
        sum <= limit && (!balanced || largest * 2 <= sum)
    };
    runs.filter(fits).max_by_key(|run| (run.len(), std::cmp::Reverse(run.start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::TimeRange;

    fn block(window: i64, series: u64) -> BlockMeta {
        let range = TimeRange::new(window * 10, window * 10 + 9);
        BlockMeta {
            name: String::new(),
            range,
            min_t: range.start,
            max_t: range.end,
            sequence: 0,
            hash: 0,
            coverage: Vec::new(),
            parents: Vec::new(),
            resolutions: Vec::new(),
            samples: series,
            series,
            bytes: series,
        }
    }

    fn picked(blocks: &[(i64, u64)], series: u64, is_pressed: bool) -> Option<Vec<usize>> {
        let metas: Vec<_> = blocks.iter().map(|&(window, n)| block(window, n)).collect();
        let group: Vec<usize> = (0..metas.len()).collect();
        pick(&metas, &group, Allowance { memory: series * MERGED_BYTES, is_pressed })
    }

    #[test]
    fn what_fits_is_merged_whole_and_what_does_not_in_stretches() {
        let blocks = [(0, 50), (0, 10), (0, 10), (0, 10)];
        assert_eq!(picked(&blocks, 80, false), Some(vec![0, 1, 2, 3]));
        assert_eq!(picked(&blocks, 60, false), Some(vec![1, 2, 3]));
        assert_eq!(picked(&blocks[..2], 59, false), None);
        assert_eq!(picked(&[(0, 50), (1, 50)], 99, false), None, "side by side: all or nothing");
        assert_eq!(picked(&[(0, 50), (1, 50)], 100, false), Some(vec![0, 1]));
    }

    #[test]
    fn under_pressure_only_many_and_none_beside_a_much_larger_one() {
        let mut blocks = vec![(0, 1000)];
        blocks.extend([(0, 10); 7]);
        assert_eq!(picked(&blocks, 9999, true), None, "eight are few");
        blocks.push((0, 10));
        assert_eq!(picked(&blocks, 9999, true), Some((1..9).collect()));
    }
}
