//! Chooses and writes a timestamp stream.

use super::{DELTA, GRID, REGULAR, TimeHeader};
use crate::error::{EncodeError, check_encode_count};
use crate::{pfor, varint};

/// Appends the stream of `times` (milliseconds since the epoch, strictly ascending) to `out`.
///
/// # Errors
/// If there are none, more than [`MAX_SAMPLES`](crate::MAX_SAMPLES), or they don't ascend; `out`
/// is then unchanged.
pub fn encode_times(times: &[i64], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check_encode_count(times.len())?;
    if let Some(index) = times.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(EncodeError::NotAscending { index: index + 1 });
    }
    let deltas: Vec<u64> =
        times.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as u64).collect();
    if deltas.windows(2).all(|pair| pair[0] == pair[1]) {
        out.push(REGULAR);
        varint::write_signed(times[0], out);
        varint::write(deltas.first().copied().unwrap_or(0), out);
        return Ok(());
    }
    let mut best = delta_stream(times[0], &deltas);
    for step in [median(&deltas), mean(times)] {
        let candidate = grid_stream(times, step);
        if candidate.len() < best.len() {
            best = candidate;
        }
    }
    out.extend_from_slice(&best);
    Ok(())
}

fn median(deltas: &[u64]) -> u64 {
    let mut sorted = deltas.to_vec();
    let middle = sorted.len() / 2;
    *sorted.select_nth_unstable(middle).1
}

/// The mean difference of at least two times, rounded.
fn mean(times: &[i64]) -> u64 {
    let span = i128::from(times[times.len() - 1]) - i128::from(times[0]);
    let steps = times.len() as i128 - 1;
    ((span + steps / 2) / steps) as u64
}

fn delta_stream(first: i64, deltas: &[u64]) -> Vec<u8> {
    let changes = deltas.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as i64);
    stream(DELTA, first, deltas[0], changes)
}

fn grid_stream(times: &[i64], step: u64) -> Vec<u8> {
    let first = times[0];
    let residuals = times.iter().enumerate().map(|(i, &time)| {
        time.wrapping_sub(first).wrapping_sub_unsigned(step.wrapping_mul(i as u64))
    });
    stream(GRID, first, step, residuals)
}

fn stream(kind: u8, first: i64, step: u64, offsets: impl Iterator<Item = i64> + Clone) -> Vec<u8> {
    let min = offsets.clone().min().unwrap_or(0);
    // Wraps for the most extreme times; the decoder wraps back.
    let offsets: Vec<u64> = offsets.map(|offset| offset.wrapping_sub(min) as u64).collect();
    let mut bytes = vec![kind];
    TimeHeader { first, step, min }.write(&mut bytes);
    pfor::write(&offsets, &mut bytes);
    bytes
}

impl TimeHeader {
    fn write(self, out: &mut Vec<u8>) {
        varint::write_signed(self.first, out);
        varint::write(self.step, out);
        varint::write_signed(self.min, out);
    }
}
