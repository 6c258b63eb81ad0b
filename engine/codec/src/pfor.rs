//! Patched frame of reference: bit packing in blocks of 128, where the few values that are wider
//! than the rest keep their high parts in a list behind the packed bits.
//!
//! After Zukowski, Héman, Nes and Boncz, "Super-Scalar RAM-CPU Cache Compression" (ICDE 2006),
//! and Lemire and Boytsov, "Decoding billions of integers per second through vectorization"
//! (2015): the width is the one with the least bytes, found from a histogram of widths.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use crate::error::DecodeError;
use crate::pack::{
    MAX_WIDTH, Packed, is_stored_width, little_endian, mask, pack, packed_len, stored_width,
    width_of,
};
use crate::reader::Reader;

/// Values in a block.
pub(crate) const BLOCK: usize = 128;

/// Marks a block with patches in the byte of the width.
const PATCHED: u8 = 0x80;

/// How a block is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    /// Bits of a packed value: 0 to 57, or 64.
    width: u32,
    /// Values that have a high part, 0 to the block's length.
    patches: usize,
    /// Bytes of a high part: 1 to 8, or 0 without patches.
    high_bytes: usize,
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
}

/// A block as it is in a chunk, checked.
#[derive(Debug, Default)]
pub(crate) struct Block<'a> {
    /// The low bits of all values.
    pub(crate) packed: Packed<'a>,
    patches: Patches<'a>,
    /// Of all high parts.
    sum: u64,
}

/// The high parts of the values that are wider than the others.
#[derive(Debug, Clone, Copy, Default)]
struct Patches<'a> {
    /// For each a position and its bytes, and whatever follows them.
    bytes: &'a [u8],
    count: usize,
    high_bytes: usize,
}

impl<'a> Block<'a> {
    /// Reads the next block, of `count` values, 1 to [`BLOCK`].
    ///
    /// Into the block in its place: as a result it would be copied more than once, which takes
    /// longer than unpacking.
    #[inline]
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'a>,
        count: usize,
    ) -> Result<(), DecodeError> {
        let first = reader.u8()?;
        let width = u32::from(first & !PATCHED);
        let is_patched = first & PATCHED != 0;
        if !is_stored_width(width) || (is_patched && width > MAX_WIDTH) {
            return Err(reader.bad_field("PFOR width", first.into()));
        }
        self.patches = Patches::default();
        self.sum = 0;
        if is_patched {
            self.patches.read_sizes(reader, count)?;
        }
        self.packed = Packed { bytes: reader.rest(), width, count };
        reader.take(packed_len(width, count))?;
        if is_patched {
            self.patches.bytes = reader.rest();
            self.check_patches(reader)?;
        }
        Ok(())
    }

    #[inline]
    fn check_patches(&mut self, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        reader.take(self.patches.count * (1 + self.patches.high_bytes))?;
        let (mut highest, mut sum) = (0, 0u64);
        self.patches(|position, high| {
            highest = highest.max(position);
            sum = sum.saturating_add(high);
        });
        if highest >= self.packed.count {
            return Err(reader.bad_field("PFOR patch position", highest as u64));
        }
        self.sum = sum;
        Ok(())
    }

    /// How many values it has.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.packed.count
    }

    /// Whether there are patches.
    #[inline]
    pub(crate) fn is_patched(&self) -> bool {
        self.patches.count > 0
    }

    /// Calls `each` with the positions and the high parts, which are in their place.
    #[inline]
    pub(crate) fn patches(&self, mut each: impl FnMut(usize, u64)) {
        let Patches { bytes, count, high_bytes } = self.patches;
        let width = self.packed.width;
        if high_bytes == 1 {
            let (pairs, _) = bytes.as_chunks();
            for &[position, high] in pairs.iter().take(count) {
                each(position.into(), u64::from(high) << width);
            }
            return;
        }
        let (mut bytes, mask) = (bytes, mask(8 * high_bytes as u32));
        for _ in 0..count {
            let (position, word) = match bytes.first_chunk::<9>() {
                Some([position, word @ ..]) => (*position, u64::from_le_bytes(*word)),
                None => last_patch(bytes),
            };
            each(position.into(), (word & mask) << width);
            bytes = bytes.get(1 + high_bytes..).unwrap_or_default();
        }
    }

    /// A number that no value exceeds.
    #[inline]
    pub(crate) fn max(&self) -> u64 {
        mask(self.packed.width).saturating_add(self.sum)
    }

    /// A number that the sum of all values does not exceed.
    #[inline]
    pub(crate) fn max_sum(&self) -> u64 {
        let low_parts = mask(self.packed.width).saturating_mul(self.packed.count as u64);
        low_parts.saturating_add(self.sum)
    }
}

impl Patches<'_> {
    /// Reads and checks how many there are and how many bytes each has.
    #[inline]
    fn read_sizes(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<(), DecodeError> {
        let patches = reader.u8()?;
        if patches == 0 || usize::from(patches) > count {
            return Err(reader.bad_field("PFOR patch count", patches.into()));
        }
        let high_bytes = reader.u8()?;
        if high_bytes == 0 || high_bytes > 8 {
            return Err(reader.bad_field("PFOR high bytes", high_bytes.into()));
        }
        (self.count, self.high_bytes) = (patches.into(), high_bytes.into());
        Ok(())
    }
}

/// A patch near the end of the slice.
#[cold]
#[inline(never)]
fn last_patch(bytes: &[u8]) -> (u8, u64) {
    bytes.split_first().map_or((0, 0), |(&position, rest)| (position, little_endian(rest)))
}

/// The lengths of the blocks of `n` values.
pub(crate) fn counts(n: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(BLOCK).map(move |first| (n - first).min(BLOCK))
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
    use crate::kernel::{Residuals, Scalar};

    fn round_trip(values: &[u64]) -> Vec<u64> {
        let mut bytes = Vec::new();
        write(values, &mut bytes);
        assert_eq!(bytes.len(), len(values));
        let mut reader = Reader::new(&bytes);
        let (mut back, mut block) = (Vec::new(), Block::default());
        for chunk in values.chunks(BLOCK) {
            block.read(&mut reader, chunk.len()).unwrap();
            assert!(chunk.iter().all(|&value| value <= block.max()));
            back.extend(&*Residuals::new().read(Scalar, &block));
            let sum = chunk.iter().fold(0u64, |sum, &value| sum.saturating_add(value));
            assert!(sum <= block.max_sum());
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
