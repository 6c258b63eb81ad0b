//! Files read through a window, and numbers read from bytes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::BlockError;

/// Bytes that are read at once.
const WINDOW: usize = 1 << 20;
/// Longest piece that is asked for at once: a chunk or the entry of a series.
const LONGEST: u64 = 64 << 20;

/// A file of which a window is in memory.
#[derive(Debug)]
pub(super) struct WindowFile {
    path: PathBuf,
    file: File,
    len: u64,
    start: u64,
    window: Vec<u8>,
}

impl WindowFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, BlockError> {
        let open = || {
            let file = File::open(&path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        };
        let (file, len) = open().map_err(|e| BlockError::io(&path, e))?;
        Ok(Self { path, file, len, start: 0, window: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn corrupt(&self, offset: u64, what: &'static str) -> BlockError {
        BlockError::corrupt(&self.path, offset, what)
    }

    /// `len` bytes from `offset`.
    pub(super) fn get(&mut self, offset: u64, len: u64) -> Result<&[u8], BlockError> {
        let end = offset.checked_add(len).filter(|&end| end <= self.len && len <= LONGEST);
        let Some(end) = end else {
            return Err(self.corrupt(offset, "a length leads out of the file"));
        };
        if offset < self.start || end > self.start + self.window.len() as u64 {
            self.start = offset;
            let bytes = (self.len - offset).min(WINDOW.max(len as usize) as u64) as usize;
            self.window.resize(bytes, 0);
            let read = self.file.read_exact_at(&mut self.window, offset);
            read.map_err(|e| BlockError::io(&self.path, e))?;
        }
        let from = (offset - self.start) as usize;
        Ok(self.window.get(from..from + len as usize).unwrap_or_default())
    }

    /// As many of `len` bytes from `offset` as there are.
    pub(super) fn get_up_to(&mut self, offset: u64, len: u64) -> Result<&[u8], BlockError> {
        let len = len.min(self.len.saturating_sub(offset));
        self.get(offset, len)
    }
}

/// Reads numbers from the front of bytes; `None` at their end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*front))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*front))
    }

    /// Seven bits a byte, lowest first.
    pub(super) fn uvarint(&mut self) -> Option<u64> {
        let mut x = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.u8()?);
            if shift == 63 && byte > 1 {
                return None;
            }
            x |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(x);
            }
        }
        None
    }

    /// A signed number: zigzag in a varint.
    pub(super) fn varint(&mut self) -> Option<i64> {
        let x = self.uvarint()?;
        Some((x >> 1) as i64 ^ -((x & 1) as i64))
    }

    /// A length and as many bytes of UTF-8.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.uvarint()?).ok()?;
        std::str::from_utf8(self.bytes(len)?).ok()
    }
}
