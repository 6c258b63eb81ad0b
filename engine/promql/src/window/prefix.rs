//! Lines through windows that overlap, each in the same time however many samples it has.
//!
//! The sums that least squares need are differences of prefix sums. Differences of ordinary ones
//! would lose digits, so times are summed as integers, exactly, and values as unevaluated sums of
//! two numbers (Dekker 1971), which have 106 bits.

use super::Windows;

/// Above this a product of a value and a time could overflow when it is split.
const LARGEST: f64 = 1e200;
/// Milliseconds that a double holds exactly, with room for sums of two of them.
const LONGEST: i64 = 1 << 51;
/// What must be left of the sums when what they have in common is taken away. Of less, sums of
/// ordinary precision keep few digits, and which ones is Prometheus' answer.
const LEAST_LEFT: f64 = 1e-9;

/// An unevaluated sum: `low` is what rounding took from `high`.
#[derive(Debug, Clone, Copy, Default)]
struct Twofold {
    high: f64,
    low: f64,
}

impl Twofold {
    /// A sum of two numbers, exactly.
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let of_b = high - a;
        Self { high, low: (a - (high - of_b)) + (b - of_b) }
    }

    /// A product of two numbers, exactly (Veltkamp's split).
    fn product(a: f64, b: f64) -> Self {
        let split = |x: f64| {
            let big = x * 134_217_729.0;
            let high = big - (big - x);
            (high, x - high)
        };
        let (high, (ah, al), (bh, bl)) = (a * b, split(a), split(b));
        Self { high, low: ((ah * bh - high) + ah * bl + al * bh) + al * bl }
    }

    fn plus(self, other: Self) -> Self {
        let Self { high, low } = Self::sum(self.high, other.high);
        Self::sum(high, low + (self.low + other.low))
    }

    fn minus(self, other: Self) -> Self {
        self.plus(Self { high: -other.high, low: -other.low })
    }

    fn times(self, factor: f64) -> Self {
        let Self { high, low } = Self::product(self.high, factor);
        Self::sum(high, low + self.low * factor)
    }

    fn total(self) -> f64 {
        self.high + self.low
    }
}

/// What the samples before an index sum up to. Times count from the first sample on, in ms.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    times: i128,
    squares: i128,
    values: Twofold,
    products: Twofold,
    /// How often a value differs from the one before it.
    changes: usize,
}

/// Prefix sums over the samples of one series.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    sums: Vec<Sums>,
    origin: i64,
    /// The largest of the values, without signs.
    largest: f64,
    /// The first value of each run of equal ones, by the number of changes before it.
    runs: Vec<f64>,
}

impl Prefix {
    /// Sums up a series; `false` if it has values or times that this is not made for.
    pub(super) fn fill(&mut self, w: &Windows) -> bool {
        let (Some(&first), Some(&last)) = (w.times().first(), w.times().last()) else {
            return false;
        };
        let fits = w.values.iter().all(|value| value.abs() < LARGEST);
        self.largest = w.values.iter().fold(0.0, |most, value| most.max(value.abs()));
        if !fits || last.saturating_sub(first) > LONGEST || first.saturating_abs() > LONGEST {
            return false;
        }
        self.origin = first;
        self.sums.clear();
        self.runs.clear();
        let mut sums = Sums::default();
        self.sums.push(sums);
        let mut before = f64::NAN;
        for (&t, &value) in w.times().iter().zip(w.values) {
            let time = t - first;
            sums.times += i128::from(time);
            sums.squares += i128::from(time) * i128::from(time);
            sums.values = sums.values.plus(Twofold { high: value, low: 0.0 });
            sums.products = sums.products.plus(Twofold::product(time as f64, value));
            if value != before {
                sums.changes += 1;
                self.runs.push(value);
            }
            before = value;
            self.sums.push(sums);
        }
        true
    }

    /// Whether a time is near enough to compute with.
    pub(super) fn reaches(&self, time: i64) -> bool {
        time.saturating_sub(self.origin).saturating_abs() <= LONGEST
    }

