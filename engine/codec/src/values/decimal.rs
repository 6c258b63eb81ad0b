//! Finds the integers k and the smallest e with value = k / 10^e, bit for bit.

/// Integers are below this in size: 2^51, the range of the trick that converts between integers
/// and floats by adding a constant.
pub(crate) const DECIMAL_LIMIT: i64 = 1 << 51;

/// The largest power of ten.
pub(super) const MAX_EXPONENT: u8 = 16;

const POWERS: [f64; MAX_EXPONENT as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

/// 10^`exponent`, exactly; 1 for an exponent that no chunk has.
pub(crate) fn power_of_ten(exponent: u8) -> f64 {
    POWERS.get(usize::from(exponent)).copied().unwrap_or(1.0)
}

/// Values as integers over a common power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimals {
    pub(super) exponent: u8,
    /// One for each value; an exception has its neighbour's.
    pub(super) ints: Vec<i64>,
    /// Indices of the values that are no decimals.
    pub(super) exceptions: Vec<usize>,
}

impl Decimals {
    /// The decimals of `values` with the smallest exponent that serves all but at most
    /// `max_exceptions` of them.
    pub(super) fn detect(values: &[f64], max_exceptions: usize) -> Option<Self> {
        let exponent = smallest_exponent(values, max_exceptions)?;
        let mut exceptions = Vec::new();
        let mut ints = Vec::with_capacity(values.len());
        let mut last = values.iter().find_map(|&value| to_int(value, exponent))?;
        for (index, &value) in values.iter().enumerate() {
            match to_int(value, exponent) {
                Some(int) => last = int,
                None => exceptions.push(index),
            }
            ints.push(last);
        }
        (exceptions.len() <= max_exceptions).then_some(Self { exponent, ints, exceptions })
    }
}

fn smallest_exponent(values: &[f64], max_exceptions: usize) -> Option<u8> {
    let mut exponent = 0;
    let mut exceptions = 0;
    for &value in values {
        match (exponent..=MAX_EXPONENT).find(|&e| to_int(value, e).is_some()) {
            Some(e) => exponent = e,
            None => exceptions += 1,
        }
        if exceptions > max_exceptions {
            return None;
        }
    }
    Some(exponent)
}

/// The integer k with |k| < 2^51 and `value` = k / 10^`exponent` bit for bit.
pub(super) fn to_int(value: f64, exponent: u8) -> Option<i64> {
    let power = power_of_ten(exponent);
    let int = round(value * power)?;
    (int as f64 / power).to_bits().eq(&value.to_bits()).then_some(int)
}

/// The nearest integer, if it is below 2^51 in size. Not-a-number is in no range.
pub(super) fn round(x: f64) -> Option<i64> {
    // 1.5 · 2^52: adding it leaves no bits for the fraction, so the sum is rounded to an integer.
    const SHIFTER: f64 = 6_755_399_441_055_744.0;
    let rounded = (x + SHIFTER) - SHIFTER;
    (x.abs() < DECIMAL_LIMIT as f64 && rounded.abs() < DECIMAL_LIMIT as f64)
        .then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_exponent_is_found() {
        let decimals = Decimals::detect(&[1.5, 20.0, 0.25], 0).unwrap();
        assert_eq!((decimals.exponent, decimals.ints), (2, vec![150, 2000, 25]));
    }

    #[test]
    fn what_is_no_decimal_is_an_exception() {
        let values = [1.0, f64::NAN, -0.0, 2.0, f64::INFINITY];
        assert_eq!(Decimals::detect(&values, 2), None);
        let decimals = Decimals::detect(&values, 3).unwrap();
        assert_eq!(decimals.ints, [1, 1, 1, 2, 2]);
        assert_eq!(decimals.exceptions, [1, 2, 4]);
    }

    #[test]
    fn true_doubles_are_no_decimals() {
        assert_eq!(to_int(1.0 / 3.0, MAX_EXPONENT), None);
        assert_eq!(to_int(f64::MAX, 0), None);
        assert_eq!(to_int(2f64.powi(51), 0), None);
        assert_eq!(to_int(2f64.powi(51) - 1.0, 0), Some(DECIMAL_LIMIT - 1));
    }
}
