//! The reference kernel: portable, safe, and the definition of what the bytes mean.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::{IntHeader, TimeHeader};
use crate::error::DecodeError;
use crate::pack::{is_stored_width, mask, packed_len};
use crate::pfor::{BLOCK, Header};
use crate::reader::Reader;
use crate::values::{DECIMAL_LIMIT, XOR_BLOCK, power_of_ten};

/// Unpacks one PFOR block of `count` ≤ 128 values and applies its patches.
pub(crate) fn unpack_block<'b>(
    reader: &mut Reader<'_>,
    count: usize,
    block: &'b mut [u64; BLOCK],
) -> Result<&'b [u64], DecodeError> {
    let header = Header::read(reader, count)?;
    let (slots, _) = block.split_at_mut(count.min(BLOCK));
    let bytes = reader.rest();
    reader.take(packed_len(header.width, count))?;
    unpack(bytes, header.width, slots);
    for _ in 0..header.patches {
        let position = reader.u8()?;
        let high = little_endian(reader.take(header.high_bytes)?);
        match slots.get_mut(usize::from(position)) {
            Some(slot) => *slot |= high << header.width,
            None => return Err(reader.bad_field("PFOR patch position", position.into())),
        }
    }
    Ok(slots)
}

/// Unpacks values of `width` bits from the start of `bytes`, which may go on behind them.
fn unpack(bytes: &[u8], width: u32, slots: &mut [u64]) {
    if width == 64 {
        for (slot, word) in slots.iter_mut().zip(bytes.chunks(8)) {
            *slot = little_endian(word);
        }
        return;
    }
    let mask = mask(width);
    let mut bit = 0;
    for slot in slots {
        *slot = (word_at(bytes, bit / 8) >> (bit % 8)) & mask;
        bit += width as usize;
    }
}

/// Eight bytes from `at`, zeros where the slice has ended.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| little_endian(rest), |word| u64::from_le_bytes(*word))
}

/// Up to eight bytes as a number, lowest first.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |x, &byte| x << 8 | u64::from(byte))
}

/// Calls `each` with the blocks of a PFOR stream of `n` values.
fn for_blocks(
    reader: &mut Reader<'_>,
    n: usize,
    mut each: impl FnMut(&[u64]),
) -> Result<(), DecodeError> {
    let mut block = [0; BLOCK];
    let mut left = n;
    while left > 0 {
        let count = left.min(BLOCK);
        each(unpack_block(reader, count, &mut block)?);
        left -= count;
    }
    Ok(())
}

/// Turns integers into decimals and remembers whether all of them were in the exact range.
///
/// Outside of it the order of rounding would matter (with or without a fused multiply-add), and
/// kernels could differ; so such a chunk is refused. Inside, every step but the division is exact
/// and the division is the correctly rounded one, so all kernels return the same bits.
struct Decimals {
    base: f64,
    scale: f64,
    divisor: f64,
    outside: u64,
    peak: f64,
}

impl Decimals {
    fn new(header: &IntHeader) -> Self {
        Self {
            base: header.base as f64,
            scale: header.scale as f64,
            divisor: power_of_ten(header.exponent),
            outside: 0,
            peak: 0.0,
        }
    }

    fn value(&mut self, q: i64) -> f64 {
        // Zero if and only if −2^51 ≤ q < 2^51.
        self.outside |= (q.wrapping_add(DECIMAL_LIMIT) as u64) >> 52;
        let k = q as f64 * self.scale + self.base;
        self.peak = self.peak.max(k.abs());
        k / self.divisor
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.outside == 0 && self.peak < DECIMAL_LIMIT as f64 {
            Ok(())
        } else {
            Err(DecodeError::DecimalRange)
        }
    }
}

pub(super) fn ints(
    reader: &mut Reader<'_>,
    header: &IntHeader,
    n: usize,
    out: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    let mut decimals = Decimals::new(header);
    let min = header.min;
    if header.is_delta {
        // The first u is 0, so that the first q is 0 and the first value base.
        let mut q = min.wrapping_neg();
        for_blocks(reader, n, |block| {
            out.extend(block.iter().map(|&u| {
                q = q.wrapping_add(min).wrapping_add(u as i64);
                decimals.value(q)
            }));
        })?;
    } else {
        for_blocks(reader, n, |block| {
            out.extend(block.iter().map(|&u| decimals.value(min.wrapping_add(u as i64))));
        })?;
    }
    decimals.check()
}

pub(super) fn xors(
    reader: &mut Reader<'_>,
    first: u64,
    n: usize,
    out: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    out.push(f64::from_bits(first));
    let mut bits = first;
    let mut block = [0; XOR_BLOCK];
    let mut left = n - 1;
    while left > 0 {
        let count = left.min(XOR_BLOCK);
        let (slots, _) = block.split_at_mut(count);
        let shift = unpack_xor_block(reader, slots)?;
        out.extend(slots.iter().map(|&u| {
            bits ^= u << shift;
            f64::from_bits(bits)
        }));
        left -= count;
    }
    Ok(())
}

/// Fills `slots` from an xor block and returns how far its values are shifted.
fn unpack_xor_block(reader: &mut Reader<'_>, slots: &mut [u64]) -> Result<u32, DecodeError> {
    let width = u32::from(reader.u8()?);
    let shift = u32::from(reader.u8()?);
    if !is_stored_width(width) {
        return Err(reader.bad_field("xor width", width.into()));
    }
    if shift > 63 || width + shift > 64 {
        return Err(reader.bad_field("xor shift", shift.into()));
    }
    let bytes = reader.rest();
    reader.take(packed_len(width, slots.len()))?;
    unpack(bytes, width, slots);
    Ok(shift)
}

pub(super) fn add_ulps(
    reader: &mut Reader<'_>,
    min: i64,
    values: &mut [f64],
) -> Result<(), DecodeError> {
    let mut left = values.iter_mut();
    for_blocks(reader, left.len(), |block| {
        for (&u, value) in block.iter().zip(left.by_ref()) {
            let ulps = min.wrapping_add(u as i64) as u64;
            *value = f64::from_bits(value.to_bits().wrapping_add(ulps));
        }
    })
}

pub(super) fn expand(bitmap: &[u8], runs: &[f64], n: usize, out: &mut Vec<f64>) {
    let mut runs = runs.iter();
    let mut value = runs.next().copied().unwrap_or_default();
    out.extend((0..n).map(|i| {
        let byte = bitmap.get(i / 8).copied().unwrap_or_default();
        if byte >> (i % 8) & 1 == 1 {
            value = runs.next().copied().unwrap_or(value);
        }
        value
    }));
}

pub(super) fn delta_times(
    reader: &mut Reader<'_>,
    header: &TimeHeader,
    n: usize,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let mut delta = header.step;
    let mut time = header.first.wrapping_add_unsigned(delta);
    out.extend([header.first, time]);
    for_blocks(reader, n - 2, |block| {
        out.extend(block.iter().map(|&u| {
            delta = delta.wrapping_add_signed(header.min).wrapping_add(u);
            time = time.wrapping_add_unsigned(delta);
            time
        }));
    })
}

pub(super) fn grid_times(
    reader: &mut Reader<'_>,
    header: &TimeHeader,
    n: usize,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let mut grid = header.first.wrapping_add(header.min);
    for_blocks(reader, n, |block| {
        out.extend(block.iter().map(|&u| {
            let time = grid.wrapping_add_unsigned(u);
            grid = grid.wrapping_add_unsigned(header.step);
            time
        }));
    })
}
