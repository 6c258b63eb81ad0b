//! Values that change rarely: where each run of equal values begins, and a body of one value for
//! each run.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use super::decimal::Decimals;
use super::kind;
use crate::error::DecodeError;
use crate::kernel::{Blocks, LANES, Sink, add_column, with_room};
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
    /// The runs of values that are equal by bits, of which there are `count`.
    pub(super) fn of(values: &[f64], count: usize) -> Self {
        let mut runs = Self {
            values: Vec::with_capacity(count),
            starts: Vec::with_capacity(count),
            n: values.len(),
        };
        let mut last = None;
        for (i, &value) in values.iter().enumerate() {
            if last != Some(value.to_bits()) {
                last = Some(value.to_bits());
                runs.values.push(value);
                if i > 0 {
                    runs.starts.push(i);
                }
            }
        }
        runs
    }

    /// Whether storing `runs` of `n` values may save anything at all.
    pub(super) fn are_worth_trying(runs: usize, n: usize) -> bool {
        runs * 8 < n * 7
    }

    /// The decimals of all values, from those of the runs.
    pub(super) fn expand(&self, decimals: &Decimals) -> Decimals {
        let mut ints = Vec::with_capacity(self.n);
        let mut exceptions = Vec::new();
        let mut exceptional = decimals.exceptions.iter().copied().peekable();
        let ends = self.starts.iter().copied().chain([self.n]);
        for (run, (end, &int)) in ends.zip(&decimals.ints).enumerate() {
            if exceptional.next_if_eq(&run).is_some() {
                exceptions.extend(ints.len()..end);
            }
            ints.resize(end, int);
        }
        Decimals { exponent: decimals.exponent, ints, exceptions }
    }

    /// The bits that sparse streams of these runs add to the kind.
    pub(super) fn kind(&self) -> u8 {
        if self.bytes_of_positions() < self.n.div_ceil(8) { kind::POSITIONS } else { kind::BITMAP }
    }

    fn bytes_of_positions(&self) -> usize {
        varint::len(self.values.len() as u64) + self.starts.len() * position_width(self.n)
    }

    /// Bytes that [`write`](Self::write) appends.
    pub(super) fn len(&self) -> usize {
        self.bytes_of_positions().min(self.n.div_ceil(8))
    }

    /// Appends where the runs begin.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.kind() == kind::POSITIONS {
            varint::write(self.values.len() as u64, out);
            let width = position_width(self.n);
            for &start in &self.starts {
                out.extend(start.to_le_bytes().iter().take(width));
            }
            return;
        }
        let begin = out.len();
        out.resize(begin + self.n.div_ceil(8), 0);
        for &start in &self.starts {
            if let Some(byte) = out.get_mut(begin + start / 8) {
                *byte |= 1 << (start % 8);
            }
        }
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
        if sparse == kind::BITMAP {
            let bitmap = reader.take(n.div_ceil(8))?;
            let set = check_bitmap(bitmap, n);
            let set = set.ok_or_else(|| reader.bad_field("bitmap of runs", 0))?;
            return Ok(Self { count: set + 1, n, begins: Begins::Bitmap(bitmap) });
        }
        let runs = reader.varint()?;
        if runs == 0 || runs > n as u64 {
            return Err(reader.bad_field("number of runs", runs));
        }
        let count = runs as usize;
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

    /// Adds the `n` values of the runs to the lanes of their sum, of which there are none so far;
    /// [`RUN_SLACK`](crate::kernel::RUN_SLACK) follow the runs.
    pub(super) fn add_up<B: Blocks>(&self, blocks: B, runs: &[f64], lanes: &mut [f64; LANES]) {
        match self.begins {
            Begins::Bitmap(bitmap) => blocks.add_runs(bitmap, runs, self.n, lanes),
            Begins::Positions(_) => with_room(self.n, |mut values| {
                self.expand(blocks, runs, &mut values);
                add_column(blocks, values.filled(), lanes);
            }),
        }
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
