//! Minimum and maximum.

use super::Fold;

/// Values that are compared side by side; the result does not depend on it.
const LANES: usize = 16;

/// Smallest and largest value. NaNs count only if there is nothing else: then both are the last
/// one. Of 0.0 and −0.0, which are equal, the first one stays.
#[derive(Debug, Clone, Default)]
pub struct Extremes {
    /// Of the values that are numbers.
    ends: Option<(f64, f64)>,
    nan: Option<f64>,
}

impl Extremes {
    /// Extremes of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The smallest value; `None` of nothing.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.ends.map(|(min, _)| min).or(self.nan)
    }

    /// The largest value; `None` of nothing.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.ends.map(|(_, max)| max).or(self.nan)
    }

    fn take(&mut self, min: f64, max: f64) {
        let (old_min, old_max) = *self.ends.get_or_insert((min, max));
        let min = if min < old_min { min } else { old_min };
        let max = if max > old_max { max } else { old_max };
        self.ends = Some((min, max));
    }
}

impl Fold for Extremes {
    fn values(&mut self, values: &[f64]) {
        let (mut mins, mut maxs) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let (groups, rest) = values.as_chunks::<LANES>();
        for group in groups {
            for ((min, max), &value) in mins.iter_mut().zip(&mut maxs).zip(group) {
                *min = if value < *min { value } else { *min };
                *max = if value > *max { value } else { *max };
            }
        }
        let smaller = |a: f64, &b: &f64| if b < a { b } else { a };
        let larger = |a: f64, &b: &f64| if b > a { b } else { a };
        let min = mins.iter().chain(rest).fold(f64::INFINITY, smaller);
        let max = maxs.iter().chain(rest).fold(f64::NEG_INFINITY, larger);
        if min <= max {
            self.take(first_equal(values, min), first_equal(values, max));
        } else if let Some(&last) = values.last() {
            self.nan = Some(last);
        }
    }

    fn run(&mut self, value: f64, _: usize) {
        if value.is_nan() {
            self.nan = Some(value);
        } else {
            self.take(value, value);
        }
    }
}

/// `extreme`, which is one of the values; the first of them if there are several zeros.
fn first_equal(values: &[f64], extreme: f64) -> f64 {
    if extreme != 0.0 {
        return extreme;
    }
    values.iter().copied().find(|&value| value == 0.0).unwrap_or(extreme)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What PromQL's `min_over_time` does, one value after the other.
    fn plain(values: &[f64], beats: fn(f64, f64) -> bool) -> Option<u64> {
        let best = values
            .iter()
            .copied()
            .reduce(|best, value| if beats(value, best) || best.is_nan() { value } else { best });
        best.map(f64::to_bits)
    }

    proptest! {
        #[test]
        fn pieces_are_what_one_loop_finds(
            pieces in prop::collection::vec(
                prop::collection::vec(
                    prop::sample::select(vec![
                        0.0, -0.0, 1.0, -3.5, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY,
                    ]),
                    1..40,
                ),
                0..4,
            ),
            numbers in any::<bool>(),
        ) {
            let keep = |value: &f64| value.is_nan() != numbers;
            let pieces: Vec<Vec<f64>> = pieces
                .into_iter()
                .map(|piece| piece.into_iter().filter(keep).collect())
                .filter(|piece: &Vec<f64>| !piece.is_empty())
                .collect();
            let mut extremes = Extremes::new();
            for piece in &pieces {
                match piece[..] {
                    [value] => extremes.run(value, 3),
                    _ => extremes.values(piece),
                }
            }
            let all = pieces.concat();
            prop_assert_eq!(extremes.min().map(f64::to_bits), plain(&all, |a, b| a < b));
            prop_assert_eq!(extremes.max().map(f64::to_bits), plain(&all, |a, b| a > b));
        }
    }

    #[test]
    fn a_nan_among_numbers_does_not_count() {
        let mut extremes = Extremes::new();
        extremes.values(&[f64::NAN, 2.0, f64::NAN, 1.0]);
        extremes.run(f64::NAN, 1);
        assert_eq!((extremes.min(), extremes.max()), (Some(1.0), Some(2.0)));
    }
}
