//! Times.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_castsi256_si128, _mm256_cvtepu32_epi64,
    _mm256_extracti128_si256, _mm256_set1_epi64x, _mm256_setr_epi64x,
};

use super::super::scalar;
use super::super::sink::Sink;
use super::super::x86::{four_words, to_times_4, to_times_8, to_words_4};
use super::narrow::Narrow;
use super::{last_lane, running_sum};
use crate::pfor::Block;

#[target_feature(enable = "avx2,fma")]
pub(super) fn deltas(residuals: &[u64], min: i64, last: &mut (i64, u64), out: &mut Sink<'_, i64>) {
    let min = _mm256_set1_epi64x(min);
    let (groups, rest) = residuals.as_chunks::<4>();
    let mut time = _mm256_set1_epi64x(last.0);
    let mut delta = _mm256_set1_epi64x(last.1 as i64);
    out.groups(groups.len() * 4, |i| {
        let dods = _mm256_add_epi64(four_words(groups.get(i).copied().unwrap_or_default()), min);
        let deltas = _mm256_add_epi64(running_sum(dods), delta);
        let times = _mm256_add_epi64(running_sum(deltas), time);
        (delta, time) = (last_lane(deltas), last_lane(times));
        to_times_4(times)
    });
    let ([time, ..], [delta, ..]) = (to_words_4(time), to_words_4(delta));
    *last = (time as i64, delta);
    let [min, ..] = to_words_4(min);
    scalar::deltas(rest, min as i64, last, out);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn grid(residuals: &[u64], step: u64, next: &mut i64, out: &mut Sink<'_, i64>) {
    let (groups, rest) = residuals.as_chunks::<4>();
    let mut line = ramp(*next, step);
    let stride = _mm256_set1_epi64x(step.wrapping_mul(4) as i64);
    out.groups(4 * groups.len(), |i| {
        let offsets = four_words(groups.get(i).copied().unwrap_or_default());
        let times = _mm256_add_epi64(offsets, line);
        line = _mm256_add_epi64(line, stride);
        to_times_4(times)
    });
    [*next, ..] = to_times_4(line);
    scalar::grid(rest, step, next, out);
}

/// As [`grid`], for a block that [`Narrow`] suits.
#[target_feature(enable = "avx2,fma")]
pub(super) fn narrow_grid(block: &Block<'_>, step: u64, next: &mut i64, out: &mut Sink<'_, i64>) {
    let groups = Narrow::without_patches(block);
    let before = out.len();
    let after = |i: u64| next.wrapping_add_unsigned(step.wrapping_mul(i));
    let (mut line, mut later) = (ramp(*next, step), ramp(after(4), step));
    let stride = _mm256_set1_epi64x(step.wrapping_mul(8) as i64);
    let end = after(groups.count as u64);
    out.groups(groups.count, |i| {
        let offsets = groups.get(i);
        let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(offsets));
        let high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(offsets));
        let times = [_mm256_add_epi64(low, line), _mm256_add_epi64(high, later)];
        line = _mm256_add_epi64(line, stride);
        later = _mm256_add_epi64(later, stride);
        to_times_8(times)
    });
    *next = end;
    if block.is_patched() {
        let times = out.filled().get_mut(before..).unwrap_or_default();
        block.patches(|position, high| {
            if let Some(time) = times.get_mut(position) {
                *time = time.wrapping_add_unsigned(high);
            }
        });
    }
}

/// Four times with `step` between them.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn ramp(first: i64, step: u64) -> __m256i {
    let time = |i| first.wrapping_add_unsigned(step.wrapping_mul(i));
    _mm256_setr_epi64x(time(0), time(1), time(2), time(3))
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn are_ascending(times: &[i64]) -> bool {
    scalar::are_ascending(times)
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn regular(time: i64, step: u64, n: usize, out: &mut Sink<'_, i64>) {
    let mut next = ramp(time, step);
    let stride = _mm256_set1_epi64x(step.wrapping_mul(4) as i64);
    out.groups(n, |_| {
        let times = next;
        next = _mm256_add_epi64(next, stride);
        to_times_4(times)
    });
}
