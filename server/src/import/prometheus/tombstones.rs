//! What was deleted and is still in the chunks.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use super::BlockError;
use super::bytes::Cursor;

const MAGIC: u32 = 0x0130_BA30;
const VERSION: u8 = 1;

/// Deleted ranges of time by series.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tombstones(HashMap<u64, Vec<(i64, i64)>>);

impl Tombstones {
    /// Reads the file `path`; a missing one has none.
    ///
    /// # Errors
    /// If it can't be read or its checksum does not match.
    pub fn read(path: &Path) -> Result<Self, BlockError> {
        match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes)
                .ok_or_else(|| BlockError::corrupt(path, 0, "the tombstones fail their checksum")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(BlockError::io(path, error)),
        }
    }

    /// Reads the content of such a file; `None` if it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk()?;
        let mut cursor = Cursor(body);
        let head = (cursor.u32()?, cursor.u8()?);
        let crc_fits = crc32c::crc32c(cursor.0) == u32::from_be_bytes(*crc);
        if head != (MAGIC, VERSION) || !crc_fits {
            return None;
        }
        let mut found = Self::default();
        while !cursor.0.is_empty() {
            let (series, from, to) = (cursor.uvarint()?, cursor.varint()?, cursor.varint()?);
            found.0.entry(series).or_default().push((from, to));
        }
        Some(found)
    }

    /// Removes the deleted samples of a series; returns how many.
    pub fn apply(&self, series: u64, times: &mut Vec<i64>, values: &mut Vec<f64>) -> u64 {
        let Some(ranges) = self.0.get(&series) else { return 0 };
        let before = times.len();
        let stays = |t: i64| !ranges.iter().any(|&(from, to)| from <= t && t <= to);
        let keep: Vec<bool> = times.iter().map(|&t| stays(t)).collect();
        let mut flags = keep.iter();
        times.retain(|_| flags.next() == Some(&true));
        let mut flags = keep.iter();
        values.retain(|_| flags.next() == Some(&true));
        (before - times.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Prometheus writes it: series 5, from −1 to 10; then series 300, one ms.
    const FILE: &[u8] = &[0x01, 0x30, 0xBA, 0x30, 1, 5, 1, 20, 0xAC, 0x02, 4, 4];

    #[test]
    fn deleted_ranges_are_taken_out() {
        let mut file = FILE.to_vec();
        file.extend(crc32c::crc32c(&FILE[5..]).to_be_bytes());
        let tombstones = Tombstones::parse(&file).unwrap();
        let (mut times, mut values) = (vec![-2, -1, 10, 11], vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tombstones.apply(5, &mut times, &mut values), 2);
        assert_eq!((times, values), (vec![-2, 11], vec![1.0, 4.0]));
        let (mut times, mut values) = (vec![2, 3], vec![1.0, 2.0]);
        assert_eq!(tombstones.apply(300, &mut times, &mut values), 1);
        assert_eq!(tombstones.apply(6, &mut times, &mut values), 0);
        for bit in 0..file.len() * 8 {
            let mut bad = file.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Tombstones::parse(&bad), None, "bit {bit}");
        }
    }
}
