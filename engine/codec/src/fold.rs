//! Consumers that run over the values of a sealed chunk without an output array.

use crate::error::DecodeError;
use crate::kernel::Kernel;
use crate::values::decode_values_with;

/// Numbers that are summed side by side: value i of a chunk goes to lane i mod 16, and at the end
/// the upper half of the lanes is added to the lower half until one is left. The order is the
/// same for every kernel, so the sum is too.
const LANES: usize = 16;

/// The Prometheus marker of a series that has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The sum of the `n` values of the stream at the start of `bytes`, without stale markers: 0 if
/// there are no others, [`f64::NAN`] if it is not a number.
///
/// # Errors
/// If the bytes are not a stream of `n` values.
pub fn sum_values(bytes: &[u8], n: usize) -> Result<f64, DecodeError> {
    sum_values_with(Kernel::detect(), bytes, n)
}

/// As [`sum_values`], with a kernel of the caller's choice; one that this processor can't run is
/// replaced by [`Kernel::Scalar`].
///
/// # Errors
/// As [`sum_values`].
pub fn sum_values_with(kernel: Kernel, bytes: &[u8], n: usize) -> Result<f64, DecodeError> {
    let mut values = Vec::new();
    decode_values_with(kernel, bytes, n, &mut values)?;
    values.retain(|value| value.to_bits() != STALE);
    Ok(sum(&values))
}

fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for group in values.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(group) {
            *lane += value;
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (lower, upper) = lanes.split_at_mut(half);
        for (lane, other) in lower.iter_mut().zip(upper) {
            *lane += *other;
        }
        half /= 2;
    }
    let [sum, ..] = lanes;
    if sum.is_nan() { f64::NAN } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_values;

    fn sum_of(values: &[f64]) -> f64 {
        let mut bytes = Vec::new();
        encode_values(values, &mut bytes).unwrap();
        sum_values(&bytes, values.len()).unwrap()
    }

    #[test]
    fn sums_skip_stale_markers_and_nothing_else() {
        let stale = f64::from_bits(STALE);
        assert_eq!(sum_of(&[1.5, stale, 2.25]), 3.75);
        assert_eq!(sum_of(&[stale]).to_bits(), 0);
        assert_eq!(sum_of(&[1.0, -f64::NAN]).to_bits(), f64::NAN.to_bits());
        assert_eq!(sum_of(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]).to_bits(), f64::NAN.to_bits());
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
}
