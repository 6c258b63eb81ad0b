//! Prometheus' chunk of floats (`EncXOR`).
//!
//! Two bytes of count, highest first; the first time as a zigzag varint and its value raw; the second
//! time as a varint of the difference; then, sample by sample, the difference of differences and the xor
//! of the values, both as in Gorilla (Pelkonen et al., VLDB 2015), with widths made for milliseconds:
//!
//! ```text
//! 0                            the same difference
//! 10 110 1110 + 14 17 20 bits  the largest positive number is the one that two's complement lacks
//! 1111        + 64 bits
//!
//! 0                            the same value
//! 10 + bits                    the bits of the xor in the last window
//! 11 + 5 + 6 + bits            a new window: leading zeros, width (64 is 0)
//! ```

/// Appends the samples of a chunk to the two columns; `None`, and nothing appended, if the bytes are
/// no chunk.
pub fn decode(bytes: &[u8], times: &mut Vec<i64>, values: &mut Vec<f64>) -> Option<()> {
    let before = times.len();
    let decoded = decode_all(bytes, times, values);
    if decoded.is_none() {
        times.truncate(before);
        values.truncate(before);
    }
    decoded
}

fn decode_all(bytes: &[u8], times: &mut Vec<i64>, values: &mut Vec<f64>) -> Option<()> {
    let (count, stream) = bytes.split_first_chunk()?;
    let count = u16::from_be_bytes(*count);
    if count == 0 {
        return Some(());
    }
    let mut bits = Bits { rest: stream, word: 0, left: 0 };
    let first = bits.uvarint()?;
    let mut time = (first >> 1) as i64 ^ -((first & 1) as i64);
    let mut value = bits.take(64)?;
    let (mut delta, mut window) = (0_i64, Window { width: 64, trailing: 0 });
    times.push(time);
    values.push(f64::from_bits(value));
    for number in 1..count {
        delta = match number {
            1 => bits.uvarint()? as i64,
            _ => delta.wrapping_add(bits.change()?),
        };
        time = time.wrapping_add(delta);
        value ^= bits.xor(&mut window)?;
        times.push(time);
        values.push(f64::from_bits(value));
    }
    Some(())
}

#[derive(Clone, Copy)]
struct Window {
    width: u32,
    trailing: u32,
}

/// Bits of bytes, the highest of a byte first, through a word of 64.
struct Bits<'a> {
    rest: &'a [u8],
    word: u64,
    /// Low bits of the word that are not read yet.
    left: u32,
}

impl Bits<'_> {
    /// `len` bits, 1 to 64.
    #[inline]
    fn take(&mut self, len: u32) -> Option<u64> {
        if len <= self.left {
            self.left -= len;
            return Some(self.word >> self.left & low(len));
        }
        let high = self.word & low(self.left);
        let missing = len - self.left;
        self.refill();
        self.left = self.left.checked_sub(missing)?;
        Some(high.checked_shl(missing).unwrap_or(0) | self.word >> self.left & low(missing))
    }

    fn refill(&mut self) {
        if let Some((word, rest)) = self.rest.split_first_chunk() {
            (self.word, self.left, self.rest) = (u64::from_be_bytes(*word), 64, rest);
        } else {
            self.word = self.rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
            (self.left, self.rest) = (self.rest.len() as u32 * 8, &[]);
        }
    }

    fn uvarint(&mut self) -> Option<u64> {
        let mut x = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(8)?;
            x |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(x);
            }
        }
        None
    }

    /// A difference of differences.
    #[inline]
    fn change(&mut self) -> Option<i64> {
        for width in [0, 14, 17, 20] {
            if self.take(1)? == 0 {
                return if width == 0 { Some(0) } else { self.signed(width) };
            }
        }
        Some(self.take(64)? as i64)
    }

    #[inline]
    fn signed(&mut self, width: u32) -> Option<i64> {
        let bits = self.take(width)? as i64;
        Some(if bits > 1 << (width - 1) { bits - (1 << width) } else { bits })
    }

    #[inline]
    fn xor(&mut self, window: &mut Window) -> Option<u64> {
        if self.take(1)? == 0 {
            return Some(0);
        }
        if self.take(1)? == 1 {
            let code = self.take(11)? as u32;
            let (leading, width) = (code >> 6, (code.wrapping_sub(1) & 63) + 1);
            *window = Window { width, trailing: 64_u32.checked_sub(leading + width)? };
        }
        Some(self.take(window.width)? << window.trailing)
    }
}

