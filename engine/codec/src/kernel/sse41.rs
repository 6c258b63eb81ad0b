//! SSE4.1: two 64-bit numbers at a time, four of 32 bits where they suffice. For x86-64
//! processors without AVX2.
#![expect(unsafe_code, reason = "the features are known to be there, which only unsafe can say")]

mod ints;
mod narrow;
mod unpack;

use super::blocks::{Blocks, Residuals};
use super::groups::{Copied, is_short, sum_fits_32_bits};
use super::ints::Ints;
use super::scalar::{self, Scalar};
use super::sink::Sink;
use crate::pack::Packed;
use crate::pfor::Block;

/// A processor that has SSSE3 and SSE4.1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sse41(());

impl Sse41 {
    /// This processor, if it has them.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let is_there = is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1");
        is_there.then_some(Self(()))
    }
}

impl Blocks for Sse41 {
    #[inline]
    fn unpack(self, packed: Packed<'_>, out: &mut Sink<'_, u64>) {
        if packed.width == 64 {
            // These are words already.
            return scalar::unpack(packed, out);
        }
        if is_short(packed) {
            return self.unpack(Copied::new(packed).packed(), out);
        }
        // SAFETY: there is an `Sse41` only where these features are.
        unsafe { unpack::all(packed, out) }
    }

    /// A block is too short for what unpacking with vectors has to set up.
    #[inline]
    fn xors(self, packed: Packed<'_>, shift: u32, bits: &mut u64, out: &mut Sink<'_, f64>) {
        Scalar.xors(packed, shift, bits, out);
    }

    #[inline]
    fn ints(self, block: &Block<'_>, ints: &mut Ints, out: &mut Sink<'_, f64>) {
        if sum_fits_32_bits(block) {
            // SAFETY: there is an `Sse41` only where these features are.
            unsafe { ints::narrow(block, ints, out) }
        } else {
            let mut room = Residuals::new();
            let residuals = room.read(self, block);
            // SAFETY: as above.
            unsafe { ints::wide(residuals, ints, out) }
        }
    }
}
