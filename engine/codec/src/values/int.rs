//! Integers: common divisor, differences if they are smaller, PFOR.

use super::Body;
use super::decimal::Decimals;
use super::kind;
use crate::kernel::IntHeader;
use crate::{pfor, varint};

/// Integers ready to be written.
#[derive(Debug)]
pub(super) struct IntPlan {
    header: IntHeader,
    residuals: Vec<u64>,
}

impl IntPlan {
    /// The cheaper of differences and plain integers. All of `ints` are below 2^51 in size, so
    /// that nothing here overflows.
    pub(super) fn new(ints: &[i64], exponent: u8) -> Self {
        let base = ints[0];
        let scale = common_divisor(ints);
        let scaled: Vec<i64> = ints.iter().map(|&int| (int - base) / scale as i64).collect();
        let (min, plain) = above_min(scaled.iter().copied());
        let deltas = scaled.windows(2).map(|pair| pair[1] - pair[0]);
        let (delta_min, later) = above_min(deltas);
        let delta: Vec<u64> = std::iter::once(0).chain(later).collect();
        let plain_len = pfor::len(&plain) + varint::signed_len(min);
        let delta_len = pfor::len(&delta) + varint::signed_len(delta_min);
        let is_delta = delta_len < plain_len;
        let (min, residuals) = if is_delta { (delta_min, delta) } else { (min, plain) };
        Self { header: IntHeader { exponent, is_delta, base, scale, min }, residuals }
    }

    /// The bits that this adds to the kind.
    pub(super) fn kind(&self) -> u8 {
        if self.header.is_delta { kind::DELTA } else { 0 }
    }

    /// Appends header and integers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let header = &self.header;
        out.push(header.exponent);
        varint::write_signed(header.base, out);
        varint::write(header.scale, out);
        varint::write_signed(header.min, out);
        pfor::write(&self.residuals, out);
    }
}

/// The body of `values` whose decimals were found.
pub(super) fn body(values: &[f64], decimals: &Decimals) -> Body {
    let plan = IntPlan::new(&decimals.ints, decimals.exponent);
    let mut body = Body { kind: kind::INT | plan.kind(), bytes: Vec::new() };
    plan.write(&mut body.bytes);
    if !decimals.exceptions.is_empty() {
        body.kind |= kind::EXCEPTIONS;
        body.bytes.push(decimals.exceptions.len() as u8);
        for &index in &decimals.exceptions {
            varint::write(index as u64, &mut body.bytes);
            body.bytes.extend(values[index].to_le_bytes());
        }
    }
    body
}

/// The smallest of the numbers, and how far each is above it.
pub(super) fn above_min(numbers: impl Iterator<Item = i64> + Clone) -> (i64, Vec<u64>) {
    let min = numbers.clone().min().unwrap_or(0);
    (min, numbers.map(|number| (number - min) as u64).collect())
}

/// The greatest common divisor of all distances from the first integer; 1 if there are none.
fn common_divisor(ints: &[i64]) -> u64 {
    let mut divisor = 0;
    for int in ints {
        divisor = gcd(int.abs_diff(ints[0]), divisor);
        if divisor == 1 {
            break;
        }
    }
    divisor.max(1)
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
