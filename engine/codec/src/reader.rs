//! Reads the byte-aligned parts of a chunk and never past its end.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use crate::error::DecodeError;
use crate::varint;

/// A cursor over a chunk's bytes. Every read checks the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Everything not read yet, with whatever follows the chunk.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.truncated());
        };
        self.rest = rest;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated());
        };
        self.rest = rest;
        self.at += N;
        Ok(*taken)
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self) -> DecodeError {
        DecodeError::Truncated { at: self.at + self.rest.len() }
    }

    /// The next byte.
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// The next eight bytes, little-endian.
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next varint.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            self.at += 1;
            return Ok(byte.into());
        }
        self.long_varint()
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut x = 0;
        for (i, &byte) in self.rest.iter().take(varint::MAX_BYTES).enumerate() {
            x |= u64::from(byte & 0x7f) << (7 * i);
            if i == varint::MAX_BYTES - 1 && byte > 1 {
                return Err(DecodeError::Varint { at: self.at + varint::MAX_BYTES });
            }
            if byte < 0x80 {
                self.take(i + 1)?;
                return Ok(x);
            }
        }
        Err(self.truncated())
    }

    /// The next zigzag varint.
    pub(crate) fn signed(&mut self) -> Result<i64, DecodeError> {
        Ok(varint::unzigzag(self.varint()?))
    }

    /// The error that `field`, just read, has a value that no encoder writes.
    #[cold]
    #[inline(never)]
    pub(crate) fn bad_field(&self, field: &'static str, found: u64) -> DecodeError {
        DecodeError::Field { field, found, at: self.at }
    }
}
