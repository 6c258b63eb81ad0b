//! LEB128 varints and zigzag.

/// The most bytes that a varint of 64 bits takes.
pub(crate) const MAX_BYTES: usize = 10;

/// Maps small negative and positive numbers to small unsigned ones: 0, −1, 1, −2, … → 0, 1, 2, 3.
pub(crate) fn zigzag(x: i64) -> u64 {
    ((x << 1) ^ (x >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(x: u64) -> i64 {
    ((x >> 1) as i64) ^ -((x & 1) as i64)
}

/// Appends `x`, seven bits a byte, lowest first.
pub(crate) fn write(mut x: u64, out: &mut Vec<u8>) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Appends `x` as a zigzag varint.
pub(crate) fn write_signed(x: i64, out: &mut Vec<u8>) {
    write(zigzag(x), out);
}

/// How many bytes [`write`] takes for `x`.
pub(crate) fn len(x: u64) -> usize {
    (64 - (x | 1).leading_zeros()).div_ceil(7) as usize
}

/// How many bytes [`write_signed`] takes for `x`.
pub(crate) fn signed_len(x: i64) -> usize {
    len(zigzag(x))
}
