//! Reads a timestamp stream.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::{DELTA, GRID, REGULAR};
use crate::error::{DecodeError, check_decode_count};
use crate::kernel::{Kernel, TimeHeader};
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
    let start = out.len();
    let result = decode(kernel.or_scalar(), bytes, n, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn decode(
    kernel: Kernel,
    bytes: &[u8],
    n: usize,
    out: &mut Vec<i64>,
) -> Result<usize, DecodeError> {
    let start = out.len();
    let mut reader = Reader::new(bytes);
    let kind = reader.u8()?;
    if kind > GRID {
        return Err(DecodeError::Kind { stream: "time", kind });
    }
    let first = reader.signed()?;
    let step = reader.varint()?;
    if kind == REGULAR {
        regular(first, step, n, out)?;
        return Ok(reader.at());
    }
    if n < 3 {
        // Two times are always regular.
        return Err(DecodeError::Kind { stream: "time", kind });
    }
    let header = TimeHeader { first, step, min: reader.signed()? };
    if kind == DELTA {
        kernel.delta_times(&mut reader, &header, n, out)?;
    } else {
        kernel.grid_times(&mut reader, &header, n, out)?;
    }
    check_ascending(out.get(start..).unwrap_or_default())?;
    Ok(reader.at())
}

fn regular(first: i64, step: u64, n: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    let last = i128::from(first) + i128::from(step) * (n as i128 - 1);
    if (step == 0 && n > 1) || last > i128::from(i64::MAX) {
        return Err(DecodeError::NotAscending { index: n - 1 });
    }
    let times = (0..n as u64).map(|i| first.wrapping_add_unsigned(step.wrapping_mul(i)));
    out.extend(times);
    Ok(())
}

fn check_ascending(times: &[i64]) -> Result<(), DecodeError> {
    let later = times.iter().skip(1);
    match times.iter().zip(later).position(|(time, next)| time >= next) {
        Some(index) => Err(DecodeError::NotAscending { index: index + 1 }),
        None => Ok(()),
    }
}
