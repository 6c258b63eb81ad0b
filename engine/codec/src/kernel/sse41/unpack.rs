//! Bits to 64-bit lanes: a byte shuffle puts the bytes of two values into two lanes, shifts and a
//! mask cut them out.

use std::arch::x86_64::{__m128i, _mm_and_si128, _mm_blend_epi16, _mm_shuffle_epi8, _mm_srl_epi64};

use super::super::groups::Groups;
use super::super::sink::Sink;
use super::super::x86::{bytes_16, pairs_to_words_8, words_2};
use crate::pack::{Packed, mask};

/// Appends all values.
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn all(packed: Packed<'_>, out: &mut Sink<'_, u64>) {
    let groups = Groups::new(packed);
    let pairs = [0, 2, 4, 6].map(|first| Pair::new(packed.width as usize, first));
    let mask = words_2([mask(packed.width); 2]);
    let [a, b, c, d] = pairs;
    out.groups(packed.count, |i| {
        pairs_to_words_8([
            _mm_and_si128(a.get(&groups, i), mask),
            _mm_and_si128(b.get(&groups, i), mask),
            _mm_and_si128(c.get(&groups, i), mask),
            _mm_and_si128(d.get(&groups, i), mask),
        ])
    });
}

/// How to unpack two neighbours of a group; what is above them in their lanes stays there.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// The byte of the group where they begin.
    start: usize,
    shuffle: __m128i,
    /// There is no shift by lane: both are shifted by each and one is taken.
    shifts: [__m128i; 2],
}

impl Pair {
    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn new(width: usize, first: usize) -> Self {
        let bit = first * width;
        let begins = [bit % 8, bit % 8 + width].map(|begin| begin as u64);
        // The eight bytes from the one where the bits begin.
        let bytes = begins.map(|begin| (begin / 8) * 0x0101_0101_0101_0101 + 0x0706_0504_0302_0100);
        let [low, high] = begins.map(|begin| words_2([begin % 8, 0]));
        Self { start: bit / 8, shuffle: words_2(bytes), shifts: [low, high] }
    }

    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn get(&self, groups: &Groups<'_>, i: usize) -> __m128i {
        let lanes = _mm_shuffle_epi8(bytes_16(groups.load(i, self.start)), self.shuffle);
        let [low, high] = self.shifts;
        _mm_blend_epi16::<0xf0>(_mm_srl_epi64(lanes, low), _mm_srl_epi64(lanes, high))
    }
}
