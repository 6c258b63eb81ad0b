//! Integers to decimals.
//!
//! Integers of 64 bits become floats by putting them into the mantissa of 1.5 · 2^52. The division
//! by a power of ten d is a multiplication by its rounded inverse and one correction (Markstein,
//! "Computation of elementary functions on the IBM RISC System/6000 processor", 1990):
//!
//! ```text
//! y = k · (1/d)      r = k − y · d      k / d = y + r · (1/d)
//! ```
//!
//! That is the correctly rounded quotient. `y` is at most 1.5 units in the last place off, so `r`
//! is a small multiple of the last places of y and d, and exact. The last step rounds
//! k/d · (1 + δ) with |δ| < 2^−105. As d is 2^e · 5^e with 5^e < 2^38, k/d is either at least
//! 2^−92 of its size away from every midpoint of two floats, or a dyadic number of at most 51
//! bits, which is no midpoint; so δ never decides the rounding.

use std::arch::x86_64::{
    __m256d, __m256i, _mm_add_epi32, _mm_setzero_si128, _mm_shuffle_epi32, _mm256_add_epi32,
    _mm256_add_epi64, _mm256_add_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
    _mm256_castsi256_si128, _mm256_cvtepi32_pd, _mm256_extracti128_si256, _mm256_fmadd_pd,
    _mm256_fnmadd_pd, _mm256_mul_pd, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setr_epi64x,
    _mm256_setr_pd, _mm256_slli_si256, _mm256_sub_pd,
};

use super::super::ints::Ints;
use super::super::scalar;
use super::super::sink::{Scratch, Sink};
use super::super::x86::{doubles_8, to_doubles_4, to_doubles_8, to_halves_4, to_words_4, words_4};
use super::lanes::Values;
use super::narrow::Narrow;
use super::unpack::Wide;
use super::{last_lane, running_sum};
use crate::pfor::Block;

/// 1.5 · 2^52, and its bits: to add an integer to the bits adds it to the float.
const SHIFTER: f64 = 6_755_399_441_055_744.0;
const SHIFTER_BITS: i64 = SHIFTER.to_bits() as i64;

/// k / 10^e for integers k as floats.
#[derive(Debug, Clone, Copy)]
struct Division {
    divisor: __m256d,
    inverse: __m256d,
}

impl Division {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(divisor: f64) -> Self {
        Self { divisor: _mm256_set1_pd(divisor), inverse: _mm256_set1_pd(1.0 / divisor) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn of<const DIVIDES: bool>(self, k: __m256d) -> __m256d {
        if !DIVIDES {
            return k;
        }
        let y = _mm256_mul_pd(k, self.inverse);
        let r = _mm256_fnmadd_pd(y, self.divisor, k);
        _mm256_fmadd_pd(r, self.inverse, y)
    }
}

/// Decimals of a block whose sum fits 32 bits.
#[target_feature(enable = "avx2,fma")]
pub(super) fn narrow<V: Values>(block: &Block<'_>, ints: &mut Ints, out: &mut V) {
    let mut room = Scratch::new();
    let groups = Narrow::new(block, &mut room);
    match (ints.is_delta, ints.divisor > 1.0) {
        (false, false) => narrow_plain::<false, V>(&groups, ints, out),
        (false, true) => narrow_plain::<true, V>(&groups, ints, out),
        (true, false) => narrow_running::<false, V>(&groups, ints, out),
        (true, true) => narrow_running::<true, V>(&groups, ints, out),
    }
}

/// Eight numbers below 2^31 as floats.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn floats(x: __m256i) -> (__m256d, __m256d) {
    let high = _mm256_extracti128_si256::<1>(x);
    (_mm256_cvtepi32_pd(_mm256_castsi256_si128(x)), _mm256_cvtepi32_pd(high))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn narrow_plain<const DIVIDES: bool, V: Values>(groups: &Narrow<'_>, ints: &Ints, out: &mut V) {
    let division = Division::new(ints.divisor);
    let base = _mm256_set1_pd(ints.base + ints.scale * ints.min as f64);
    let scale = _mm256_set1_pd(ints.scale);
    out.groups(groups.count, |i| {
        let (low, high) = floats(groups.get(i));
        let low = _mm256_fmadd_pd(low, scale, base);
        let high = _mm256_fmadd_pd(high, scale, base);
        [division.of::<DIVIDES>(low), division.of::<DIVIDES>(high)]
    });
}

/// k = (base + scale · (q + i · min)) + scale · (u + … + u): the first part in floats, the second
/// in 32-bit integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn narrow_running<const DIVIDES: bool, V: Values>(
    groups: &Narrow<'_>,
    ints: &mut Ints,
    out: &mut V,
) {
    let division = Division::new(ints.divisor);
    let first = _mm256_set1_pd(ints.base + ints.scale * ints.q as f64);
    let step = ints.scale * ints.min as f64;
    let (step, stride) = (_mm256_set1_pd(step), _mm256_set1_pd(8.0 * step));
    let scale = _mm256_set1_pd(ints.scale);
    let mut base_low = _mm256_fmadd_pd(step, _mm256_setr_pd(1.0, 2.0, 3.0, 4.0), first);
    let mut base_high = _mm256_fmadd_pd(step, _mm256_setr_pd(5.0, 6.0, 7.0, 8.0), first);
    let mut carry = _mm_setzero_si128();
    out.groups(groups.count, |i| {
        let sums = running_sums(groups.get(i));
        let low = _mm_add_epi32(_mm256_castsi256_si128(sums), carry);
        let high = _mm256_extracti128_si256::<1>(sums);
        let high = _mm_add_epi32(high, _mm_shuffle_epi32::<0xff>(low));
        carry = _mm_shuffle_epi32::<0xff>(high);
        let low = _mm256_fmadd_pd(_mm256_cvtepi32_pd(low), scale, base_low);
        let high = _mm256_fmadd_pd(_mm256_cvtepi32_pd(high), scale, base_high);
        base_low = _mm256_add_pd(base_low, stride);
        base_high = _mm256_add_pd(base_high, stride);
        [division.of::<DIVIDES>(low), division.of::<DIVIDES>(high)]
    });
    // Only the last block of a stream has a group that is not full, and nothing follows it.
    let [total, ..] = to_halves_4(carry);
    let drift = ints.min.wrapping_mul(groups.count as i64);
    ints.q = ints.q.wrapping_add(drift).wrapping_add(i64::from(total));
}

/// Of each half, lane i becomes lane 0 + … + lane i.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn running_sums(x: __m256i) -> __m256i {
    let pairs = _mm256_add_epi32(x, _mm256_slli_si256::<4>(x));
    _mm256_add_epi32(pairs, _mm256_slli_si256::<8>(pairs))
}

