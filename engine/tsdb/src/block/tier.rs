//! Tiers: a block's samples in buckets of five minutes and of an hour.
//!
//! A tier is a block beside the one that it was made of: the same series in the same order, and for
//! each of them fourteen *columns*, seven for each resolution, where a block of samples has one run
//! of chunks. A column is written as samples are, so nothing below it knows of tiers. The times of
//! the first column are those of the first sample of each bucket, and those of all others of the
//! last one: series of one target share both streams.
//!
//! A bucket ends at a multiple of its resolution and has what came after the end of the one before:
//! `(end − resolution, end]`, as the windows of queries have it. A bucket at the border of a block
//! is in two parts, which is no harm: parts of a bucket are buckets.
//!
//! A tier is worth what it costs because it can be wrong in one way only, by being that of another
//! block, and it names its block, whose name has the hash of its content.

mod build;
mod cuts;
mod read;
mod scan;

pub(crate) use build::build;
pub(crate) use cuts::Cuts;
pub(crate) use read::Asked;
pub(crate) use scan::{Beside, Layer, Rest, scan_buckets};

use crate::aggregate::Aggregation;

const MINUTE_MS: i64 = 60_000;

/// Widths of the buckets in ms, ascending.
pub(crate) const RESOLUTIONS: [i64; 2] = [5 * MINUTE_MS, 60 * MINUTE_MS];

/// Columns of each resolution.
pub(super) const COLUMNS: u32 = 7;

/// What a column has of each bucket; the order is that in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    First,
    Last,
    Min,
    Max,
    Sum,
    /// Below zero if sums may overflow on the way: the samples have to be asked for sum and mean.
    Count,
    /// NaN after more than one reset, or one from zero: the samples have to be asked for what a counter has lost.
    Dropped,
}

impl Column {
    /// Its number among those of a series.
    fn of_level(self, level: usize) -> u32 {
        level as u32 * COLUMNS + self as u32
    }
}

/// The columns that an aggregation needs.
fn columns(wanted: Aggregation) -> &'static [Column] {
    use Column as C;
    match wanted {
        Aggregation::First => &[C::First],
        Aggregation::Last => &[C::Last],
        Aggregation::Min => &[C::Min],
        Aggregation::Max => &[C::Max],
        Aggregation::Count => &[C::Count],
        Aggregation::Sum | Aggregation::Mean => &[C::Sum, C::Count],
        Aggregation::Delta => &[C::First, C::Last, C::Count],
        Aggregation::Increase => &[C::First, C::Last, C::Count, C::Dropped],
    }
}

/// The end of the bucket that `t` is in.
fn bucket_end(t: i64, resolution: i64) -> i64 {
    match t.rem_euclid(resolution) {
        0 => t,
        over => t.saturating_add(resolution - over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_its_end_and_not_that_of_the_one_before() {
        assert_eq!(bucket_end(0, 10), 0);
        assert_eq!((bucket_end(1, 10), bucket_end(10, 10), bucket_end(11, 10)), (10, 10, 20));
        assert_eq!((bucket_end(-1, 10), bucket_end(-10, 10)), (0, -10));
        assert_eq!(bucket_end(i64::MAX, 10), i64::MAX);
    }
}
