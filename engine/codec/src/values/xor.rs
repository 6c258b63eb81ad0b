//! Xor with the value before, packed in blocks of 32.

use super::{Body, kind};
use crate::error::DecodeError;
use crate::pack::{MAX_WIDTH, Packed, is_stored_width, pack, width_of};
use crate::reader::Reader;

/// Values that share a width and a shift.
pub(super) const XOR_BLOCK: usize = 32;

/// The body of any values.
pub(super) fn body(values: &[f64]) -> Body {
    let mut bytes = values[0].to_bits().to_le_bytes().to_vec();
    let xors: Vec<u64> =
        values.windows(2).map(|pair| pair[0].to_bits() ^ pair[1].to_bits()).collect();
    for block in xors.chunks(XOR_BLOCK) {
        write_block(block, &mut bytes);
    }
    Body { kind: kind::XOR, bytes }
}

fn write_block(block: &[u64], out: &mut Vec<u8>) {
    let all = block.iter().fold(0, |all, xor| all | xor);
    let shift = if all == 0 { 0 } else { all.trailing_zeros() };
    let (width, shift) = match width_of(all >> shift) {
        width if width > MAX_WIDTH => (64, 0),
        width => (width, shift),
    };
    out.extend([width as u8, shift as u8]);
    pack(block.iter().map(|xor| xor >> shift), width, out);
}

/// Reads a block of `count` values and how far they are to be shifted.
#[expect(clippy::inline_always, reason = "as a call it takes longer than unpacking")]
#[inline(always)]
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    count: usize,
) -> Result<(Packed<'a>, u32), DecodeError> {
    let width = u32::from(reader.u8()?);
    let shift = u32::from(reader.u8()?);
    if !is_stored_width(width) {
        return Err(reader.bad_field("xor width", width.into()));
    }
    if shift > 63 || width + shift > 64 {
        return Err(reader.bad_field("xor shift", shift.into()));
    }
    Ok((Packed::read(reader, width, count)?, shift))
}
