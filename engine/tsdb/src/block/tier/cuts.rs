//! Which buckets serve the windows of a query, and which of them a border of a window cuts.

use crate::aggregate::Windows;
use crate::time::TimeRange;

use super::{RESOLUTIONS, bucket_end};

/// A query's resolution, and the buckets of it that have to be read as samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cuts {
    /// The place of the resolution in [`RESOLUTIONS`].
    pub(super) level: usize,
    /// Ends of the cut buckets, ascending.
    ends: Vec<i64>,
}

impl Cuts {
    /// The coarsest resolution of which at most a fourth of the buckets would be read as samples;
    /// `None` if no resolution is worth it. Windows whose length and ends are multiples of the
    /// resolution cut none.
    pub(crate) fn choose(windows: &Windows<'_>, range: TimeRange) -> Option<Self> {
        let asked = i128::from(range.end) - i128::from(range.start) + 1;
        let mut distinct = windows.ends.to_vec();
        distinct.dedup();
        let covered = asked.min(distinct.len() as i128 * i128::from(windows.range_ms));
        (0..RESOLUTIONS.len()).rev().find_map(|level| {
            let resolution = RESOLUTIONS.get(level).copied()?;
            if windows.range_ms < resolution {
                return None;
            }
            let ends = cut_buckets(&distinct, windows.range_ms, resolution);
            let is_worth_it = ends.len() as i128 * 4 <= covered / i128::from(resolution);
            is_worth_it.then_some(Self { level, ends })
        })
    }

    /// The finest resolution, worth it or not.
    pub(crate) fn finest(windows: &Windows<'_>) -> Self {
        let resolution = RESOLUTIONS.first().copied().unwrap_or(1);
        Self { level: 0, ends: cut_buckets(windows.ends, windows.range_ms, resolution) }
    }

    /// The width of the buckets in ms.
    pub(super) fn resolution(&self) -> i64 {
        RESOLUTIONS.get(self.level).copied().unwrap_or(1)
    }

    /// Whether a window begins or ends inside of the bucket with this end.
    pub(super) fn has(&self, end: i64) -> bool {
        self.ends.binary_search(&end).is_ok()
    }
}

/// Ends of the buckets that have a border of a window inside.
fn cut_buckets(ends: &[i64], range_ms: i64, resolution: i64) -> Vec<i64> {
    let borders = ends.iter().flat_map(|&end| [end, end.saturating_sub(range_ms)]);
    let inside = borders.filter(|border| border.rem_euclid(resolution) != 0);
    let mut cut: Vec<i64> = inside.map(|border| bucket_end(border, resolution)).collect();
    cut.sort_unstable();
    cut.dedup();
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: i64 = 60_000;
    const H: i64 = 60 * M;

    /// Width of the buckets and number of cut ones for windows of `range_ms` at every step.
    fn chosen(start: i64, step: i64, count: i64, range_ms: i64) -> Option<(i64, usize)> {
        let ends: Vec<i64> = (0..count).map(|i| start + i * step).collect();
        let range = TimeRange::new(start - range_ms + 1, start + (count - 1) * step);
        let cuts = Cuts::choose(&Windows { ends: &ends, range_ms }, range)?;
        Some((cuts.resolution(), cuts.ends.len()))
    }

    #[test]
    fn the_coarsest_that_fits_is_chosen() {
        assert_eq!(chosen(0, H, 24, H), Some((H, 0)), "on the grid");
        assert_eq!(chosen(0, H, 24, 30 * M), Some((5 * M, 0)), "on that of five minutes");
        assert_eq!(chosen(10 * M, H, 24, H), Some((5 * M, 0)));
        assert_eq!(chosen(10 * M, 24 * H, 30, 24 * H), Some((H, 31)), "off it, by the day");
        assert_eq!(chosen(7, H, 24, H), Some((5 * M, 25)), "off both");
        assert_eq!(chosen(7, 15_000, 4 * 60, 5 * M), None, "every bucket is cut");
        assert_eq!(chosen(0, H, 24, M), None, "a window is smaller than a bucket");
        assert_eq!(chosen(7, 0, 5, 24 * H), Some((H, 2)), "the same window again and again");
    }

    #[test]
    fn a_bucket_is_cut_where_a_border_lies_inside() {
        let ends = [7 * M, 15 * M];
        let cuts = Cuts { level: 0, ends: cut_buckets(&ends, 5 * M, 5 * M) };
        assert!(cuts.has(10 * M) && cuts.has(5 * M), "7 and 2 minutes");
        assert!(!cuts.has(15 * M) && !cuts.has(0) && !cuts.has(20 * M));
    }
}
