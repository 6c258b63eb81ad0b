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

/// Up to eight bytes as a number, lowest first.
#[inline]
pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().rev().fold(0, |x, &byte| x << 8 | u64::from(byte)),
    }
}

/// Eight bytes from `at`, zeros where the slice has ended.
#[inline]
pub(crate) fn word_at(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes, at),
    }
}

#[cold]
#[inline(never)]
fn last_word(bytes: &[u8], at: usize) -> u64 {
    little_endian(bytes.get(at..).unwrap_or_default())
}

/// Packed values, as they are in a chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Packed<'a> {
    /// The packed bytes and whatever follows them: kernels may load beyond the last value, but
    /// must not let what they find there change a value.
    pub(crate) bytes: &'a [u8],
    /// A stored width.
    pub(crate) width: u32,
    /// How many values, at most 128.
    pub(crate) count: usize,
}

/// Appends the low `width` bits of each value. The width must be a stored one.
pub(crate) fn pack(values: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0u64, 0);
    for value in values {
        let value = value & mask(width);
        word |= value << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // What did not fit; all of it did if the word is just full.
            word = value.checked_shr(width - filled).unwrap_or(0);
        }
    }
    out.extend(word.to_le_bytes().iter().take(filled.div_ceil(8) as usize));
}
