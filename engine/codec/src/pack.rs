//! Bit packing: values of one width side by side, lowest bit first.

/// The widest value that is packed: 57 bits and a shift of up to 7 fit one 64-bit load. Wider
/// values are stored in 64 bits.
pub(crate) const MAX_WIDTH: u32 = 57;

/// Bits that `x` needs.
pub(crate) fn width_of(x: u64) -> u32 {
    64 - x.leading_zeros()
}

/// The width in which values of `width` bits are stored.
pub(crate) fn stored_width(width: u32) -> u32 {
    if width > MAX_WIDTH { 64 } else { width }
}

/// Whether a chunk may have this width.
pub(crate) fn is_stored_width(width: u32) -> bool {
    width <= MAX_WIDTH || width == 64
}

/// Bytes of `count` values of `width` bits.
pub(crate) fn packed_len(width: u32, count: usize) -> usize {
    (width as usize * count).div_ceil(8)
}

/// All bits below `width`.
pub(crate) fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Appends the low `width` bits of each value. The width must be a stored one.
pub(crate) fn pack(values: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut pending = 0u128;
    let mut filled = 0;
    for value in values {
        pending |= u128::from(value & mask(width)) << filled;
        filled += width;
        while filled >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(pending as u8);
    }
}
