//! Sums of decimals that were accumulated in floating point: nearly decimals. They are stored as
//! the nearest decimals and the distances of the bit patterns, in units in the last place.

use super::decimal::{power_of_ten, round};
use super::int::{IntPlan, above_min};
use super::{Body, kind};
use crate::{pfor, varint};

/// Powers of ten that are tried: nano, micro and milli units, and pico units at last.
const EXPONENTS: [u8; 4] = [9, 6, 3, 12];

/// Larger distances are not worth it.
const MAX_ULPS: u64 = 1 << 32;

/// The smallest body of nearly decimal values, if they are.
pub(super) fn body(values: &[f64]) -> Option<Body> {
    let bodies = EXPONENTS.iter().filter_map(|&exponent| with_exponent(values, exponent));
    bodies.min_by_key(|body| body.bytes.len())
}

fn with_exponent(values: &[f64], exponent: u8) -> Option<Body> {
    let power = power_of_ten(exponent);
    let mut ints = Vec::with_capacity(values.len());
    let mut ulps = Vec::with_capacity(values.len());
    for &value in values {
        let int = round(value * power)?;
        let nearest = (int as f64 / power).to_bits();
        let distance = value.to_bits().wrapping_sub(nearest) as i64;
        if distance.unsigned_abs() > MAX_ULPS {
            return None;
        }
        ints.push(int);
        ulps.push(distance);
    }
    let plan = IntPlan::new(&ints, exponent);
    let mut body = Body { kind: kind::ULP | plan.kind(), bytes: Vec::new() };
    plan.write(&mut body.bytes);
    let (min, residuals) = above_min(ulps.iter().copied());
    varint::write_signed(min, &mut body.bytes);
    pfor::write(&residuals, &mut body.bytes);
    Some(body)
}
