//! Prometheus' chunk of floats (`EncXOR`), which it has written since 2017.
//!
//! Two bytes of count, highest first; the first time as a zigzag varint and its value raw; the
//! second time as a varint of the difference; then, sample by sample, the difference of
//! differences and the xor of the values, both as in Gorilla (Pelkonen et al., VLDB 2015), with
//! widths made for milliseconds:
//!
//! ```text
//! 0                            the same difference
//! 10 110 1110 + 14 17 20 bits  −(2^(w−1) − 1) to 2^(w−1): not quite two's complement
//! 1111        + 64 bits
//!
//! 0                            the same value
//! 10 + bits                    the bits of the xor in the last window
//! 11 + 5 + 6 + bits            a new window: leading zeros, width (64 is 0)
//! ```
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::bits::{Reader, Window, Writer, unzigzag, zigzag};
use super::{ReferenceError, count, decode_or_restore, room};

/// Widths of the differences of differences, after one, two and three ones.
const WIDTHS: [u32; 3] = [14, 17, 20];

/// Appends a chunk of the two columns to `out`. Times may go back.
///
/// # Errors
/// If the columns are not equally long, or longer than 65,535; `out` is then unchanged.
pub fn encode(times: &[i64], values: &[f64], out: &mut Vec<u8>) -> Result<(), ReferenceError> {
    out.extend(count(times, values)?.to_be_bytes());
    let mut samples = times.iter().zip(values);
    let Some((&time, value)) = samples.next() else { return Ok(()) };
    let mut encoder =
        Encoder { writer: Writer::new(out), time, delta: 0, bits: value.to_bits(), window: None };
    encoder.writer.put_varint(zigzag(time));
    encoder.writer.put(encoder.bits, 64);
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
    bits: u64,
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
        self.change(change);
        self.value(bits);
    }

    #[inline]
    fn change(&mut self, change: i64) {
        if change == 0 {
            return self.writer.put(0, 1);
        }
        for (prefix, width) in (1..).zip(WIDTHS) {
            let limit = 1_i64 << (width - 1);
            if -limit < change && change <= limit {
                // As many ones as the prefix says and a zero.
                self.writer.put((1 << (prefix + 1)) - 2, prefix + 1);
                return self.writer.put_signed(change, width);
            }
        }
        self.writer.put(0b1111, 4);
        self.writer.put(change as u64, 64);
    }

    #[inline]
    fn value(&mut self, bits: u64) {
        let xor = bits ^ self.bits;
        self.bits = bits;
        if xor == 0 {
            return self.writer.put(0, 1);
        }
        let needed = Window::around(xor);
        match self.window {
            Some(window) if window.holds(needed) => {
                self.writer.put(0b10, 2);
                self.writer.put_inside(xor, window);
            }
            _ => {
                self.window = Some(needed);
                self.writer.put(0b11, 2);
                self.writer.put_window(needed);
                self.writer.put_inside(xor, needed);
            }
        }
    }
}

/// Appends the samples of a chunk to the two columns.
///
/// # Errors
/// If the bytes are not a chunk; the columns are then unchanged.
pub fn decode(
    bytes: &[u8],
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ReferenceError> {
    let (count, stream) = bytes.split_first_chunk().ok_or(ReferenceError::Truncated)?;
    let n = usize::from(u16::from_be_bytes(*count));
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
    let mut decoder = Decoder::new(stream)?;
    (*time, *value) = decoder.sample();
    let Some((time, value)) = slots.next() else { return Ok(()) };
    decoder.second()?;
    (*time, *value) = decoder.sample();
    for (time, value) in slots {
        decoder.next()?;
        (*time, *value) = decoder.sample();
    }
    Ok(())
}

/// The last sample that was read, and what the next one is told relative to.
struct Decoder<'a> {
    reader: Reader<'a>,
    time: i64,
    delta: u64,
    bits: u64,
    window: Window,
}

impl<'a> Decoder<'a> {
    /// Reads the first sample.
    fn new(stream: &'a [u8]) -> Result<Self, ReferenceError> {
        let mut reader = Reader::new(stream);
        let time = unzigzag(reader.varint()?);
        let bits = reader.take(64)?;
        Ok(Self { reader, time, delta: 0, bits, window: Window::WHOLE })
    }

    fn sample(&self) -> (i64, f64) {
        (self.time, f64::from_bits(self.bits))
    }

    fn second(&mut self) -> Result<(), ReferenceError> {
        self.delta = self.reader.varint()?;
        self.time = self.time.wrapping_add_unsigned(self.delta);
        self.value()
    }

    #[inline]
    fn next(&mut self) -> Result<(), ReferenceError> {
        let change = match self.reader.ones(4)? {
            0 => 0,
            1 => self.change(WIDTHS[0])?,
            2 => self.change(WIDTHS[1])?,
            3 => self.change(WIDTHS[2])?,
            _ => self.reader.take(64)? as i64,
        };
        self.delta = self.delta.wrapping_add_signed(change);
        self.time = self.time.wrapping_add_unsigned(self.delta);
        self.value()
    }

    /// Reads a difference of differences: the largest positive number looks negative.
    #[inline]
    fn change(&mut self, width: u32) -> Result<i64, ReferenceError> {
        let bits = self.reader.take(width)? as i64;
        Ok(if bits > 1 << (width - 1) { bits - (1 << width) } else { bits })
    }

    #[inline]
    fn value(&mut self) -> Result<(), ReferenceError> {
        match self.reader.ones(2)? {
            0 => return Ok(()),
            1 => {}
            _ => self.window = self.reader.window()?,
        }
        self.bits ^= self.reader.inside(self.window)?;
        Ok(())
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
            samples in prop::collection::vec((-300_000i64..300_000, 0u8..6), 0..300),
            coarse in 0u32..20,
        ) {
            let mut time = 1_700_000_000_000;
            let (times, values): (Vec<_>, Vec<_>) = samples
                .into_iter()
                .map(|(jitter, value)| {
                    time += 15_000 + (jitter >> coarse);
                    (time, f64::from(value) * 0.1)
                })
                .unzip();
            round_trip(&times, &values);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut times, mut values) = (Vec::new(), Vec::new());
            if decode(&bytes, &mut times, &mut values).is_err() {
                prop_assert!(times.is_empty() && values.is_empty());
            }
        }
    }

    #[test]
    fn the_ends_of_the_widths_come_back() {
        for width in WIDTHS {
            let limit = 1_i64 << (width - 1);
            for change in [-limit, 1 - limit, limit - 1, limit, limit + 1] {
                round_trip(&[0, 1_000_000, 2_000_000 + change], &[0.0; 3]);
            }
        }
    }

    /// Worked out by hand from the table above.
    #[test]
    fn a_chunk_has_these_bytes() {
        let mut bytes = Vec::new();
        encode(&[1000, 2000, 3000, 4001], &[1.0, 1.0, 1.0, 2.0], &mut bytes).unwrap();
        let head = [0, 4, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07];
        // 0 | 0 0 | 10 00000000000001 11 00001 001011 11111111111
        let rest = [0x10, 0x00, 0x38, 0x4b, 0xff, 0xe0];
        assert_eq!(bytes, [&head[..], &rest].concat());
    }
}
