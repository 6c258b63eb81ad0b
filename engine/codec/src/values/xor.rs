//! Xor with the value before, packed in blocks of 32.

use crate::error::DecodeError;
use crate::pack::{MAX_WIDTH, Packed, is_stored_width, pack, packed_len, width_of};
use crate::reader::Reader;

/// Values that share a width and a shift.
pub(super) const XOR_BLOCK: usize = 32;

/// The body of any values.
pub(super) fn body(values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * values.len() + values.len() / 8 + 16);
    bytes.extend(values[0].to_bits().to_le_bytes());
    let xors: Vec<u64> =
        values.windows(2).map(|pair| pair[0].to_bits() ^ pair[1].to_bits()).collect();
    for block in xors.chunks(XOR_BLOCK) {
        write_block(block, &mut bytes);
    }
    bytes
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

/// Packed xors, and how far they are to be shifted.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) packed: Packed<'a>,
    pub(super) shift: u32,
}

impl<'a> Block<'a> {
    /// Reads the next block, of `count` values.
    #[inline]
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'a>,
        count: usize,
    ) -> Result<(), DecodeError> {
        let width = u32::from(reader.u8()?);
        self.shift = u32::from(reader.u8()?);
        if !is_stored_width(width) {
            return Err(reader.bad_field("xor width", width.into()));
        }
        if self.shift > 63 || width + self.shift > 64 {
            return Err(reader.bad_field("xor shift", self.shift.into()));
        }
        self.packed = Packed { bytes: reader.rest(), width, count };
        reader.take(packed_len(width, count))?;
        Ok(())
    }
}
