//! The first byte of a value stream.

/// Bits 0 and 1: how the values of the body are stored.
pub(super) const CLASS: u8 = 0b11;
/// All values are the same.
pub(super) const CONST: u8 = 0;
/// Integers over a power of ten.
pub(super) const INT: u8 = 1;
/// Xor with the value before.
pub(super) const XOR: u8 = 2;
/// Integers over a power of ten, and small corrections of their bit patterns.
pub(super) const ULP: u8 = 3;

/// Bits 2 to 5 of a constant: the power of ten of a decimal, or [`RAW`].
pub(super) const CONST_SHIFT: u8 = 2;
/// The constant is a float.
pub(super) const RAW: u8 = 15;

/// Bits 2 and 3: whether the body holds every value or one for each run.
pub(super) const SPARSE: u8 = 0b11 << 2;
/// Where runs begin is a bitmap.
pub(super) const BITMAP: u8 = 1 << 2;
/// Where runs begin is a list.
pub(super) const POSITIONS: u8 = 2 << 2;

/// Bit 4 of an integer body: the integers are differences.
pub(super) const DELTA: u8 = 1 << 4;
/// Bit 5: some values are stored raw behind the integers.
pub(super) const EXCEPTIONS: u8 = 1 << 5;
/// Bit 7 of an integer body: a byte says the power of ten, and whether there is a scale.
pub(super) const DECIMAL: u8 = 1 << 7;

/// That byte's bits for the power of ten.
pub(super) const EXPONENT: u8 = 0x1f;
/// That byte's bit for a scale other than 1.
pub(super) const SCALED: u8 = 0x20;

/// Whether this build writes such a kind. Bit 6 is kept for what is no stream of values: differences
/// between chunks, native histograms.
pub(super) fn is_known(kind: u8) -> bool {
    let flags = match kind & CLASS {
        CONST => return kind >> CONST_SHIFT <= RAW,
        INT => SPARSE | DELTA | EXCEPTIONS | DECIMAL,
        XOR => SPARSE,
        _ => SPARSE | DELTA | DECIMAL,
    };
    kind & !(CLASS | flags) == 0 && kind & SPARSE != SPARSE
}
