//! Integers to decimals. There is no fused multiply-add; but all steps up to the division are
//! exact, so that it makes no difference, and the division is done as such.

use std::arch::x86_64::{
    __m128d, __m128i, _mm_add_epi32, _mm_add_epi64, _mm_add_pd, _mm_castsi128_pd, _mm_cvtepi32_pd,
    _mm_div_pd, _mm_mul_pd, _mm_set_epi64x, _mm_set1_epi64x, _mm_set1_pd, _mm_setr_pd,
    _mm_setzero_si128, _mm_shuffle_epi32, _mm_slli_si128, _mm_sub_pd, _mm_unpackhi_epi64,
};

use super::super::ints::Ints;
use super::super::scalar;
use super::super::sink::{Scratch, Sink};
use super::super::x86::{pairs_to_doubles_4, to_doubles_2, to_halves_4, to_words_2, words_2};
use super::narrow::Narrow;
use crate::pfor::Block;

/// 1.5 · 2^52, and its bits: to add an integer to the bits adds it to the float.
const SHIFTER: f64 = 6_755_399_441_055_744.0;
const SHIFTER_BITS: i64 = SHIFTER.to_bits() as i64;

/// From integers as floats to decimals.
#[derive(Debug, Clone, Copy)]
struct Decimals {
    scale: __m128d,
    divisor: __m128d,
}

impl Decimals {
    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn new(ints: &Ints) -> Self {
        Self { scale: _mm_set1_pd(ints.scale), divisor: _mm_set1_pd(ints.divisor) }
    }

    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    fn of<const DIVIDES: bool>(self, q: __m128d, base: __m128d) -> __m128d {
        let k = _mm_add_pd(_mm_mul_pd(q, self.scale), base);
        if DIVIDES { _mm_div_pd(k, self.divisor) } else { k }
    }
}

/// Decimals of a block whose sum fits 32 bits.
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn narrow(block: &Block<'_>, ints: &mut Ints, out: &mut Sink<'_, f64>) {
    let mut room = Scratch::new();
    let groups = Narrow::new(block, &mut room);
    match (ints.is_delta, ints.divisor > 1.0) {
        (false, false) => narrow_plain::<false>(&groups, ints, out),
        (false, true) => narrow_plain::<true>(&groups, ints, out),
        (true, false) => narrow_running::<false>(&groups, ints, out),
        (true, true) => narrow_running::<true>(&groups, ints, out),
    }
}

/// Four numbers below 2^31 as floats.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn floats(x: __m128i) -> (__m128d, __m128d) {
    (_mm_cvtepi32_pd(x), _mm_cvtepi32_pd(_mm_unpackhi_epi64(x, x)))
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn narrow_plain<const DIVIDES: bool>(groups: &Narrow<'_>, ints: &Ints, out: &mut Sink<'_, f64>) {
    let decimals = Decimals::new(ints);
    let base = _mm_set1_pd(ints.base + ints.scale * ints.min as f64);
    out.groups(groups.count, |i| {
        let (low, high) = floats(groups.get(i));
        pairs_to_doubles_4([decimals.of::<DIVIDES>(low, base), decimals.of::<DIVIDES>(high, base)])
    });
}

/// k = (base + scale · (q + i · min)) + scale · (u + … + u): the first part in floats, the second
/// in 32-bit integers.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn narrow_running<const DIVIDES: bool>(
    groups: &Narrow<'_>,
    ints: &mut Ints,
    out: &mut Sink<'_, f64>,
) {
    let decimals = Decimals::new(ints);
    let first = ints.base + ints.scale * ints.q as f64;
    let step = ints.scale * ints.min as f64;
    let stride = _mm_set1_pd(4.0 * step);
    let mut base_low = _mm_setr_pd(first + step, first + 2.0 * step);
    let mut base_high = _mm_setr_pd(first + 3.0 * step, first + 4.0 * step);
    let mut carry = _mm_setzero_si128();
    out.groups(groups.count, |i| {
        let sums = _mm_add_epi32(running_sum_32(groups.get(i)), carry);
        carry = _mm_shuffle_epi32::<0xff>(sums);
        let (low, high) = floats(sums);
        let low = decimals.of::<DIVIDES>(low, base_low);
        let high = decimals.of::<DIVIDES>(high, base_high);
        base_low = _mm_add_pd(base_low, stride);
        base_high = _mm_add_pd(base_high, stride);
        pairs_to_doubles_4([low, high])
    });
    // Only the last block of a stream has a group that is not full, and nothing follows it.
    let [total, ..] = to_halves_4(carry);
    let drift = ints.min.wrapping_mul(groups.count as i64);
    ints.q = ints.q.wrapping_add(drift).wrapping_add(i64::from(total));
}

/// Lane i becomes lane 0 + … + lane i.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn running_sum_32(x: __m128i) -> __m128i {
    let pairs = _mm_add_epi32(x, _mm_slli_si128::<4>(x));
    _mm_add_epi32(pairs, _mm_slli_si128::<8>(pairs))
}

/// Decimals of any block.
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn wide(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    if ints.divisor > 1.0 {
        wide_groups::<true>(residuals, ints, out);
    } else {
        wide_groups::<false>(residuals, ints, out);
    }
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn wide_groups<const DIVIDES: bool>(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    let (groups, rest) = residuals.as_chunks::<2>();
    let group = |i| words_2(groups.get(i).copied().unwrap_or_default());
    let (decimals, base) = (Decimals::new(ints), _mm_set1_pd(ints.base));
    let decimal = |shifted: __m128i| {
        let q = _mm_sub_pd(_mm_castsi128_pd(shifted), _mm_set1_pd(SHIFTER));
        to_doubles_2(decimals.of::<DIVIDES>(q, base))
    };
    if ints.is_delta {
        let drift = _mm_set_epi64x(ints.min.wrapping_mul(2), ints.min);
        let mut last = _mm_set1_epi64x(ints.q.wrapping_add(SHIFTER_BITS));
        out.groups(2 * groups.len(), |i| {
            let sums = group(i);
            let sums = _mm_add_epi64(sums, _mm_slli_si128::<8>(sums));
            let shifted = _mm_add_epi64(_mm_add_epi64(sums, drift), last);
            last = _mm_unpackhi_epi64(shifted, shifted);
            decimal(shifted)
        });
        let [last, _] = to_words_2(last);
        ints.q = (last as i64).wrapping_sub(SHIFTER_BITS);
    } else {
        let min = _mm_set1_epi64x(ints.min.wrapping_add(SHIFTER_BITS));
        out.groups(2 * groups.len(), |i| decimal(_mm_add_epi64(group(i), min)));
    }
    scalar::ints(rest, ints, out);
}
