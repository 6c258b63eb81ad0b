//! Checksums by page, checked at first touch and remembered.
//!
//! `roaring` trusts what it is given, so no byte leaves this file unchecked. Pages instead of
//! parts: a posting list of ten bytes needs no checksum of its own, a large table no special case,
//! and damage stays where it is. The memory of what was checked is one bit a page.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::layout::{Layout, PAGE_BYTES, u32_at};
use super::{Result, SegmentError};

/// The image and what of it is known to be good.
pub(super) struct Pages<B> {
    bytes: B,
    body_end: u64,
    table_crc: u32,
    table_checked: AtomicBool,
    /// A bit for each page that was checked. The bytes never change and a bit only says that one
    /// thread has looked at them, so no ordering is needed.
    checked: Box<[AtomicU64]>,
}

impl<B: AsRef<[u8]>> Pages<B> {
    pub(super) fn new(bytes: B, layout: &Layout) -> Self {
        let words = layout.page_count().div_ceil(64);
        Self {
            bytes,
            body_end: layout.body_end(),
            table_crc: layout.table_crc,
            table_checked: AtomicBool::new(false),
            checked: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Bytes of the body from `start` to `end`, checked.
    pub(super) fn get(&self, start: u64, end: u64) -> Result<&[u8]> {
        if start > end || end > self.body_end {
            return Err(SegmentError::Corrupt { offset: start, what: "a part lies outside" });
        }
        if start < end {
            for page in start / PAGE_BYTES..=(end - 1) / PAGE_BYTES {
                self.check(page)?;
            }
        }
        let range = start as usize..end as usize;
        self.bytes
            .as_ref()
            .get(range)
            .ok_or(SegmentError::Corrupt { offset: start, what: "the file has become shorter" })
    }

    /// Checks every page again, remembered or not.
    pub(super) fn verify(&self) -> Result<()> {
        self.check_table()?;
        (0..self.body_end.div_ceil(PAGE_BYTES)).try_for_each(|page| self.check_bytes(page))
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.as_ref().len()
    }

    fn check(&self, page: u64) -> Result<()> {
        let (word, bit) = ((page / 64) as usize, 1 << (page % 64));
        let Some(word) = self.checked.get(word) else {
            return Err(SegmentError::Corrupt { offset: page * PAGE_BYTES, what: "no such page" });
        };
        if word.load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        if !self.table_checked.load(Ordering::Relaxed) {
            self.check_table()?;
        }
        self.check_bytes(page)?;
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }

    fn check_table(&self) -> Result<()> {
        let table_bytes = self.body_end.div_ceil(PAGE_BYTES) * 4;
        let range = self.body_end as usize..(self.body_end + table_bytes) as usize;
        let crc = self.bytes.as_ref().get(range).map(crc32c::crc32c);
        if crc != Some(self.table_crc) {
            let what = "the page table's checksum differs";
            return Err(SegmentError::Corrupt { offset: self.body_end, what });
        }
        self.table_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn check_bytes(&self, page: u64) -> Result<()> {
        let bytes = self.bytes.as_ref();
        let start = page * PAGE_BYTES;
        let end = (start + PAGE_BYTES).min(self.body_end);
        let found = bytes.get(start as usize..end as usize).map(crc32c::crc32c);
        let expected = u32_at(bytes, (self.body_end + page * 4) as usize);
        if found.is_none() || found != expected {
            return Err(SegmentError::Corrupt { offset: start, what: "a page's checksum differs" });
        }
        Ok(())
    }
}

impl<B> fmt::Debug for Pages<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("body_end", &self.body_end).finish_non_exhaustive()
    }
}