/// Decimals of any block.
#[target_feature(enable = "avx2,fma")]
pub(super) fn wide(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    if ints.divisor > 1.0 {
        wide_groups::<true>(residuals, ints, out);
    } else {
        wide_groups::<false>(residuals, ints, out);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn wide_groups<const DIVIDES: bool>(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    let Ints { is_delta, min, base, scale, divisor, .. } = *ints;
    let division = Division::new(divisor);
    let (groups, rest) = residuals.as_chunks::<4>();
    let group = |i| words_4(groups.get(i).copied().unwrap_or_default());
    let decimal = |shifted: __m256i| {
        let q = _mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(SHIFTER));
        let k = _mm256_fmadd_pd(q, _mm256_set1_pd(scale), _mm256_set1_pd(base));
        to_doubles_4(division.of::<DIVIDES>(k))
    };
    if is_delta {
        let times_min = |i: i64| min.wrapping_mul(i);
        let drift = _mm256_setr_epi64x(min, times_min(2), times_min(3), times_min(4));
        let mut last = _mm256_set1_epi64x(ints.q.wrapping_add(SHIFTER_BITS));
        out.groups(4 * groups.len(), |i| {
            let sums = _mm256_add_epi64(running_sum(group(i)), drift);
            let shifted = _mm256_add_epi64(sums, last);
            last = _mm256_add_epi64(last, last_lane(sums));
            decimal(shifted)
        });
        let [last, ..] = to_words_4(last);
        ints.q = (last as i64).wrapping_sub(SHIFTER_BITS);
    } else {
        let min = _mm256_set1_epi64x(min.wrapping_add(SHIFTER_BITS));
        out.groups(4 * groups.len(), |i| decimal(_mm256_add_epi64(group(i), min)));
    }
    scalar::ints(rest, ints, out);
}

/// Adds to bit patterns; the numbers are not of 64 bits, and all of them can be loaded.
#[target_feature(enable = "avx2,fma")]
pub(super) fn add_ulps(block: &Block<'_>, min: i64, values: &mut [f64]) {
    let (wide, min) = (Wide::new(block.packed), _mm256_set1_epi64x(min));
    let sums = |i: usize, values: [f64; 8]| {
        let (low, high) = wide.group(i);
        let [first, second] = doubles_8(values);
        let first = _mm256_add_epi64(_mm256_castpd_si256(first), _mm256_add_epi64(low, min));
        let second = _mm256_add_epi64(_mm256_castpd_si256(second), _mm256_add_epi64(high, min));
        to_doubles_8([_mm256_castsi256_pd(first), _mm256_castsi256_pd(second)])
    };
    let (groups, rest) = values.as_chunks_mut::<8>();
    let whole = groups.len();
    for (i, group) in groups.iter_mut().enumerate() {
        *group = sums(i, *group);
    }
    if !rest.is_empty() {
        let mut last = [0.0; 8];
        last.iter_mut().zip(&*rest).for_each(|(last, value)| *last = *value);
        let last = sums(whole, last);
        rest.iter_mut().zip(last).for_each(|(value, last)| *value = last);
    }
    if block.is_patched() {
        patch_bits(block, values);
    }
}

/// Adds the high parts of the numbers to the bit patterns.
#[inline]
fn patch_bits(block: &Block<'_>, values: &mut [f64]) {
    block.patch(values, scalar::add_bits);
}
