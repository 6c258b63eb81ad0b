//! Timestamp streams: each distinct one is stored once in a block.
//!
//! All series of one scrape have the same times, so a block has far fewer streams than chunks
//! (262 for 25,572 in our capture), and a reader decodes each once. The number of samples and the
//! first and last time of a chunk are those of its stream and are stored with it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use nunatak_codec::{EncodeError, MAX_SAMPLES};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::bytes::ByteReader;
use super::page::{MAX_PAGE, Page};
use crate::bytes::{put_signed, put_varint};

/// Raw bytes at which a page of streams is closed: small, since a reader wants few of them.
const TARGET_PAGE: usize = 16 * 1024;

/// What is known of a stream without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) samples: usize,
    pub(super) min_t: i64,
    pub(super) max_t: i64,
    /// Where its encoded times are in the page's raw bytes.
    pub(super) bytes: Range<usize>,
}

/// A page of streams that was read.
#[derive(Debug)]
pub(super) struct StreamPage {
    page: Page,
    streams: Vec<Stream>,
}

impl StreamPage {
    /// Finds the streams in a page; `None` if it is not a page of streams.
    pub(super) fn parse(page: Page) -> Option<Self> {
        let mut streams = Vec::new();
        let mut reader = ByteReader::new(page.raw());
        let mut before = 0i64;
        while !reader.is_done() {
            let samples = usize::try_from(reader.varint()?).ok()?;
            let min_t = before.wrapping_add(reader.zigzag()?);
            let max_t = i64::try_from(i128::from(min_t) + i128::from(reader.varint()?)).ok()?;
            let len = usize::try_from(reader.varint()?).ok()?;
            let start = reader.at();
            reader.take(len)?;
            if samples == 0 || samples > MAX_SAMPLES {
                return None;
            }
            streams.push(Stream { samples, min_t, max_t, bytes: start..start + len });
            before = min_t;
        }
        Some(Self { page, streams })
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.page.heap_bytes() + self.streams.capacity() * size_of::<Stream>()
    }

    /// Number of streams in the page.
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn stream(&self, index: usize) -> Option<&Stream> {
        self.streams.get(index)
    }

    /// The first time and the step of a stream, if it is regular and as the page says.
    pub(super) fn regular(&self, stream: &Stream) -> Option<(i64, i64)> {
        let encoded = self.page.padded_from(stream.bytes.start);
        let (first, step, used) = nunatak_codec::regular_times(encoded, stream.samples)?;
        let last = first.checked_add(step.checked_mul(stream.samples as i64 - 1)?)?;
        let is_as_said = (first, last, used) == (stream.min_t, stream.max_t, stream.bytes.len());
        is_as_said.then_some((first, step))
    }

    /// Decodes a stream and checks it against what is known of it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn decode(&self, stream: &Stream) -> Result<Vec<i64>, String> {
        let encoded = self.page.padded_from(stream.bytes.start);
        let mut times = Vec::new();
        let used = nunatak_codec::decode_times(encoded, stream.samples, &mut times)
            .map_err(|e| e.to_string())?;
        let ends = (times.first().copied(), times.last().copied());
        if used != stream.bytes.len() || ends != (Some(stream.min_t), Some(stream.max_t)) {
            return Err("a timestamp stream is not what the block says of it".to_owned());
        }
        Ok(times)
    }
}

/// Gives each distinct stream a number and collects new ones into pages.
#[derive(Debug)]
pub(super) struct StreamInterner {
    /// 128-bit hash of the times → their number: series of one scrape share them, so that most are
    /// known and need not be encoded. The seed is random, so nobody can make
    /// times that collide; it changes no byte of the block.
    known: HashMap<u128, u32>,
    seed: u64,
    raw: Vec<u8>,
    /// Number of the first stream in `raw`.
    first: u32,
    before: i64,
    scratch: Vec<u8>,
}

impl StreamInterner {
    pub(super) fn new() -> Self {
        Self {
            known: HashMap::new(),
            seed: RandomState::new().hash_one(0),
            raw: Vec::new(),
            first: 0,
            before: 0,
            scratch: Vec::new(),
        }
    }

    /// Number of distinct streams.
    pub(super) fn len(&self) -> u32 {
        self.known.len() as u32
    }

    /// The number of the stream with these times.
    pub(super) fn intern(&mut self, times: &[i64]) -> Result<u32, EncodeError> {
        self.scratch.clear();
        self.scratch.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        let hash = xxh3_128_with_seed(&self.scratch, self.seed);
        if let Some(&number) = self.known.get(&hash) {
            return Ok(number);
        }
        self.store(times)?;
        let number = self.known.len() as u32;
        self.known.insert(hash, number);
        Ok(number)
    }

    /// Puts a new stream into the page.
    fn store(&mut self, times: &[i64]) -> Result<(), EncodeError> {
        self.scratch.clear();
        nunatak_codec::encode_times(times, &mut self.scratch)?;
        let (Some(&min_t), Some(&max_t)) = (times.first(), times.last()) else { return Ok(()) };
        put_varint(&mut self.raw, times.len() as u64);
        put_signed(&mut self.raw, min_t.wrapping_sub(self.before));
        put_varint(&mut self.raw, max_t.wrapping_sub(min_t) as u64);
        put_varint(&mut self.raw, self.scratch.len() as u64);
        self.raw.extend_from_slice(&self.scratch);
        self.before = min_t;
        Ok(())
    }

    /// The raw bytes of a page and the number of its first stream, if a page is full.
    pub(super) fn full_page(&mut self) -> Option<(Vec<u8>, u32)> {
        debug_assert!(self.raw.len() <= MAX_PAGE);
        if self.raw.len() < TARGET_PAGE { None } else { self.last_page() }
    }

    /// As [`full_page`](Self::full_page), for what is left at the end.
    pub(super) fn last_page(&mut self) -> Option<(Vec<u8>, u32)> {
        if self.raw.is_empty() {
            return None;
        }
        let page = (std::mem::take(&mut self.raw), self.first);
        self.first = self.known.len() as u32;
        self.before = 0;
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::page::seal;

    fn page(raw: &[u8]) -> Page {
        let mut sealed = Vec::new();
        seal(raw, false, &mut sealed).unwrap();
        Page::unseal(sealed).unwrap()
    }

    #[test]
    fn equal_streams_are_stored_once_and_come_back() {
        let mut interner = StreamInterner::new();
        let (a, b) = ([1i64, 2, 9], [i64::MIN, 0, i64::MAX]);
        assert_eq!([&a, &b, &a, &b].map(|times| interner.intern(times).unwrap()), [0, 1, 0, 1]);
        assert_eq!(interner.intern(&[1, 2]).unwrap(), 2, "a prefix is another stream");
        let (raw, first) = interner.last_page().unwrap();
        let page = StreamPage::parse(page(&raw)).unwrap();
        assert_eq!((first, page.len()), (0, 3));
        let stream = page.stream(1).unwrap();
        assert_eq!((stream.samples, stream.min_t, stream.max_t), (3, i64::MIN, i64::MAX));
        assert_eq!(page.decode(stream).unwrap(), b);
        assert_eq!(page.decode(page.stream(0).unwrap()).unwrap(), a);
        assert!(interner.last_page().is_none());
    }

    #[test]
    fn a_page_cut_anywhere_inside_a_stream_is_refused() {
        let mut interner = StreamInterner::new();
        interner.intern(&[5, 6, 7, 100]).unwrap();
        let (raw, _) = interner.last_page().unwrap();
        for len in 1..raw.len() {
            assert!(StreamPage::parse(page(&raw[..len])).is_none(), "{len}");
        }
    }
}
