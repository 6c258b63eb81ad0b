//! Sums and means of histograms, compensated bucket by bucket.

use std::cmp::Ordering;
use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use crate::math::Sum;

/// Counts by index, ascending.
type List = Vec<(i32, Sum)>;

/// Two histograms that can't be made alike: one has exponential buckets, the other custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// What had to be done to put two histograms together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// One says that the counter began anew, the other that it went on.
    pub(crate) collision: bool,
    /// The bounds of custom buckets were not the same.
    pub(crate) reconciled: bool,
}

/// A sum of histograms.
#[derive(Debug, Clone)]
pub(crate) struct Total {
    pub(crate) hint: ResetHint,
    schema: i32,
    count: Sum,
    sum: Sum,
    zero_threshold: f64,
    zero_count: Sum,
    positive: List,
    negative: List,
    bounds: Arc<[f64]>,
}

fn list(buckets: &[(i32, f64)]) -> List {
    buckets.iter().map(|&(index, count)| (index, Sum::new(count))).collect()
}

impl From<&Histogram> for Total {
    fn from(h: &Histogram) -> Self {
        Self {
            hint: h.hint,
            schema: h.schema,
            count: Sum::new(h.count),
            sum: Sum::new(h.sum),
            zero_threshold: h.zero_threshold,
            zero_count: Sum::new(h.zero_count),
            positive: list(&h.positive),
            negative: list(&h.negative),
            bounds: Arc::clone(&h.bounds),
        }
    }
}

impl Total {
    /// Adds a histogram; the layout becomes one that both have.
    pub(crate) fn add(&mut self, other: &Histogram) -> Result<Joined, Incompatible> {
        self.join(other, 1.0)
    }

    /// Subtracts a histogram.
    pub(crate) fn subtract(&mut self, other: &Histogram) -> Result<Joined, Incompatible> {
        self.join(other, -1.0)
    }

