//! The portable kernel: the definition of what the bytes mean.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::blocks::{Blocks, LANES};
use super::ints::Ints;
use super::sink::Sink;
use crate::pack::{Packed, little_endian, mask, word_at};

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

/// Goes from one set bit to the next.
#[inline]
pub(super) fn expand(bitmap: &[u8], runs: &[f64], n: usize, out: &mut Sink<'_, f64>) {
    let mut runs = runs.iter().copied();
    let mut value = runs.next().unwrap_or_default();
    let end = out.len() + n;
    for (i, word) in bitmap.chunks(8).enumerate() {
        let first = end - n + 64 * i;
        let mut begins = little_endian(word);
        while begins != 0 {
            let begin = first + begins.trailing_zeros() as usize;
            out.fill(begin - out.len(), value);
            value = runs.next().unwrap_or(value);
            begins &= begins - 1;
        }
    }
    out.fill(end - out.len(), value);
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
