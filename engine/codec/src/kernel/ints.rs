//! Integers over a power of ten: the range in which they are exact, and the careful way for blocks
//! that may leave it.

use crate::error::DecodeError;
use crate::pfor::Block;
use crate::values::{DECIMAL_LIMIT, power_of_ten};

/// The header of an integer body: value = (`base` + `scale` · q) / 10^`exponent`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IntHeader {
    /// The power of ten, 0 to 16.
    pub(crate) exponent: u8,
    /// Whether q is a running sum of `min` + u (order 1) or `min` + u itself (order 0).
    pub(crate) is_delta: bool,
    /// |base| < 2^51.
    pub(crate) base: i64,
    /// 1 to 2^52.
    pub(crate) scale: u64,
    /// The smallest q, or difference of q.
    pub(crate) min: i64,
}

/// How far an integer body has been decoded.
///
/// A chunk is refused if one of its q is not in −2^51 ≤ q < 2^51 or a |base + scale · q| is not
/// below 2^51. Outside of that range the order of rounding would matter (with or without a fused
/// multiply-add), and kernels could differ. Inside, every step but the division is exact and the
/// division is the correctly rounded one, so all kernels return the same bits.
#[derive(Debug, Clone)]
pub(crate) struct Ints {
    pub(crate) is_delta: bool,
    pub(crate) min: i64,
    pub(crate) base: f64,
    pub(crate) scale: f64,
    /// 10^exponent.
    pub(crate) divisor: f64,
    /// The last q; −min at first, so that u = 0 makes the first value base.
    pub(crate) q: i64,
    outside: u64,
    peak: f64,
}

impl Ints {
    pub(crate) fn new(header: &IntHeader) -> Self {
        Self {
            is_delta: header.is_delta,
            min: header.min,
            base: header.base as f64,
            // It is below 2^63, and a signed number is converted by one instruction.
            scale: header.scale as i64 as f64,
            divisor: power_of_ten(header.exponent),
            q: header.min.wrapping_neg(),
            outside: 0,
            peak: 0.0,
        }
    }

    /// Whether no number of the block can leave the exact range, whatever its bits are. Neither
    /// can `q + i · min` for i up to the block's length, which kernels use as a base.
    ///
    /// Numbers that pass are below 2^53, and so is each step on the way to them: nothing here is
    /// rounded, and what is rounded does not pass.
    pub(crate) fn are_exact(&self, block: &Block<'_>) -> bool {
        let (start, drift, rise) = if self.is_delta {
            (self.q, self.min as f64 * block.count() as f64, block.max_sum())
        } else {
            (self.min, 0.0, block.max())
        };
        let (start, rise) = (start as f64, rise.min(i64::MAX as u64) as i64 as f64);
        let low = start + drift.min(0.0);
        let high = start + drift.max(0.0) + rise;
        let farthest = low.abs().max(high.abs());
        farthest * self.scale + self.base.abs() < DECIMAL_LIMIT as f64
    }

    /// One value, with a check of its range.
    pub(crate) fn checked(&mut self, u: u64) -> f64 {
        let before = if self.is_delta { self.q } else { 0 };
        let q = before.wrapping_add(self.min).wrapping_add(u as i64);
        self.q = q;
        // Zero if and only if −2^51 ≤ q < 2^51.
        self.outside |= (q.wrapping_add(DECIMAL_LIMIT) as u64) >> 52;
        let k = q as f64 * self.scale + self.base;
        self.peak = self.peak.max(k.abs());
        k / self.divisor
    }

    /// Refuses the chunk if a [checked](Self::checked) value was out of range.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.outside == 0 && self.peak < DECIMAL_LIMIT as f64 {
            Ok(())
        } else {
            Err(DecodeError::DecimalRange)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pfor;
    use crate::reader::Reader;

    fn exact(header: IntHeader, q: i64, residuals: &[u64]) -> bool {
        let mut bytes = Vec::new();
        pfor::write(residuals, &mut bytes);
        let mut block = Block::default();
        block.read(&mut Reader::new(&bytes), residuals.len()).unwrap();
        let mut ints = Ints::new(&header);
        ints.q = q;
        ints.are_exact(&block)
    }

    #[test]
    fn the_bound_ends_at_the_exact_range() {
        let header = IntHeader { exponent: 0, is_delta: false, base: 0, scale: 1, min: 0 };
        let edge = DECIMAL_LIMIT - 1;
        assert!(exact(IntHeader { min: edge - 1, ..header }, 0, &[1]));
        assert!(!exact(IntHeader { min: edge, ..header }, 0, &[1]));
        assert!(exact(IntHeader { min: 1 - DECIMAL_LIMIT, ..header }, 0, &[1]));
        assert!(!exact(IntHeader { min: i64::MIN, ..header }, 0, &[1]));
        let scaled = IntHeader { scale: 4, base: -3, ..header };
        assert!(exact(IntHeader { min: (1 << 49) - 2, ..scaled }, 0, &[1]));
        assert!(!exact(IntHeader { min: (1 << 49) - 1, ..scaled }, 0, &[1]));
        let delta = IntHeader { is_delta: true, ..header };
        assert!(exact(delta, edge - 10, &[1; 10]));
        assert!(!exact(delta, edge - 9, &[1; 10]));
        assert!(exact(IntHeader { min: -3, ..delta }, 30 - edge, &[1; 10]));
        assert!(!exact(IntHeader { min: -3, ..delta }, 29 - edge, &[1; 10]));
        assert!(!exact(delta, 0, &[u64::MAX]));
    }
}