    fn join(&mut self, other: &Histogram, sign: f64) -> Result<Joined, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let (hint, collision) = joined_hint(self.hint, other.hint);
        self.hint = hint;
        let alike = self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && same(&self.bounds, &other.bounds);
        if alike {
            let signed = |&(index, count): &(i32, f64)| (index, Sum::new(sign * count));
            merge(&mut self.positive, other.positive.iter().map(signed));
            merge(&mut self.negative, other.negative.iter().map(signed));
            self.zero_count.add(sign * other.zero_count);
        } else {
            let mut other = Self::from(other);
            self.make_alike(&mut other);
            let signed = |&(index, count): &(i32, Sum)| (index, count.scaled(sign));
            merge(&mut self.positive, other.positive.iter().map(signed));
            merge(&mut self.negative, other.negative.iter().map(signed));
            plus(&mut self.zero_count, other.zero_count.scaled(sign));
        }
        self.count.add(sign * other.count);
        self.sum.add(sign * other.sum);
        Ok(Joined { collision, reconciled: self.is_custom() && !alike })
    }

    fn make_alike(&mut self, other: &mut Self) {
        if self.is_custom() {
            let both = common(&self.bounds, &other.bounds);
            self.reduce_bounds(&both);
            other.reduce_bounds(&both);
            return;
        }
        // Not until they are equal: what is not a number never is.
        loop {
            match self.zero_threshold.partial_cmp(&other.zero_threshold) {
                Some(Ordering::Less) => self.widen(other.zero_threshold),
                Some(Ordering::Greater) => other.widen(self.zero_threshold),
                _ => break,
            }
        }
        let schema = self.schema.min(other.schema);
        self.coarsen(schema);
        other.coarsen(schema);
    }

    /// Makes the zero bucket reach at least to `threshold`, and so far beyond that no bucket is
    /// cut that something is in; what it covers is counted in it.
    pub(crate) fn widen(&mut self, mut threshold: f64) {
        let schema = self.schema;
        let upper = |index| Histogram::exponential_bound(schema, index);
        let lower = |index: i32| upper(index.saturating_sub(1));
        let both = || self.positive.iter().chain(&self.negative);
        let cut = |threshold: f64| {
            let is_cut = |&&(index, count): &&(i32, Sum)| {
                count.total() != 0.0 && lower(index) < threshold && upper(index) > threshold
            };
            both().find(is_cut).map(|&(index, _)| upper(index))
        };
        while let Some(border) = cut(threshold) {
            threshold = border;
        }
        let mut inside = self.zero_count;
        both()
            .filter(|(index, _)| lower(*index) < threshold)
            .for_each(|&(_, c)| plus(&mut inside, c));
        self.positive.retain(|&(index, _)| lower(index) >= threshold);
        self.negative.retain(|&(index, _)| lower(index) >= threshold);
        self.zero_count = inside;
        self.zero_threshold = threshold;
    }

    /// Puts neighbours together until the resolution is that of a coarser schema.
    pub(crate) fn coarsen(&mut self, schema: i32) {
        let by = self.schema.saturating_sub(schema);
        if by > 0 {
            let index = |index: i32| (index.saturating_sub(1) >> by.min(31)) + 1;
            self.positive = regrouped(&self.positive, index);
            self.negative = regrouped(&self.negative, index);
            self.schema = schema;
        }
    }

    /// Keeps only these custom bounds, which are some of those that the histogram has.
    pub(crate) fn reduce_bounds(&mut self, bounds: &Arc<[f64]>) {
        let last = i32::try_from(bounds.len()).unwrap_or(i32::MAX);
        let index = |index: i32| {
            let upper = usize::try_from(index).ok().and_then(|i| self.bounds.get(i));
            upper.map_or(last, |upper| bounds.partition_point(|bound| bound < upper) as i32)
        };
        self.positive = regrouped(&self.positive, index);
        self.bounds = Arc::clone(bounds);
    }

    /// Divides everything.
    pub(crate) fn divide(&mut self, by: f64) {
        self.map(|sum| Sum { value: sum.value / by, lost: sum.lost / by });
    }

    /// Multiplies everything.
    pub(crate) fn multiply(&mut self, factor: f64) {
        self.map(|sum| sum.scaled(factor));
    }

    fn map(&mut self, f: impl Fn(Sum) -> Sum) {
        let fields = [&mut self.count, &mut self.sum, &mut self.zero_count];
        let buckets = self.positive.iter_mut().chain(&mut self.negative).map(|(_, count)| count);
        fields.into_iter().chain(buckets).for_each(|sum| *sum = f(*sum));
    }

    pub(crate) fn count(&self) -> f64 {
        self.count.total()
    }

    /// The sum, without buckets in which nothing is.
    pub(crate) fn finish(self) -> Histogram {
        let list = |list: List| {
            let totals = list.into_iter().map(|(index, count)| (index, count.total()));
            totals.filter(|&(_, count)| count != 0.0).collect()
        };
        Histogram {
            schema: self.schema,
            hint: self.hint,
            count: self.count.total(),
            sum: self.sum.total(),
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.total(),
            positive: list(self.positive),
            negative: list(self.negative),
            bounds: self.bounds,
        }
    }

    fn is_custom(&self) -> bool {
        self.schema == nunatak::CUSTOM_SCHEMA
    }
}

/// A mean: the sum divided by the count, until the sum might overflow; from there on the mean
/// itself is carried forward.
#[derive(Debug, Clone)]
pub(crate) struct Mean {
    total: Total,
    count: f64,
    /// No count of the sum is larger.
    limit: f64,
    incremental: bool,
}

impl From<&Histogram> for Mean {
    fn from(h: &Histogram) -> Self {
        Self { total: Total::from(h), count: 1.0, limit: largest(h), incremental: false }
    }
}

