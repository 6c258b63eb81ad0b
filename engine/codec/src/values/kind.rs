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

/// Bits 2 and 3: whether the body holds every value or one for each run.
pub(super) const SPARSE: u8 = 0b11 << 2;
/// Where runs begin is a bitmap.
pub(super) const BITMAP: u8 = 1 << 2;
/// Where runs begin is a list.
pub(super) const POSITIONS: u8 = 2 << 2;

/// Bit 4 of an integer body: the integers are differences.
pub(super) const DELTA: u8 = 1 << 4;
/// Bit 4 of a constant: it is stored as a decimal.
pub(super) const DECIMAL: u8 = 1 << 4;
/// Bit 5: some values are stored raw behind the integers.
pub(super) const EXCEPTIONS: u8 = 1 << 5;

/// Whether this build writes such a kind. Bits 6 and 7 are for other kinds of chunks: 01 is kept
/// for native histograms.
pub(super) fn is_known(kind: u8) -> bool {
    let (class, sparse) = (kind & CLASS, kind & SPARSE);
    let flags = match class {
        CONST => DECIMAL,
        INT => SPARSE | DELTA | EXCEPTIONS,
        XOR => SPARSE,
        _ => SPARSE | DELTA,
    };
    kind & !(CLASS | flags) == 0 && sparse != SPARSE
}
