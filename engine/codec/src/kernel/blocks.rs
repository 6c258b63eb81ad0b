//! What an instruction set does with one block of numbers; everything else is shared.

use super::ints::Ints;
use super::scalar;
use super::sink::{SLACK, Scratch, Sink, with_room};
use crate::pack::Packed;
use crate::pfor::{BLOCK, Block};

/// How many sums a fold keeps side by side; see [`Sum`](crate::Sum).
pub(crate) const LANES: usize = 16;

/// An instruction set that this processor has. Headers are parsed and checked by the callers, so
/// a method can neither fail nor refuse anything; what it returns is defined by the default, the
/// portable one.
pub(crate) trait Blocks: Copy {
    /// Whether [`add_ints`](Self::add_ints) and [`add_runs`](Self::add_runs) are faster than a
    /// column that is then added up.
    const ADDS: bool = false;

    /// Appends the packed values.
    fn unpack(self, packed: Packed<'_>, out: &mut Sink<'_, u64>) {
        scalar::unpack(packed, out);
    }

    /// Appends the decimals of a block. The caller has made sure that all of them are
    /// [exact](Ints::are_exact).
    fn ints(self, block: &Block<'_>, ints: &mut Ints, out: &mut Sink<'_, f64>) {
        scalar::ints(Residuals::new().read(self, block), ints, out);
    }

    /// As [`ints`](Self::ints), but adds value i of the block to lane i mod [`LANES`].
    fn add_ints(self, block: &Block<'_>, ints: &mut Ints, lanes: &mut [f64; LANES]) {
        add_block(self, block, ints, lanes);
    }

    /// Adds `min` and the numbers of a block to the bit patterns of as many values.
    fn add_ulps(self, block: &Block<'_>, min: i64, values: &mut [f64]) {
        scalar::add_ulps(Residuals::new().read(self, block), min, values);
    }

    /// Appends the values of an xor block; `bits` are those of the value before, and then of the
    /// last one.
    fn xors(self, packed: Packed<'_>, shift: u32, bits: &mut u64, out: &mut Sink<'_, f64>) {
        scalar::xors(Residuals::new().unpack(self, packed), shift, bits, out);
    }

    /// Appends times by their differences of differences less the smallest of them, `min`.
    /// `last` are the time before and its difference.
    fn deltas(self, block: &Block<'_>, min: i64, last: &mut (i64, u64), out: &mut Sink<'_, i64>) {
        scalar::deltas(Residuals::new().read(self, block), min, last, out);
    }

    /// Appends times by their distances from a grid: `next` is its next point, plus the smallest
    /// distance.
    fn grid(self, block: &Block<'_>, step: u64, next: &mut i64, out: &mut Sink<'_, i64>) {
        scalar::grid(Residuals::new().read(self, block), step, next, out);
    }

    /// Appends `n` values: the next of `runs` begins where the bitmap has a bit. There are as
    /// many runs as the bitmap needs and [`RUN_SLACK`] more.
    fn expand(self, bitmap: &[u8], runs: &[f64], n: usize, out: &mut Sink<'_, f64>) {
        scalar::expand(bitmap, runs, n, out);
    }

    /// As [`expand`](Self::expand), but adds value i to lane i mod [`LANES`].
    fn add_runs(self, bitmap: &[u8], runs: &[f64], n: usize, lanes: &mut [f64; LANES]) {
        with_room(n, |mut values| {
            self.expand(bitmap, runs, n, &mut values);
            add_column(self, values.filled(), lanes);
        });
    }

    /// Appends `count` times `value`.
    fn fill(self, count: usize, value: f64, out: &mut Sink<'_, f64>) {
        out.fill(count, value);
    }

    /// Appends `n` times, the first of them `time`, with the same `step` between them.
    fn regular(self, time: i64, step: u64, n: usize, out: &mut Sink<'_, i64>) {
        scalar::regular(time, step, n, out);
    }

    /// Whether each time is after the one before.
    fn are_ascending(self, times: &[i64]) -> bool {
        scalar::are_ascending(times)
    }

    /// Whether one of the values has these bits.
    fn contain(self, values: &[f64], bits: u64) -> bool {
        scalar::contain(values, bits)
    }

    /// Adds value i of each whole group of [`LANES`] to lane i.
    fn add_lanes(self, values: &[[f64; LANES]], lanes: &mut [f64; LANES]) {
        scalar::add_lanes(values, lanes);
    }

    /// Lowers each of `mins` to the smallest value of its lane, and raises `maxs` likewise.
    fn extremes(self, values: &[[f64; LANES]], mins: &mut [f64; LANES], maxs: &mut [f64; LANES]) {
        scalar::extremes(values, mins, maxs);
    }

    /// Whether a value is smaller than the one before.
    fn falls(self, values: &[f64]) -> bool {
        scalar::falls(values)
    }
}

/// [`Blocks::add_ints`] by way of a column.
#[inline]
pub(super) fn add_block<B: Blocks>(
    blocks: B,
    block: &Block<'_>,
    ints: &mut Ints,
    lanes: &mut [f64; LANES],
) {
    let mut room = Scratch::<f64, { BLOCK + SLACK }>::new();
    let mut values = room.sink();
    blocks.ints(block, ints, &mut values);
    add_column(blocks, values.filled(), lanes);
}

/// Adds value i to lane i mod [`LANES`].
#[inline]
pub(crate) fn add_column<B: Blocks>(blocks: B, values: &[f64], lanes: &mut [f64; LANES]) {
    let (groups, rest) = values.as_chunks();
    blocks.add_lanes(groups, lanes);
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += value;
    }
}

/// Runs behind the last one that [`Blocks::expand`] may read.
pub(crate) const RUN_SLACK: usize = 4;

/// Room for the numbers of one block.
#[derive(Debug)]
pub(crate) struct Residuals(Scratch<u64, BLOCK>);

impl Residuals {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(Scratch::new())
    }

    /// The packed values alone.
    #[inline]
    pub(crate) fn unpack<B: Blocks>(&mut self, blocks: B, packed: Packed<'_>) -> &mut [u64] {
        let mut sink = self.0.sink();
        blocks.unpack(packed, &mut sink);
        sink.into_filled()
    }

    /// The values of a PFOR block.
    #[inline]
    pub(crate) fn read<B: Blocks>(&mut self, blocks: B, block: &Block<'_>) -> &mut [u64] {
        let values = self.unpack(blocks, block.packed);
        block.patch(values, |value, high| *value |= high);
        values
    }
}
