//! AVX2 and FMA: four 64-bit numbers at a time, eight of 32 bits where they suffice.
//!
//! Running sums are taken inside the registers, by adding the vector to itself shifted by one lane
//! and then by two (Hillis and Steele, "Data Parallel Algorithms", 1986).
#![expect(unsafe_code, reason = "the features are known to be there, which only unsafe can say")]

mod ints;
mod lanes;
mod narrow;
mod times;
mod unpack;

use std::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_add_epi64, _mm256_blend_epi32, _mm256_castsi256_pd,
    _mm256_loadu_si256, _mm256_permute4x64_epi64, _mm256_permutevar8x32_epi32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_sll_epi64, _mm256_slli_si256, _mm256_xor_si256,
};

use lanes::Values;

use super::blocks::{Blocks, LANES, RUN_SLACK, Residuals, add_block};
use super::groups::{Copied, fit_32_bits, is_short, sum_fits_32_bits};
use super::ints::Ints;
use super::scalar::{self, Scalar};
use super::sink::Sink;
use super::x86::{bytes_32, halves_8, to_doubles_4, to_doubles_8, to_words_4};
use crate::pack::Packed;
use crate::pfor::Block;

/// A processor that has AVX2, FMA and POPCNT, which come together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// This processor, if it has them.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let is_there = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt");
        is_there.then_some(Self(()))
    }
}

impl Blocks for Avx2 {
    const ADDS: bool = true;

    #[inline]
    fn unpack(self, packed: Packed<'_>, out: &mut Sink<'_, u64>) {
        if packed.width == 64 {
            // These are words already.
            return scalar::unpack(packed, out);
        }
        if is_short(packed) {
            return self.unpack(Copied::new(packed).packed(), out);
        }
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { unpack::all(packed, out) }
    }

    #[inline]
    fn ints(self, block: &Block<'_>, ints: &mut Ints, out: &mut Sink<'_, f64>) {
        if sum_fits_32_bits(block) {
            // SAFETY: there is an `Avx2` only where these features are.
            unsafe { ints::narrow(block, ints, out) }
        } else {
            let mut room = Residuals::new();
            let residuals = room.read(self, block);
            // SAFETY: as above.
            unsafe { ints::wide(residuals, ints, out) }
        }
    }

    #[inline]
    fn add_ints(self, block: &Block<'_>, ints: &mut Ints, lanes: &mut [f64; LANES]) {
        if sum_fits_32_bits(block) {
            // SAFETY: there is an `Avx2` only where these features are.
            unsafe { ints::narrow(block, ints, lanes) }
        } else {
            add_block(self, block, ints, lanes);
        }
    }

    #[inline]
    fn add_ulps(self, block: &Block<'_>, min: i64, values: &mut [f64]) {
        if block.packed.width == 64 || is_short(block.packed) {
            return scalar::add_ulps(Residuals::new().read(self, block), min, values);
        }
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { ints::add_ulps(block, min, values) }
    }

    #[inline]
    fn xors(self, packed: Packed<'_>, shift: u32, bits: &mut u64, out: &mut Sink<'_, f64>) {
        if packed.width == 64 {
            // SAFETY: there is an `Avx2` only where these features are.
            return unsafe { xor_words(packed, bits, out) };
        }
        if is_short(packed) {
            return self.xors(Copied::new(packed).packed(), shift, bits, out);
        }
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { xors(packed, shift, bits, out) }
    }

    #[inline]
    fn deltas(self, block: &Block<'_>, min: i64, last: &mut (i64, u64), out: &mut Sink<'_, i64>) {
        let mut room = Residuals::new();
        let residuals = room.read(self, block);
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { times::deltas(residuals, min, last, out) }
    }

    #[inline]
    fn grid(self, block: &Block<'_>, step: u64, next: &mut i64, out: &mut Sink<'_, i64>) {
        if fit_32_bits(block) {
            // SAFETY: there is an `Avx2` only where these features are.
            return unsafe { times::narrow_grid(block, step, next, out) };
        }
        let mut room = Residuals::new();
        let residuals = room.read(self, block);
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { times::grid(residuals, step, next, out) }
    }

    #[inline]
    fn expand(self, bitmap: &[u8], runs: &[f64], n: usize, out: &mut Sink<'_, f64>) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { expand(bitmap, runs, n, out) }
    }

    #[inline]
    fn add_runs(self, bitmap: &[u8], runs: &[f64], n: usize, lanes: &mut [f64; LANES]) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { expand(bitmap, runs, n, lanes) }
    }

    #[inline]
    fn fill(self, count: usize, value: f64, out: &mut Sink<'_, f64>) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { fill(count, value, out) }
    }

    #[inline]
    fn regular(self, time: i64, step: u64, n: usize, out: &mut Sink<'_, i64>) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { times::regular(time, step, n, out) }
    }

    #[inline]
    fn are_ascending(self, times: &[i64]) -> bool {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { times::are_ascending(times) }
    }

    #[inline]
    fn contain(self, values: &[f64], bits: u64) -> bool {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { contain(values, bits) }
    }

    #[inline]
    fn add_lanes(self, values: &[[f64; LANES]], lanes: &mut [f64; LANES]) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { add_lanes(values, lanes) }
    }

    #[inline]
    fn extremes(self, values: &[[f64; LANES]], mins: &mut [f64; LANES], maxs: &mut [f64; LANES]) {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { extremes(values, mins, maxs) }
    }

    #[inline]
    fn falls(self, values: &[f64]) -> bool {
        // SAFETY: there is an `Avx2` only where these features are.
        unsafe { falls(values) }
    }
}

