//! Packed values too near to the end of their slice for loads of whole vectors.

use crate::pack::{Packed, packed_len};
use crate::pfor::BLOCK;

/// The most bytes of a block, and room behind them for the widest load.
const BYTES: usize = 8 * BLOCK + 64;

/// A copy of packed values with zeros behind them.
#[derive(Debug)]
pub(super) struct Copied {
    bytes: [u8; BYTES],
    width: u32,
    count: usize,
}

impl Copied {
    #[cold]
    #[inline(never)]
    pub(super) fn new(packed: Packed<'_>) -> Self {
        let Packed { width, count, .. } = packed;
        let mut bytes = [0; BYTES];
        let used = packed.bytes.iter().take(packed_len(width, count));
        for (byte, &from) in bytes.iter_mut().zip(used) {
            *byte = from;
        }
        Self { bytes, width, count }
    }

    pub(super) fn packed(&self) -> Packed<'_> {
        Packed { bytes: &self.bytes, width: self.width, count: self.count }
    }
}
