//! Reads a value stream.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::decimal::{DECIMAL_LIMIT, MAX_EXPONENT, power_of_ten};
use super::kind;
use super::runs::Layout;
use crate::error::{DecodeError, check_decode_count};
use crate::kernel::{IntHeader, Kernel};
use crate::reader::Reader;

/// Appends the `n` values of the stream at the start of `bytes` to `out`, and returns how many
/// bytes the stream has.
///
/// # Errors
/// If the bytes are not a stream of `n` values; `out` is then unchanged.
pub fn decode_values(bytes: &[u8], n: usize, out: &mut Vec<f64>) -> Result<usize, DecodeError> {
    decode_values_with(Kernel::detect(), bytes, n, out)
}

/// As [`decode_values`], with a kernel of the caller's choice; one that this processor can't run
/// is replaced by [`Kernel::Scalar`].
///
/// # Errors
/// As [`decode_values`].
pub fn decode_values_with(
    kernel: Kernel,
    bytes: &[u8],
    n: usize,
    out: &mut Vec<f64>,
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
    out: &mut Vec<f64>,
) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    let kind = reader.u8()?;
    if !kind::is_known(kind) {
        return Err(DecodeError::Kind { stream: "value", kind });
    }
    if kind & kind::CLASS == kind::CONST {
        let value = constant(&mut reader, kind)?;
        out.resize(out.len() + n, value);
        return Ok(reader.at());
    }
    match kind & kind::SPARSE {
        0 => body(kernel, &mut reader, kind, n, out)?,
        sparse => {
            let layout = Layout::read(&mut reader, sparse, n)?;
            let mut runs = Vec::with_capacity(layout.count);
            body(kernel, &mut reader, kind, layout.count, &mut runs)?;
            layout.expand(kernel, &runs, out);
        }
    }
    Ok(reader.at())
}

fn constant(reader: &mut Reader<'_>, kind: u8) -> Result<f64, DecodeError> {
    if kind & kind::DECIMAL == 0 {
        return Ok(f64::from_bits(reader.u64()?));
    }
    let exponent = exponent(reader)?;
    Ok(small_int(reader, "constant")? as f64 / power_of_ten(exponent))
}

fn exponent(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let exponent = reader.u8()?;
    if exponent > MAX_EXPONENT {
        return Err(reader.bad_field("exponent", exponent.into()));
    }
    Ok(exponent)
}

/// An integer whose size is below 2^51.
fn small_int(reader: &mut Reader<'_>, field: &'static str) -> Result<i64, DecodeError> {
    let int = reader.signed()?;
    if int.unsigned_abs() >= DECIMAL_LIMIT as u64 {
        return Err(reader.bad_field(field, int as u64));
    }
    Ok(int)
}

/// Appends the `n` values of a body.
fn body(
    kernel: Kernel,
    reader: &mut Reader<'_>,
    kind: u8,
    n: usize,
    out: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    let start = out.len();
    let class = kind & kind::CLASS;
    if class == kind::XOR {
        let first = reader.u64()?;
        return kernel.xors(reader, first, n, out);
    }
    let header = int_header(reader, kind)?;
    kernel.ints(reader, &header, n, out)?;
    let values = out.get_mut(start..).unwrap_or_default();
    if class == kind::ULP {
        let min = reader.signed()?;
        return kernel.add_ulps(reader, min, values);
    }
    if kind & kind::EXCEPTIONS != 0 {
        exceptions(reader, values)?;
    }
    Ok(())
}

fn int_header(reader: &mut Reader<'_>, kind: u8) -> Result<IntHeader, DecodeError> {
    let exponent = exponent(reader)?;
    let base = small_int(reader, "base")?;
    let scale = reader.varint()?;
    if scale == 0 || scale > 2 * DECIMAL_LIMIT as u64 {
        return Err(reader.bad_field("scale", scale));
    }
    let is_delta = kind & kind::DELTA != 0;
    Ok(IntHeader { exponent, is_delta, base, scale, min: reader.signed()? })
}

/// Overwrites the values that are no decimals.
fn exceptions(reader: &mut Reader<'_>, values: &mut [f64]) -> Result<(), DecodeError> {
    for _ in 0..reader.u8()? {
        let index = reader.varint()?;
        let slot = usize::try_from(index).ok().and_then(|index| values.get_mut(index));
        let slot = slot.ok_or_else(|| reader.bad_field("exception index", index))?;
        *slot = f64::from_bits(reader.u64()?);
    }
    Ok(())
}
