//! Reads a timestamp stream.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::{DELTA, GRID, REGULAR, TimeHeader};
use crate::error::{DecodeError, check_decode_count};
use crate::kernel::{Blocks, Kernel, Sink, append, with_blocks};
use crate::pfor::{self, Block};
use crate::reader::Reader;

/// Appends the `n` times of the stream at the start of `bytes` to `out`, and returns how many
/// bytes the stream has. The times are strictly ascending.
///
/// # Errors
/// If the bytes are not a stream of `n` times; `out` is then unchanged.
pub fn decode_times(bytes: &[u8], n: usize, out: &mut Vec<i64>) -> Result<usize, DecodeError> {
    decode_times_with(Kernel::detect(), bytes, n, out)
}

/// As [`decode_times`], with a kernel of the caller's choice; one that this processor can't run is
/// replaced by [`Kernel::Scalar`].
///
/// # Errors
/// As [`decode_times`].
pub fn decode_times_with(
    kernel: Kernel,
    bytes: &[u8],
    n: usize,
    out: &mut Vec<i64>,
) -> Result<usize, DecodeError> {
    check_decode_count(n)?;
    append(out, n, |sink| with_blocks!(kernel, blocks => decode(blocks, bytes, n, sink)))
}

/// The first time and the step of a stream of `n` times, and how many bytes it has, if it is stored
/// as no more than that. What can't be decoded is not either.
#[must_use]
pub fn regular_times(bytes: &[u8], n: usize) -> Option<(i64, i64, usize)> {
    let mut reader = Reader::new(bytes);
    check_decode_count(n).ok()?;
    if n == 0 || reader.u8().ok()? != REGULAR {
        return None;
    }
    let first = reader.signed().ok()?;
    let step = i64::try_from(reader.varint().ok()?).ok()?;
    let rise = step.checked_mul(i64::try_from(n - 1).ok()?)?;
    let ascends = (step > 0 || n == 1) && first.checked_add(rise).is_some();
    ascends.then_some((first, step, reader.at()))
}

fn decode<B: Blocks>(
    blocks: B,
    bytes: &[u8],
    n: usize,
    out: &mut Sink<'_, i64>,
) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    let kind = reader.u8()?;
    if kind > GRID {
        return Err(DecodeError::Kind { stream: "time", kind });
    }
    let first = reader.signed()?;
    let step = reader.varint()?;
    if kind == REGULAR {
        regular(blocks, first, step, n, out)?;
        return Ok(reader.at());
    }
    if n < 3 {
        // Two times are always regular.
        return Err(DecodeError::Kind { stream: "time", kind });
    }
    let header = TimeHeader { first, step, min: reader.signed()? };
    if kind == DELTA {
        deltas(blocks, &mut reader, &header, n, out)?;
    } else if grid(blocks, &mut reader, &header, n, out)? < header.step && !header.may_wrap(n) {
        // No distance from the grid makes up for a step.
        return Ok(reader.at());
    }
    check_ascending(blocks, out.filled())?;
    Ok(reader.at())
}

fn regular<B: Blocks>(
    blocks: B,
    first: i64,
    step: u64,
    n: usize,
    out: &mut Sink<'_, i64>,
) -> Result<(), DecodeError> {
    let last = i128::from(first) + i128::from(step) * (n as i128 - 1);
    if (step == 0 && n > 1) || last > i128::from(i64::MAX) {
        return Err(DecodeError::NotAscending { index: n - 1 });
    }
    blocks.regular(first, step, n, out);
    Ok(())
}

fn deltas<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    header: &TimeHeader,
    n: usize,
    out: &mut Sink<'_, i64>,
) -> Result<(), DecodeError> {
    let second = header.first.wrapping_add_unsigned(header.step);
    out.extend([header.first, second].into_iter());
    let mut last = (second, header.step);
    let mut block = Block::default();
    for count in pfor::counts(n - 2) {
        block.read(reader, count)?;
        blocks.deltas(&block, header.min, &mut last, out);
    }
    Ok(())
}

/// Returns a number that no distance from the grid exceeds.
fn grid<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    header: &TimeHeader,
    n: usize,
    out: &mut Sink<'_, i64>,
) -> Result<u64, DecodeError> {
    let mut next = header.first.wrapping_add(header.min);
    let (mut block, mut max) = (Block::default(), 0);
    for count in pfor::counts(n) {
        block.read(reader, count)?;
        max = max.max(block.max());
        blocks.grid(&block, header.step, &mut next, out);
    }
    Ok(max)
}

impl TimeHeader {
    /// Whether a grid of `n` times whose distances are below its step may leave the 64 bits.
    fn may_wrap(&self, n: usize) -> bool {
        let span = i128::from(self.step) * (n as i128 + 1) + i128::from(self.min.unsigned_abs());
        let first = i128::from(self.first);
        first - span < i128::from(i64::MIN) || first + span > i128::from(i64::MAX)
    }
}

fn check_ascending<B: Blocks>(blocks: B, times: &[i64]) -> Result<(), DecodeError> {
    if blocks.are_ascending(times) {
        return Ok(());
    }
    let index = times.iter().zip(times.iter().skip(1)).position(|(time, next)| time >= next);
    Err(DecodeError::NotAscending { index: index.map_or(0, |index| index + 1) })
}
