//! Blocks of small numbers, four of 32 bits at a time.

use std::arch::aarch64::{
    int32x4_t, uint8x16_t, uint32x4_t, vandq_u32, vqtbl1q_u8, vreinterpretq_u32_u8, vshlq_u32,
};

use super::super::arm::{bytes_16, half_bytes, halves_4, shifts_4, to_halves_4};
use super::super::groups::{Groups, fit_32_bits, patch_halves};
use super::super::sink::Scratch;
use crate::pack::{Packed, mask};
use crate::pfor::{BLOCK, Block};

/// The numbers of a block in groups of four.
pub(super) struct Narrow<'a> {
    /// How many numbers there are.
    pub(super) count: usize,
    source: Source<'a>,
}

enum Source<'a> {
    /// They are unpacked as they are wanted.
    Packed(Unpacker<'a>),
    /// They were unpacked and patched.
    Patched(&'a [[u32; 4]; BLOCK / 4]),
}

impl<'a> Narrow<'a> {
    /// The numbers of a block, each of which must [fit](fit_32_bits).
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn new(block: &Block<'a>, room: &'a mut Scratch<u32, BLOCK>) -> Self {
        debug_assert!(fit_32_bits(block));
        let unpacker = Unpacker::new(block.packed);
        let count = block.count();
        if !block.is_patched() {
            return Self { count, source: Source::Packed(unpacker) };
        }
        let mut sink = room.sink();
        sink.groups(count.next_multiple_of(8), |i| to_halves_4(unpacker.group(i)));
        sink.fill(BLOCK - sink.len(), 0);
        let numbers = sink.into_filled();
        patch_halves(block, numbers);
        let groups = numbers.as_chunks().0.first_chunk().unwrap_or(&[[0; 4]; BLOCK / 4]);
        Self { count, source: Source::Patched(groups) }
    }

    /// Group `i`; the last one may go beyond the block's numbers.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn get(&self, i: usize) -> uint32x4_t {
        match &self.source {
            Source::Packed(unpacker) => unpacker.group(i),
            Source::Patched(groups) => halves_4(groups[i % groups.len()]),
        }
    }
}

/// How to unpack values of up to 25 bits, four of which lie within 16 bytes. Every second four may
/// begin inside a byte.
#[derive(Debug, Clone, Copy)]
struct Unpacker<'a> {
    groups: Groups<'a>,
    /// Where the second four of a group of eight begin.
    half: usize,
    tables: [uint8x16_t; 2],
    /// To the left, so they are negative.
    shifts: [int32x4_t; 2],
    mask: uint32x4_t,
}

impl<'a> Unpacker<'a> {
    #[inline]
    #[target_feature(enable = "neon")]
    fn new(packed: Packed<'a>) -> Self {
        let width = packed.width;
        let begins = [0, 4 * width % 8].map(|first| [0, 1, 2, 3].map(|i| first + i * width));
        let [low, high] = begins;
        let table = |begins: [u32; 4]| {
            half_bytes(begins.map(|begin| (begin / 8) * 0x0101_0101 + 0x0302_0100))
        };
        let shift = |begins: [u32; 4]| shifts_4(begins.map(|begin| -((begin % 8) as i32)));
        Self {
            groups: Groups::new(packed),
            half: width as usize / 2,
            tables: [table(low), table(high)],
            shifts: [shift(low), shift(high)],
            mask: halves_4([mask(width) as u32; 4]),
        }
    }

    /// Group `i` of four values.
    #[inline]
    #[target_feature(enable = "neon")]
    fn group(&self, i: usize) -> uint32x4_t {
        let (offset, table, shifts) = match i % 2 {
            0 => (0, self.tables[0], self.shifts[0]),
            _ => (self.half, self.tables[1], self.shifts[1]),
        };
        let lanes = vqtbl1q_u8(bytes_16(self.groups.load(i / 2, offset)), table);
        vandq_u32(vshlq_u32(vreinterpretq_u32_u8(lanes), shifts), self.mask)
    }
}
