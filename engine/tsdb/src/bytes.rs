//! Varints: the alphabet of frames and of saved heads.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

/// What is wrong with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

pub(crate) type Parsed<T> = std::result::Result<T, Malformed>;

const ENDS_EARLY: Malformed = Malformed("ends early");

/// Maps small numbers of either sign to small numbers.
pub(crate) fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Writes seven bits a byte, the lowest first; the top bit says that more follow.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Writes small numbers of either sign in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_varint(out, zigzag(n));
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

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Parsed<u8> {
        let (&first, rest) = self.0.split_first().ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(first)
    }

    /// Most are of one byte: that is all that callers have inlined.
    #[inline]
    pub(crate) fn varint(&mut self) -> Parsed<u64> {
        match self.0.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.0 = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Parsed<u64> {
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
    #[inline]
    pub(crate) fn number<T: TryFrom<u64>>(&mut self) -> Parsed<T> {
        T::try_from(self.varint()?).map_err(|_| Malformed("a number is too large"))
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Parsed<i64> {
        self.varint().map(unzigzag)
    }

    /// A count of things that take at least `least` bytes each, so it can't ask for more memory
    /// than a multiple of the input.
    #[inline]
    pub(crate) fn count(&mut self, least: usize) -> Parsed<usize> {
        let count: usize = self.number()?;
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.remaining() => Ok(count),
            _ => Err(ENDS_EARLY),
        }
    }

    pub(crate) fn bytes(&mut self) -> Parsed<&'a [u8]> {
        let len = self.count(1)?;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Parsed<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("text is not UTF-8"))
    }

    /// Eight bytes, little-endian.
    pub(crate) fn word(&mut self) -> Parsed<u64> {
        let bytes = self.take(8)?.first_chunk().ok_or(ENDS_EARLY)?;
        Ok(u64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_comes_back_and_is_missed_when_cut_off(a: u64, b: i64, c: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(&mut out, a);
            put_signed(&mut out, b);
            put_bytes(&mut out, &c);
            let read = |bytes| {
                let mut reader = Reader(bytes);
                let read = (reader.varint()?, reader.signed()?, reader.bytes()?);
                Ok((read, reader.is_done()))
            };
            prop_assert_eq!(read(&out), Ok(((a, b, c.as_slice()), true)));
            prop_assert_eq!(read(&out[..out.len() - 1]), Err(ENDS_EARLY));
        }
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        let mut long = [0xFF; 10];
        Reader(&long).varint().unwrap_err();
        long[9] = 2;
        Reader(&long).varint().unwrap_err();
        long[9] = 1;
        assert_eq!(Reader(&long).varint(), Ok(u64::MAX));
        Reader(&[200, 3]).number::<u8>().unwrap_err();
    }

    #[test]
    fn a_count_is_bounded_by_the_bytes() {
        assert_eq!(Reader(&[3, 0, 0, 0]).count(1), Ok(3));
        assert_eq!(Reader(&[3, 0, 0]).count(1), Err(ENDS_EARLY));
        assert_eq!(Reader(&[2, 0, 0, 0]).count(2), Err(ENDS_EARLY));
        assert_eq!(Reader(&[1, 0xFF]).text(), Err(Malformed("text is not UTF-8")));
    }
}
