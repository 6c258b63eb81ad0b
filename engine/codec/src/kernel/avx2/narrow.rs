//! Blocks of small numbers, eight of 32 bits at a time.

use std::arch::x86_64::{
    __m256i, _mm_setr_epi32, _mm256_add_epi8, _mm256_add_epi32, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_setr_epi32,
    _mm256_shuffle_epi8, _mm256_srli_epi32, _mm256_srlv_epi32,
};

use super::super::sink::Scratch;
use super::super::x86::{eight_halves, to_halves_8};
use super::unpack::{Groups, is_short};
use crate::pack::{Packed, mask};
use crate::pfor::{BLOCK, Block};

/// The numbers of a block in groups of eight.
pub(super) struct Narrow<'a> {
    /// How many numbers there are.
    pub(super) count: usize,
    source: Source<'a>,
}

enum Source<'a> {
    /// They are unpacked as they are wanted.
    Packed(Unpacker<'a>),
    /// They were unpacked and patched.
    Patched(&'a [[u32; 8]]),
}

impl<'a> Narrow<'a> {
    /// Whether 32 bits hold each number, and a 32-bit load each packed one.
    #[inline]
    pub(super) fn suits(block: &Block<'_>) -> bool {
        block.packed.width <= 25 && block.max() < 1 << 32 && !is_short(block.packed)
    }

    /// The numbers of a block that this [suits](Self::suits).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn new(block: &Block<'a>, room: &'a mut Scratch<u32, BLOCK>) -> Self {
        if !block.is_patched() {
            return Self::without_patches(block);
        }
        let numbers = patched(block, &Unpacker::new(block.packed), room);
        Self { count: block.count(), source: Source::Patched(numbers) }
    }

    /// As [`new`](Self::new), but the numbers lack the high parts that are in patches.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn without_patches(block: &Block<'a>) -> Self {
        Self { count: block.count(), source: Source::Packed(Unpacker::new(block.packed)) }
    }

    /// Group `i`; the last one may go beyond the block's numbers.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn get(&self, i: usize) -> __m256i {
        match &self.source {
            Source::Packed(unpacker) => unpacker.group(i),
            Source::Patched(groups) => eight_halves(groups.get(i).copied().unwrap_or_default()),
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn patched<'a>(
    block: &Block<'_>,
    unpacker: &Unpacker<'_>,
    room: &'a mut Scratch<u32, BLOCK>,
) -> &'a [[u32; 8]] {
    let mut sink = room.sink();
    sink.groups(block.count().next_multiple_of(8), |i| to_halves_8(unpacker.group(i)));
    let numbers = sink.into_filled();
    block.patches(|position, high| {
        if let Some(number) = numbers.get_mut(position) {
            *number |= high as u32;
        }
    });
    numbers.as_chunks().0
}

/// How to unpack groups of eight values of up to 25 bits. Four neighbours lie within 16 bytes; so
/// there is a load for each four.
#[derive(Debug, Clone, Copy)]
struct Unpacker<'a> {
    groups: Groups<'a>,
    /// Where the second four begin.
    half: usize,
    shuffle: __m256i,
    shifts: __m256i,
    mask: __m256i,
}

impl<'a> Unpacker<'a> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(packed: Packed<'a>) -> Self {
        let width = packed.width as i32;
        let odd = 4 * width % 8;
        let begins =
            _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3), _mm256_set1_epi32(width));
        let begins = _mm256_add_epi32(begins, _mm256_setr_epi32(0, 0, 0, 0, odd, odd, odd, odd));
        let low_byte = _mm_setr_epi32(0, 0x0404_0404, 0x0808_0808, 0x0c0c_0c0c);
        let first = _mm256_shuffle_epi8(
            _mm256_srli_epi32::<3>(begins),
            _mm256_broadcastsi128_si256(low_byte),
        );
        Self {
            groups: Groups::new(packed),
            half: packed.width as usize / 2,
            shuffle: _mm256_add_epi8(first, _mm256_set1_epi32(0x0302_0100)),
            shifts: _mm256_and_si256(begins, _mm256_set1_epi32(7)),
            mask: _mm256_set1_epi32(mask(packed.width) as i32),
        }
    }

    /// Group `i` of eight values.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn group(&self, i: usize) -> __m256i {
        let lanes = _mm256_shuffle_epi8(self.groups.load(i, 0, self.half), self.shuffle);
        _mm256_and_si256(_mm256_srlv_epi32(lanes, self.shifts), self.mask)
    }
}
