//! The open chunk: samples are appended one by one to a compressed bit stream.
//!
//! Times are differences of differences and values are xor-ed with the one before, as in Pelkonen
//! et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database" (VLDB 2015). One control
//! bit stands for "the regular time and the same value", which is what most samples of a
//! monitoring system are; Prometheus' XOR2 chunk has the same idea. The bits are in
//! `docs/format/chunk.md`.

mod bits;
mod code;
mod decode;
mod frozen;

use std::fmt;

use code::{HEAD_BYTES, LARGE, MEDIUM, SMALL, WINDOW_BITS, Window, fits};
pub use decode::{Samples, decode_open};
pub use frozen::FrozenChunk;

use crate::MAX_SAMPLES;
use crate::error::{AppendError, DecodeError};

/// Bytes that hold two hours of a series that is scraped every minute and does not change.
const QUIET_BYTES: usize = 48;

/// Samples of one series, strictly ascending in time, that can be appended to.
///
/// Holds at most [`MAX_SAMPLES`]. An empty one has no heap memory; the buffer grows by a quarter,
/// at least by 64 bytes. Half of either would save 12 bytes a series and copy nearly twice as many
/// bytes, which appending to many chunks in turn feels: their bytes are not in cache. Only the
/// first steps are of 16 bytes, for the many series that never change.
#[derive(Clone, Default)]
pub struct OpenChunk {
    /// The bytes and, behind them, room; all bits behind the last sample are zero.
    buffer: Box<[u8]>,
    last_time: i64,
    last_bits: u64,
    /// The last difference of times; wraps, and is 0 after the first sample.
    delta: u64,
    /// Bits in use.
    end: u32,
    len: u16,
    window: Window,
}

