//! Finds the integers k and the smallest e with value = k / 10^e, bit for bit.

/// Integers are below this in size: 2^51, the range of the trick that converts between integers
/// and floats by adding a constant.
pub(crate) const DECIMAL_LIMIT: i64 = 1 << 51;

/// The largest power of ten.
pub(super) const MAX_EXPONENT: u8 = 16;

const POWERS: [f64; MAX_EXPONENT as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

/// Values that are looked at before all of them are.
const SAMPLE: usize = 8;

/// Values that are tested at once.
const GROUP: usize = 16;

/// 1.5 · 2^52: adding it leaves no bits for the fraction, so the sum is rounded to an integer,
/// which is then in its low bits.
const SHIFTER: f64 = 6_755_399_441_055_744.0;

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
    /// Indices of the values that are no decimals, ascending.
    pub(super) exceptions: Vec<usize>,
}

impl Decimals {
    /// The decimals of `values` with the smallest exponent that serves all but at most
    /// `max_exceptions` of them.
    pub(super) fn detect(values: &[f64], max_exceptions: usize) -> Option<Self> {
        let mut exponent = likely_exponent(values)?;
        loop {
            match Self::with_exponent(values, exponent, max_exceptions)? {
                Ok(decimals) => return Some(decimals),
                Err(larger) => exponent = larger,
            }
        }
    }

    /// With this exponent, or the larger one that a value needs.
    fn with_exponent(
        values: &[f64],
        exponent: u8,
        max_exceptions: usize,
    ) -> Option<Result<Self, u8>> {
        let mut decimals =
            Self { exponent, ints: Vec::with_capacity(values.len()), exceptions: Vec::new() };
        for group in values.chunks(GROUP) {
            let begin = decimals.ints.len();
            if push_ints(group, power_of_ten(exponent), &mut decimals.ints) {
                continue;
            }
            decimals.ints.truncate(begin);
            for &value in group {
                if let Some(int) = to_int(value, exponent) {
                    decimals.ints.push(int);
                } else if let Some((larger, _)) = first_exponent(value, exponent + 1) {
                    return Some(Err(larger));
                } else {
                    decimals.exceptions.push(decimals.ints.len());
                    decimals.ints.push(0);
                }
            }
            if decimals.exceptions.len() > max_exceptions {
                return None;
            }
        }
        decimals.fill_exceptions().then_some(Ok(decimals))
    }

    /// Gives exceptions the integer before them, or else the first one; false if there is none.
    fn fill_exceptions(&mut self) -> bool {
        let Self { ints, exceptions, .. } = self;
        let leading = (0..).zip(&*exceptions).take_while(|(i, index)| i == *index).count();
        let Some(&first) = ints.get(leading) else { return false };
        for &index in &*exceptions {
            ints[index] = if index < leading { first } else { ints[index - 1] };
        }
        true
    }
}

/// The exponent that a few of the values need; none if most of these are no decimals.
fn likely_exponent(values: &[f64]) -> Option<u8> {
    let stride = values.len().div_ceil(SAMPLE).max(1);
    let (mut exponent, mut found, mut missed) = (0, 0, 0);
    for &value in values.iter().step_by(stride) {
        match first_exponent(value, exponent) {
            Some((needed, _)) => (exponent, found) = (needed, found + 1),
            None => missed += 1,
        }
    }
    (found >= missed).then_some(exponent)
}

/// The smallest exponent from `least` on, and the integer.
pub(super) fn first_exponent(value: f64, least: u8) -> Option<(u8, i64)> {
    (least..=MAX_EXPONENT).find_map(|exponent| Some((exponent, to_int(value, exponent)?)))
}

/// Appends the integers of `values`, and whether all of them are right. Without a branch for each.
fn push_ints(values: &[f64], power: f64, ints: &mut Vec<i64>) -> bool {
    let mut wrong = 0;
    if power == 1.0 {
        // Division is slow, and most of what is measured is whole.
        ints.extend(values.iter().map(|&value| {
            let shifted = value + SHIFTER;
            let int = shifted - SHIFTER;
            wrong |= int.to_bits() ^ value.to_bits() | u64::from(!in_range(value));
            to_integer(shifted)
        }));
    } else {
        ints.extend(values.iter().map(|&value| {
            let scaled = value * power;
            let shifted = scaled + SHIFTER;
            let int = shifted - SHIFTER;
            let exact = (int / power).to_bits() == value.to_bits();
            wrong |= u64::from(!(exact && in_range(scaled) && in_range(int)));
            to_integer(shifted)
        }));
    }
    wrong == 0
}

/// The integer in a float to which [`SHIFTER`] was added.
fn to_integer(shifted: f64) -> i64 {
    (shifted.to_bits() as i64).wrapping_sub(SHIFTER.to_bits() as i64)
}

/// Whether it is below 2^51 in size. Not-a-number is in no range.
fn in_range(x: f64) -> bool {
    x.abs() < DECIMAL_LIMIT as f64
}

/// The integer k with |k| < 2^51 and `value` = k / 10^`exponent` bit for bit.
pub(super) fn to_int(value: f64, exponent: u8) -> Option<i64> {
    let power = power_of_ten(exponent);
    let int = round(value * power)?;
    (int as f64 / power).to_bits().eq(&value.to_bits()).then_some(int)
}

/// The nearest integer, if it is below 2^51 in size.
pub(super) fn round(x: f64) -> Option<i64> {
    let shifted = x + SHIFTER;
    (in_range(x) && in_range(shifted - SHIFTER)).then_some(to_integer(shifted))
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
        let values = [f64::NAN, 1.0, f64::NAN, -0.0, 2.0, f64::INFINITY, 3.0, 4.0];
        assert_eq!(Decimals::detect(&values, 3), None);
        let decimals = Decimals::detect(&values, 4).unwrap();
        assert_eq!(decimals.ints, [1, 1, 1, 1, 2, 2, 3, 4]);
        assert_eq!(decimals.exceptions, [0, 2, 3, 5]);
        assert_eq!(Decimals::detect(&[f64::NAN; 3], 3), None);
    }

    #[test]
    fn true_doubles_are_no_decimals() {
        assert_eq!(to_int(1.0 / 3.0, MAX_EXPONENT), None);
        assert_eq!(to_int(f64::MAX, 0), None);
        assert_eq!(to_int(2f64.powi(51), 0), None);
        assert_eq!(to_int(2f64.powi(51) - 1.0, 0), Some(DECIMAL_LIMIT - 1));
    }
}
