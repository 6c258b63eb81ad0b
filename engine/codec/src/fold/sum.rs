//! Sums and means.

use super::Fold;
use crate::MAX_SAMPLES;
use crate::kernel::{Kernel, LANES, add_column, with_blocks};

/// A value with so many zeros at the low end of its mantissa is added to itself without rounding,
/// up to [`MAX_SAMPLES`] times.
const FREE_BITS: u64 = MAX_SAMPLES as u64 - 1;

/// Sum and number of values.
///
/// The order of summation is part of the contract: value i of a piece (a chunk, or a part of it)
/// goes to lane i mod 16, then the upper half of the lanes is added to the lower half until one is
/// left, and that is added to the sum so far. All lanes and the sum begin at 0. This is not the
/// compensated sum of PromQL.
#[derive(Debug, Clone)]
pub struct Sum {
    kernel: Kernel,
    total: f64,
    count: u64,
}

impl Sum {
    /// A sum of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Kernel::detect())
    }

    /// As [`new`](Self::new), with a kernel of the caller's choice.
    #[must_use]
    pub fn with(kernel: Kernel) -> Self {
        Self { kernel, total: 0.0, count: 0 }
    }

    /// The sum: 0 of nothing, [`f64::NAN`] if it is not a number.
    #[must_use]
    pub fn sum(&self) -> f64 {
        // Which NaN an addition returns is up to the processor and the compiler.
        if self.total.is_nan() { f64::NAN } else { self.total }
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum divided by the number of values; `None` of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }

    /// Takes the lanes of a piece of `count` values, and uses them up.
    pub(super) fn lanes(&mut self, lanes: &mut [f64; LANES], count: usize) {
        self.total += total(lanes);
        self.count += count as u64;
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl Fold for Sum {
    fn values(&mut self, values: &[f64]) {
        let mut lanes = [0.0; LANES];
        with_blocks!(self.kernel, blocks => add_column(blocks, values, &mut lanes));
        self.lanes(&mut lanes, values.len());
    }

    fn run(&mut self, value: f64, count: usize) {
        self.total += if value.to_bits() & FREE_BITS == 0 && count <= MAX_SAMPLES {
            // Added to 0, as in the lanes: −0.0 becomes 0.0.
            0.0 + value * count as f64
        } else {
            let lane = (0..count / LANES).fold(0.0, |lane, _| lane + value);
            let mut lanes = [lane; LANES];
            lanes.iter_mut().take(count % LANES).for_each(|lane| *lane += value);
            total(&mut lanes)
        };
        self.count += count as u64;
    }
}

/// The sum of all lanes, the upper half to the lower; the lanes are used up.
fn total(lanes: &mut [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        let (lower, upper) = lanes.split_at_mut(half);
        for (lane, other) in lower.iter_mut().zip(upper) {
            *lane += *other;
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum_of(values: &[f64]) -> f64 {
        let mut sum = Sum::new();
        sum.values(values);
        sum.sum()
    }

    #[test]
    fn lanes_are_added_pairwise() {
        let mut values = [0.0; LANES + 1];
        (values[0], values[8], values[LANES]) = (1e16, -1e16, 1.0);
        // Lane 0 is 1e16 + 1, which is 1e16.
        assert_eq!(sum_of(&values), 0.0);
        (values[8], values[LANES], values[1]) = (1.0, -1e16, 0.0);
        assert_eq!(sum_of(&values), 1.0);
    }

    #[test]
    fn what_is_not_a_number_is_always_the_same() {
        for values in [[1.0, -f64::NAN], [f64::INFINITY, f64::NEG_INFINITY]] {
            assert_eq!(sum_of(&values).to_bits(), f64::NAN.to_bits());
        }
    }

    proptest! {
        #[test]
        fn a_run_is_what_its_values_are(
            value in prop_oneof![
                any::<u64>().prop_map(f64::from_bits),
                any::<u64>().prop_map(|bits| f64::from_bits(bits & !FREE_BITS)),
                (-1000i32..1000).prop_map(f64::from),
                prop::sample::select(vec![0.0, -0.0, 0.1, f64::MAX, f64::INFINITY, 5e-324, -2e-308]),
            ],
            count in 1..=MAX_SAMPLES,
        ) {
            let (mut run, mut values) = (Sum::new(), Sum::with(Kernel::Scalar));
            run.run(value, count);
            values.values(&vec![value; count]);
            prop_assert_eq!(run.sum().to_bits(), values.sum().to_bits());
            prop_assert_eq!(run.count(), values.count());
        }
    }
}
