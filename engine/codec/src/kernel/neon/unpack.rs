//! Bits to 64-bit lanes: a table look-up puts the bytes of two values into two lanes, shifts and a
//! mask cut them out.

use std::arch::aarch64::{
    int64x2_t, uint8x16_t, uint64x2_t, vandq_u64, vqtbl1q_u8, vreinterpretq_u64_u8, vshlq_u64,
};

use super::super::arm::{bytes_16, shifts_2, to_words_8, word_bytes, words_2};
use super::super::groups::Groups;
use super::super::sink::Sink;
use crate::pack::{Packed, mask};

/// Appends all values.
#[target_feature(enable = "neon")]
pub(super) fn all(packed: Packed<'_>, out: &mut Sink<'_, u64>) {
    let groups = Groups::new(packed);
    let pairs = [0, 2, 4, 6].map(|first| Pair::new(packed.width as usize, first));
    let mask = words_2([mask(packed.width); 2]);
    let [a, b, c, d] = pairs;
    out.groups(packed.count, |i| {
        to_words_8([
            vandq_u64(a.get(&groups, i), mask),
            vandq_u64(b.get(&groups, i), mask),
            vandq_u64(c.get(&groups, i), mask),
            vandq_u64(d.get(&groups, i), mask),
        ])
    });
}

/// How to unpack two neighbours of a group; what is above them in their lanes stays there.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// The byte of the group where they begin.
    start: usize,
    table: uint8x16_t,
    /// To the left, so they are negative.
    shifts: int64x2_t,
}

impl Pair {
    #[inline]
    #[target_feature(enable = "neon")]
    fn new(width: usize, first: usize) -> Self {
        let bit = first * width;
        let begins = [bit % 8, bit % 8 + width].map(|begin| begin as u64);
        // The eight bytes from the one where the bits begin.
        let bytes = begins.map(|begin| (begin / 8) * 0x0101_0101_0101_0101 + 0x0706_0504_0302_0100);
        let shifts = begins.map(|begin| -((begin % 8) as i64));
        Self { start: bit / 8, table: word_bytes(bytes), shifts: shifts_2(shifts) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn get(&self, groups: &Groups<'_>, i: usize) -> uint64x2_t {
        let lanes = vqtbl1q_u8(bytes_16(groups.load(i, self.start)), self.table);
        vshlq_u64(vreinterpretq_u64_u8(lanes), self.shifts)
    }
}
