//! Streams of bits, the highest of a byte first.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::ReferenceError;

/// The part of a 64-bit pattern that is stored, by the zeros around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    leading: u32,
    trailing: u32,
}

impl Window {
    /// What a reader has before the first window.
    pub(super) const WHOLE: Self = Self { leading: 0, trailing: 0 };

    /// The window around the bits of `xor`, which is not 0. There are 5 bits for the leading zeros.
    pub(super) fn around(xor: u64) -> Self {
        Self { leading: xor.leading_zeros().min(31), trailing: xor.trailing_zeros() }
    }

    /// Whether `inner` is inside.
    pub(super) fn holds(self, inner: Self) -> bool {
        inner.leading >= self.leading && inner.trailing >= self.trailing
    }

    fn width(self) -> u32 {
        64 - self.leading - self.trailing
    }
}

/// Appends bits to bytes. All but the last byte are complete at any time.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl<'a> Writer<'a> {
    /// Begins at a byte's border behind what is there.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, free: 0 }
    }

    /// Appends the low `len` bits of `code`, 1 to 64; there must be no others in it.
    #[inline]
    pub(super) fn put(&mut self, code: u64, len: u32) {
        let word = code << (64 - len);
        let (mut rest, mut left) = (word, len);
        if self.free > 0 {
            if let Some(last) = self.out.last_mut() {
                *last |= (word >> (64 - self.free)) as u8;
            }
            if len <= self.free {
                self.free -= len;
                return;
            }
            rest <<= self.free;
            left -= self.free;
        }
        let bytes = left.div_ceil(8);
        let whole = self.out.len() + bytes as usize;
        self.out.extend_from_slice(&rest.to_be_bytes());
        self.out.truncate(whole);
        self.free = bytes * 8 - left;
    }

    /// Appends the low `len` bits of a number in two's complement.
    pub(super) fn put_signed(&mut self, number: i64, len: u32) {
        self.put(number as u64 & low(len), len);
    }

    /// Appends seven bits a byte, lowest first.
    pub(super) fn put_varint(&mut self, mut x: u64) {
        while x >= 0x80 {
            self.put(x & 0x7f | 0x80, 8);
            x >>= 7;
        }
        self.put(x, 8);
    }

    /// Appends the bits of `xor` that are in `window`.
    pub(super) fn put_inside(&mut self, xor: u64, window: Window) {
        self.put(xor >> window.trailing, window.width());
    }

    /// Appends a window: 5 bits of leading zeros, 6 bits of width, in which 64 is 0.
    pub(super) fn put_window(&mut self, window: Window) {
        self.put(u64::from(window.leading << 6 | window.width() & 63), 11);
    }
}

/// Reads bits from bytes through a word of 64.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    word: u64,
    /// Low bits of the word that are not read yet.
    left: u32,
}

impl<'a> Reader<'a> {
    /// Begins at the first bit.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, word: 0, left: 0 }
    }

    /// Reads `len` bits, 1 to 64.
    #[inline]
    pub(super) fn take(&mut self, len: u32) -> Result<u64, ReferenceError> {
        if len > self.left {
            return self.take_across(len);
        }
        self.left -= len;
        Ok(self.word >> self.left & low(len))
    }

    /// Reads bits that begin in this word and end in the next one.
    fn take_across(&mut self, len: u32) -> Result<u64, ReferenceError> {
        let high = self.word & low(self.left);
        let missing = len - self.left;
        self.refill();
        if missing > self.left {
            return Err(ReferenceError::Truncated);
        }
        self.left -= missing;
        Ok(high.checked_shl(missing).unwrap_or(0) | self.word >> self.left & low(missing))
    }

    fn refill(&mut self) {
        if let Some((word, rest)) = self.rest.split_first_chunk() {
            self.word = u64::from_be_bytes(*word);
            self.left = 64;
            self.rest = rest;
        } else {
            self.word = self.rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
            self.left = self.rest.len() as u32 * 8;
            self.rest = &[];
        }
    }

    /// Reads one bit.
    #[inline]
    pub(super) fn bit(&mut self) -> Result<bool, ReferenceError> {
        Ok(self.take(1)? == 1)
    }

    /// Reads ones up to and with the zero that ends them, or `most` ones; returns how many.
    #[inline]
    pub(super) fn ones(&mut self, most: u32) -> Result<u32, ReferenceError> {
        // Bit by bit, as Prometheus does: the branches are mostly predicted, and it measures faster
        // than counting in the word, whose result the next read would have to wait for.
        let mut ones = 0;
        while ones < most && self.bit()? {
            ones += 1;
        }
        Ok(ones)
    }

    /// Reads a number of `len` bits in two's complement.
    #[inline]
    pub(super) fn signed(&mut self, len: u32) -> Result<i64, ReferenceError> {
        Ok((self.take(len)? << (64 - len)) as i64 >> (64 - len))
    }

    /// Reads seven bits a byte, lowest first.
    pub(super) fn varint(&mut self) -> Result<u64, ReferenceError> {
        let mut x = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(8)?;
            if shift == 63 && byte > 1 {
                break;
            }
            x |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(x);
            }
        }
        Err(ReferenceError::Varint)
    }

    /// Reads the bits inside of a window.
    #[inline]
    pub(super) fn inside(&mut self, window: Window) -> Result<u64, ReferenceError> {
        Ok(self.take(window.width())? << window.trailing)
    }

    /// Reads a window.
    #[inline]
    pub(super) fn window(&mut self) -> Result<Window, ReferenceError> {
        let code = self.take(11)? as u32;
        let (leading, width) = (code >> 6, (code.wrapping_sub(1) & 63) + 1);
        match 64_u32.checked_sub(leading + width) {
            Some(trailing) => Ok(Window { leading, trailing }),
            None => Err(ReferenceError::Window { leading, width }),
        }
    }
}

/// All bits below `len`, 0 to 64.
#[inline]
fn low(len: u32) -> u64 {
    u64::MAX.checked_shr(64 - len).unwrap_or(0)
}

/// Puts small numbers of either sign to small numbers.
pub(super) fn zigzag(x: i64) -> u64 {
    (x << 1 ^ x >> 63) as u64
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(x: u64) -> i64 {
    (x >> 1) as i64 ^ -((x & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(fields in prop::collection::vec((any::<u64>(), 1u32..=64), 0..200)) {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            for &(code, len) in &fields {
                writer.put(code & low(len), len);
            }
            let bits: u32 = fields.iter().map(|(_, len)| len).sum();
            prop_assert_eq!(bytes.len(), bits.div_ceil(8) as usize);
            let mut reader = Reader::new(&bytes);
            for &(code, len) in &fields {
                prop_assert_eq!(reader.take(len), Ok(code & low(len)));
            }
            prop_assert_eq!(reader.take(8), Err(ReferenceError::Truncated));
        }

        #[test]
        fn varints_and_zigzag_are_inverse(x in any::<i64>(), before in 1u32..8) {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            writer.put(0, before);
            writer.put_varint(zigzag(x));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.take(before), Ok(0));
            prop_assert_eq!(reader.varint().map(unzigzag), Ok(x));
        }
    }

    #[test]
    fn the_highest_bit_is_the_first() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.put(0b110, 3);
        writer.put(0b1_0000_0001, 9);
        assert_eq!(bytes, [0b1101_0000, 0b0001_0000]);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.ones(4), Ok(2));
        assert_eq!(reader.signed(9), Ok(-255));
    }
}
