//! Blocks of small numbers, four of 32 bits at a time.

use std::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_mullo_epi32, _mm_shuffle_epi8, _mm_srli_epi32,
};

use super::super::groups::{Groups, fit_32_bits, patch_halves};
use super::super::sink::Scratch;
use super::super::x86::{bytes_16, halves_4, to_halves_4};
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
    #[target_feature(enable = "ssse3,sse4.1")]
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
    #[target_feature(enable = "ssse3,sse4.1")]
    pub(super) fn get(&self, i: usize) -> __m128i {
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
    shuffles: [__m128i; 2],
    /// There is no shift by lane: a multiplication shifts the value up to bit 7.
    factors: [__m128i; 2],
    mask: __m128i,
}

impl<'a> Unpacker<'a> {
    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn new(packed: Packed<'a>) -> Self {
        let width = packed.width;
        let begins = [0, 4 * width % 8].map(|first| [0, 1, 2, 3].map(|i| first + i * width));
        let [low, high] = begins;
        let shuffle = |begins: [u32; 4]| {
            halves_4(begins.map(|begin| (begin / 8) * 0x0101_0101 + 0x0302_0100))
        };
        let factor = |begins: [u32; 4]| halves_4(begins.map(|begin| 1 << (7 - begin % 8)));
        Self {
            groups: Groups::new(packed),
            half: width as usize / 2,
            shuffles: [shuffle(low), shuffle(high)],
            factors: [factor(low), factor(high)],
            mask: halves_4([mask(width) as u32; 4]),
        }
    }

    /// Group `i` of four values.
    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn group(&self, i: usize) -> __m128i {
        let (offset, shuffle, factor) = match i % 2 {
            0 => (0, self.shuffles[0], self.factors[0]),
            _ => (self.half, self.shuffles[1], self.factors[1]),
        };
        let lanes = _mm_shuffle_epi8(bytes_16(self.groups.load(i / 2, offset)), shuffle);
        _mm_and_si128(_mm_srli_epi32::<7>(_mm_mullo_epi32(lanes, factor)), self.mask)
    }
}