impl OpenChunk {
    /// A chunk without samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues a chunk from its [`bytes`](Self::bytes) and the number of its samples.
    ///
    /// # Errors
    /// If the bytes are not those of an open chunk of `len` samples.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Result<Self, DecodeError> {
        decode::restore(bytes, len)
    }

    /// Adds a sample: `time` in milliseconds since the epoch, `value` kept bit for bit.
    ///
    /// # Errors
    /// If the chunk is full, or `time` is not after the last time; the chunk is then unchanged.
    pub fn append(&mut self, time: i64, value: f64) -> Result<(), AppendError> {
        let bits = value.to_bits();
        if self.len == 0 {
            self.append_first(time, bits);
        } else if time <= self.last_time {
            return Err(AppendError::NotAfterLast { time, last: self.last_time });
        } else if self.is_full() {
            return Err(AppendError::Full);
        } else {
            self.append_next(time, bits);
        }
        self.last_time = time;
        self.last_bits = bits;
        self.len += 1;
        Ok(())
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether no sample can be added any more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= MAX_SAMPLES
    }

    /// Time of the first sample. Nothing is decoded.
    #[must_use]
    pub fn first_time(&self) -> Option<i64> {
        self.buffer.first_chunk().map(|time| i64::from_le_bytes(*time))
    }

    /// Time and bit pattern of the last sample. Nothing is decoded.
    #[must_use]
    pub fn last(&self) -> Option<(i64, u64)> {
        (self.len > 0).then_some((self.last_time, self.last_bits))
    }

    /// The encoded samples.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let (bytes, _) = self.buffer.split_at(self.byte_len());
        bytes
    }

    /// Bytes on the heap, room included.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The samples, oldest first.
    #[must_use]
    pub fn iter(&self) -> Samples<'_> {
        Samples::new(self.bytes(), self.len())
    }

    /// Appends all samples to the two columns.
    ///
    /// # Errors
    /// None in a chunk that was made by this type; the columns would then be unchanged.
    pub fn decode_into(
        &self,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        if self.is_empty() {
            return Ok(());
        }
        decode_open(self.bytes(), self.len(), times, values)
    }

    /// An immutable copy of the samples so far; `None` if there are none.
    #[must_use]
    pub fn snapshot(&self) -> Option<FrozenChunk> {
        FrozenChunk::new(self.bytes().into(), self.len, self.first_time()?, self.last_time)
    }

    /// Ends the chunk and lets go of the room behind its bytes; `None` if there are no samples.
    #[must_use]
    pub fn freeze(self) -> Option<FrozenChunk> {
        let first_time = self.first_time()?;
        let len = self.byte_len();
        let mut bytes = self.buffer.into_vec();
        bytes.truncate(len);
        FrozenChunk::new(bytes.into_boxed_slice(), self.len, first_time, self.last_time)
    }

    fn byte_len(&self) -> usize {
        self.end.div_ceil(8) as usize
    }

    fn append_first(&mut self, time: i64, bits: u64) {
        self.grow(HEAD_BYTES);
        self.put_wide(time as u64, 64);
        self.put_wide(bits, 64);
    }

    fn append_next(&mut self, time: i64, bits: u64) {
        let delta = time.wrapping_sub(self.last_time) as u64;
        let dod = delta.wrapping_sub(self.delta) as i64;
        let xor = bits ^ self.last_bits;
        self.delta = delta;
        if dod == 0 && xor == 0 {
            return self.put(0, 1);
        }
        let (code, len) = if dod == 0 { (0b01, 2) } else { self.time_code(dod, xor != 0) };
        if xor == 0 {
            return self.put(code, len);
        }
        let (value, value_len) = self.value_code(Window::around(xor));
        let (code, len) = (code | value << len, len + value_len);
        let Window { shift, width } = self.window;
        let (payload, width) = (xor >> shift, u32::from(width));
        if len + width <= bits::PEEK {
            self.put(code | payload << len, len + width);
        } else {
            self.put(code, len);
            self.put_wide(payload, width);
        }
    }

    /// The code of an irregular time with the bit that says whether the value changed.
    fn time_code(&mut self, dod: i64, is_changed: bool) -> (u64, u32) {
        let (prefix, prefix_len, width) = match dod {
            _ if fits(dod, SMALL) => (0b011, 3, SMALL),
            _ if fits(dod, MEDIUM) => (0b0111, 4, MEDIUM),
            _ if fits(dod, LARGE) => (0b0_1111, 5, LARGE),
            _ => {
                self.put(0b1_1111, 5);
                self.put_wide(dod as u64, 64);
                return (u64::from(is_changed), 1);
            }
        };
        let low = dod as u64 & ((1 << width) - 1);
        let len = prefix_len + width;
        (prefix | low << prefix_len | u64::from(is_changed) << len, len + 1)
    }

    /// Keeps or replaces the window so that it holds `needed`, and returns the code for that.
    fn value_code(&mut self, needed: Window) -> (u64, u32) {
        if self.window.serves(needed) {
            return (0, 1);
        }
        self.window = needed;
        (1 | u64::from(needed.shift) << 1 | u64::from(needed.width - 1) << 7, 1 + WINDOW_BITS)
    }

    /// Appends the low `len` bits of `code`; there are no others in it, and `len` ≤ 57.
    fn put(&mut self, code: u64, len: u32) {
        let end = self.end + len;
        if end.div_ceil(8) as usize > self.buffer.len() {
            self.grow(end.div_ceil(8) as usize);
        }
        let word = code << (self.end % 8);
        let (_, tail) = self.buffer.split_at_mut(self.end as usize / 8);
        if let Some(slot) = tail.first_chunk_mut() {
            *slot = (u64::from_le_bytes(*slot) | word).to_le_bytes();
        } else {
            for (slot, byte) in tail.iter_mut().zip(word.to_le_bytes()) {
                *slot |= byte;
            }
        }
        self.end = end;
    }

    /// As [`put`](Self::put), for `len` ≤ 64.
    fn put_wide(&mut self, code: u64, len: u32) {
        let low = len.min(32);
        self.put(code & u64::from(u32::MAX), low);
        if len > low {
            self.put(code >> low, len - low);
        }
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        let len = self.buffer.len();
        let step = if len < QUIET_BYTES { 16 } else { 64 };
        let room = len + step.max(len / 4);
        let target = room.max(needed).next_multiple_of(16).max(2 * HEAD_BYTES);
        let mut bytes = std::mem::take(&mut self.buffer).into_vec();
        bytes.reserve_exact(target - bytes.len());
        bytes.resize(target, 0);
        self.buffer = bytes.into_boxed_slice();
    }
}

impl fmt::Debug for OpenChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenChunk")
            .field("len", &self.len)
            .field("first_time", &self.first_time())
            .field("last_time", &self.last().map(|(time, _)| time))
            .field("bytes", &self.byte_len())
            .finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a OpenChunk {
    type Item = Result<(i64, f64), DecodeError>;
    type IntoIter = Samples<'a>;

    fn into_iter(self) -> Samples<'a> {
        self.iter()
    }
}
