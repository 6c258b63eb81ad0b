//! Varints and cursors: the alphabet of frames.

use super::error::FrameError;

/// Maps small numbers of either sign to small numbers.
pub(super) fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Writes seven bits a byte, the lowest first; the top bit says that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Writes a length and the bytes.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Reads from the front of bytes that may be hostile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Bytes that are left.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(FrameError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, FrameError> {
        let (&first, rest) = self.rest.split_first().ok_or(FrameError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    pub(super) fn varint(&mut self) -> Result<u64, FrameError> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            n |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(FrameError::Malformed { what: "a varint is longer than 64 bits" })
    }

    pub(super) fn signed(&mut self) -> Result<i64, FrameError> {
        self.varint().map(unzigzag)
    }

    /// A count of things that take at least `least` bytes each, so it can't ask for more memory
    /// than a multiple of the input.
    pub(super) fn count(&mut self, least: usize) -> Result<usize, FrameError> {
        let count = usize::try_from(self.varint()?).map_err(|_| FrameError::Truncated)?;
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.remaining() => Ok(count),
            _ => Err(FrameError::Truncated),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, FrameError> {
        let len = self.count(1)?;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| FrameError::Malformed { what: "text is not UTF-8" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive() {
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, n);
            assert_eq!(Cursor::new(&out).varint(), Ok(n));
            assert_eq!(zigzag(unzigzag(n)), n);
        }
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        let mut long = [0xFF; 10];
        assert!(Cursor::new(&long).varint().is_err());
        long[9] = 2;
        assert!(Cursor::new(&long).varint().is_err());
        long[9] = 1;
        assert_eq!(Cursor::new(&long).varint(), Ok(u64::MAX));
    }

    #[test]
    fn a_count_is_bounded_by_the_bytes() {
        assert_eq!(Cursor::new(&[3, 0, 0, 0]).count(1), Ok(3));
        assert_eq!(Cursor::new(&[3, 0, 0]).count(1), Err(FrameError::Truncated));
        assert_eq!(Cursor::new(&[2, 0, 0, 0]).count(2), Err(FrameError::Truncated));
    }
}
