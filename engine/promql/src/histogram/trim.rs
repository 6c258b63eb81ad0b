//! The operators `</` and `>/`: what is left of a histogram below or above a value.
//!
//! The bucket that the value lies in is divided as a quantile would divide it. Sum and count are
//! estimated anew from the middles of what is left, but only if something was cut off.

use nunatak::{Bucket, Histogram};

use super::quantile::part_below;

/// Which part is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Below,
    Above,
}

/// How observations lie in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    Linear,
    Exponential,
}

/// How much of a bucket is kept, and the middle of that.
#[derive(Debug, Clone, Copy)]
struct Kept {
    count: f64,
    middle: f64,
}

/// What of the histogram lies on one side of a value.
pub(crate) fn trim(h: &Histogram, value: f64, side: Side) -> Histogram {
    let mut out = h.clone();
    let spread = if h.is_custom() { Spread::Linear } else { Spread::Exponential };
    let mut sums = Sums::default();
    let populated = |buckets: &[(i32, f64)]| buckets.iter().any(|&(_, count)| count != 0.0);
    for (index, count) in &mut out.positive {
        let (lower, upper) = h.borders(*index);
        sums.keep(count, keep(&whole(lower, upper, *count), value, side, spread));
    }
    for (index, count) in &mut out.negative {
        let (lower, upper) = h.borders(*index);
        sums.keep(count, keep(&whole(-upper, -lower, *count), value, side, spread));
    }
    if h.zero_count > 0.0 {
        let mut zero = h.zero_bucket();
        match (populated(&h.negative), populated(&h.positive)) {
            (true, false) => zero.upper = 0.0,
            (false, true) => zero.lower = 0.0,
            _ => {}
        }
        sums.keep(&mut out.zero_count, zero_bucket(&zero, value, side));
    }
    if sums.cut {
        (out.count, out.sum) = (sums.count, sums.sum);
        out.compact();
    }
    out
}

/// Count and sum of what is kept.
#[derive(Debug, Default)]
struct Sums {
    count: f64,
    sum: f64,
    cut: bool,
}

impl Sums {
    fn keep(&mut self, count: &mut f64, kept: Kept) {
        if *count == 0.0 {
            return;
        }
        self.cut |= *count != kept.count;
        *count = kept.count;
        self.count += kept.count;
        self.sum += kept.middle * kept.count;
    }
}

fn whole(lower: f64, upper: f64, count: f64) -> Bucket {
    Bucket { lower, upper, lower_inclusive: false, upper_inclusive: false, count }
}

fn keep(bucket: &Bucket, value: f64, side: Side, spread: Spread) -> Kept {
    let &Bucket { lower, upper, count, .. } = bucket;
    let (all, nothing) = match side {
        Side::Below => (upper <= value, lower >= value),
        Side::Above => (lower >= value, upper <= value),
    };
    if all {
        return Kept { count, middle: middle(lower, upper, spread) };
    }
    if nothing || value.is_nan() {
        return Kept { count: 0.0, middle: 0.0 };
    }
    if lower.is_infinite() || upper.is_infinite() {
        return open(bucket, value, side);
    }
    let below = count * part_below(bucket, value, spread == Spread::Linear);
    match side {
        Side::Below => Kept { count: below, middle: middle(lower, value, spread) },
        Side::Above => Kept { count: count - below, middle: middle(value, upper, spread) },
    }
}

