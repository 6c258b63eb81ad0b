//! The portable kernel: the definition of what the bytes mean.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use std::array::from_fn;

use super::blocks::{Blocks, LANES};
use super::ints::Ints;
use super::sink::Sink;
use crate::pack::{Packed, mask, word_at};

/// No particular instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar;

impl Blocks for Scalar {}

#[inline]
pub(super) fn unpack(packed: Packed<'_>, out: &mut Sink<'_, u64>) {
    let Packed { bytes, width, count } = packed;
    if width == 64 {
        let (words, _) = bytes.as_chunks();
        out.extend(words.iter().take(count).map(|word| u64::from_le_bytes(*word)));
        return;
    }
    let (width, mask) = (width as usize, mask(width));
    out.extend((0..count).map(|i| {
        let bit = i * width;
        (word_at(bytes, bit / 8) >> (bit % 8)) & mask
    }));
}

#[inline]
pub(super) fn ints(residuals: &[u64], ints: &mut Ints, out: &mut Sink<'_, f64>) {
    let Ints { is_delta, min, base, scale, divisor, .. } = *ints;
    let decimal = |q: i64| (q as f64 * scale + base) / divisor;
    if is_delta {
        out.extend(residuals.iter().map(|&u| {
            ints.q = ints.q.wrapping_add(min).wrapping_add(u as i64);
            decimal(ints.q)
        }));
    } else {
        out.extend(residuals.iter().map(|&u| decimal(min.wrapping_add(u as i64))));
    }
}

#[inline]
pub(super) fn add_ulps(residuals: &[u64], min: i64, values: &mut [f64]) {
    for (value, &u) in values.iter_mut().zip(residuals) {
        add_bits(value, min.wrapping_add(u as i64) as u64);
    }
}

/// Adds `ulps` to the bit pattern of `value`.
#[inline]
pub(super) fn add_bits(value: &mut f64, ulps: u64) {
    *value = f64::from_bits(value.to_bits().wrapping_add(ulps));
}

#[inline]
pub(super) fn xors(residuals: &[u64], shift: u32, bits: &mut u64, out: &mut Sink<'_, f64>) {
    out.extend(residuals.iter().map(|&u| {
        *bits ^= u << shift;
        f64::from_bits(*bits)
    }));
}

#[inline]
pub(super) fn deltas(residuals: &[u64], min: i64, last: &mut (i64, u64), out: &mut Sink<'_, i64>) {
    let (time, delta) = last;
    out.extend(residuals.iter().map(|&u| {
        *delta = delta.wrapping_add_signed(min).wrapping_add(u);
        *time = time.wrapping_add_unsigned(*delta);
        *time
    }));
}

#[inline]
pub(super) fn grid(residuals: &[u64], step: u64, next: &mut i64, out: &mut Sink<'_, i64>) {
    out.extend(residuals.iter().map(|&u| {
        let time = next.wrapping_add_unsigned(u);
        *next = next.wrapping_add_unsigned(step);
        time
    }));
}

#[inline]
pub(super) fn expand(bitmap: &[u8], runs: &[f64], n: usize, out: &mut Sink<'_, f64>) {
    let mut run = 0;
    out.groups(n, |i| {
        let begins = bitmap.get(i).copied().unwrap_or_default();
        from_fn::<_, 8, _>(|bit| {
            run += usize::from(begins >> bit & 1);
            runs.get(run).copied().unwrap_or_default()
        })
    });
}

#[inline]
pub(super) fn regular(time: i64, step: u64, n: usize, out: &mut Sink<'_, i64>) {
    let mut next = time;
    out.extend((0..n).map(|_| {
        let time = next;
        next = next.wrapping_add_unsigned(step);
        time
    }));
}

/// Without a branch for each pair, since all but hostile times pass.
#[inline]
pub(super) fn are_ascending(times: &[i64]) -> bool {
    let later = times.iter().skip(1);
    let wrong =
        times.iter().zip(later).fold(0, |wrong, (time, next)| wrong | i64::from(time >= next));
    wrong == 0
}

/// Not-a-number is neither smaller nor larger than anything.
#[inline]
pub(super) fn extremes(values: &[[f64; LANES]], mins: &mut [f64; LANES], maxs: &mut [f64; LANES]) {
    for group in values {
        for ((min, max), &value) in mins.iter_mut().zip(maxs.iter_mut()).zip(group) {
            *min = if value < *min { value } else { *min };
            *max = if value > *max { value } else { *max };
        }
    }
}

/// Without a branch for each pair, since few chunks have a reset.
#[inline]
pub(super) fn falls(values: &[f64]) -> bool {
    let pairs = values.iter().zip(values.iter().skip(1));
    pairs.fold(0, |found, (before, value)| found | u64::from(value < before)) != 0
}

/// Without a branch for each value, since few chunks have one.
#[inline]
pub(super) fn contain(values: &[f64], bits: u64) -> bool {
    values.iter().fold(0, |found, value| found | u64::from(value.to_bits() == bits)) != 0
}

#[inline]
pub(super) fn add_lanes(values: &[[f64; LANES]], lanes: &mut [f64; LANES]) {
    for group in values {
        for (lane, value) in lanes.iter_mut().zip(group) {
            *lane += value;
        }
    }
}
