//! Bits to lanes: a byte shuffle puts the bytes of each value into its lane, a shift by lane and
//! a mask cut the value out.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_castsi128_si256, _mm256_inserti128_si256,
    _mm256_set1_epi64x, _mm256_setr_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi64,
    _mm256_srlv_epi64,
};

use super::super::groups::Groups;
use super::super::sink::Sink;
use super::super::x86::{bytes_16, to_words_8};
use crate::pack::{Packed, mask};

/// Sixteen bytes of group `i` from `low` and sixteen from `high`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn load(groups: &Groups<'_>, i: usize, low: usize, high: usize) -> __m256i {
    let low = _mm256_castsi128_si256(bytes_16(groups.load(i, low)));
    _mm256_inserti128_si256::<1>(low, bytes_16(groups.load(i, high)))
}

/// Appends all values.
#[target_feature(enable = "avx2,fma")]
pub(super) fn all(packed: Packed<'_>, out: &mut Sink<'_, u64>) {
    let wide = Wide::new(packed);
    out.groups(packed.count, |i| {
        let (low, high) = wide.group(i);
        to_words_8([low, high])
    });
}

/// How to unpack groups of eight values of up to 57 bits into 64-bit lanes. Two neighbours lie
/// within 16 bytes; so there is a load for each two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide<'a> {
    groups: Groups<'a>,
    /// Where the second, third and fourth two begin.
    starts: [usize; 3],
    shuffles: [__m256i; 2],
    shifts: [__m256i; 2],
    mask: __m256i,
}

impl<'a> Wide<'a> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn new(packed: Packed<'a>) -> Self {
        let width = u64::from(packed.width);
        let [second, third, fourth] = [2 * width, 4 * width, 6 * width];
        let low = lanes(0, width, second % 8, second % 8 + width);
        let high = lanes(third % 8, third % 8 + width, fourth % 8, fourth % 8 + width);
        let bits_of_byte = _mm256_set1_epi64x(7);
        Self {
            groups: Groups::new(packed),
            starts: [second, third, fourth].map(|bits| bits as usize / 8),
            shuffles: [shuffle(low), shuffle(high)],
            shifts: [_mm256_and_si256(low, bits_of_byte), _mm256_and_si256(high, bits_of_byte)],
            mask: _mm256_set1_epi64x(mask(packed.width) as i64),
        }
    }

    /// Group `i` of eight values.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn group(&self, i: usize) -> (__m256i, __m256i) {
        let [second, third, fourth] = self.starts;
        let low = _mm256_shuffle_epi8(load(&self.groups, i, 0, second), self.shuffles[0]);
        let high = _mm256_shuffle_epi8(load(&self.groups, i, third, fourth), self.shuffles[1]);
        let low = _mm256_srlv_epi64(low, self.shifts[0]);
        let high = _mm256_srlv_epi64(high, self.shifts[1]);
        (_mm256_and_si256(low, self.mask), _mm256_and_si256(high, self.mask))
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn lanes(a: u64, b: u64, c: u64, d: u64) -> __m256i {
    _mm256_setr_epi64x(a as i64, b as i64, c as i64, d as i64)
}

/// For each lane the eight bytes from the one where its `bits` begin.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn shuffle(bits: __m256i) -> __m256i {
    let first = _mm256_srli_epi64::<3>(bits);
    let low_byte = _mm256_setr_epi64x(0, 0x0808_0808_0808_0808, 0, 0x0808_0808_0808_0808);
    let following = _mm256_set1_epi64x(0x0706_0504_0302_0100);
    _mm256_add_epi8(_mm256_shuffle_epi8(first, low_byte), following)
}
