//! Samples as columns of bytes.
//!
//! A general compressor costs 60 to 100 ns a sample on frames of a few hundred samples, and finds
//! little: neighbours in a frame belong to different series. What is regular is known: references
//! ascend by one, times are equal, and most values are whole numbers or have few decimals. So
//! references and times are differences (in runs, if that is shorter), and each value has a code
//! of half a byte that says in which of four ways its bytes are written.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

mod values;

use super::error::FrameError;
use super::frame::Samples;
use crate::bytes::{Reader, put_signed, put_varint};
use values::{put_values, read_values};

/// The most samples of a frame; half a byte can stand for one, so bytes alone bound too little.
pub(super) const MAX_SAMPLES: usize = 1 << 22;

const PLAIN: u8 = 0;
const RUNS: u8 = 1;

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

/// Reads the columns into the memory of `spare`.
pub(super) fn samples(reader: &mut Reader<'_>, spare: Samples) -> Result<Samples, FrameError> {
    let count = reader.varint()?;
    let samples = usize::try_from(count).unwrap_or(usize::MAX);
    if samples > MAX_SAMPLES {
        return Err(FrameError::TooManySamples { samples, limit: MAX_SAMPLES });
    }
    if samples.div_ceil(2) > reader.remaining() {
        return Err(FrameError::Malformed { what: "ends early" });
    }
    let Samples { mut references, mut times, mut values } = spare;
    differences(reader, samples, |number| number as u64, &mut references)?;
    differences(reader, samples, |number| number, &mut times)?;
    read_values(reader, samples, &mut values)?;
    Ok(Samples { references, times, values })
}

/// Replaces `column` by the next so many.
fn differences<T: Clone>(
    reader: &mut Reader<'_>,
    count: usize,
    make: impl Fn(i64) -> T,
    column: &mut Vec<T>,
) -> Result<(), FrameError> {
    column.reserve_exact(count.saturating_sub(column.len()));
    column.resize(count, make(0));
    let mut now = 0_i64;
    let mut left = column.as_mut_slice();
    match reader.byte()? {
        PLAIN => {
            for place in left {
                now = now.wrapping_add(reader.signed()?);
                *place = make(now);
            }
        }
        RUNS => {
            while !left.is_empty() {
                let (difference, run) = (reader.signed()?, reader.number()?);
                let (places, rest) = match left.split_at_mut_checked(run) {
                    Some(split) if run > 0 => split,
                    _ => return Err(FrameError::Malformed { what: "a run has a wrong length" }),
                };
                for place in places {
                    now = now.wrapping_add(difference);
                    *place = make(now);
                }
                left = rest;
            }
        }
        _ => return Err(FrameError::Malformed { what: "a column of unknown form" }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_take_few_bytes_and_hostile_runs_none() {
        let column = || (0..1000).map(|i| 1_700_000_000_000 + i);
        let mut out = Vec::new();
        put_differences(&column(), &mut out);
        assert!(out.len() < 16);
        let mut back = Vec::new();
        differences(&mut Reader(&out), 1000, |n| n, &mut back).unwrap();
        assert_eq!(back, column().collect::<Vec<_>>());
        for bytes in [[RUNS, 2, 0], [RUNS, 2, 9]] {
            assert!(differences(&mut Reader(&bytes), 8, |n| n, &mut back).is_err());
        }
        let mut huge = Vec::new();
        put_varint(&mut huge, MAX_SAMPLES as u64 + 1);
        let error = samples(&mut Reader(&huge), Samples::default()).unwrap_err();
        assert!(matches!(error, FrameError::TooManySamples { .. }));
    }
}