impl Mean {
    /// Adds a histogram.
    pub(crate) fn add(&mut self, h: &Histogram) -> Result<Joined, Incompatible> {
        self.count += 1.0;
        self.limit += largest(h);
        if self.limit.is_finite() {
            return self.total.add(h);
        }
        let before = self.count - 1.0;
        if !std::mem::replace(&mut self.incremental, true) {
            self.total.divide(before);
        }
        self.total.multiply(before / self.count);
        let mut part = h.clone();
        part.map(|value| value / self.count);
        self.total.add(&part)
    }

    /// The mean.
    pub(crate) fn finish(mut self) -> Histogram {
        if !self.incremental {
            self.total.divide(self.count);
        }
        self.total.finish()
    }
}

/// The largest magnitude that a histogram holds.
fn largest(h: &Histogram) -> f64 {
    let buckets = h.positive.iter().chain(&h.negative).map(|&(_, count)| count);
    buckets
        .chain([h.count, h.sum, h.zero_count])
        .fold(0.0, |most: f64, value| most.max(value.abs()))
}

fn plus(sum: &mut Sum, other: Sum) {
    sum.add(other.value);
    sum.lost += other.lost;
}

/// Adds counts in ascending order to a list.
fn merge(list: &mut List, others: impl Iterator<Item = (i32, Sum)>) {
    let mut at = 0;
    for (index, count) in others {
        at += list[at..].partition_point(|&(other, _)| other < index);
        match list.get_mut(at) {
            Some((other, sum)) if *other == index => plus(sum, count),
            _ => list.insert(at, (index, count)),
        }
    }
}

/// The list with new indices, which ascend as the old ones do.
fn regrouped(list: &List, index: impl Fn(i32) -> i32) -> List {
    let mut out = List::with_capacity(list.len());
    for &(old, count) in list {
        let index = index(old);
        match out.last_mut() {
            Some((last, sum)) if *last == index => plus(sum, count),
            _ => out.push((index, count)),
        }
    }
    out
}

fn same(a: &Arc<[f64]>, b: &Arc<[f64]>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// The bounds that both have.
pub(crate) fn common(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|bound| b.contains(bound)).collect()
}

