//! Pages: the unit of reading, of checking and of compression.
//!
//! A page is at most 64 KiB of raw bytes behind a head of 13 bytes. The checksum covers the head
//! too and is verified on every read from the file; what fails it never reaches a decoder.

use std::io;

use nunatak_codec::PADDING;

use super::bytes::ByteReader;

/// Raw bytes of a page at most.
pub(super) const MAX_PAGE: usize = 64 * 1024;
/// `raw_len:u32 stored_len:u32 codec:u8 crc32c:u32`
pub(super) const PAGE_HEAD: usize = 13;

const CODEC_NONE: u8 = 0;
const CODEC_ZSTD: u8 = 1;
/// Fast to write; higher levels win 2 to 3 % on pages that are bit-packed already.
const ZSTD_LEVEL: i32 = 1;
/// A page that zstd makes smaller by less than this part stays as it is: bit-packed noise would
/// cost every reader time and win nobody space.
const WORTHWHILE: usize = 32;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageKind {
    /// Value streams, one after the other.
    Values,
    /// Timestamp streams.
    Times,
    /// The series directory.
    Directory,
}

impl PageKind {
    pub(super) fn code(self) -> u64 {
        match self {
            Self::Values => 0,
            Self::Times => 1,
            Self::Directory => 2,
        }
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        [Self::Values, Self::Times, Self::Directory].into_iter().find(|kind| kind.code() == code)
    }
}

/// Appends `raw` as a page; zstd is used if it is wanted and worthwhile.
pub(super) fn seal(raw: &[u8], zstd: bool, out: &mut Vec<u8>) -> io::Result<()> {
    debug_assert!(raw.len() <= MAX_PAGE);
    let packed = if zstd { zstd::bulk::compress(raw, ZSTD_LEVEL)? } else { Vec::new() };
    let (codec, stored) = match packed.len() {
        len if zstd && len + raw.len().div_ceil(WORTHWHILE) <= raw.len() => {
            (CODEC_ZSTD, packed.as_slice())
        }
        _ => (CODEC_NONE, raw),
    };
    let mut head = Vec::with_capacity(PAGE_HEAD);
    head.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    head.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    head.push(codec);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), stored);
    out.extend_from_slice(&head);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(stored);
    Ok(())
}

/// A page that was read and checked. Its raw bytes are followed by [`PADDING`] zeros, so that
/// kernels may use their fastest loads up to the end.
#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    start: usize,
}

impl Page {
    /// Checks and, if need be, decompresses the page that `bytes` is, no more and no less.
    ///
    /// # Errors
    /// What is wrong with the page, in words.
    pub(super) fn unseal(bytes: Vec<u8>) -> Result<Self, String> {
        let (mut bytes, start) = open(bytes)?;
        bytes.resize(bytes.len() + PADDING, 0);
        Ok(Self { bytes, start })
    }

    /// The raw bytes.
    pub(super) fn raw(&self) -> &[u8] {
        let end = self.bytes.len() - PADDING;
        self.bytes.get(self.start..end).unwrap_or_default()
    }

    /// The memory of the page, for another one.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The raw bytes from `offset` on with the padding behind them.
    pub(super) fn padded_from(&self, offset: usize) -> &[u8] {
        self.bytes.get(self.start + offset..).unwrap_or_default()
    }
}

/// The page's raw bytes, from the returned index on.
fn open(bytes: Vec<u8>) -> Result<(Vec<u8>, usize), String> {
    let mut reader = ByteReader::new(&bytes);
    let (Some(raw_len), Some(stored_len), Some(codec), Some(crc)) =
        (reader.u32(), reader.u32(), reader.u8(), reader.u32())
    else {
        return Err(format!("a page of {} bytes is too short", bytes.len()));
    };
    let stored = bytes.get(PAGE_HEAD..).unwrap_or_default();
    let head = bytes.get(..PAGE_HEAD - 4).unwrap_or_default();
    let found = crc32c::crc32c_append(crc32c::crc32c(head), stored);
    if found != crc {
        return Err(format!("page checksum is {found:08x}, expected {crc:08x}"));
    }
    if stored.len() != stored_len as usize || raw_len as usize > MAX_PAGE {
        return Err(format!("page of {} bytes says {stored_len} and {raw_len}", stored.len()));
    }
    let (raw, start) = match codec {
        CODEC_NONE => (bytes, PAGE_HEAD),
        CODEC_ZSTD => (decompress(stored, raw_len as usize)?, 0),
        other => return Err(format!("page has the unknown codec {other}")),
    };
    if raw.len() - start != raw_len as usize {
        return Err(format!("page has {} raw bytes, expected {raw_len}", raw.len() - start));
    }
    Ok((raw, start))
}

fn decompress(stored: &[u8], raw_len: usize) -> Result<Vec<u8>, String> {
    let mut raw = Vec::with_capacity(raw_len + PADDING);
    let mut context = zstd::bulk::Decompressor::new().map_err(|e| e.to_string())?;
    let written = context.decompress_to_buffer(stored, &mut raw);
    written.map_err(|e| format!("page does not decompress: {e}"))?;
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(raw: &[u8], zstd: bool) -> Vec<u8> {
        let mut out = Vec::new();
        seal(raw, zstd, &mut out).unwrap();
        out
    }

    fn unseal(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let page = Page::unseal(bytes)?;
        assert_eq!(&page.padded_from(0)[page.raw().len()..], [0; PADDING]);
        Ok(page.raw().to_vec())
    }

    #[test]
    fn pages_come_back_with_and_without_zstd() {
        let dull = vec![7u8; 5000];
        assert_eq!(unseal(sealed(&dull, false)).unwrap(), dull);
        assert_eq!(unseal(sealed(&dull, true)).unwrap(), dull);
        assert!(sealed(&dull, true).len() < 100);
        assert_eq!(sealed(b"abc", true), sealed(b"abc", false), "zstd would be larger");
        assert_eq!(unseal(sealed(b"", true)).unwrap(), b"");
        let noise: Vec<u8> = (0..500u64)
            .flat_map(|i| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()).to_le_bytes())
            .collect();
        let nearly = [noise.as_slice(), &[7; 120]].concat();
        assert!(zstd::bulk::compress(&nearly, ZSTD_LEVEL).unwrap().len() < nearly.len());
        let (packed, plain) = (sealed(&nearly, true), sealed(&nearly, false));
        assert!(packed == plain, "not worth a decompression");
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found() {
        for zstd in [false, true] {
            let page = sealed(&[42u8; 100], zstd);
            for i in 0..page.len() * 8 {
                let mut bad = page.clone();
                bad[i / 8] ^= 1 << (i % 8);
                assert!(unseal(bad).is_err(), "bit {i}");
            }
            for len in 0..page.len() {
                assert!(unseal(page[..len].to_vec()).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn a_page_that_lies_about_its_size_is_refused() {
        for raw_len in [99u32, 101, u32::MAX] {
            for zstd in [false, true] {
                let mut page = sealed(&[42u8; 100], zstd);
                page[..4].copy_from_slice(&raw_len.to_le_bytes());
                let crc = crc32c::crc32c_append(crc32c::crc32c(&page[..9]), &page[13..]);
                page[9..13].copy_from_slice(&crc.to_le_bytes());
                assert!(unseal(page).is_err(), "{raw_len}");
            }
        }
    }
}
