//! Prometheus' newer chunk of floats (`EncXOR2`): one control for time and value together.
//!
//! Two bytes of count, highest first, and a byte that is 0 if there are no start timestamps; the
//! first time as a zigzag varint and its value raw; the second time as a varint of the difference
//! and a value; then, sample by sample:
//!
//! ```text
//! 0                            the same difference, the same value
//! 10 + changed value           the same difference
//! 110 1110 + 13 20 bits, value the difference of differences in two's complement
//! 11110 + 64 bits, value
//! 11111                        the same difference, the stale marker
//!
//! value:   0     the same           changed value:  0 + bits            in the last window
//!          10    in the last window                 1 + 5 + 6 + bits    a new window
//!          110   a new window
//!          111   the stale marker
//! ```
//!
//! A stale marker does not take part in the xor: the value after it is told relative to the one
//! before it. Start timestamps are left out, which favours this format: from sample 127 on
//! Prometheus writes one with every sample, known or not, but it does not make chunks as long.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::bits::{Reader, Window, Writer, unzigzag, zigzag};
use super::{ReferenceError, count, decode_or_restore, room};

/// The bits of the not-a-number that says that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

const SMALL: u32 = 13;
const LARGE: u32 = 20;

/// Appends a chunk of the two columns to `out`. Times may go back.
///
/// # Errors
/// If the columns are not equally long, or longer than 65,535; `out` is then unchanged.
pub fn encode(times: &[i64], values: &[f64], out: &mut Vec<u8>) -> Result<(), ReferenceError> {
    out.extend(count(times, values)?.to_be_bytes());
    out.push(0);
    let mut samples = times.iter().zip(values);
    let Some((&time, value)) = samples.next() else { return Ok(()) };
    let bits = value.to_bits();
    let base = if bits == STALE { 0 } else { bits };
    let mut encoder = Encoder { writer: Writer::new(out), time, delta: 0, base, window: None };
    encoder.writer.put_varint(zigzag(time));
    encoder.writer.put(bits, 64);
    let Some((&time, value)) = samples.next() else { return Ok(()) };
    encoder.second(time, value.to_bits());
    for (&time, value) in samples {
        encoder.next(time, value.to_bits());
    }
    Ok(())
}

/// The last sample that was written, and what the next one is told relative to.
struct Encoder<'a> {
    writer: Writer<'a>,
    time: i64,
    delta: u64,
    /// The last value that was no stale marker.
    base: u64,
    window: Option<Window>,
}

impl Encoder<'_> {
    fn second(&mut self, time: i64, bits: u64) {
        self.delta = time.wrapping_sub(self.time) as u64;
        self.time = time;
        self.writer.put_varint(self.delta);
        self.value(bits);
    }

    #[inline]
    fn next(&mut self, time: i64, bits: u64) {
        let delta = time.wrapping_sub(self.time) as u64;
        let change = delta.wrapping_sub(self.delta) as i64;
        self.time = time;
        self.delta = delta;
        if change != 0 {
            self.change(change);
            self.value(bits);
        } else if bits == self.base {
            self.writer.put(0, 1);
        } else if bits == STALE {
            self.writer.put(0b1_1111, 5);
        } else {
            self.changed(bits, (0b100, 3), (0b101, 3));
        }
    }

    #[inline]
    fn change(&mut self, change: i64) {
        let is_in = |width: u32| (-(1_i64 << (width - 1))..1 << (width - 1)).contains(&change);
        if is_in(SMALL) {
            self.writer.put(0b110, 3);
            self.writer.put_signed(change, SMALL);
        } else if is_in(LARGE) {
            self.writer.put(0b1110, 4);
            self.writer.put_signed(change, LARGE);
        } else {
            self.writer.put(0b1_1110, 5);
            self.writer.put(change as u64, 64);
        }
    }

    #[inline]
    fn value(&mut self, bits: u64) {
        if bits == STALE {
            self.writer.put(0b111, 3);
        } else if bits == self.base {
            self.writer.put(0, 1);
        } else {
            self.changed(bits, (0b10, 2), (0b110, 3));
        }
    }

    /// Writes a value that differs, with the codes for the last window and for a new one.
    #[inline]
    fn changed(&mut self, bits: u64, last: (u64, u32), new: (u64, u32)) {
        let xor = bits ^ self.base;
        self.base = bits;
        let needed = Window::around(xor);
        match self.window {
            Some(window) if window.holds(needed) => {
                self.writer.put(last.0, last.1);
                self.writer.put_inside(xor, window);
            }
            _ => {
                self.window = Some(needed);
                self.writer.put(new.0, new.1);
                self.writer.put_window(needed);
                self.writer.put_inside(xor, needed);
            }
        }
    }
}

