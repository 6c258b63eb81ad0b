//! Quantiles, fractions and the variance of native histograms.
//!
//! Inside an exponential bucket observations are taken to be spread evenly on a logarithmic scale,
//! in the zero bucket and in custom ones on a linear one.

use nunatak::{Bucket, Histogram};

use crate::math::Sum;

/// Observations that are not a number, which no bucket counts, and what they do to a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNumbers {
    /// The quantile is one of them.
    Result,
    /// They count as the largest ones.
    Skew,
}

/// The quantile `q`.
pub(crate) fn quantile(q: f64, h: &Histogram) -> (f64, Option<NotNumbers>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    // From the nearer end, but with a sum that is not a number the upper end is not known.
    let forward = h.sum.is_nan() || q < 0.5;
    let rank = if forward { q * h.count } else { (1.0 - q) * h.count };
    let found = if forward { reach(rank, h.buckets()) } else { reach(rank, h.buckets().rev()) };
    let Found { mut bucket, seen, rest } = found;
    if let Some(border) = open_end(&mut bucket, h) {
        return (border, None);
    }
    let seen = if seen > h.count { h.count } else { seen };
    if seen < rank {
        let missing = h.sum.is_nan();
        return if missing { (f64::NAN, Some(NotNumbers::Result)) } else { (bucket.upper, None) };
    }
    let inside = if forward { rank - (seen - bucket.count) } else { seen - rank };
    let skewed = h.sum.is_nan() && seen + rest < h.count;
    let value = between(&bucket, inside / bucket.count, h.is_custom());
    (value, skewed.then_some(NotNumbers::Skew))
}

/// The bucket in which a rank is reached.
struct Found {
    bucket: Bucket,
    /// Observations up to and in the bucket.
    seen: f64,
    /// Observations behind it.
    rest: f64,
}

fn reach(rank: f64, mut buckets: impl Iterator<Item = Bucket>) -> Found {
    let nothing = Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    };
    let mut found = Found { bucket: nothing, seen: 0.0, rest: 0.0 };
    for bucket in &mut buckets {
        found.bucket = bucket;
        found.seen += bucket.count;
        if bucket.count != 0.0 && found.seen >= rank {
            break;
        }
    }
    found.rest = buckets.map(|bucket| bucket.count).sum();
    found
}

/// Ends a zero bucket at zero if there are observations on one side of it only, and a custom
/// bucket without lower border as well; the result if a custom bucket has no end to stand on.
fn open_end(bucket: &mut Bucket, h: &Histogram) -> Option<f64> {
    if !h.is_custom() {
        if bucket.lower < 0.0 && bucket.upper > 0.0 {
            one_sided(bucket, h);
        }
        return None;
    }
    if bucket.lower == f64::NEG_INFINITY {
        if bucket.upper <= 0.0 {
            return Some(bucket.upper);
        }
        bucket.lower = 0.0;
        return None;
    }
    (bucket.upper == f64::INFINITY).then_some(bucket.lower)
}

/// Ends a zero bucket at zero if there are buckets on one side of it only.
fn one_sided(bucket: &mut Bucket, h: &Histogram) {
    match (h.negative.is_empty(), h.positive.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

/// The value at a part of a bucket.
fn between(bucket: &Bucket, part: f64, is_linear: bool) -> f64 {
    let &Bucket { lower, upper, .. } = bucket;
    if is_linear || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * part;
    }
    let (log_lower, log_upper) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        (log_lower + (log_upper - log_lower) * part).exp2()
    } else {
        -(log_upper + (log_lower - log_upper) * (1.0 - part)).exp2()
    }
}

/// The part of a bucket that lies below a value inside of it.
pub(super) fn part_below(bucket: &Bucket, value: f64, is_linear: bool) -> f64 {
    let &Bucket { lower, upper, .. } = bucket;
    if is_linear {
        return (value - lower) / (upper - lower);
    }
    let (log_lower, log_upper) = (lower.abs().log2(), upper.abs().log2());
    let log_value = value.abs().log2();
    if value > 0.0 {
        (log_value - log_lower) / (log_upper - log_lower)
    } else {
        1.0 - (log_value - log_upper) / (log_lower - log_upper)
    }
}

/// The part of the observations between two values, and whether there are some that are not a
/// number.
pub(crate) fn fraction(lower: f64, upper: f64, h: &Histogram) -> (f64, bool) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, false);
    }
    if lower >= upper {
        return (0.0, false);
    }
    let (mut count, mut missing) = (h.count, false);
    if h.sum.is_nan() {
        count = h.buckets().map(|bucket| bucket.count).sum();
        missing = count < h.count;
    }
    let rank = |value| match rank_of(value, h) {
        Some(rank) if rank > count => count,
        Some(rank) => rank,
        None => count,
    };
    ((rank(upper) - rank(lower)) / h.count, missing)
}

