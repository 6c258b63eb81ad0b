//! NEON: two 64-bit numbers at a time, four of 32 bits where they suffice. On every arm64
//! processor.
#![expect(unsafe_code, reason = "the features are known to be there, which only unsafe can say")]

mod ints;
mod narrow;
mod unpack;

use std::arch::is_aarch64_feature_detected;

use super::blocks::{Blocks, Residuals};
use super::groups::{Copied, is_short, sum_fits_32_bits};
use super::ints::Ints;
use super::scalar;
use super::sink::Sink;
use crate::pack::Packed;
use crate::pfor::Block;

/// A processor that has NEON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// This processor, if it has it.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

impl Blocks for Neon {
    #[inline]
    fn unpack(self, packed: Packed<'_>, out: &mut Sink<'_, u64>) {
        if packed.width == 64 {
            // These are words already.
            return scalar::unpack(packed, out);
        }
        if is_short(packed) {
            return self.unpack(Copied::new(packed).packed(), out);
        }
        // SAFETY: there is a `Neon` only where this feature is.
        unsafe { unpack::all(packed, out) }
    }

    #[inline]
    fn ints(self, block: &Block<'_>, ints: &mut Ints, out: &mut Sink<'_, f64>) {
        if sum_fits_32_bits(block) {
            // SAFETY: there is a `Neon` only where this feature is.
            unsafe { ints::narrow(block, ints, out) }
        } else {
            let mut room = Residuals::new();
            let residuals = room.read(self, block);
            // SAFETY: as above.
            unsafe { ints::wide(residuals, ints, out) }
        }
    }
}
