//! Values: half a byte says what kind of number each one is, and in how many bytes it stands.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use crate::bytes::{Parsed, Reader, unzigzag, zigzag};

// Codes 0 to 7: a whole number in as many bytes, zigzag.
// Codes 8 to 12: thousandths in (code − 6) bytes, zigzag.
/// The same bits as the value before (the first: as zero).
const SAME: u8 = 13;
/// The upper four bytes; the lower ones are zero.
const UPPER: u8 = 14;
/// All eight bytes.
const ALL: u8 = 15;

/// Whole numbers up to 2^53 are exact; thousandths stay below 2^47 to fit six bytes.
const MAX_WHOLE: u64 = 1 << 53;
const MAX_THOUSANDTHS: u64 = 1 << 46;

/// The code of a value, the number that is written, and in how many bytes.
fn code(value: f64, before: u64) -> (u8, u64, usize) {
    let bits = value.to_bits();
    if bits == before {
        return (SAME, 0, 0);
    }
    let whole = value as i64;
    if (whole as f64).to_bits() == bits && whole.unsigned_abs() <= MAX_WHOLE {
        let number = zigzag(whole);
        let bytes = 8 - number.leading_zeros() / 8;
        return (bytes as u8, number, bytes as usize);
    }
    if bits.trailing_zeros() >= 32 {
        return (UPPER, bits >> 32, 4);
    }
    let thousandths = (value * 1000.0).round() as i64;
    if (thousandths as f64 / 1000.0).to_bits() == bits
        && thousandths.unsigned_abs() < MAX_THOUSANDTHS
    {
        let number = zigzag(thousandths);
        let bytes = (8 - number.leading_zeros() / 8).max(2);
        return (bytes as u8 + 6, number, bytes as usize);
    }
    (ALL, bits, 8)
}

pub(super) fn put_values(values: &[f64], out: &mut Vec<u8>) {
    let codes_at = out.len();
    out.resize(codes_at + values.len().div_ceil(2), 0);
    out.reserve(8 * values.len());
    let mut before = 0;
    for (i, value) in values.iter().enumerate() {
        let (code, number, bytes) = code(*value, before);
        before = value.to_bits();
        if let Some(codes) = out.get_mut(codes_at + i / 2) {
            *codes |= code << (4 * (i % 2));
        }
        // Appending eight bytes and cutting is cheaper than appending a varying number.
        let end = out.len() + bytes;
        out.extend_from_slice(&number.to_le_bytes());
        out.truncate(end);
    }
}

/// How the bytes of a code become a value.
///
/// Nobody can guess which code comes next, and a wrong guess costs more than all the rest. So each
/// value is made in all ways, without a branch: those that are not meant give zero bits.
#[derive(Debug, Clone, Copy)]
struct Form {
    bytes: usize,
    /// Of eight bytes those of a number.
    number: u64,
    divisor: f64,
    /// Of eight bytes those that are bits of the value, and how far they move up.
    bits: u64,
    shift: u32,
    /// All bits if the value is the one before.
    same: u64,
}

/// By code.
const FORMS: [Form; 16] = [
    Form::whole(0),
    Form::whole(1),
    Form::whole(2),
    Form::whole(3),
    Form::whole(4),
    Form::whole(5),
    Form::whole(6),
    Form::whole(7),
    Form::thousandths(2),
    Form::thousandths(3),
    Form::thousandths(4),
    Form::thousandths(5),
    Form::thousandths(6),
    Form { same: u64::MAX, ..Form::NOTHING },
    Form { bytes: 4, bits: mask(4), shift: 32, ..Form::NOTHING },
    Form { bytes: 8, bits: mask(8), ..Form::NOTHING },
];

impl Form {
    const NOTHING: Self = Self { bytes: 0, number: 0, divisor: 1.0, bits: 0, shift: 0, same: 0 };

    const fn whole(bytes: usize) -> Self {
        Self { bytes, number: mask(bytes), ..Self::NOTHING }
    }

    const fn thousandths(bytes: usize) -> Self {
        Self { divisor: 1000.0, ..Self::whole(bytes) }
    }
}

/// So many bytes, the lowest.
const fn mask(bytes: usize) -> u64 {
    if bytes == 0 { 0 } else { u64::MAX >> (64 - 8 * bytes) }
}

impl Form {
    fn of(code: u8) -> &'static Self {
        FORMS.get(usize::from(code)).unwrap_or(&Self::NOTHING)
    }

    /// The bytes `ahead` as a number that is still to be divided.
    fn undivided(&self, ahead: u64) -> f64 {
        unzigzag(ahead & self.number) as f64
    }

    /// The bits of the value, of its number, the bytes `ahead` and the bits of the value before.
    fn value(&self, number: f64, ahead: u64, before: u64) -> u64 {
        number.to_bits() | ((ahead & self.bits) << self.shift) | (before & self.same)
    }
}

