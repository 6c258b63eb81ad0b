//! Patched frame of reference: bit packing in blocks of 128, where the few values that are wider
//! than the rest keep their high parts in a list behind the packed bits.
//!
//! After Zukowski, Héman, Nes and Boncz, "Super-Scalar RAM-CPU Cache Compression" (ICDE 2006),
//! and Lemire and Boytsov, "Decoding billions of integers per second through vectorization"
//! (2015): the width is the one with the least bytes, found from a histogram of widths.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

mod write;

use crate::error::DecodeError;
use crate::pack::{MAX_WIDTH, Packed, is_stored_width, little_endian, mask, packed_len};
use crate::reader::Reader;

pub(crate) use write::Plan;
#[cfg(test)]
pub(crate) use write::write;

/// Values in a block.
pub(crate) const BLOCK: usize = 128;

/// Marks a block with patches in the byte of the width.
const PATCHED: u8 = 0x80;

/// The most values of a block that have a high part.
const MAX_PATCHES: u8 = 32;

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
        let (mut next, mut ascend, mut sum) = (0, true, 0u64);
        self.each_patch(|position, high| {
            ascend &= usize::from(position) >= next;
            next = usize::from(position) + 1;
            sum = sum.saturating_add(high);
        });
        if !ascend || next > self.packed.count {
            return Err(self.bad_position(reader));
        }
        let fits = sum.leading_zeros() >= self.packed.width;
        self.sum = if fits { sum << self.packed.width } else { u64::MAX };
        Ok(())
    }

    /// The error for the first position that is not behind the one before or not in the block.
    #[cold]
    fn bad_position(&self, reader: &Reader<'_>) -> DecodeError {
        let (mut next, mut bad) = (0, None);
        self.each_patch(|position, _| {
            let allowed = next..self.packed.count;
            if !allowed.contains(&usize::from(position)) {
                bad.get_or_insert(position);
            }
            next = usize::from(position) + 1;
        });
        reader.bad_field("PFOR patch position", bad.unwrap_or_default().into())
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

    /// Calls `add` with the numbers that have a high part, and that part in its place. The
    /// numbers are those of the block, or what was made of them one by one.
    ///
    /// Not with a closure of a function for one instruction set: it would not be inlined here.
    #[inline]
    pub(crate) fn patch<T>(&self, numbers: &mut [T], add: impl Fn(&mut T, u64)) {
        self.each_patch(|position, high| {
            if let Some(number) = numbers.get_mut(usize::from(position)) {
                add(number, high << self.packed.width);
            }
        });
    }

    /// Calls `each` with the positions and the high parts.
    #[inline]
    fn each_patch(&self, mut each: impl FnMut(u8, u64)) {
        let Patches { bytes, count, high_bytes } = self.patches;
        if high_bytes == 1 {
            let (pairs, _) = bytes.as_chunks();
            for &[position, high] in pairs.iter().take(count) {
                each(position, high.into());
            }
            return;
        }
        let (mut bytes, mask) = (bytes, mask(8 * high_bytes as u32));
        for _ in 0..count {
            let (position, word) = match bytes.first_chunk::<9>() {
                Some([position, word @ ..]) => (*position, u64::from_le_bytes(*word)),
                None => last_patch(bytes),
            };
            each(position, word & mask);
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
        let sizes = reader.u8()?;
        let patches = usize::from(sizes % MAX_PATCHES) + 1;
        if patches > count {
            return Err(reader.bad_field("PFOR patch count", patches as u64));
        }
        (self.count, self.high_bytes) = (patches, usize::from(sizes / MAX_PATCHES) + 1);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Residuals, Scalar};

    fn round_trip(values: &[u64]) -> Vec<u64> {
        let mut bytes = Vec::new();
        write(values, &mut bytes);
        assert_eq!(bytes.len(), Plan::of(values).len);
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
        assert_eq!(bytes[..2], [0x80 | 2, 1 << 5]);
        assert_eq!(bytes[2 + 32..], [77, 0x8d, 0x04]);
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
