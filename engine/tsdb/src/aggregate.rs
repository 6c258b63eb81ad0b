//! Window functions over buckets: what a source may hand on in place of samples.
//!
//! A [`Rollup`] says of some neighbouring samples of a series what the simple window functions need
//! to know of them. A source that keeps buckets ([`Options::downsample_after`]) hands on those that
//! lie wholly inside or wholly outside of every window, and samples, each a bucket of its own,
//! around the borders of windows: so the function gives what it would give on samples.
//!
//! [`Options::downsample_after`]: crate::Options::downsample_after

use nunatak_index::Labels;

use crate::error::{Error, Result};
use crate::source::{Cursor, SampleBatch};
use crate::time::TimeRange;

/// What is wanted of the samples in a window; marks of ends are no samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aggregation {
    /// The first value.
    First,
    /// The last value.
    Last,
    /// The smallest value; NaN only if there is nothing else.
    Min,
    /// The largest value; NaN only if there is nothing else.
    Max,
    /// The sum.
    Sum,
    /// How many samples there are.
    Count,
    /// Sum and count.
    Mean,
    /// First and last sample, and how many there are.
    Delta,
    /// The same, and what a counter has lost by resets.
    Increase,
}

/// Windows of one length: for each of `ends` the times in `(end − range_ms, end]`.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a> {
    /// The last time of each window in ms, ascending.
    pub ends: &'a [i64],
    /// How long a window is, in ms.
    pub range_ms: i64,
}

/// Some neighbouring samples of a series, without marks of ends. Only those of the fields mean
/// something that the [`Aggregation`] asks for, and [`last_t`](Self::last_t).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rollup {
    /// Time of the first sample in ms.
    pub first_t: i64,
    /// Time of the last sample in ms; where only first values are wanted, a time not after it.
    pub last_t: i64,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// The smallest value, the first one of equals; NaN if there is nothing else.
    pub min: f64,
    /// The largest value, the first one of equals; NaN if there is nothing else.
    pub max: f64,
    /// The sum, added up with compensation and rounded once.
    pub sum: f64,
    /// Number of samples, at least 1.
    pub count: f64,
    /// The value before the one sample that is smaller than the one before it, or 0.
    pub dropped: f64,
}

impl Rollup {
    /// A sample as a bucket.
    #[must_use]
    pub fn of(t: i64, value: f64) -> Self {
        // What is NaN gives the one NaN that minima and sums give.
        let v = if value.is_nan() { f64::NAN } else { value };
        let (first, last, min, max, sum) = (value, value, v, v, value);
        Self { first_t: t, last_t: t, first, last, min, max, sum, count: 1.0, dropped: 0.0 }
    }
}

/// Pulls the buckets of one series.
pub trait RollupCursor {
    /// Adds some more to `buckets`; `false` when there are no more. They come in no order, but
    /// never overlap.
    ///
    /// # Errors
    /// If they can't be read or decoded.
    fn next_buckets(&mut self, buckets: &mut Vec<Rollup>) -> Result<bool>;
}

/// Takes the series of a scan for buckets one by one; whether to go on.
pub type VisitRollups<'a> = &'a mut dyn FnMut(&Labels, &mut dyn RollupCursor) -> bool;

/// The bits of the NaN that marks the end of a series.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value marks the end of a series.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

/// Adds the samples of a batch that lie in `range`, each as a bucket.
pub(crate) fn push_samples(batch: &SampleBatch, range: TimeRange, all: &mut Vec<Rollup>) {
    let start = batch.times.partition_point(|&t| t < range.start);
    let end = batch.times.partition_point(|&t| t <= range.end).max(start);
    let times = batch.times.get(start..end).unwrap_or_default();
    let values = batch.values.get(start..end).unwrap_or_default();
    let samples = times.iter().zip(values).filter(|(_, value)| !is_stale(**value));
    all.extend(samples.map(|(&t, &value)| Rollup::of(t, value)));
}

/// Reads the next batch of floats.
///
/// # Errors
/// [`Error::Invalid`] if there are native histograms, which buckets know nothing of; else if it can't
/// be read.
pub(crate) fn next_floats(cursor: &mut dyn Cursor, batch: &mut SampleBatch) -> Result<bool> {
    let more = cursor.next_batch(batch)?;
    if !batch.histograms.is_empty() {
        return Err(Error::Invalid { what: "buckets of native histograms".to_owned() });
    }
    Ok(more)
}

/// Samples of a cursor, each as a bucket.
pub(crate) struct OfSamples<'a> {
    pub(crate) cursor: &'a mut dyn Cursor,
    pub(crate) batch: SampleBatch,
}

impl RollupCursor for OfSamples<'_> {
    fn next_buckets(&mut self, buckets: &mut Vec<Rollup>) -> Result<bool> {
        let more = next_floats(self.cursor, &mut self.batch)?;
        if more {
            push_samples(&self.batch, TimeRange::ALL, buckets);
        }
        Ok(more)
    }
}
