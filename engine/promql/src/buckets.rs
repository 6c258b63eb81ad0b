//! Quantiles and fractions of classic histograms.

use crate::math::almost_equal;

/// How many observations were at most so large; the counts are cumulative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// Counts that differ by less than this part are taken as equal: rounding, not data.
const TOLERANCE: f64 = 1e-12;

/// The bound that a label value means, as Go reads floating-point numbers.
pub(crate) fn parse_bound(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['+', '-']);
    if digits.starts_with("0x") || digits.starts_with("0X") {
        return parse_hex(text);
    }
    let well_formed = !text.contains('_') && text.len() - digits.len() <= 1;
    well_formed.then(|| text.parse().ok()).flatten()
}

/// Hexadecimal floating point: `0x1p-2`.
fn parse_hex(text: &str) -> Option<f64> {
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches(['+', '-']).get(2..)?;
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 13 {
        return None;
    }
    let value = u64::from_str_radix(&digits, 16).ok()? as f64;
    let exponent: i32 = exponent.parse().ok()?;
    let exponent = exponent.saturating_sub(4 * fraction.len() as i32);
    let value = value * f64::from(exponent).exp2();
    Some(if negative { -value } else { value })
}

/// The quantile `q`, linear inside a bucket, and whether counts that fell had to be raised.
/// The buckets are sorted by their bounds.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return (f64::NAN, false);
    }
    coalesce(buckets);
    let forced = make_monotonic(buckets);
    if buckets.len() < 2 {
        return (f64::NAN, false);
    }
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if observations == 0.0 {
        return (f64::NAN, false);
    }
    let rank = q * observations;
    let b = first_reaching(&buckets[..last], rank);
    if b == last {
        return (buckets[last - 1].upper, forced);
    }
    if b == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let below = if b > 0 { buckets[b - 1] } else { Bucket { upper: 0.0, count: 0.0 } };
    let part = (rank - below.count) / (buckets[b].count - below.count);
    (below.upper + (buckets[b].upper - below.upper) * part, forced)
}

/// Go's `sort.Search`: the comparison with NaN is always false.
fn first_reaching(buckets: &[Bucket], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if buckets[middle].count >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The part of the observations between two values. The buckets are sorted by their bounds.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, count, buckets) - rank_of(lower, count, buckets)) / count
}

/// How many observations lie below a value.
fn rank_of(value: f64, count: f64, buckets: &[Bucket]) -> f64 {
    // Positive bounds alone mean that there is nothing below zero.
    let first_lower = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let (mut rank, mut lower) = (0.0, first_lower);
    for bucket in buckets {
        if lower >= value {
            return if rank > count { count } else { rank };
        }
        if bucket.upper > value {
            // A bucket without lower bound is taken as a whole.
            let inside = if lower == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - lower) / (bucket.upper - lower)
            };
            return if inside > count { count } else { inside };
        }
        rank = bucket.count;
        lower = bucket.upper;
    }
    count
}

/// Makes one bucket of those with equal bounds.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Raises counts that fall to the count before them; whether one fell by more than rounding.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let Some(mut before) = buckets.first().map(|bucket| bucket.count) else { return false };
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count == before {
            continue;
        }
        if almost_equal(before, bucket.count, TOLERANCE) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        } else {
            before = bucket.count;
        }
    }
    forced
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|&(upper, count)| Bucket { upper, count }).collect()
    }

    #[test]
    fn quantiles_are_linear_inside_a_bucket() {
        let all = buckets(&[(1.0, 4.0), (2.0, 8.0), (f64::INFINITY, 8.0)]);
        assert_eq!(quantile(0.75, &mut all.clone()), (1.5, false));
        assert_eq!(quantile(0.25, &mut all.clone()), (0.5, false));
        assert_eq!(quantile(1.0, &mut all.clone()), (2.0, false));
        assert_eq!(fraction(0.5, 1.5, &mut all.clone()), 0.5);
    }

    #[test]
    fn falling_counts_are_raised() {
        let mut all = buckets(&[(1.0, 5.0), (2.0, 4.0), (f64::INFINITY, 10.0)]);
        assert_eq!(quantile(0.5, &mut all), (1.0, true));
    }

    #[test]
    fn missing_infinity_gives_nan() {
        let mut all = buckets(&[(1.0, 5.0), (2.0, 6.0)]);
        assert!(quantile(0.5, &mut all).0.is_nan());
        assert!(fraction(0.0, 1.0, &mut all).is_nan());
    }

    #[test]
    fn bounds_are_read_like_go() {
        assert_eq!(parse_bound("+Inf"), Some(f64::INFINITY));
        assert_eq!(parse_bound("0x1p-2"), Some(0.25));
        assert_eq!(parse_bound("0x1.8p-2147483648"), Some(0.0));
        assert_eq!(parse_bound("1e3"), Some(1000.0));
        for bad in ["", "Hello World", "1_0", "++1", "0x"] {
            assert_eq!(parse_bound(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn fraction_undoes_quantile(counts in prop::collection::vec(1.0..100.0f64, 3..8), q in 0.01..0.99f64) {
            let mut total = 0.0;
            let mut all: Vec<_> = counts.iter().enumerate().map(|(i, count)| {
                total += count;
                Bucket { upper: (i + 1) as f64, count: total }
            }).collect();
            all.push(Bucket { upper: f64::INFINITY, count: total });
            let (value, _) = quantile(q, &mut all.clone());
            prop_assert!((fraction(f64::NEG_INFINITY, value, &mut all) - q).abs() < 1e-9);
        }
    }
}
