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
    let step = times.get(1).map_or(0, |second| second.wrapping_sub(times[0]) as u64);
    if is_regular(times, step) {
        out.push(REGULAR);
        varint::write_signed(times[0], out);
        varint::write(step, out);
        return Ok(());
    }
    if let Some(index) = times.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(EncodeError::NotAscending { index: index + 1 });
    }
    let deltas: Vec<u64> =
        times.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as u64).collect();
    let changes = Stream::of_changes(times[0], &deltas);
    let grid = Stream::on_grid(times, usual_step(&deltas));
    let best = if grid.len() < changes.len() { grid } else { changes };
    best.write(out);
    Ok(())
}

/// Whether the times ascend by `step`. Without a branch for each pair, since most do.
fn is_regular(times: &[i64], step: u64) -> bool {
    let wrong = times.windows(2).fold(0, |wrong, pair| {
        let delta = pair[1].wrapping_sub(pair[0]) as u64;
        wrong | delta ^ step | u64::from(pair[0] >= pair[1])
    });
    wrong == 0
}

/// The mean of the differences that are not far from the mean of all, so that a gap does not
/// count; there are at least two.
fn usual_step(deltas: &[u64]) -> u64 {
    let sum: u128 = deltas.iter().copied().map(u128::from).sum();
    let limit = (sum * 3 / 2 / deltas.len() as u128) as u64;
    let near = deltas.iter().filter(|&&delta| delta <= limit);
    let (sum, count) = near.fold((0, 0), |(sum, n), &delta| (sum + u128::from(delta), n + 1));
    ((sum + count / 2) / count.max(1)) as u64
}

/// A stream that is not regular.
#[derive(Debug)]
struct Stream {
    kind: u8,
    header: TimeHeader,
    offsets: Vec<u64>,
    plan: pfor::Plan,
}

impl Stream {
    /// By differences of differences.
    fn of_changes(first: i64, deltas: &[u64]) -> Self {
        let changes = deltas.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]) as i64);
        Self::new(DELTA, first, deltas[0], changes.collect())
    }

    /// By distances from a grid.
    fn on_grid(times: &[i64], step: u64) -> Self {
        let mut next = times[0];
        let residuals = times.iter().map(|&time| {
            let residual = time.wrapping_sub(next);
            next = next.wrapping_add_unsigned(step);
            residual
        });
        Self::new(GRID, times[0], step, residuals.collect())
    }

    fn new(kind: u8, first: i64, step: u64, offsets: Vec<i64>) -> Self {
        let min = offsets.iter().copied().min().unwrap_or(0);
        // Wraps for the most extreme times; the decoder wraps back.
        let offsets: Vec<u64> =
            offsets.into_iter().map(|offset| offset.wrapping_sub(min) as u64).collect();
        let plan = pfor::Plan::of(&offsets);
        Self { kind, header: TimeHeader { first, step, min }, offsets, plan }
    }

    /// Bytes, but for the kind and the first time.
    fn len(&self) -> usize {
        varint::len(self.header.step) + varint::signed_len(self.header.min) + self.plan.len
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        self.header.write(out);
        self.plan.write(&self.offsets, out);
    }
}

impl TimeHeader {
    fn write(self, out: &mut Vec<u8>) {
        varint::write_signed(self.first, out);
        varint::write(self.step, out);
        varint::write_signed(self.min, out);
    }
}