/// Replaces `values` by the next so many.
pub(super) fn read_values(
    reader: &mut Reader<'_>,
    count: usize,
    values: &mut Vec<f64>,
) -> Parsed<()> {
    let codes = reader.take(count.div_ceil(2))?;
    values.resize(count, 0.0);
    let mut before = 0;
    // Two at a time, so that the second need not wait for the first one's division.
    for (&codes, values) in codes.iter().zip(values.chunks_mut(2)) {
        let a = Form::of(codes & 15);
        // Behind the last value there may be half a byte that stands for nothing.
        let b = if values.len() == 2 { Form::of(codes >> 4) } else { &Form::NOTHING };
        let [ahead_a, ahead_b] = [0, a.bytes].map(|at| ahead(reader.0.get(at..).unwrap_or(&[])));
        reader.take(a.bytes + b.bytes)?;
        let numbers = [a.undivided(ahead_a) / a.divisor, b.undivided(ahead_b) / b.divisor];
        let first = a.value(numbers[0], ahead_a, before);
        before = b.value(numbers[1], ahead_b, first);
        for (value, bits) in values.iter_mut().zip([first, before]) {
            *value = f64::from_bits(bits);
        }
    }
    Ok(())
}

/// The next eight bytes; behind the end there are zeros.
fn ahead(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(ahead) => u64::from_le_bytes(*ahead),
        None => bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_value_has_the_expected_length() {
        let expected = [
            (0.0, (SAME, 0)),
            (1.0, (1, 1)),
            (-1.0, (1, 1)),
            (200.0, (2, 2)),
            (9_007_199_254_740_992.0, (7, 7)),
            (1e300, (ALL, 8)),
            (0.5, (UPPER, 4)),
            (0.1, (8, 2)),
            (-12_345.678, (10, 4)),
            (70_368_744_177.0, (5, 5)),
            (std::f64::consts::PI, (ALL, 8)),
            (f64::NAN, (UPPER, 4)),
            (f64::from_bits(0x7FF0_0000_0000_0002), (ALL, 8)),
            (-0.0, (UPPER, 4)),
            (f64::INFINITY, (UPPER, 4)),
            (f64::MIN_POSITIVE / 4.0, (UPPER, 4)),
            (i64::MAX as f64, (UPPER, 4)),
            (i64::MIN as f64, (UPPER, 4)),
        ];
        for (value, (expected, len)) in expected {
            let (code, _, bytes) = code(value, 0);
            assert_eq!((code, bytes), (expected, len), "{value}");
        }
    }

    #[test]
    fn values_survive_bit_for_bit() {
        let mut values = vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX];
        values.push(f64::from_bits(0x7FF0_0000_0000_0002));
        for i in 0..64 {
            let near = (1_u64 << i) as f64;
            values.extend([near, -near, near - 1.0, near + 1.0, near / 1000.0, near / 1024.0]);
            values.extend([f64::from_bits(1 << i), near * 0.1, near / 1000.0 + 0.001]);
        }
        for count in 0..values.len() {
            let values = &values[..count];
            let mut out = Vec::new();
            put_values(values, &mut out);
            let mut reader = Reader(&out);
            let mut back = vec![1.0; 3];
            read_values(&mut reader, count, &mut back).unwrap();
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!((bits(&back), reader.remaining()), (bits(values), 0));
        }
    }

    /// As the format says it, value by value.
    fn plain_values(reader: &mut Reader<'_>, codes: &[u8]) -> Parsed<Vec<u64>> {
        let mut before = 0;
        let read = |code: &u8| {
            let mut number = |bytes| {
                let taken = reader.take(usize::from(bytes))?;
                Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            };
            before = match *code {
                code @ 0..=7 => (unzigzag(number(code)?) as f64).to_bits(),
                code @ 8..=12 => (unzigzag(number(code - 6)?) as f64 / 1000.0).to_bits(),
                13 => before,
                14 => number(4)? << 32,
                _ => number(8)?,
            };
            Ok(before)
        };
        codes.iter().map(read).collect()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_the_format_says(
            codes in vec(0_u8..16, 0..40),
            bytes in vec(any::<u8>(), 0..200),
        ) {
            let mut all: Vec<u8> =
                codes.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&15) << 4).collect();
            all.extend(&bytes);
            let (mut reader, mut plain) = (Reader(&all), Reader(&bytes));
            let mut values = Vec::new();
            let read = read_values(&mut reader, codes.len(), &mut values);
            let bits = read.map(|()| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
            let expected = plain_values(&mut plain, &codes);
            prop_assert_eq!(&bits, &expected);
            if bits.is_ok() {
                prop_assert_eq!(reader.remaining(), plain.remaining());
            }
        }
    }
}