/// All bits below `len`, 0 to 64.
#[inline]
fn low(len: u32) -> u64 {
    u64::MAX.checked_shr(64 - len).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A naive encoder: bits as a vector of booleans, all changes in one of the forms by turns.
    fn encode(samples: &[(i64, u64)]) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut put = |x: u64, len: u32| bits.extend((0..len).rev().map(|i| x >> i & 1 == 1));
        let varint = |put: &mut dyn FnMut(u64, u32), mut x: u64| {
            while x >= 0x80 {
                put(x & 0x7f | 0x80, 8);
                x >>= 7;
            }
            put(x, 8);
        };
        put(samples.len() as u64, 16);
        let (mut time, mut delta, mut value) = (0i64, 0i64, 0u64);
        for (number, &(t, v)) in samples.iter().enumerate() {
            if number == 0 {
                varint(&mut put, (t << 1 ^ t >> 63) as u64);
                put(v, 64);
                (time, value) = (t, v);
                continue;
            }
            let next = t.wrapping_sub(time);
            if number == 1 {
                varint(&mut put, next as u64);
            } else {
                let change = next.wrapping_sub(delta);
                let fits = |w: u32| -(1 << (w - 1)) < change && change <= 1 << (w - 1);
                match [14u32, 17, 20].into_iter().zip([0b10, 0b110, 0b1110]).find(|(w, _)| fits(*w))
                {
                    _ if change == 0 => put(0, 1),
                    Some((width, prefix)) => {
                        put(
                            prefix,
                            [2, 3, 4][[14, 17, 20].iter().position(|w| *w == width).unwrap()],
                        );
                        put(change as u64, width);
                    }
                    None => {
                        put(0b1111, 4);
                        put(change as u64, 64);
                    }
                }
            }
            let xor = v ^ value;
            if xor == 0 {
                put(0, 1);
            } else {
                let leading = xor.leading_zeros().min(31);
                let width = 64 - leading - xor.trailing_zeros();
                put(0b11, 2);
                put(u64::from(leading), 5);
                put(u64::from(width) & 63, 6);
                put(xor >> xor.trailing_zeros(), width);
            }
            (time, delta, value) = (t, next, v);
        }
        bits.chunks(8)
            .map(|byte| {
                byte.iter().enumerate().fold(0, |b, (i, bit)| b | u8::from(*bit) << (7 - i))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            steps in prop::collection::vec((any::<i64>(), 0u32..64, any::<u64>(), any::<bool>()), 0..200),
        ) {
            let (mut time, mut last) = (0i64, 0u64);
            let samples: Vec<(i64, u64)> = steps.into_iter().map(|(step, shift, bits, same)| {
                time = time.wrapping_add(step >> shift);
                last = if same { last } else { bits };
                (time, last)
            }).collect();
            let (mut times, mut values) = (vec![], vec![]);
            prop_assert!(decode(&encode(&samples), &mut times, &mut values).is_some());
            let found: Vec<_> = times.into_iter().zip(values.into_iter().map(f64::to_bits)).collect();
            prop_assert_eq!(found, samples);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut times, mut values) = (vec![1], vec![1.0]);
            if decode(&bytes, &mut times, &mut values).is_none() {
                prop_assert_eq!((times.len(), values.len()), (1, 1));
            }
        }
    }

    /// Worked out by hand from the table above.
    #[test]
    fn a_chunk_of_known_bytes() {
        let head = [0, 4, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07];
        let rest = [0x10, 0x00, 0x38, 0x4b, 0xff, 0xe0];
        let (mut times, mut values) = (vec![], vec![]);
        decode(&[&head[..], &rest].concat(), &mut times, &mut values).unwrap();
        assert_eq!(times, [1000, 2000, 3000, 4001]);
        assert_eq!(values, [1.0, 1.0, 1.0, 2.0]);
    }
}
