//! Tables of numbers of one width, the least that holds them all: most segments are small.

/// Numbers of `width` bytes each, at most eight, little-endian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(bytes: &'a [u8], width: u64) -> Self {
        Self { bytes, width: width as usize }
    }

    /// The number at this place; 0 behind the end.
    #[inline]
    pub(super) fn get(self, at: usize) -> u64 {
        let number = self.bytes.get(at * self.width..).unwrap_or(&[]);
        let fixed = match self.width {
            2 => number.first_chunk().map(|bytes| u16::from_le_bytes(*bytes).into()),
            4 => number.first_chunk().map(|bytes| u32::from_le_bytes(*bytes).into()),
            8 => number.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
            _ => None,
        };
        fixed.unwrap_or(0)
    }
}

/// The width for offsets of which `largest` is the largest.
pub(super) fn width_for(largest: u64) -> usize {
    match largest {
        0..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Appends the numbers, none of which needs more than `width` bytes.
pub(super) fn write(numbers: impl IntoIterator<Item = u64>, width: usize, out: &mut Vec<u8>) {
    for number in numbers {
        out.extend(number.to_le_bytes().iter().take(width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_the_least_width() {
        for (numbers, width) in [
            (vec![0, 1, 0xffff], 2),
            (vec![0, 0x1_0000], 4),
            (vec![7, 0xffff_ffff], 4),
            (vec![7, 0x1_0000_0000, u64::MAX], 8),
        ] {
            let mut bytes = Vec::new();
            assert_eq!(width_for(numbers[numbers.len() - 1]), width);
            write(numbers.iter().copied(), width, &mut bytes);
            assert_eq!(bytes.len(), numbers.len() * width);
            let table = Table::new(&bytes, width as u64);
            let read: Vec<u64> = (0..numbers.len()).map(|i| table.get(i)).collect();
            assert_eq!(read, numbers);
            assert_eq!(table.get(numbers.len()), 0);
        }
    }
}
