//! Numbers in 7-bit groups, the lowest first (LEB128).

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front; `None` if it is cut off or longer than 64 bits.
pub(super) fn take(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    let mut shift = 0;
    for (i, &byte) in input.iter().enumerate() {
        let group = u64::from(byte & 0x7f);
        if shift > 63 || (shift == 63 && group > 1) {
            return None;
        }
        value |= group << shift;
        if byte < 0x80 {
            *input = input.get(i + 1..)?;
            return Some(value);
        }
        shift += 7;
    }
    None
}

/// Takes a number that fits 32 bits.
pub(super) fn take_u32(input: &mut &[u8]) -> Option<u32> {
    take(input).and_then(|value| u32::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            let mut input = &bytes[..];
            assert_eq!((take(&mut input), input.len()), (Some(value), 0));
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        assert_eq!(take(&mut &[0xff; 11][..]), None);
        assert_eq!(take(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..]), None);
    }
}
