//! Reads an open chunk.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::OpenChunk;
use super::bits::{BitReader, PEEK};
use super::code::{LARGE, MEDIUM, SMALL, WINDOW_BITS, Window, sign_extend};
use crate::error::{DecodeError, check_decode_count};

/// Appends the `n` samples of an open chunk to the two columns. Bytes behind the last sample are
/// not looked at.
///
/// # Errors
/// If the bytes are not an open chunk of at least `n` samples; the columns are then unchanged.
pub fn decode_open(
    bytes: &[u8],
    n: usize,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    check_decode_count(n)?;
    let (times_before, values_before) = (times.len(), values.len());
    let result = decode_all(bytes, n, times, values);
    if result.is_err() {
        times.truncate(times_before);
        values.truncate(values_before);
    }
    result
}

fn decode_all(
    bytes: &[u8],
    n: usize,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    times.reserve(n);
    values.reserve(n);
    let mut decoder = Decoder::new(bytes)?;
    times.push(decoder.time);
    values.push(f64::from_bits(decoder.bits));
    let mut left = n - 1;
    while left > 0 {
        let run = decoder.regular_run(left);
        if run == 0 {
            decoder.step()?;
            times.push(decoder.time);
            left -= 1;
        } else {
            decoder.skip_run(run, times)?;
            left -= run;
        }
        values.resize(values.len() + run.max(1), f64::from_bits(decoder.bits));
    }
    Ok(())
}

/// Decodes a whole chunk for the state in which its writer left off.
pub(super) fn restore(bytes: &[u8], n: usize) -> Result<OpenChunk, DecodeError> {
    check_decode_count(n)?;
    let mut decoder = Decoder::new(bytes)?;
    for _ in 1..n {
        decoder.step()?;
    }
    let end = decoder.reader.at();
    if end.div_ceil(8) != bytes.len() {
        return Err(DecodeError::Trailing { end: end.div_ceil(8), found: bytes.len() });
    }
    let mut buffer: Box<[u8]> = bytes.into();
    if let (Some(last), 1..) = (buffer.last_mut(), end % 8) {
        // The writer relies on zeros behind its last bit.
        *last &= (1 << (end % 8)) - 1;
    }
    Ok(OpenChunk {
        buffer,
        last_time: decoder.time,
        last_bits: decoder.bits,
        delta: decoder.delta,
        end: end as u32,
        len: n as u16,
        window: decoder.window,
    })
}

/// The samples of an open chunk, oldest first. After an error there is nothing more.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    bytes: &'a [u8],
    decoder: Option<Decoder<'a>>,
    left: usize,
}

impl<'a> Samples<'a> {
    pub(super) fn new(bytes: &'a [u8], n: usize) -> Self {
        Self { bytes, decoder: None, left: n }
    }

    fn advance(&mut self) -> Result<(i64, f64), DecodeError> {
        let decoder = match &mut self.decoder {
            Some(decoder) => {
                decoder.step()?;
                decoder
            }
            None => self.decoder.insert(Decoder::new(self.bytes)?),
        };
        Ok((decoder.time, f64::from_bits(decoder.bits)))
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<(i64, f64), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let sample = self.advance();
        if sample.is_err() {
            self.left = 0;
        }
        Some(sample)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.min(1), Some(self.left))
    }
}

/// The last sample that was read, and what the next one is told relative to.
#[derive(Debug, Clone)]
struct Decoder<'a> {
    reader: BitReader<'a>,
    index: usize,
    time: i64,
    delta: u64,
    bits: u64,
    window: Window,
}

impl<'a> Decoder<'a> {
    /// Reads the first sample.
    fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = BitReader::new(bytes);
        let time = reader.take(64)? as i64;
        let bits = reader.take(64)?;
        Ok(Self { reader, index: 0, time, delta: 0, bits, window: Window::default() })
    }

    /// Reads the next sample.
    fn step(&mut self) -> Result<(), DecodeError> {
        let word = self.reader.peek();
        let is_changed = match word.trailing_ones() {
            0 => {
                self.reader.advance(1)?;
                false
            }
            1 => {
                self.reader.advance(2)?;
                true
            }
            2 => self.irregular(word >> 3, 3, SMALL)?,
            3 => self.irregular(word >> 4, 4, MEDIUM)?,
            4 => self.irregular(word >> 5, 5, LARGE)?,
            _ => {
                self.reader.advance(5)?;
                self.delta = self.delta.wrapping_add(self.reader.take(64)?);
                self.reader.take(1)? == 1
            }
        };
        self.tick()?;
        if is_changed { self.change() } else { Ok(()) }
    }

    /// Steps over a difference of differences and the bit behind it, and returns that bit.
    fn irregular(&mut self, word: u64, prefix: u32, width: u32) -> Result<bool, DecodeError> {
        self.delta = self.delta.wrapping_add_signed(sign_extend(word, width));
        self.reader.advance(prefix + width + 1)?;
        Ok(word >> width & 1 == 1)
    }

    /// Moves to the next time.
    fn tick(&mut self) -> Result<(), DecodeError> {
        self.index += 1;
        let time = self.time.wrapping_add_unsigned(self.delta);
        if time <= self.time {
            return Err(DecodeError::NotAscending { index: self.index });
        }
        self.time = time;
        Ok(())
    }

    /// Reads a value that differs from the one before.
    fn change(&mut self) -> Result<(), DecodeError> {
        let word = self.reader.peek();
        if word & 1 == 0 {
            self.reader.advance(1)?;
        } else {
            self.reader.advance(1 + WINDOW_BITS)?;
            let (shift, width) = ((word >> 1 & 63) as u8, (word >> 7 & 63) as u8 + 1);
            self.window = Window { shift, width };
        }
        let Window { shift, width } = self.window;
        if width == 0 || shift + width > 64 {
            let at = self.reader.at() / 8;
            return Err(DecodeError::Field { field: "window width", found: width.into(), at });
        }
        self.bits ^= self.reader.take(width.into())? << shift;
        Ok(())
    }

    /// How many regular, unchanged samples follow at once, at most `left`: they are zero bits.
    fn regular_run(&self, left: usize) -> usize {
        let zeros = self.reader.peek().trailing_zeros().min(PEEK) as usize;
        zeros.min(left).min(self.reader.left())
    }

    /// Reads `run` regular, unchanged samples.
    fn skip_run(&mut self, run: usize, times: &mut Vec<i64>) -> Result<(), DecodeError> {
        self.reader.advance(run as u32)?;
        for _ in 0..run {
            self.tick()?;
            times.push(self.time);
        }
        Ok(())
    }
}
