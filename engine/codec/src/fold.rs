//! Consumers that run over the values of a sealed chunk without an output array.
//!
//! A chunk is decoded into a room on the stack, which stays in the first-level cache, and handed
//! to a [`Fold`] as a whole; one whose values are all the same is not even decoded. A fold can be
//! given chunk after chunk, and its result depends neither on the kernel nor on how a chunk is
//! encoded.

mod counter;
mod extremes;
mod sum;

use std::ops::Range;

pub use counter::Counter;
pub use extremes::Extremes;
pub use sum::Sum;

use crate::error::{DecodeError, check_decode_count};
use crate::kernel::{Blocks, Kernel, LANES, with_blocks, with_room};
use crate::values::{constant_stream, decode_stream, may_be_stale, sum_stream};

/// The bit pattern with which Prometheus marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Takes the values of a series in the order of time, without stale markers.
pub trait Fold {
    /// Takes the values of a chunk, or of the part of it that was asked for; not empty.
    fn values(&mut self, values: &[f64]);

    /// Takes a chunk of `count` ≥ 1 times `value`; does as [`values`](Self::values) would.
    fn run(&mut self, value: f64, count: usize);
}

impl<A: Fold, B: Fold> Fold for (A, B) {
    fn values(&mut self, values: &[f64]) {
        self.0.values(values);
        self.1.values(values);
    }

    fn run(&mut self, value: f64, count: usize) {
        self.0.run(value, count);
        self.1.run(value, count);
    }
}

/// Gives `fold` those of the `n` values of the stream at the start of `bytes` whose indices are in
/// `range`, and returns how many bytes the stream has. Stale markers are left out.
///
/// # Errors
/// If the bytes are not a stream of `n` values; `fold` has then seen nothing of it.
pub fn fold_values<F: Fold>(
    bytes: &[u8],
    n: usize,
    range: Range<usize>,
    fold: &mut F,
) -> Result<usize, DecodeError> {
    fold_values_with(Kernel::detect(), bytes, n, range, fold)
}

/// As [`fold_values`], with a kernel of the caller's choice; one that this processor can't run is
/// replaced by [`Kernel::Scalar`].
///
/// # Errors
/// As [`fold_values`].
pub fn fold_values_with<F: Fold>(
    kernel: Kernel,
    bytes: &[u8],
    n: usize,
    range: Range<usize>,
    fold: &mut F,
) -> Result<usize, DecodeError> {
    check_decode_count(n)?;
    let range = range.start.min(n)..range.end.min(n);
    if let Some((value, used)) = constant_stream(bytes)? {
        if value.to_bits() != STALE && !range.is_empty() {
            fold.run(value, range.len());
        }
        return Ok(used);
    }
    with_blocks!(kernel, blocks => fold_dense(blocks, bytes, n, range, fold))
}

fn fold_dense<B: Blocks, F: Fold>(
    blocks: B,
    bytes: &[u8],
    n: usize,
    range: Range<usize>,
    fold: &mut F,
) -> Result<usize, DecodeError> {
    with_room(n, |mut sink| {
        let used = decode_stream(blocks, bytes, n, &mut sink)?;
        let mut values = sink.into_filled().get_mut(range).unwrap_or_default();
        if may_be_stale(bytes) && blocks.contain(values, STALE) {
            let kept = remove_stale(values);
            values = values.get_mut(..kept).unwrap_or_default();
        }
        if !values.is_empty() {
            fold.values(values);
        }
        Ok(used)
    })
}

/// Moves all values but stale markers to the front and returns how many there are.
fn remove_stale(values: &mut [f64]) -> usize {
    let mut kept = 0;
    for i in 0..values.len() {
        if values[i].to_bits() != STALE {
            values[kept] = values[i];
            kept += 1;
        }
    }
    kept
}

/// The [`Sum`] of the `n` values of the stream at the start of `bytes`, without stale markers.
///
/// # Errors
/// If the bytes are not a stream of `n` values.
pub fn sum_values(bytes: &[u8], n: usize) -> Result<f64, DecodeError> {
    sum_values_with(Kernel::detect(), bytes, n)
}

/// As [`sum_values`], with a kernel of the caller's choice; one that this processor can't run is
/// replaced by [`Kernel::Scalar`].
///
/// # Errors
/// As [`sum_values`].
pub fn sum_values_with(kernel: Kernel, bytes: &[u8], n: usize) -> Result<f64, DecodeError> {
    check_decode_count(n)?;
    let (mut sum, mut lanes) = (Sum::with(kernel), [0.0; LANES]);
    if let Some((value, _)) = constant_stream(bytes)? {
        if value.to_bits() != STALE {
            sum.run(value, n);
        }
    } else if with_blocks!(kernel, blocks => sum_stream(blocks, bytes, n, &mut lanes))? {
        sum.lanes(&mut lanes, n);
    } else {
        fold_values_with(kernel, bytes, n, 0..n, &mut sum)?;
    }
    Ok(sum.sum())
}
