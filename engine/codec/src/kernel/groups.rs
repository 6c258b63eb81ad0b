//! Packed values in groups of eight, which begin at a byte, as the vector kernels load them.
#![expect(unsafe_code, reason = "a bounds check for each load takes longer than the load")]

use crate::pack::{Packed, packed_len};
use crate::pfor::{BLOCK, Block};

/// Bytes of a load.
pub(super) const LOAD: usize = 16;

/// Packed values of which all groups can be loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups<'a> {
    bytes: &'a [u8],
    /// Bytes of a group, which is bits of a value.
    width: usize,
    count: usize,
    /// Where in a group the last load may begin.
    last: usize,
}

impl<'a> Groups<'a> {
    /// # Panics
    /// If the bytes are too [short](is_short).
    #[inline]
    pub(super) fn new(packed: Packed<'a>) -> Self {
        assert!(!is_short(packed), "the callers make copies of such values");
        let width = packed.width as usize;
        let (count, last) = (packed.count.div_ceil(8), last_load(packed));
        Self { bytes: packed.bytes, width, count, last }
    }

    /// The bytes from `offset` in group `i`, where values 0, 2, 4 or 6 of the group begin.
    #[inline]
    pub(super) fn load(&self, i: usize, offset: usize) -> [u8; LOAD] {
        assert!(i < self.count && offset <= self.last);
        // SAFETY: `new` has checked that the last load of the last group is inside the slice, and
        // no load is behind that one. An array of bytes needs no alignment.
        unsafe { self.bytes.as_ptr().add(i * self.width + offset).cast::<[u8; LOAD]>().read() }
    }
}

/// Where in a group its last two values begin.
#[inline]
fn last_load(packed: Packed<'_>) -> usize {
    6 * packed.width as usize / 8
}

/// Whether loads for the last group would go beyond the slice.
#[inline]
pub(super) fn is_short(packed: Packed<'_>) -> bool {
    let groups = packed.count.div_ceil(8);
    let last = groups.saturating_sub(1) * packed.width as usize + last_load(packed);
    packed.bytes.len() < last + LOAD
}

/// Whether 32 bits hold each number of the block, and a 32-bit load each packed one.
#[inline]
pub(super) fn fit_32_bits(block: &Block<'_>) -> bool {
    block.packed.width <= 25 && block.max() < 1 << 32 && !is_short(block.packed)
}

/// Whether 32 bits hold all numbers of the block and the sum of them, with a sign.
#[inline]
pub(super) fn sum_fits_32_bits(block: &Block<'_>) -> bool {
    block.max_sum() < 1 << 31 && fit_32_bits(block)
}

/// Patches numbers that [fit](fit_32_bits).
#[inline]
pub(super) fn patch_halves(block: &Block<'_>, numbers: &mut [u32]) {
    block.patch(numbers, |number, high| *number |= high as u32);
}

/// A copy of packed values with zeros behind them, for values that are too [short](is_short).
#[derive(Debug)]
pub(super) struct Copied {
    bytes: [u8; 8 * BLOCK + 64],
    width: u32,
    count: usize,
}

impl Copied {
    #[cold]
    #[inline(never)]
    pub(super) fn new(packed: Packed<'_>) -> Self {
        let Packed { width, count, .. } = packed;
        let mut bytes = [0; 8 * BLOCK + 64];
        let used = packed.bytes.iter().take(packed_len(width, count));
        for (byte, &from) in bytes.iter_mut().zip(used) {
            *byte = from;
        }
        Self { bytes, width, count }
    }

    pub(super) fn packed(&self) -> Packed<'_> {
        Packed { bytes: &self.bytes, width: self.width, count: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_load_is_inside_the_slice_and_one_byte_less_is_too_short() {
        for width in 0..=57 {
            for count in [1, 7, 8, 9, 121, 127, BLOCK] {
                let bytes: Vec<u8> = (0..1200u32).map(|i| i as u8).collect();
                let packed = |len: usize| Packed { bytes: &bytes[..len], width, count };
                let len = (0..bytes.len()).find(|&len| !is_short(packed(len))).unwrap();
                let (groups, last) = (Groups::new(packed(len)), 6 * width as usize / 8);
                let group = count.div_ceil(8) - 1;
                let load = groups.load(group, last);
                assert_eq!(load[..], bytes[group * width as usize + last..len]);
                assert!(len >= packed_len(width, count));
                let copied = Copied::new(packed(packed_len(width, count)));
                assert!(!is_short(copied.packed()));
            }
        }
    }
}