/// How many observations lie below a value; `None` if all buckets do.
fn rank_of(value: f64, h: &Histogram) -> Option<f64> {
    let mut rank = 0.0;
    for mut bucket in h.buckets() {
        let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if is_zero {
            one_sided(&mut bucket, h);
        }
        if bucket.lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            if (h.is_custom() || is_zero) && bucket.lower == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            return Some(
                rank + bucket.count * part_below(&bucket, value, h.is_custom() || is_zero),
            );
        }
        rank += bucket.count;
    }
    None
}

/// The variance, with each observation taken to be in the middle of its bucket.
pub(crate) fn variance(h: &Histogram) -> f64 {
    let mean = h.sum / h.count;
    let mut squares = Sum::default();
    for bucket in h.buckets().filter(|bucket| bucket.count != 0.0) {
        let middle = if h.is_custom() {
            f64::midpoint(bucket.lower, bucket.upper)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    squares.total() / h.count
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::CUSTOM_SCHEMA;
    use proptest::prelude::*;

    fn histogram(positive: &[(i32, f64)], negative: &[(i32, f64)], zero_count: f64) -> Histogram {
        let (positive, negative) = (positive.to_vec(), negative.to_vec());
        let in_buckets: f64 = positive.iter().chain(&negative).map(|(_, c)| c).sum();
        let count = in_buckets + zero_count;
        Histogram {
            positive,
            negative,
            count,
            zero_count,
            zero_threshold: 0.001,
            ..Histogram::default()
        }
    }

    #[test]
    fn quantiles_are_exponential_inside_a_bucket() {
        let (value, note) = quantile(0.5, &histogram(&[(0, 1.0), (1, 2.0), (2, 1.0)], &[], 0.0));
        assert!((value - 2_f64.sqrt()).abs() < 1e-12 && note.is_none());
        let (value, _) = quantile(0.5, &histogram(&[], &[(0, 1.0), (1, 2.0), (2, 1.0)], 0.0));
        assert!((value + 2_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_zero_bucket_with_one_side_ends_at_zero() {
        assert_eq!(quantile(0.0, &histogram(&[(0, 1.0)], &[], 2.0)).0, 0.0);
        assert_eq!(quantile(1.0, &histogram(&[], &[(0, 1.0)], 2.0)).0, 0.0);
        assert_eq!(quantile(0.0, &histogram(&[], &[], 2.0)).0, -0.001);
    }

    #[test]
    fn custom_buckets_are_linear_and_have_no_open_ends() {
        let bounds: std::sync::Arc<[f64]> = [5.0, 10.0].into();
        let h = Histogram {
            schema: CUSTOM_SCHEMA,
            bounds,
            ..histogram(&[(0, 1.0), (1, 2.0), (2, 1.0)], &[], 0.0)
        };
        assert_eq!([0.125, 0.5, 1.0].map(|q| quantile(q, &h).0), [2.5, 7.5, 10.0]);
        assert_eq!(fraction(5.0, 10.0, &h), (0.5, false));
    }

    #[test]
    fn what_is_not_a_number_is_remarked_on() {
        let mut h = histogram(&[(0, 12.0)], &[], 0.0);
        (h.count, h.sum) = (15.0, f64::NAN);
        assert_eq!(quantile(0.8, &h), (1.0, Some(NotNumbers::Skew)));
        let (value, note) = quantile(0.81, &h);
        assert!(value.is_nan() && note == Some(NotNumbers::Result));
        assert_eq!(fraction(f64::NEG_INFINITY, f64::INFINITY, &h), (0.8, true));
    }

    proptest! {
        #[test]
        fn fraction_undoes_quantile(
            positive in prop::collection::btree_map(0..30, 1.0..50.0f64, 1..8),
            negative in prop::collection::btree_map(0..30, 1.0..50.0f64, 1..8),
            q in 0.01..0.99f64,
        ) {
            let (p, n): (Vec<_>, Vec<_>) = (positive.into_iter().collect(), negative.into_iter().collect());
            let h = histogram(&p, &n, 3.0);
            let (value, _) = quantile(q, &h);
            prop_assert!((fraction(f64::NEG_INFINITY, value, &h).0 - q).abs() < 1e-6);
        }
    }
}
