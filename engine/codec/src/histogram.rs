//! Native histograms: one sample that holds a whole distribution.
//!
//! The buckets of an *exponential* histogram follow from its schema n: the upper bound of the
//! bucket with index i is 2^(i / 2^n), so a higher schema has a higher resolution, and a schema is
//! made coarser by putting two neighbours together. A *custom* histogram lists the bounds itself.
//! Sources: "Native Histograms" in Prometheus' specifications, and `Histogram` in the protobuf of
//! remote write 2.0, whose terms (spans, hints, custom values) are used here.

mod bounds;

use std::sync::Arc;

/// The schema of histograms with bounds of their own.
pub const CUSTOM_SCHEMA: i32 = -53;

/// What is known about the counts in relation to the sample before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing: who wants to know compares the two.
    #[default]
    Unknown,
    /// The counter began anew with this sample.
    Reset,
    /// The counter went on.
    NotReset,
    /// It is no counter: counts may rise and fall.
    Gauge,
}

/// A native histogram with floating-point counts.
///
/// Counts of histograms that were written as integers are exact up to 2^53. Nothing is checked:
/// buckets may be empty, and counts negative (a difference) or not add up to `count` (not-a-number
/// is counted in no bucket).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// −4 to 8 for exponential buckets, or [`CUSTOM_SCHEMA`].
    pub schema: i32,
    /// Whether a counter began anew.
    pub hint: ResetHint,
    /// Number of observations.
    pub count: f64,
    /// Sum of the observations.
    pub sum: f64,
    /// Observations from its negative to itself, both included, are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Counts above zero by index, ascending; all counts if the bounds are custom.
    pub positive: Vec<(i32, f64)>,
    /// Counts below zero by index, ascending: away from zero.
    pub negative: Vec<(i32, f64)>,
    /// Upper bounds of custom buckets, ascending, without infinity; the bucket with index i ends at
    /// bound i, the last one at infinity. Empty for exponential buckets.
    pub bounds: Arc<[f64]>,
}

/// A bucket with its borders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower border.
    pub lower: f64,
    /// Upper border.
    pub upper: f64,
    /// Whether the lower border belongs to the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper border belongs to the bucket.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl Histogram {
    /// Whether the histogram lists its bounds.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// The upper bound of the bucket with index `index` of an exponential schema: 2^(index /
    /// 2^schema).
    #[must_use]
    pub fn exponential_bound(schema: i32, index: i32) -> f64 {
        bounds::exponential(index, schema)
    }

    /// The lower and the upper border of the bucket with index `index` above zero; those below
    /// zero mirror them.
    #[must_use]
    pub fn borders(&self, index: i32) -> (f64, f64) {
        let upper = |index| {
            if self.is_custom() {
                bounds::custom(index, &self.bounds)
            } else {
                bounds::exponential(index, self.schema)
            }
        };
        (upper(index.saturating_sub(1)), upper(index))
    }

    /// All buckets from the lowest to the highest, empty ones as they are listed; the zero bucket
    /// only if something is in it. Borders that reach into the zero bucket end at it.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let below = self.negative.iter().rev().map(|&(index, count)| self.below(index, count));
        let above = self.positive.iter().map(|&(index, count)| self.above(index, count));
        below.chain((self.zero_count > 0.0).then(|| self.zero_bucket())).chain(above)
    }

    /// The bucket around zero.
    #[must_use]
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    fn above(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = self.borders(index);
        let lower_inclusive = self.is_custom() && index == 0;
        let lower =
            if lower > 0.0 && lower < self.zero_threshold { self.zero_threshold } else { lower };
        Bucket { lower, upper, lower_inclusive, upper_inclusive: true, count }
    }

    fn below(&self, index: i32, count: f64) -> Bucket {
        let Bucket { lower, upper, .. } = self.above(index, count);
        let (lower, upper) = (-upper, -lower);
        Bucket { lower, upper, lower_inclusive: true, upper_inclusive: false, count }
    }

    /// Drops buckets in which nothing is.
    pub fn compact(&mut self) {
        self.positive.retain(|&(_, count)| count != 0.0);
        self.negative.retain(|&(_, count)| count != 0.0);
    }

    /// Changes the sum, the count and all buckets.
    pub fn map(&mut self, f: impl Fn(f64) -> f64) {
        let fields = [&mut self.count, &mut self.sum, &mut self.zero_count];
        let buckets = self.positive.iter_mut().chain(&mut self.negative).map(|(_, count)| count);
        fields.into_iter().chain(buckets).for_each(|value| *value = f(*value));
    }

    /// Whether both hold the same bits; hints don't matter.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        let bits = |h: &Self| [h.count, h.sum, h.zero_count].map(f64::to_bits);
        let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
            let key = |&(index, count): &(i32, f64)| (index, count.to_bits());
            a.iter().map(key).eq(b.iter().map(key))
        };
        self.schema == other.schema
            && bits(self) == bits(other)
            && self.zero_threshold == other.zero_threshold
            && self.bounds == other.bounds
            && buckets(&self.positive, &other.positive)
            && buckets(&self.negative, &other.negative)
    }

    /// Bytes of the histogram and its buckets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let buckets = self.positive.capacity() + self.negative.capacity();
        size_of::<Self>() + buckets * size_of::<(i32, f64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram {
            count: 11.0,
            sum: 3.0,
            zero_threshold: 0.75,
            zero_count: 1.0,
            positive: vec![(0, 2.0), (1, 3.0)],
            negative: vec![(1, 4.0), (2, 0.0)],
            ..Histogram::default()
        }
    }

    #[test]
    fn buckets_ascend_and_end_at_the_zero_bucket() {
        let borders: Vec<_> = histogram().buckets().map(|b| (b.lower, b.upper, b.count)).collect();
        let expected = [
            (-4.0, -2.0, 0.0),
            (-2.0, -1.0, 4.0),
            (-0.75, 0.75, 1.0),
            (0.75, 1.0, 2.0),
            (1.0, 2.0, 3.0),
        ];
        assert_eq!(borders, expected);
        let inclusive: Vec<_> =
            histogram().buckets().map(|b| (b.lower_inclusive, b.upper_inclusive)).collect();
        assert_eq!(inclusive[1..4], [(true, false), (true, true), (false, true)]);
    }

    #[test]
    fn custom_buckets_reach_from_infinity_to_infinity() {
        let custom = Histogram {
            schema: CUSTOM_SCHEMA,
            positive: vec![(0, 1.0), (1, 2.0), (2, 3.0)],
            bounds: [5.0, 10.0].into(),
            ..Histogram::default()
        };
        let borders: Vec<_> = custom.buckets().map(|b| (b.lower, b.upper)).collect();
        assert_eq!(borders, [(f64::NEG_INFINITY, 5.0), (5.0, 10.0), (10.0, f64::INFINITY)]);
        assert!(custom.buckets().next().is_some_and(|b| b.lower_inclusive));
    }

    #[test]
    fn equality_is_that_of_bits() {
        let mut nan = histogram();
        nan.sum = f64::NAN;
        assert!(nan.same_bits(&nan.clone()));
        let mut other = histogram();
        other.hint = ResetHint::Gauge;
        assert!(histogram().same_bits(&other));
        other.compact();
        assert!(!histogram().same_bits(&other));
        other.map(|value| value * 2.0);
        assert_eq!((other.count, other.negative.as_slice()), (22.0, &[(1, 8.0)][..]));
    }
}
