//! Varints: the alphabet of a saved head.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

/// Why bytes are no saved head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

pub(crate) type Parsed<T> = std::result::Result<T, Malformed>;

/// Writes seven bits a byte, the lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Writes small numbers of either sign in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_varint(out, ((n << 1) ^ (n >> 63)) as u64);
}

/// Writes a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads from the front of bytes that may be hostile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Parsed<u8> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed("ends early"))?;
        self.0 = rest;
        Ok(first)
    }

    pub(crate) fn varint(&mut self) -> Parsed<u64> {
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
        Err(Malformed("a varint is longer than 64 bits"))
    }

    /// A number that fits `T`.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self) -> Parsed<T> {
        T::try_from(self.varint()?).map_err(|_| Malformed("a number is too large"))
    }

    pub(crate) fn signed(&mut self) -> Parsed<i64> {
        let n = self.varint()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// A count of things of at least one byte each: it can't ask for more memory than a multiple
    /// of the input.
    pub(crate) fn count(&mut self) -> Parsed<usize> {
        let count = self.number()?;
        if count > self.0.len() { Err(Malformed("a count is too large")) } else { Ok(count) }
    }

    pub(crate) fn bytes(&mut self) -> Parsed<&'a [u8]> {
        let len = self.count()?;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Parsed<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("text is not UTF-8"))
    }

    /// Eight bytes, little-endian.
    pub(crate) fn word(&mut self) -> Parsed<u64> {
        let bytes = self.take(8)?.first_chunk().ok_or(Malformed("ends early"))?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn take(&mut self, len: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed("ends early"))?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_and_lengths_are_bounded() {
        let mut out = Vec::new();
        put_varint(&mut out, u64::MAX);
        put_signed(&mut out, i64::MIN);
        put_bytes(&mut out, b"ab");
        let mut reader = Reader(&out);
        assert_eq!((reader.varint(), reader.signed()), (Ok(u64::MAX), Ok(i64::MIN)));
        assert_eq!((reader.text(), reader.is_done()), (Ok("ab"), true));
        assert!(Reader(&[0xFF; 10]).varint().is_err());
        assert!(Reader(&[3, 1, 2]).count().is_err());
        assert!(Reader(&[200, 3]).number::<u8>().is_err());
    }
}