/// A bucket without a border on one side, in which the value lies. How its observations lie is not
/// known: it is kept as a whole or not at all, but that one that ends above zero is taken to begin
/// there.
fn open(bucket: &Bucket, value: f64, side: Side) -> Kept {
    let &Bucket { lower, upper, count, .. } = bucket;
    let nothing = Kept { count: 0.0, middle: 0.0 };
    if lower > f64::NEG_INFINITY {
        return if side == Side::Above { Kept { count, middle: value } } else { nothing };
    }
    let begins_at_zero = upper > 0.0 && upper < f64::INFINITY;
    match side {
        Side::Below if begins_at_zero && value > 0.0 => {
            Kept { count: count * value / upper, middle: value / 2.0 }
        }
        Side::Below if upper <= 0.0 => Kept { count, middle: value },
        Side::Above if begins_at_zero && value >= 0.0 => {
            Kept { count: count * (1.0 - value / upper), middle: f64::midpoint(value, upper) }
        }
        Side::Above if value == f64::NEG_INFINITY => Kept { count, middle: 0.0 },
        _ => nothing,
    }
}

fn zero_bucket(bucket: &Bucket, value: f64, side: Side) -> Kept {
    let &Bucket { lower, upper, count, .. } = bucket;
    let (from, to) = match side {
        Side::Below => (lower, value.clamp(lower, upper)),
        Side::Above => (value.clamp(lower, upper), upper),
    };
    let part = (to - from) / (upper - lower);
    // A bucket of no width is kept where the value does not cut it off.
    let kept = match side {
        Side::Below if value <= lower => 0.0,
        Side::Above if value >= upper => 0.0,
        _ if part.is_nan() => 1.0,
        _ => part,
    };
    Kept { count: count * kept, middle: f64::midpoint(from, to) }
}

fn middle(lower: f64, upper: f64, spread: Spread) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        _ if spread == Spread::Linear => f64::midpoint(lower, upper),
        _ => (lower * upper).abs().sqrt().copysign(lower + upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::CUSTOM_SCHEMA;
    use proptest::prelude::*;

    fn histogram() -> Histogram {
        Histogram {
            count: 34.0,
            sum: 123.75,
            zero_count: 1.0,
            zero_threshold: 0.001,
            positive: vec![(0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0)],
            negative: vec![(0, 1.0), (1, 2.0)],
            ..Histogram::default()
        }
    }

    #[test]
    fn nothing_changes_if_nothing_is_cut_off() {
        assert_eq!(trim(&histogram(), f64::INFINITY, Side::Below), histogram());
        assert_eq!(trim(&histogram(), f64::NEG_INFINITY, Side::Above), histogram());
        let none = trim(&histogram(), f64::INFINITY, Side::Above);
        assert_eq!((none.count, none.sum, none.positive.len()), (0.0, 0.0, 0));
    }

    #[test]
    fn a_border_cuts_without_dividing() {
        let above = trim(&histogram(), 2.0, Side::Above);
        assert_eq!((above.count, above.positive), (24.0, vec![(2, 8.0), (3, 16.0)]));
        assert!((above.sum - 113.137_084_989_847_6).abs() < 1e-9);
        let below = trim(&histogram(), 0.0, Side::Below);
        assert_eq!((below.count, below.zero_count), (3.5, 0.5));
    }

    #[test]
    fn open_buckets_are_not_divided() {
        let h = Histogram {
            schema: CUSTOM_SCHEMA,
            count: 15.0,
            sum: 172.5,
            positive: vec![(0, 1.0), (1, 6.0), (4, 8.0)],
            bounds: [5.0, 10.0, 15.0, 20.0].into(),
            ..Histogram::default()
        };
        assert_eq!(trim(&h, 50.0, Side::Below).positive, [(0, 1.0), (1, 6.0)]);
        assert_eq!(trim(&h, 50.0, Side::Above).positive, [(4, 8.0)]);
        assert_eq!(trim(&h, 2.5, Side::Below).positive, [(0, 0.5)]);
        assert_eq!(trim(&h, 7.5, Side::Below).count, 4.0);
    }

    proptest! {
        #[test]
        fn both_sides_together_are_the_whole(value in -10.0..10.0f64) {
            let (below, above) = (trim(&histogram(), value, Side::Below), trim(&histogram(), value, Side::Above));
            prop_assert!((below.count + above.count - 34.0).abs() < 1e-9);
        }
    }
}
