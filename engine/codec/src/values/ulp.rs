//! Sums of decimals that were accumulated in floating point: nearly decimals. They are stored as
//! the nearest decimals and the distances of the bit patterns, in units in the last place.

use super::decimal::{power_of_ten, round};
use super::int::{IntPlan, Numbers};
use super::kind;
use crate::pack::width_of;
use crate::varint;

/// Powers of ten that are tried: nano, micro and milli units, and pico units at last.
const EXPONENTS: [u8; 4] = [9, 6, 3, 12];

/// Larger distances are not worth it.
const MAX_ULPS: u64 = 1 << 32;

/// Values that are looked at to choose a power of ten.
const SAMPLE: usize = 16;

/// Bits of a power of ten, times a hundred.
const HUNDREDTHS_OF_BITS: u32 = 332;

/// Nearly decimal values, ready to be written.
#[derive(Debug)]
pub(super) struct UlpBody {
    plan: IntPlan,
    min: i64,
    ulps: Numbers,
}

impl UlpBody {
    /// The body of nearly decimal values, if they are.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let exponent = likely_exponent(values)?;
        let mut ints = Vec::with_capacity(values.len());
        let mut ulps = Vec::with_capacity(values.len());
        for &value in values {
            let (int, distance) = nearest(value, power_of_ten(exponent))?;
            ints.push(int);
            ulps.push(distance);
        }
        let min = ulps.iter().copied().min().unwrap_or(0);
        let ulps = ulps.into_iter().map(|distance| (distance - min) as u64).collect();
        Some(Self { plan: IntPlan::new(&ints, exponent), min, ulps: Numbers::new(ulps) })
    }

    /// The body's part of the kind.
    pub(super) fn kind(&self) -> u8 {
        kind::ULP | self.plan.kind()
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn len(&self) -> usize {
        self.plan.len() + varint::signed_len(self.min) + self.ulps.len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.plan.write(out);
        varint::write_signed(self.min, out);
        self.ulps.write(out);
    }
}

/// The nearest integer over `power`, and how far off that is.
fn nearest(value: f64, power: f64) -> Option<(i64, i64)> {
    let int = round(value * power)?;
    let nearest = (int as f64 / power).to_bits();
    let distance = value.to_bits().wrapping_sub(nearest) as i64;
    (distance.unsigned_abs() <= MAX_ULPS).then_some((int, distance))
}

/// The power of ten that a few of the values suit best: a larger one makes the integers longer
/// and, until the distances are rounding errors, these shorter by as much.
fn likely_exponent(values: &[f64]) -> Option<u8> {
    let stride = values.len().div_ceil(SAMPLE).max(1);
    let cost = |exponent: u8| {
        let power = power_of_ten(exponent);
        let mut distances = values.iter().step_by(stride).map(|&value| nearest(value, power));
        let all = distances.try_fold(0, |all, near| Some(all | near?.1.unsigned_abs()))?;
        Some(100 * width_of(all) + HUNDREDTHS_OF_BITS * u32::from(exponent))
    };
    let costs = EXPONENTS.iter().filter_map(|&e| Some((cost(e)?, e)));
    costs.min().map(|(_, exponent)| exponent)
}