/// The hint of a sum or difference, and whether the two contradict each other.
fn joined_hint(a: ResetHint, b: ResetHint) -> (ResetHint, bool) {
    match (a, b) {
        (a, b) if a == b => (a, false),
        (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => (ResetHint::Gauge, false),
        (ResetHint::Unknown, _) | (_, ResetHint::Unknown) => (ResetHint::Unknown, false),
        _ => (ResetHint::Unknown, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::CUSTOM_SCHEMA;
    use proptest::prelude::*;

    fn added(a: &Histogram, b: &Histogram) -> Histogram {
        let mut total = Total::from(a);
        total.add(b).unwrap();
        total.finish()
    }

    fn custom(bounds: &[f64], positive: &[(i32, f64)]) -> Histogram {
        let positive = positive.to_vec();
        Histogram { schema: CUSTOM_SCHEMA, positive, bounds: bounds.into(), ..Histogram::default() }
    }

    #[test]
    fn the_coarser_schema_wins() {
        let fine = Histogram {
            schema: 1,
            positive: vec![(1, 1.0), (2, 2.0), (3, 4.0)],
            ..Histogram::default()
        };
        let coarse = Histogram { schema: 0, positive: vec![(1, 8.0)], ..Histogram::default() };
        let sum = added(&fine, &coarse);
        assert_eq!((sum.schema, sum.positive), (0, vec![(1, 11.0), (2, 4.0)]));
    }

    #[test]
    fn zero_buckets_grow_until_they_cut_nothing() {
        let wide = Histogram { zero_threshold: 0.6, zero_count: 1.0, ..Histogram::default() };
        let narrow = Histogram {
            zero_threshold: 0.1,
            positive: vec![(-1, 2.0), (0, 4.0), (1, 8.0)],
            negative: vec![(-1, 16.0), (1, 32.0)],
            ..Histogram::default()
        };
        for sum in [added(&wide, &narrow), added(&narrow, &wide)] {
            assert_eq!((sum.zero_threshold, sum.zero_count), (1.0, 23.0));
            assert_eq!((sum.positive, sum.negative), (vec![(1, 8.0)], vec![(1, 32.0)]));
        }
    }

    #[test]
    fn custom_bounds_are_reduced_to_common_ones() {
        let (a, b) = (
            custom(&[1.0, 2.0, 3.0], &[(0, 1.0), (1, 2.0), (3, 4.0)]),
            custom(&[2.0, 5.0], &[(0, 8.0), (1, 16.0), (2, 32.0)]),
        );
        let mut total = Total::from(&a);
        assert!(total.add(&b).unwrap().reconciled);
        let sum = total.finish();
        assert_eq!((&*sum.bounds, sum.positive), (&[2.0][..], vec![(0, 11.0), (1, 52.0)]));
        assert_eq!(Total::from(&a).add(&Histogram::default()), Err(Incompatible));
    }

    #[test]
    fn hints_contradict_each_other_or_not() {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        assert_eq!(joined_hint(Reset, NotReset), (Unknown, true));
        assert_eq!(joined_hint(Gauge, NotReset), (Gauge, false));
        assert_eq!(joined_hint(Unknown, Reset), (Unknown, false));
        assert_eq!(joined_hint(Reset, Reset), (Reset, false));
    }

    #[test]
    fn means_survive_the_overflow_of_their_sum() {
        let h = Histogram {
            count: 1e308,
            sum: 2.0,
            positive: vec![(0, 1e308)],
            ..Histogram::default()
        };
        let mut mean = Mean::from(&h);
        (0..3).for_each(|_| assert!(mean.add(&h).is_ok()));
        let mean = mean.finish();
        assert!((mean.count / 1e308 - 1.0).abs() < 1e-12 && (mean.sum - 2.0).abs() < 1e-12);
        assert!((mean.positive[0].1 / 1e308 - 1.0).abs() < 1e-12);
    }

    prop_compose! {
        fn histogram()(
            schema in -4..=8,
            threshold in prop::sample::select(vec![0.0, 1e-3, 0.4, 2.0]),
            zero in 0..5_u32,
            positive in prop::collection::btree_map(-40..40, 1..100_u32, 0..12),
            negative in prop::collection::btree_map(-40..40, 1..100_u32, 0..12),
        ) -> Histogram {
            let list = |map: std::collections::BTreeMap<i32, u32>| map.into_iter().map(|(i, c)| (i, f64::from(c))).collect::<Vec<_>>();
            let (positive, negative, zero_count) = (list(positive), list(negative), f64::from(zero));
            let count = zero_count + positive.iter().chain(&negative).map(|(_, c)| c).sum::<f64>();
            Histogram { schema, zero_threshold: threshold, zero_count, count, positive, negative, ..Histogram::default() }
        }
    }

    fn in_buckets(h: &Histogram) -> f64 {
        h.buckets().map(|bucket| bucket.count).sum()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_on_the_way_to_a_common_layout(a in histogram(), b in histogram()) {
            let sum = added(&a, &b);
            prop_assert_eq!(in_buckets(&sum), a.count + b.count);
            prop_assert!(sum.buckets().zip(sum.buckets().skip(1)).all(|(x, y)| x.upper <= y.lower));
        }

        #[test]
        fn what_is_added_can_be_subtracted(a in histogram(), b in histogram()) {
            let mut total = Total::from(&a);
            total.add(&b).unwrap();
            let with = total.clone().finish();
            total.subtract(&b).unwrap();
            let without = total.finish();
            prop_assert_eq!((without.count, without.sum, without.schema), (a.count, a.sum, with.schema));
            prop_assert!((in_buckets(&without) - a.count).abs() < 1e-9);
            prop_assert!(without.buckets().all(|bucket| bucket.count >= 0.0));
        }
    }
}
