//! Reads a value stream.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::decimal::{DECIMAL_LIMIT, MAX_EXPONENT, power_of_ten};
use super::kind;
use super::runs::Layout;
use super::xor::{self, XOR_BLOCK};
use crate::error::{DecodeError, check_decode_count};
use crate::kernel::{
    Blocks, IntHeader, Ints, Kernel, LANES, RUN_SLACK, Residuals, Sink, append, with_blocks,
    with_room,
};
use crate::pfor::{self, Block};
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
    append(out, n, |sink| with_blocks!(kernel, blocks => decode_stream(blocks, bytes, n, sink)))
}

/// The value and the length of a stream whose values are all the same; `None` of another.
pub(crate) fn constant_stream(bytes: &[u8]) -> Result<Option<(f64, usize)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let kind = known_kind(&mut reader)?;
    if kind & kind::CLASS != kind::CONST {
        return Ok(None);
    }
    let value = constant(&mut reader, kind)?;
    Ok(Some((value, reader.at())))
}

/// Whether there can be stale markers in the value stream at the start of `bytes`; `false` only if
/// there are none.
pub fn may_be_stale(bytes: &[u8]) -> bool {
    let Some(&kind) = bytes.first() else { return true };
    kind & (kind::CLASS | kind::EXCEPTIONS) != kind::INT && !is_decimal_constant(kind)
}

/// Whether the values of the stream at the start of `bytes` may go down; `false` only if each is a
/// number and at least as large as the one before it. It says so of constants, and of integers whose
/// differences are stored and none of which is below zero, as counters mostly are.
///
/// Of bytes that [`encode_values`](super::encode_values) did not write nothing is promised.
pub fn may_fall(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Ok(kind) = known_kind(&mut reader) else { return true };
    let differences = kind::INT | kind::DELTA;
    if kind & (kind::CLASS | kind::SPARSE | kind::DELTA | kind::EXCEPTIONS) == differences {
        return int_header(&mut reader, kind).map_or(true, |header| header.min < 0);
    }
    !is_decimal_constant(kind)
}

/// Whether all values are one and the same decimal number.
fn is_decimal_constant(kind: u8) -> bool {
    kind & kind::CLASS == kind::CONST && kind >> kind::CONST_SHIFT != kind::RAW
}

fn known_kind(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let kind = reader.u8()?;
    if kind::is_known(kind) { Ok(kind) } else { Err(DecodeError::Kind { stream: "value", kind }) }
}

/// Appends the `n` values of a stream to an empty sink and returns how many bytes it has.
pub(crate) fn decode_stream<B: Blocks>(
    blocks: B,
    bytes: &[u8],
    n: usize,
    out: &mut Sink<'_, f64>,
) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    let kind = known_kind(&mut reader)?;
    if kind & kind::CLASS == kind::CONST {
        blocks.fill(n, constant(&mut reader, kind)?, out);
    } else if kind & kind::SPARSE == 0 {
        body(blocks, &mut reader, kind, n, out)?;
    } else {
        let expand = |layout: Layout<'_>, runs: &[f64]| layout.expand(blocks, runs, out);
        sparse(blocks, &mut reader, kind, n, expand)?;
    }
    Ok(reader.at())
}

/// Adds value i of a stream of `n` values to lane i mod [`LANES`], if it is one whose values go
/// straight from a kernel into the lanes: integers without exceptions, and so without stale
/// markers. Returns whether it is, and whether that is the [faster](Blocks::ADDS) way.
pub(crate) fn sum_stream<B: Blocks>(
    blocks: B,
    bytes: &[u8],
    n: usize,
    lanes: &mut [f64; LANES],
) -> Result<bool, DecodeError> {
    let mut reader = Reader::new(bytes);
    let kind = known_kind(&mut reader)?;
    if !B::ADDS || kind & (kind::CLASS | kind::EXCEPTIONS) != kind::INT {
        return Ok(false);
    }
    if kind & kind::SPARSE == 0 {
        let header = int_header(&mut reader, kind)?;
        sum_ints(blocks, &mut reader, &header, n, lanes)?;
    } else {
        let add = |layout: Layout<'_>, runs: &[f64]| layout.add_up(blocks, runs, lanes);
        sparse(blocks, &mut reader, kind, n, add)?;
    }
    Ok(true)
}

fn sum_ints<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    header: &IntHeader,
    n: usize,
    lanes: &mut [f64; LANES],
) -> Result<(), DecodeError> {
    let (mut ints, mut block) = (Ints::new(header), Block::default());
    for count in pfor::counts(n) {
        block.read(reader, count)?;
        if ints.are_exact(&block) {
            blocks.add_ints(&block, &mut ints, lanes);
        } else {
            let mut room = Residuals::new();
            for (i, &u) in room.read(blocks, &block).iter().enumerate() {
                let value = ints.checked(u);
                if let Some(lane) = lanes.get_mut(i % LANES) {
                    *lane += value;
                }
            }
        }
    }
    ints.finish()
}

