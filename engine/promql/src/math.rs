//! Sums and quantiles with the rounding of Prometheus.

/// A sum with a running compensation of what rounding lost (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) lost: f64,
}

impl Sum {
    pub(crate) fn new(value: f64) -> Self {
        Self { value, lost: 0.0 }
    }

    pub(crate) fn add(&mut self, x: f64) {
        let total = self.value + x;
        // Without branches, so that the processor never guesses wrong, and several sums can be
        // carried on at a time.
        let is_larger = self.value.abs() >= x.abs();
        let (large, small) = if is_larger { (self.value, x) } else { (x, self.value) };
        let lost = self.lost + ((large - total) + small);
        self.lost = if total.is_infinite() { 0.0 } else { lost };
        self.value = total;
    }

    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { value: self.value * factor, lost: self.lost * factor }
    }

    pub(crate) fn total(self) -> f64 {
        self.value + self.lost
    }
}

/// A mean: the sum divided by the count, until the sum would overflow; from there on the mean
/// itself is carried forward.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: Sum,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.sum = Sum::new(x);
            return;
        }
        if !self.incremental {
            let mut next = self.sum;
            next.add(x);
            if !next.value.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum = Sum { value: self.sum.value / before, lost: self.sum.lost / before };
        }
        let mut next = self.sum.scaled((self.count - 1.0) / self.count);
        next.add(x / self.count);
        self.sum = next;
    }

    pub(crate) fn total(self) -> f64 {
        if self.incremental {
            self.sum.total()
        } else {
            self.sum.value / self.count + self.sum.lost / self.count
        }
    }
}

/// Order of values in which NaN comes first, as quantiles need it.
pub(crate) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The quantile `q` of the values, whose order changes; linear between the two nearest ranks.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let n = values.len() as f64;
    let rank = q * (n - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    let order = |a: &f64, b: &f64| nan_first(*a, *b);
    let (_, &mut below, rest) = values.select_nth_unstable_by(lower as usize, order);
    let next = rest.iter().copied().min_by(order);
    let above = if upper > lower { next.unwrap_or(below) } else { below };
    below * (1.0 - weight) + above * weight
}

/// Whether two values are equal up to a relative `tolerance`.
pub(crate) fn almost_equal(a: f64, b: f64, tolerance: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (size, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < tolerance * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_keep_what_rounding_loses() {
        let mut sum = Sum::default();
        for x in [1.0, 1e100, 1.0, -1e100] {
            sum.add(x);
        }
        assert_eq!(sum.total(), 2.0);
    }

    #[test]
    fn means_survive_the_overflow_of_their_sum() {
        let mut mean = Mean::default();
        for _ in 0..4 {
            mean.add(1e308);
        }
        assert!(almost_equal(mean.total(), 1e308, 1e-15));
    }

    #[test]
    fn quantiles_have_their_borders() {
        let mut values = [3.0, 1.0, 2.0, f64::NAN];
        assert_eq!(quantile(1.0, &mut values), 3.0);
        assert!(quantile(0.0, &mut values).is_nan());
        assert_eq!(quantile(-0.1, &mut values), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut values), f64::INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
    }

    proptest! {
        #[test]
        fn quantiles_lie_between_their_neighbours(mut v in prop::collection::vec(-1e6..1e6f64, 1..50), q in 0.0..=1.0f64) {
            let got = quantile(q, &mut v);
            let below = v.iter().filter(|&&x| x <= got + 1e-6).count() as f64;
            prop_assert!(below >= (q * (v.len() as f64 - 1.0)).floor());
            v.sort_by(f64::total_cmp);
            prop_assert!(got >= v[0] - 1e-6 && got <= v[v.len() - 1] + 1e-6);
        }

        #[test]
        fn means_are_close_to_naive_ones(v in prop::collection::vec(-1e6..1e6f64, 1..50)) {
            let mut mean = Mean::default();
            for &x in &v {
                mean.add(x);
            }
            let naive = v.iter().sum::<f64>() / v.len() as f64;
            prop_assert!((mean.total() - naive).abs() < 1e-6);
        }
    }
}
