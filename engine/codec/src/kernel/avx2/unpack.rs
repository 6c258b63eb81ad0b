//! Bits to lanes: a byte shuffle puts the bytes of each value into its lane, a shift by lane and
//! a mask cut the value out.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_loadu2_m128i, _mm256_set1_epi64x,
    _mm256_setr_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_srlv_epi64,
};

use super::super::sink::Sink;
use super::super::x86::to_words_8;
use crate::pack::{Packed, mask};

/// Whether loads of whole vectors would go beyond the slice.
#[inline]
pub(super) fn is_short(packed: Packed<'_>) -> bool {
    packed.bytes.len() < bytes_loaded(packed)
}

/// Bytes up to the end of the last load for the last group.
#[inline]
fn bytes_loaded(packed: Packed<'_>) -> usize {
    let (width, groups) = (packed.width as usize, packed.count.div_ceil(8));
    groups.saturating_sub(1) * width + 6 * width / 8 + 16
}

/// Packed values of which all groups of eight can be loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups<'a> {
    bytes: &'a [u8],
    width: usize,
    count: usize,
}

impl<'a> Groups<'a> {
    /// # Panics
    /// If the bytes are too [short](is_short).
    #[inline]
    pub(super) fn new(packed: Packed<'a>) -> Self {
        assert!(!is_short(packed), "the callers make copies of such values");
        let (width, count) = (packed.width as usize, packed.count.div_ceil(8));
        Self { bytes: packed.bytes, width, count }
    }

    /// Sixteen bytes of group `i` from `low` and sixteen from `high`, at most 6/8 of the width.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn load(&self, i: usize, low: usize, high: usize) -> __m256i {
        assert!(i < self.count && low <= 6 * self.width / 8 && high <= 6 * self.width / 8);
        // SAFETY: `new` has checked that the bytes go on for 6/8 of the width and sixteen bytes
        // behind the begin of the last group.
        unsafe {
            let group = self.bytes.as_ptr().add(i * self.width);
            _mm256_loadu2_m128i(group.add(high).cast(), group.add(low).cast())
        }
    }
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
        let low = _mm256_shuffle_epi8(self.groups.load(i, 0, second), self.shuffles[0]);
        let high = _mm256_shuffle_epi8(self.groups.load(i, third, fourth), self.shuffles[1]);
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