/// Appends the samples of a chunk to the two columns.
///
/// # Errors
/// If the bytes are not a chunk without start timestamps; the columns are then unchanged.
pub fn decode(
    bytes: &[u8],
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ReferenceError> {
    let (&[high, low, start], stream) =
        bytes.split_first_chunk().ok_or(ReferenceError::Truncated)?;
    if start != 0 {
        return Err(ReferenceError::StartTimestamps);
    }
    let n = usize::from(u16::from_be_bytes([high, low]));
    decode_or_restore(times, values, |times, values| decode_all(stream, n, times, values))
}

fn decode_all(
    stream: &[u8],
    n: usize,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ReferenceError> {
    let mut slots = room(n, times, values);
    let Some((time, value)) = slots.next() else { return Ok(()) };
    let (mut decoder, first) = Decoder::new(stream)?;
    (*time, *value) = (decoder.time, f64::from_bits(first));
    let Some((time, value)) = slots.next() else { return Ok(()) };
    *value = f64::from_bits(decoder.second()?);
    *time = decoder.time;
    for (time, value) in slots {
        *value = f64::from_bits(decoder.next()?);
        *time = decoder.time;
    }
    Ok(())
}

/// The last sample that was read, and what the next one is told relative to.
struct Decoder<'a> {
    reader: Reader<'a>,
    time: i64,
    delta: u64,
    /// The last value that was no stale marker.
    base: u64,
    window: Window,
}

impl<'a> Decoder<'a> {
    /// Reads the first sample; the value is apart because it may be a stale marker.
    fn new(stream: &'a [u8]) -> Result<(Self, u64), ReferenceError> {
        let mut reader = Reader::new(stream);
        let time = unzigzag(reader.varint()?);
        let bits = reader.take(64)?;
        let base = if bits == STALE { 0 } else { bits };
        Ok((Self { reader, time, delta: 0, base, window: Window::WHOLE }, bits))
    }

    fn second(&mut self) -> Result<u64, ReferenceError> {
        let delta = self.reader.varint()?;
        self.tick(delta as i64);
        self.value()
    }

    /// Reads the next sample and returns its value.
    #[inline]
    fn next(&mut self) -> Result<u64, ReferenceError> {
        let control = self.reader.ones(5)?;
        let change = match control {
            2 => self.reader.signed(SMALL)?,
            3 => self.reader.signed(LARGE)?,
            4 => self.reader.take(64)? as i64,
            _ => 0,
        };
        self.tick(change);
        match control {
            0 => Ok(self.base),
            1 => {
                if self.reader.bit()? {
                    self.window = self.reader.window()?;
                }
                self.changed()
            }
            2..=4 => self.value(),
            _ => Ok(STALE),
        }
    }

    #[inline]
    fn tick(&mut self, change: i64) {
        self.delta = self.delta.wrapping_add_signed(change);
        self.time = self.time.wrapping_add_unsigned(self.delta);
    }

    #[inline]
    fn value(&mut self) -> Result<u64, ReferenceError> {
        match self.reader.ones(3)? {
            0 => return Ok(self.base),
            1 => {}
            2 => self.window = self.reader.window()?,
            _ => return Ok(STALE),
        }
        self.changed()
    }

    #[inline]
    fn changed(&mut self) -> Result<u64, ReferenceError> {
        self.base ^= self.reader.inside(self.window)?;
        Ok(self.base)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(times: &[i64], values: &[f64]) {
        let mut bytes = Vec::new();
        encode(times, values, &mut bytes).unwrap();
        let (mut times_back, mut values_back) = (vec![7], vec![7.0]);
        decode(&bytes, &mut times_back, &mut values_back).unwrap();
        assert_eq!(times_back[1..], *times);
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values_back[1..]), bits(values));
    }

    proptest! {
        #[test]
        fn all_bit_patterns_come_back(samples in prop::collection::vec(any::<(i64, u64)>(), 0..300)) {
            let (times, values): (Vec<_>, Vec<_>) =
                samples.into_iter().map(|(time, bits)| (time, f64::from_bits(bits))).unzip();
            round_trip(&times, &values);
        }

        #[test]
        fn scrapes_come_back(
            samples in prop::collection::vec((-600_000i64..600_000, 0u8..6), 0..300),
            coarse in 0u32..21,
        ) {
            let mut time = 1_700_000_000_000;
            let (times, values): (Vec<_>, Vec<_>) = samples
                .into_iter()
                .map(|(jitter, value)| {
                    time += 15_000 + (jitter >> coarse);
                    let stale = f64::from_bits(STALE);
                    (time, if value == 5 { stale } else { f64::from(value) * 0.1 })
                })
                .unzip();
            round_trip(&times, &values);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 3..200)) {
            bytes[2] = 0;
            let (mut times, mut values) = (Vec::new(), Vec::new());
            if decode(&bytes, &mut times, &mut values).is_err() {
                prop_assert!(times.is_empty() && values.is_empty());
            }
        }
    }

    const HEAD: [u8; 13] = [0, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07];

    fn encoded(times: &[i64], values: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(times, values, &mut bytes).unwrap();
        bytes
    }

    /// Worked out by hand from the table above.
    #[test]
    fn a_chunk_has_these_bytes() {
        let bytes = encoded(&[1000, 2000, 3000, 4001], &[1.0, 1.0, 1.0, 2.0]);
        // 0 | 0 | 110 0000000000001 110 00001 001011 11111111111
        let rest = [0x30, 0x00, 0x70, 0x4b, 0xff, 0xe0];
        assert_eq!(bytes, [&[0, 4], &HEAD[..], &rest].concat());
    }

    #[test]
    fn a_stale_marker_does_not_disturb_the_values() {
        let values = [1.0, 1.0, f64::from_bits(STALE), 1.0, 2.0];
        let bytes = encoded(&[1000, 2000, 3000, 4000, 5000], &values);
        // 0 | 11111 | 0 | 10 1 00001 001011 11111111111
        let rest = [0x7d, 0x42, 0x5f, 0xff];
        assert_eq!(bytes, [&[0, 5], &HEAD[..], &rest].concat());
    }

    #[test]
    fn start_timestamps_are_refused() {
        let result = decode(&[0, 0, 0x80], &mut Vec::new(), &mut Vec::new());
        assert_eq!(result, Err(ReferenceError::StartTimestamps));
    }
}
