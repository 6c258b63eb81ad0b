//! Reads the open chunk's bit stream, lowest bit of each byte first.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use crate::error::DecodeError;

/// How many bits [`BitReader::peek`] shows at least.
pub(super) const PEEK: u32 = 57;

/// A position in a bit stream. Every step checks the end.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Bits not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next bits, the first one lowest: [`PEEK`] of them at least, zeros behind the end.
    pub(super) fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        word >> (self.at % 8)
    }

    /// Steps over bits that were peeked at.
    pub(super) fn advance(&mut self, bits: u32) -> Result<(), DecodeError> {
        if bits as usize > self.left() {
            return Err(DecodeError::Truncated { at: self.bytes.len() });
        }
        self.at += bits as usize;
        Ok(())
    }

    /// The next `bits` ≤ 64 bits.
    pub(super) fn take(&mut self, bits: u32) -> Result<u64, DecodeError> {
        let low = bits.min(32);
        let word = self.peek();
        if bits <= PEEK {
            self.advance(bits)?;
            return Ok(word & ((1 << bits) - 1));
        }
        self.advance(low)?;
        let high = self.peek() & ((1 << (bits - low)) - 1);
        self.advance(bits - low)?;
        Ok((word & u64::from(u32::MAX)) | high << low)
    }
}