/// Reads a sparse stream of `n` values and gives its runs, with slack behind them, to `expand`.
fn sparse<'a, B: Blocks>(
    blocks: B,
    reader: &mut Reader<'a>,
    kind: u8,
    n: usize,
    expand: impl FnOnce(Layout<'a>, &[f64]),
) -> Result<(), DecodeError> {
    let layout = Layout::read(reader, kind & kind::SPARSE, n)?;
    with_room(layout.count, |mut runs| {
        body(blocks, reader, kind, layout.count, &mut runs)?;
        runs.fill(RUN_SLACK, 0.0);
        expand(layout, runs.filled());
        Ok(())
    })
}

fn constant(reader: &mut Reader<'_>, kind: u8) -> Result<f64, DecodeError> {
    let exponent = kind >> kind::CONST_SHIFT;
    if exponent == kind::RAW {
        return Ok(f64::from_bits(reader.u64()?));
    }
    Ok(small_int(reader, "constant")? as f64 / power_of_ten(exponent))
}

/// An integer whose size is below 2^51.
fn small_int(reader: &mut Reader<'_>, field: &'static str) -> Result<i64, DecodeError> {
    let int = reader.signed()?;
    if int.unsigned_abs() >= DECIMAL_LIMIT as u64 {
        return Err(reader.bad_field(field, int as u64));
    }
    Ok(int)
}

/// Appends the `n` values of a body to an empty sink.
fn body<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    kind: u8,
    n: usize,
    out: &mut Sink<'_, f64>,
) -> Result<(), DecodeError> {
    let class = kind & kind::CLASS;
    if class == kind::XOR {
        return xors(blocks, reader, n, out);
    }
    let header = int_header(reader, kind)?;
    ints(blocks, reader, &header, n, out)?;
    if class == kind::ULP {
        return add_ulps(blocks, reader, out.filled());
    }
    if kind & kind::EXCEPTIONS != 0 {
        exceptions(reader, out.filled())?;
    }
    Ok(())
}

fn ints<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    header: &IntHeader,
    n: usize,
    out: &mut Sink<'_, f64>,
) -> Result<(), DecodeError> {
    let (mut ints, mut block) = (Ints::new(header), Block::default());
    for count in pfor::counts(n) {
        block.read(reader, count)?;
        if ints.are_exact(&block) {
            blocks.ints(&block, &mut ints, out);
        } else {
            let mut room = Residuals::new();
            out.extend(room.read(blocks, &block).iter().map(|&u| ints.checked(u)));
        }
    }
    ints.finish()
}

fn xors<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    n: usize,
    out: &mut Sink<'_, f64>,
) -> Result<(), DecodeError> {
    let mut bits = reader.u64()?;
    out.fill(1, f64::from_bits(bits));
    let mut block = xor::Block::default();
    for first in (1..n).step_by(XOR_BLOCK) {
        block.read(reader, (n - first).min(XOR_BLOCK))?;
        blocks.xors(block.packed, block.shift, &mut bits, out);
    }
    Ok(())
}

/// Adds residuals to the bit patterns of `values`.
fn add_ulps<B: Blocks>(
    blocks: B,
    reader: &mut Reader<'_>,
    values: &mut [f64],
) -> Result<(), DecodeError> {
    let (min, mut block) = (reader.signed()?, Block::default());
    for values in values.chunks_mut(pfor::BLOCK) {
        block.read(reader, values.len())?;
        blocks.add_ulps(&block, min, values);
    }
    Ok(())
}

/// Reads and checks what stands before the integers.
fn int_header(reader: &mut Reader<'_>, kind: u8) -> Result<IntHeader, DecodeError> {
    let decimal = if kind & kind::DECIMAL == 0 { 0 } else { reader.u8()? };
    let exponent = decimal & kind::EXPONENT;
    if exponent > MAX_EXPONENT || decimal & !(kind::EXPONENT | kind::SCALED) != 0 {
        return Err(reader.bad_field("exponent", decimal.into()));
    }
    let base = small_int(reader, "base")?;
    let scale = if decimal & kind::SCALED == 0 { 1 } else { reader.varint()? };
    if scale == 0 || scale > 2 * DECIMAL_LIMIT as u64 {
        return Err(reader.bad_field("scale", scale));
    }
    let is_delta = kind & kind::DELTA != 0;
    let min = if is_delta { reader.signed()? } else { 0 };
    Ok(IntHeader { exponent, is_delta, base, scale, min })
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
