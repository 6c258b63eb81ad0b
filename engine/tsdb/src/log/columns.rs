//! Samples as columns of bytes.
//!
//! A general compressor costs 60 to 100 ns a sample on frames of a few hundred samples, and finds
//! little: neighbours in a frame belong to different series. What is regular is known: references
//! ascend by one, times are equal, and most values are whole numbers or have few decimals. So
//! references and times are differences (in runs, if that is shorter), and each value has a code
//! of half a byte that says in which of four ways its bytes are written.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use super::error::FrameError;
use super::frame::Samples;
use crate::bytes::{Reader, put_signed, put_varint, unzigzag, zigzag};

/// The most samples of a frame; half a byte can stand for one, so bytes alone bound too little.
pub(super) const MAX_SAMPLES: usize = 1 << 22;

const PLAIN: u8 = 0;
const RUNS: u8 = 1;

/// Codes up to this one: a whole number in as many bytes, zigzag.
const WHOLE_MAX: u8 = 7;
/// Codes up to this one: thousandths in (code − 6) bytes, zigzag.
const THOUSANDTHS_MAX: u8 = 12;
/// The same bits as the value before (the first: as zero).
const SAME: u8 = 13;
/// The upper four bytes; the lower ones are zero.
const UPPER: u8 = 14;
/// All eight bytes.
const ALL: u8 = 15;

/// Whole numbers up to 2^53 are exact; thousandths stay below 2^47 to fit six bytes.
const MAX_WHOLE: u64 = 1 << 53;
const MAX_THOUSANDTHS: u64 = 1 << 46;

pub(super) fn put_samples(samples: &Samples, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let Samples { references, times, values } = samples;
    if references.len() != times.len() || times.len() != values.len() {
        let (references, times, values) = (references.len(), times.len(), values.len());
        return Err(FrameError::Columns { references, times, values });
    }
    if values.len() > MAX_SAMPLES {
        return Err(FrameError::TooManySamples { samples: values.len(), limit: MAX_SAMPLES });
    }
    put_varint(out, values.len() as u64);
    put_differences(&references.iter().map(|reference| *reference as i64), out);
    put_differences(&times.iter().copied(), out);
    put_values(values, out);
    Ok(())
}

fn put_differences(column: &(impl Iterator<Item = i64> + Clone), out: &mut Vec<u8>) {
    let differences = || {
        column
            .clone()
            .scan(0_i64, |before, now| Some(now.wrapping_sub(std::mem::replace(before, now))))
    };
    let (mut count, mut runs, mut last) = (0_usize, 0_usize, None);
    for difference in differences() {
        count += 1;
        runs += usize::from(last != Some(difference));
        last = Some(difference);
    }
    if 2 * runs > count {
        out.push(PLAIN);
        differences().for_each(|difference| put_signed(out, difference));
        return;
    }
    out.push(RUNS);
    let mut differences = differences().peekable();
    while let Some(difference) = differences.next() {
        let mut run = 1;
        while differences.next_if_eq(&difference).is_some() {
            run += 1;
        }
        put_signed(out, difference);
        put_varint(out, run);
    }
}

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

fn put_values(values: &[f64], out: &mut Vec<u8>) {
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

pub(super) fn samples(reader: &mut Reader<'_>) -> Result<Samples, FrameError> {
    let count = reader.varint()?;
    let samples = usize::try_from(count).unwrap_or(usize::MAX);
    if samples > MAX_SAMPLES {
        return Err(FrameError::TooManySamples { samples, limit: MAX_SAMPLES });
    }
    if samples.div_ceil(2) > reader.remaining() {
        return Err(FrameError::Malformed { what: "ends early" });
    }
    let references = differences(reader, samples, |number| number as u64)?;
    let times = differences(reader, samples, |number| number)?;
    let values = values(reader, samples)?;
    Ok(Samples { references, times, values })
}

fn differences<T: Clone>(
    reader: &mut Reader<'_>,
    count: usize,
    make: impl Fn(i64) -> T,
) -> Result<Vec<T>, FrameError> {
    let mut column = Vec::with_capacity(count);
    let mut now = 0_i64;
    match reader.byte()? {
        PLAIN => {
            for _ in 0..count {
                now = now.wrapping_add(reader.signed()?);
                column.push(make(now));
            }
        }
        RUNS => {
            while column.len() < count {
                let (difference, run) = (reader.signed()?, reader.varint()?);
                if run == 0 || run > (count - column.len()) as u64 {
                    return Err(FrameError::Malformed { what: "a run has a wrong length" });
                }
                for _ in 0..run {
                    now = now.wrapping_add(difference);
                    column.push(make(now));
                }
            }
        }
        _ => return Err(FrameError::Malformed { what: "a column of unknown form" }),
    }
    Ok(column)
}

fn values(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, FrameError> {
    let codes = reader.take(count.div_ceil(2))?;
    let codes = codes.iter().flat_map(|codes| [codes & 15, codes >> 4]).take(count);
    let mut values = Vec::with_capacity(count);
    let mut before = 0;
    for code in codes {
        before = match code {
            0..=WHOLE_MAX => (unzigzag(number(reader, code)?) as f64).to_bits(),
            8..=THOUSANDTHS_MAX => (unzigzag(number(reader, code - 6)?) as f64 / 1000.0).to_bits(),
            SAME => before,
            UPPER => number(reader, 4)? << 32,
            _ => number(reader, 8)?,
        };
        values.push(f64::from_bits(before));
    }
    Ok(values)
}

/// A number of up to eight bytes.
fn number(reader: &mut Reader<'_>, bytes: u8) -> Result<u64, FrameError> {
    let bits = 8 * u32::from(bytes);
    let ahead = reader.0.first_chunk::<8>();
    let taken = reader.take(usize::from(bytes))?;
    if let Some(ahead) = ahead {
        let mask = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
        return Ok(u64::from_le_bytes(*ahead) & mask);
    }
    Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
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
            let back = super::values(&mut reader, count).unwrap();
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!((bits(&back), reader.remaining()), (bits(values), 0));
        }
    }

    #[test]
    fn runs_take_few_bytes_and_hostile_runs_none() {
        let column = || (0..1000).map(|i| 1_700_000_000_000 + i);
        let mut out = Vec::new();
        put_differences(&column(), &mut out);
        assert!(out.len() < 16);
        let back = differences(&mut Reader(&out), 1000, |n| n).unwrap();
        assert_eq!(back, column().collect::<Vec<_>>());
        for bytes in [[RUNS, 2, 0], [RUNS, 2, 9]] {
            assert!(differences(&mut Reader(&bytes), 8, |n| n).is_err());
        }
        let mut huge = Vec::new();
        put_varint(&mut huge, MAX_SAMPLES as u64 + 1);
        let error = samples(&mut Reader(&huge)).unwrap_err();
        assert!(matches!(error, FrameError::TooManySamples { .. }));
    }
}