/// Lane i becomes lane 0 xor … xor lane i.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn running_xor(x: __m256i) -> __m256i {
    let pairs = _mm256_xor_si256(x, _mm256_slli_si256::<8>(x));
    let low = _mm256_permute4x64_epi64::<0b01_01_00_00>(pairs);
    _mm256_xor_si256(pairs, _mm256_blend_epi32::<0xf0>(_mm256_setzero_si256(), low))
}

/// Lane i becomes lane 0 + … + lane i.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn running_sum(x: __m256i) -> __m256i {
    let pairs = _mm256_add_epi64(x, _mm256_slli_si256::<8>(x));
    let low = _mm256_permute4x64_epi64::<0b01_01_00_00>(pairs);
    _mm256_add_epi64(pairs, _mm256_blend_epi32::<0xf0>(_mm256_setzero_si256(), low))
}

/// The last lane in all lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn last_lane(x: __m256i) -> __m256i {
    _mm256_permute4x64_epi64::<0xff>(x)
}

#[target_feature(enable = "avx2,fma")]
fn xors(packed: Packed<'_>, shift: u32, bits: &mut u64, out: &mut Sink<'_, f64>) {
    let wide = unpack::Wide::new(packed);
    let shift = _mm_cvtsi32_si128(shift as i32);
    let mut last = _mm256_set1_epi64x(*bits as i64);
    out.groups(packed.count, |i| {
        let (low, high) = wide.group(i);
        let low = running_xor(_mm256_sll_epi64(low, shift));
        let high = running_xor(_mm256_sll_epi64(high, shift));
        let middle = _mm256_xor_si256(last, last_lane(low));
        let group = [_mm256_xor_si256(low, last), _mm256_xor_si256(high, middle)];
        last = _mm256_xor_si256(middle, last_lane(high));
        to_doubles_8([_mm256_castsi256_pd(group[0]), _mm256_castsi256_pd(group[1])])
    });
    if let Some(value) = out.filled().last() {
        *bits = value.to_bits();
    }
}

/// As [`xors`], for words, which are not shifted.
#[target_feature(enable = "avx2,fma")]
fn xor_words(packed: Packed<'_>, bits: &mut u64, out: &mut Sink<'_, f64>) {
    let bytes = packed.bytes.get(..8 * packed.count).unwrap_or_default();
    let (groups, rest) = bytes.as_chunks::<32>();
    let mut last = _mm256_set1_epi64x(*bits as i64);
    out.groups(4 * groups.len(), |i| {
        let words = groups.get(i).map_or(_mm256_setzero_si256(), |bytes| bytes_32(*bytes));
        let values = _mm256_xor_si256(running_xor(words), last);
        last = last_lane(values);
        to_doubles_4(_mm256_castsi256_pd(values))
    });
    [*bits, ..] = to_words_4(last);
    let rest = Packed { bytes: rest, count: packed.count % 4, ..packed };
    scalar::xors(Residuals::new().unpack(Scalar, rest), 0, bits, out);
}

/// For each four bits of a bitmap, the 32-bit halves of the runs that four values have, counted
/// from the run of the first value.
const PICKS: [[u32; 8]; 16] = picks();

const fn picks() -> [[u32; 8]; 16] {
    let mut picks = [[0; 8]; 16];
    let mut bits = 0;
    while bits < 16 {
        let (mut run, mut i) = (0, 0);
        while i < 4 {
            if i > 0 && bits >> i & 1 == 1 {
                run += 1;
            }
            picks[bits][2 * i] = 2 * run;
            picks[bits][2 * i + 1] = 2 * run + 1;
            i += 1;
        }
        bits += 1;
    }
    picks
}

#[target_feature(enable = "avx2,fma,popcnt")]
fn expand<V: Values>(bitmap: &[u8], runs: &[f64], n: usize, out: &mut V) {
    let begins: usize = bitmap.iter().map(|byte| byte.count_ones() as usize).sum();
    assert!(begins + RUN_SLACK <= runs.len(), "there is a run for each begin, and slack");
    let four = |run: usize, begins: u8| {
        // SAFETY: `run` begins of the bitmap are before these, so that four runs are left.
        let candidates = unsafe { _mm256_loadu_si256(runs.as_ptr().add(run).cast()) };
        let picks = halves_8(PICKS[usize::from(begins & 15)]);
        _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(candidates, picks))
    };
    let mut run = 0;
    out.groups(n, |i| {
        let byte = bitmap.get(i).copied().unwrap_or_default();
        let low = four(run + usize::from(byte & 1), byte);
        let high = four(run + (byte & 31).count_ones() as usize, byte >> 4);
        run += byte.count_ones() as usize;
        [low, high]
    });
}

#[target_feature(enable = "avx2,fma")]
fn contain(values: &[f64], bits: u64) -> bool {
    scalar::contain(values, bits)
}

#[target_feature(enable = "avx2,fma")]
fn add_lanes(values: &[[f64; LANES]], lanes: &mut [f64; LANES]) {
    scalar::add_lanes(values, lanes);
}

#[target_feature(enable = "avx2,fma")]
fn fill(count: usize, value: f64, out: &mut Sink<'_, f64>) {
    out.groups(count, |_| [value; 8]);
}

#[target_feature(enable = "avx2,fma")]
fn extremes(values: &[[f64; LANES]], mins: &mut [f64; LANES], maxs: &mut [f64; LANES]) {
    scalar::extremes(values, mins, maxs);
}

#[target_feature(enable = "avx2,fma")]
fn falls(values: &[f64]) -> bool {
    scalar::falls(values)
}