    /// Least squares through the samples from index `from` up to before `to`: the slope per second,
    /// and the line's value at `origin`, which it [reaches](Self::reaches). Nothing where the sums
    /// have so much in common that the answer would depend on their rounding.
    pub(super) fn line(&self, from: usize, to: usize, origin: i64) -> Option<(f64, f64)> {
        let (before, after) = (self.sums[from], self.sums[to]);
        // The first of the samples begins a run or goes on with one.
        if self.sums[from + 1].changes == after.changes {
            return Some((0.0, self.runs[after.changes - 1]));
        }
        let count = (to - from) as i128;
        let shift = i128::from(origin) - i128::from(self.origin);
        let times = after.times - before.times;
        let squares = after.squares - before.squares - 2 * shift * times + count * shift * shift;
        let times = times - count * shift;
        let values = after.values.minus(before.values);
        let products = after.products.minus(before.products);
        let products = products.minus(values.times(shift as f64));
        let n = count as f64;
        // The variance is exact; the covariance loses what both of its terms have in common.
        let variance = (count * squares - times * times) as f64 / n;
        let covariance = products.minus(values.times(times as f64 / n)).total();
        let squares = squares as f64;
        let most = (n * squares).sqrt() * self.largest;
        if variance < LEAST_LEFT * squares || covariance.abs() < LEAST_LEFT * most {
            return None;
        }
        let slope = covariance / variance;
        Some((slope * 1000.0, values.total() / n - slope * (times as f64 / n)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Times;
    use super::super::regression::line;
    use super::*;
    use crate::grid::Grid;
    use crate::watch::Watch;
    use proptest::prelude::*;

    /// Prefix sums of a series, if they are made for it.
    fn filled(times: &[i64], values: &[f64]) -> Option<Prefix> {
        let (steps, watch) = (Grid::instant(0), Watch::default());
        let (bounds, ends) = (&[][..], &[][..]);
        let w = Windows {
            times: Times::Here(times),
            values,
            rise: false,
            version: 1,
            place: 0,
            bounds,
            ends,
            steps: &steps,
            range_ms: 0,
            watch: &watch,
        };
        let mut prefix = Prefix::default();
        prefix.fill(&w).then_some(prefix)
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_samples(
            gaps in prop::collection::vec(1_i64..60_000, 2..80),
            values in prop::collection::vec(prop_oneof![Just(5.0), -1e9..1e9f64, 0.0..1e-3f64], 80),
            start in 0_i64..2_000_000_000_000, from in 0_usize..40, ahead in -100_000_i64..100_000,
        ) {
            let times: Vec<i64> = gaps.iter().scan(start, |t, gap| { *t += gap; Some(*t) }).collect();
            let values = &values[..times.len()];
            let prefix = filled(&times, values).unwrap();
            let from = from.min(times.len() - 2);
            let origin = times[times.len() - 1] + ahead;
            let Some((slope, now)) = prefix.line(from, times.len(), origin) else { return Ok(()) };
            let (want_slope, want_now) = line(&times[from..], &values[from..], origin);
            let largest = values.iter().fold(1e-3, |most: f64, v| most.max(v.abs()));
            let span = (times[times.len() - 1] - times[from]) as f64 / 1e3;
            let reach = 1.0 + (ahead.abs() as f64 / 1e3) / span;
            prop_assert!((slope - want_slope).abs() <= 1e-6 * largest / span, "{slope} {want_slope}");
            prop_assert!((now - want_now).abs() <= 1e-6 * largest * reach, "{now} {want_now}");
        }
    }

    #[test]
    fn lines_that_depend_on_rounding_are_left_to_others() {
        let line = |times: &[i64], values: &[f64], origin| {
            filled(times, values).unwrap().line(0, times.len(), origin)
        };
        assert!(line(&[0, 1000, 2000], &[1.0, 2.0, 4.0], 0).is_some());
        let near = line(&[0, 1, 2], &[1.0, 2.0, 4.0], 1_000_000);
        assert!(near.is_none(), "near together and far away");
        let large = line(&[0, 1000, 2000], &[1e17, 1.0, 1e17], 0);
        assert!(large.is_none(), "what rises falls as much");
    }

    #[test]
    fn what_it_is_not_made_for_is_refused() {
        assert!(filled(&[1, 2], &[1.0, -0.0]).is_some());
        assert!(filled(&[1, 2], &[1.0, f64::NAN]).is_none());
        assert!(filled(&[1, 2], &[f64::INFINITY, 1.0]).is_none());
        assert!(filled(&[i64::MIN, i64::MAX], &[1.0, 2.0]).is_none());
    }
}
