//! Integers to decimals.

use std::arch::aarch64::{
    float64x2_t, uint32x4_t, uint64x2_t, vaddq_f64, vaddq_u32, vaddq_u64, vcvtq_f64_s64,
    vcvtq_f64_u64, vdivq_f64, vdupq_laneq_u32, vdupq_laneq_u64, vdupq_n_u32, vdupq_n_u64,
    vextq_u32, vextq_u64, vfmaq_f64, vget_low_u32, vmovl_high_u32, vmovl_u32,
    vreinterpretq_s64_u64,
};

use super::super::arm::{doubles_2, to_doubles_2, to_doubles_4, to_halves_4, to_words_2, words_2};
use super::super::ints::Ints;
use super::super::scalar;
use super::super::sink::{Scratch, Sink};
use super::narrow::Narrow;
use crate::pfor::Block;

/// From integers as floats to decimals.
#[derive(Debug, Clone, Copy)]
struct Decimals {
    scale: float64x2_t,
    divisor: float64x2_t,
}

impl Decimals {
    #[inline]
    #[target_feature(enable = "neon")]
    fn new(ints: &Ints) -> Self {
        Self { scale: doubles_2([ints.scale; 2]), divisor: doubles_2([ints.divisor; 2]) }
    }

    /// All steps up to the division are exact.
    #[inline]
    #[target_feature(enable = "neon")]
    fn of<const DIVIDES: bool>(self, q: float64x2_t, base: float64x2_t) -> float64x2_t {
        let k = vfmaq_f64(base, q, self.scale);
        if DIVIDES { vdivq_f64(k, self.divisor) } else { k }
    }
}

/// Decimals of a block whose sum fits 32 bits.
#[target_feature(enable = "neon")]
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

/// Four numbers as floats.
#[inline]
#[target_feature(enable = "neon")]
fn floats(x: uint32x4_t) -> (float64x2_t, float64x2_t) {
    let low = vmovl_u32(vget_low_u32(x));
    (vcvtq_f64_u64(low), vcvtq_f64_u64(vmovl_high_u32(x)))
}

#[inline]
#[target_feature(enable = "neon")]
fn narrow_plain<const DIVIDES: bool>(groups: &Narrow<'_>, ints: &Ints, out: &mut Sink<'_, f64>) {
    let decimals = Decimals::new(ints);
    let base = doubles_2([ints.base + ints.scale * ints.min as f64; 2]);
    out.groups(groups.count, |i| {
        let (low, high) = floats(groups.get(i));
        to_doubles_4([decimals.of::<DIVIDES>(low, base), decimals.of::<DIVIDES>(high, base)])
    });
}

/// k = (base + scale · (q + i · min)) + scale · (u + … + u): the first part in floats, the second
/// in 32-bit integers.
#[inline]
#[target_feature(enable = "neon")]
fn narrow_running<const DIVIDES: bool>(
    groups: &Narrow<'_>,
    ints: &mut Ints,
    out: &mut Sink<'_, f64>,
) {
    let decimals = Decimals::new(ints);
    let first = ints.base + ints.scale * ints.q as f64;
    let step = ints.scale * ints.min as f64;
    let stride = doubles_2([4.0 * step; 2]);
    let mut base_low = doubles_2([first + step, first + 2.0 * step]);
    let mut base_high = doubles_2([first + 3.0 * step, first + 4.0 * step]);
    let mut carry = vdupq_n_u32(0);
    out.groups(groups.count, |i| {
        let sums = vaddq_u32(running_sum_32(groups.get(i)), carry);
        carry = vdupq_laneq_u32::<3>(sums);
        let (low, high) = floats(sums);
        let low = decimals.of::<DIVIDES>(low, base_low);
        let high = decimals.of::<DIVIDES>(high, base_high);
        base_low = vaddq_f64(base_low, stride);
        base_high = vaddq_f64(base_high, stride);
        to_doubles_4([low, high])
    });
    // Only the last block of a stream has a group that is not full, and nothing follows it.
    let [total, ..] = to_halves_4(carry);
    let drift = ints.min.wrapping_mul(groups.count as i64);
    ints.q = ints.q.wrapping_add(drift).wrapping_add(i64::from(total));
}

/// Lane i becomes lane 0 + … + lane i.
#[inline]
#[target_feature(enable = "neon")]
fn running_sum_32(x: uint32x4_t) -> uint32x4_t {
    let zero = vdupq_n_u32(0);
    let pairs = vaddq_u32(x, vextq_u32::<3>(zero, x));
    vaddq_u32(pairs, vextq_u32::<2>(zero, pairs))
}

/// Decimals of any block.
#[target_feature(enable = "neon")]
pub(super) fn wide(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    if ints.divisor > 1.0 {
        wide_groups::<true>(residuals, ints, out);
    } else {
        wide_groups::<false>(residuals, ints, out);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn wide_groups<const DIVIDES: bool>(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    let (groups, rest) = residuals.as_chunks::<2>();
    let group = |i| words_2(groups.get(i).copied().unwrap_or_default());
    let (decimals, base) = (Decimals::new(ints), doubles_2([ints.base; 2]));
    let decimal = |q: uint64x2_t| {
        let q = vcvtq_f64_s64(vreinterpretq_s64_u64(q));
        to_doubles_2(decimals.of::<DIVIDES>(q, base))
    };
    let min = ints.min as u64;
    if ints.is_delta {
        let drift = words_2([min, min.wrapping_mul(2)]);
        let mut last = vdupq_n_u64(ints.q as u64);
        out.groups(2 * groups.len(), |i| {
            let sums = group(i);
            let sums = vaddq_u64(sums, vextq_u64::<1>(vdupq_n_u64(0), sums));
            let q = vaddq_u64(vaddq_u64(sums, drift), last);
            last = vdupq_laneq_u64::<1>(q);
            decimal(q)
        });
        let [last, _] = to_words_2(last);
        ints.q = last as i64;
    } else {
        out.groups(2 * groups.len(), |i| decimal(vaddq_u64(group(i), vdupq_n_u64(min))));
    }
    scalar::ints(rest, ints, out);
}
