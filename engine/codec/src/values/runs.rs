//! Values that change rarely: where each run of equal values begins, and a body of one value for
//! each run.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::kind;
use crate::error::DecodeError;
use crate::kernel::{Blocks, Sink};
use crate::pack::little_endian;
use crate::reader::Reader;
use crate::varint;

/// The runs of a chunk.
#[derive(Debug)]
pub(super) struct Runs {
    /// The value of each run.
    pub(super) values: Vec<f64>,
    /// Where each run but the first begins.
    starts: Vec<usize>,
    /// Values in all runs.
    n: usize,
}

impl Runs {
    /// The runs of values that are equal by bits.
    pub(super) fn of(values: &[f64]) -> Self {
        let later = values.iter().skip(1);
        let changed = |(a, b): (&f64, &f64)| a.to_bits() != b.to_bits();
        let starts: Vec<usize> = (1..)
            .zip(values.iter().zip(later))
            .filter_map(|(i, pair)| changed(pair).then_some(i))
            .collect();
        let begins = std::iter::once(&0).chain(&starts);
        let values_of = begins.filter_map(|&i| values.get(i).copied()).collect();
        Self { values: values_of, starts, n: values.len() }
    }

    /// Whether storing runs may save anything at all.
    pub(super) fn are_worth_trying(&self) -> bool {
        self.values.len() * 8 < self.n * 7
    }

    /// Appends the number of runs and where they begin, and returns the kind's bits.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        varint::write(self.values.len() as u64, out);
        let width = position_width(self.n);
        if self.starts.len() * width < self.n.div_ceil(8) {
            for &start in &self.starts {
                out.extend(start.to_le_bytes().iter().take(width));
            }
            return kind::POSITIONS;
        }
        let mut bitmap = vec![0u8; self.n.div_ceil(8)];
        for &start in &self.starts {
            if let Some(byte) = bitmap.get_mut(start / 8) {
                *byte |= 1 << (start % 8);
            }
        }
        out.extend_from_slice(&bitmap);
        kind::BITMAP
    }
}

/// Bytes of a position in a chunk of `n` values.
fn position_width(n: usize) -> usize {
    if n <= 256 { 1 } else { 2 }
}

/// Where the runs of a chunk begin, as read from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// How many runs there are, 1 to `n`.
    pub(super) count: usize,
    n: usize,
    begins: Begins<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Begins<'a> {
    Bitmap(&'a [u8]),
    Positions(&'a [u8]),
}

impl<'a> Layout<'a> {
    /// Reads and checks where the runs of `n` values begin.
    pub(super) fn read(reader: &mut Reader<'a>, sparse: u8, n: usize) -> Result<Self, DecodeError> {
        let runs = reader.varint()?;
        if runs == 0 || runs > n as u64 {
            return Err(reader.bad_field("number of runs", runs));
        }
        let count = runs as usize;
        if sparse == kind::BITMAP {
            let bitmap = reader.take(n.div_ceil(8))?;
            let set = check_bitmap(bitmap, n).filter(|set| set + 1 == count);
            set.ok_or_else(|| reader.bad_field("bitmap of runs", runs))?;
            return Ok(Self { count, n, begins: Begins::Bitmap(bitmap) });
        }
        let positions = reader.take((count - 1) * position_width(n))?;
        let layout = Self { count, n, begins: Begins::Positions(positions) };
        let mut last = 0;
        for start in starts(positions, position_width(n)) {
            if start <= last || start >= n {
                return Err(reader.bad_field("begin of a run", start as u64));
            }
            last = start;
        }
        Ok(layout)
    }

    /// Appends the `n` values of the runs to an empty sink; [`RUN_SLACK`](crate::kernel::RUN_SLACK) follow them.
    pub(super) fn expand<B: Blocks>(&self, blocks: B, runs: &[f64], out: &mut Sink<'_, f64>) {
        match self.begins {
            Begins::Bitmap(bitmap) => blocks.expand(bitmap, runs, self.n, out),
            Begins::Positions(positions) => {
                let ends = starts(positions, position_width(self.n)).chain([self.n]);
                for (end, &value) in ends.zip(runs) {
                    out.fill(end - out.len(), value);
                }
            }
        }
    }
}

/// Positions of one or two bytes.
fn starts(positions: &[u8], width: usize) -> impl Iterator<Item = usize> {
    positions.chunks(width).map(|bytes| match *bytes {
        [low, high] => u16::from_le_bytes([low, high]).into(),
        [low] => low.into(),
        _ => 0,
    })
}

/// How many bits are set, if none is where no run but the first can begin.
fn check_bitmap(bitmap: &[u8], n: usize) -> Option<usize> {
    let first = bitmap.first()?;
    let last = bitmap.last()?;
    let spare = last.checked_shr(((n - 1) % 8 + 1) as u32).unwrap_or(0);
    let words = bitmap.chunks(8).map(little_endian);
    let set = words.map(|word| word.count_ones() as usize).sum();
    (first & 1 == 0 && spare == 0).then_some(set)
}
