//! The codes of the open chunk, shared by its writer and its reader.

/// Bytes before the bit stream: the first time and the first value, raw.
pub(super) const HEAD_BYTES: usize = 16;

/// Bits of a new window: 6 for its shift, 6 for its width less one.
pub(super) const WINDOW_BITS: u32 = 12;

/// Widths of the differences of differences for the prefixes `110`, `1110` and `11110`; `11111`
/// is followed by all 64 bits.
pub(super) const SMALL: u32 = 8;
pub(super) const MEDIUM: u32 = 16;
pub(super) const LARGE: u32 = 24;

/// Whether `x` is a number of `bits` bits in two's complement.
pub(super) fn fits(x: i64, bits: u32) -> bool {
    sign_extend(x as u64, bits) == x
}

/// The low `bits` bits of `word` as a signed number.
pub(super) fn sign_extend(word: u64, bits: u32) -> i64 {
    (word << (64 - bits)) as i64 >> (64 - bits)
}

/// The part of a 64-bit pattern that is stored: `width` bits, `shift` bits from the low end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) shift: u8,
    /// 1 to 64; 0 before the first change.
    pub(super) width: u8,
}

impl Window {
    /// The smallest window around the bits of `xor`, which is not 0.
    pub(super) fn around(xor: u64) -> Self {
        let shift = xor.trailing_zeros() as u8;
        Self { shift, width: 64 - xor.leading_zeros() as u8 - shift }
    }

    /// Whether all that `inner` holds is in this window, and a new one would cost more.
    pub(super) fn serves(self, inner: Self) -> bool {
        let end = self.shift + self.width;
        self.shift <= inner.shift
            && inner.shift + inner.width <= end
            && u32::from(self.width) <= u32::from(inner.width) + WINDOW_BITS
    }
}
