//! Patched frame of reference: bit packing in blocks of 128, where the few values that are wider
//! than the rest keep their high parts in a list behind the packed bits.
//!
//! After Zukowski, Héman, Nes and Boncz, "Super-Scalar RAM-CPU Cache Compression" (ICDE 2006),
//! and Lemire and Boytsov, "Decoding billions of integers per second through vectorization"
//! (2015): the width is the one with the least bytes, found from a histogram of widths.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use crate::error::DecodeError;
use crate::pack::{MAX_WIDTH, is_stored_width, pack, packed_len, stored_width, width_of};
use crate::reader::Reader;

/// Values in a block.
pub(crate) const BLOCK: usize = 128;

/// Marks a block with patches in the byte of the width.
const PATCHED: u8 = 0x80;

/// How a block is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bits of a packed value: 0 to 57, or 64.
    pub(crate) width: u32,
    /// Values that have a high part, 0 to the block's length.
    pub(crate) patches: usize,
    /// Bytes of a high part: 1 to 8, or 0 without patches.
    pub(crate) high_bytes: usize,
}

impl Header {
    /// The cheapest way to store `block`.
    fn best(block: &[u64]) -> Self {
        let mut histogram = [0usize; 65];
        for &value in block {
            if let Some(count) = histogram.get_mut(width_of(value) as usize) {
                *count += 1;
            }
        }
        let widest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0) as u32;
        let mut best = Self { width: stored_width(widest), patches: 0, high_bytes: 0 };
        let mut wider = 0;
        for width in (0..widest).rev() {
            wider += histogram.get(width as usize + 1).copied().unwrap_or(0);
            if width > MAX_WIDTH {
                continue;
            }
            let high_bytes = (widest - width).div_ceil(8) as usize;
            let candidate = Self { width, patches: wider, high_bytes };
            if candidate.len(block.len()) < best.len(block.len()) {
                best = candidate;
            }
        }
        best
    }

    /// Bytes of a block of `count` values with its header.
    fn len(self, count: usize) -> usize {
        let header = if self.patches > 0 { 3 } else { 1 };
        header + packed_len(self.width, count) + self.patches * (1 + self.high_bytes)
    }

    /// Reads and checks the header of a block of `count` values.
    pub(crate) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, DecodeError> {
        let first = reader.u8()?;
        let width = u32::from(first & !PATCHED);
        let patched = first & PATCHED != 0;
        if !is_stored_width(width) || (patched && width > MAX_WIDTH) {
            return Err(reader.bad_field("PFOR width", u64::from(first)));
        }
        if !patched {
            return Ok(Self { width, patches: 0, high_bytes: 0 });
        }
        let patches = reader.u8()?;
        if patches == 0 || usize::from(patches) > count {
            return Err(reader.bad_field("PFOR patch count", u64::from(patches)));
        }
        let high_bytes = reader.u8()?;
        if high_bytes == 0 || high_bytes > 8 {
            return Err(reader.bad_field("PFOR high bytes", u64::from(high_bytes)));
        }
        Ok(Self { width, patches: patches.into(), high_bytes: high_bytes.into() })
    }
}

/// Bytes that [`write`] takes.
pub(crate) fn len(values: &[u64]) -> usize {
    values.chunks(BLOCK).map(|block| Header::best(block).len(block.len())).sum()
}

/// Appends `values` in blocks of [`BLOCK`].
pub(crate) fn write(values: &[u64], out: &mut Vec<u8>) {
    for block in values.chunks(BLOCK) {
        write_block(block, out);
    }
}

fn write_block(block: &[u64], out: &mut Vec<u8>) {
    let header = Header::best(block);
    if header.patches == 0 {
        out.push(header.width as u8);
    } else {
        out.extend([header.width as u8 | PATCHED, header.patches as u8, header.high_bytes as u8]);
    }
    pack(block.iter().copied(), header.width, out);
    if header.patches == 0 {
        return;
    }
    for (position, &value) in block.iter().enumerate() {
        if width_of(value) > header.width {
            out.push(position as u8);
            let high = (value >> header.width).to_le_bytes();
            out.extend(high.iter().take(header.high_bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::scalar::unpack_block;

    fn round_trip(values: &[u64]) -> Vec<u64> {
        let mut bytes = Vec::new();
        write(values, &mut bytes);
        assert_eq!(bytes.len(), len(values));
        let mut reader = Reader::new(&bytes);
        let mut back = Vec::new();
        for chunk in values.chunks(BLOCK) {
            let mut block = [0; BLOCK];
            back.extend(unpack_block(&mut reader, chunk.len(), &mut block).unwrap());
        }
        assert_eq!(reader.at(), bytes.len());
        back
    }

    #[test]
    fn one_wide_value_becomes_a_patch() {
        let mut values = [3; BLOCK];
        values[77] = 0x1234;
        let mut bytes = Vec::new();
        write(&values, &mut bytes);
        assert_eq!(bytes[..3], [0x80 | 2, 1, 2]);
        assert_eq!(bytes[3 + 32..], [77, 0x8d, 0x04]);
        assert_eq!(round_trip(&values), values);
    }

    #[test]
    fn patches_that_fill_a_block_are_allowed() {
        for width in 0..=64 {
            let value = crate::pack::mask(width);
            let mut values = [value; BLOCK];
            assert_eq!(round_trip(&values), values);
            values[5] = 0;
            assert_eq!(round_trip(&values), values);
        }
    }

    proptest! {
        #[test]
        fn any_values_round_trip(
            values in prop::collection::vec((any::<u64>(), 0u32..64, any::<bool>()), 1..300)
        ) {
            let values: Vec<u64> =
                values.into_iter().map(|(x, s, rare)| if rare { x >> s } else { x >> 60 }).collect();
            prop_assert_eq!(round_trip(&values), values);
        }
    }
}
