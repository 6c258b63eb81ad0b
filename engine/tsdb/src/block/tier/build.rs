//! Makes a tier of a block.

use std::sync::Arc;

use crate::aggregate::{Rollup, STALE, is_stale, next_floats};
use crate::block::{Block, BlockSpec, BlockWriter, Selected};
use crate::error::{Error, Result};
use crate::source::SampleBatch;
use crate::storage::Storage;
use crate::time::TimeRange;

use super::{COLUMNS, RESOLUTIONS, bucket_end};

/// From this size on values may add up to more than a number can say.
const HUGE: f64 = 1e290;

/// Writes the tier of `block` into the folder `parent`. `go_on` is asked before every chunk: its
/// error ends the work, and nothing is left behind.
///
/// The bytes depend on the block's samples alone. Memory: the columns of one series, and the new
/// block's index.
///
/// # Errors
/// If the block is damaged or has native histograms, or the tier can't be written.
pub(crate) fn build(
    storage: &Arc<dyn Storage>,
    parent: &str,
    block: &Block,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Block> {
    let meta = block.meta();
    let (range, sequence) = (meta.range, meta.sequence);
    let spec = BlockSpec { range, sequence, coverage: Vec::new(), zstd: true };
    let writer = BlockWriter::new(Arc::clone(storage), parent, spec)?;
    let mut writer = writer.parents(vec![meta.id()]).tier(RESOLUTIONS.to_vec());
    let selected = Arc::new(Selected::new(block.clone(), TimeRange::ALL));
    let mut levels: Vec<Level> = RESOLUTIONS.iter().map(|&width| Level::new(width)).collect();
    let (mut labelling, mut batch) = (block.labelling()?, SampleBatch::default());
    for id in 0..meta.series {
        let id = id as u32;
        let mut series = Block::series(labelling.labels(id)?, id, &selected);
        writer.begin_series(&series.labels)?;
        go_on()?;
        let mut first = None;
        while next_floats(&mut series, &mut batch)? {
            go_on()?;
            first = first.or(batch.times.first().copied());
            for level in &mut levels {
                level.add(&batch);
            }
        }
        for level in &mut levels {
            level.write(&mut writer, first.unwrap_or(range.start))?;
        }
    }
    let empty = || Error::Invalid { what: format!("block {} has no series", meta.name) };
    writer.finish()?.ok_or_else(empty)
}

/// The columns of one resolution.
struct Level {
    resolution: i64,
    open: Option<Open>,
    first_times: Vec<i64>,
    last_times: Vec<i64>,
    values: [Vec<f64>; COLUMNS as usize],
}

impl Level {
    fn new(resolution: i64) -> Self {
        let (first_times, last_times, values) = Default::default();
        Self { resolution, open: None, first_times, last_times, values }
    }

    fn add(&mut self, batch: &SampleBatch) {
        let samples = batch.times.iter().zip(&batch.values);
        for (&t, &value) in samples.filter(|(_, value)| !is_stale(**value)) {
            match &mut self.open {
                Some(open) if t <= open.end => open.add(t, value),
                _ => {
                    self.close();
                    self.open = Some(Open::new(bucket_end(t, self.resolution), t, value));
                }
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let Rollup { first_t, last_t, first, last, min, max, .. } = open.bucket;
        self.first_times.push(first_t);
        self.last_times.push(last_t);
        let numbers = [first, last, min, max, open.sum(), open.count(), open.dropped()];
        for (column, number) in self.values.iter_mut().zip(numbers) {
            column.push(number);
        }
    }

    /// Writes the columns and begins anew. A series that has marks of ends alone must not be left
    /// out, or those after it would have other numbers than in its block: it gets a mark, at its
    /// `first` time, in all columns.
    fn write(&mut self, writer: &mut BlockWriter, first: i64) -> Result<()> {
        self.close();
        if self.last_times.is_empty() {
            self.first_times.push(first);
            self.last_times.push(first);
            self.values.iter_mut().for_each(|column| column.push(f64::from_bits(STALE)));
        }
        for (number, values) in self.values.iter_mut().enumerate() {
            let times = if number == 0 { &self.first_times } else { &self.last_times };
            writer.column(times, values)?;
            values.clear();
        }
        self.first_times.clear();
        self.last_times.clear();
        Ok(())
    }
}

/// A bucket that is being filled.
struct Open {
    end: i64,
    bucket: Rollup,
    /// What rounding has lost of the sum (Neumaier 1974).
    lost: f64,
    resets: u32,
    is_huge: bool,
}

impl Open {
    fn new(end: i64, t: i64, value: f64) -> Self {
        let is_huge = value.is_finite() && value.abs() >= HUGE;
        Self { end, bucket: Rollup::of(t, value), lost: 0.0, resets: 0, is_huge }
    }

    fn add(&mut self, t: i64, value: f64) {
        let bucket = &mut self.bucket;
        if value < bucket.last {
            self.resets += 1;
            bucket.dropped = bucket.last;
        }
        if value < bucket.min || bucket.min.is_nan() && !value.is_nan() {
            bucket.min = value;
        }
        if value > bucket.max || bucket.max.is_nan() && !value.is_nan() {
            bucket.max = value;
        }
        let total = bucket.sum + value;
        let is_larger = bucket.sum.abs() >= value.abs();
        let (large, small) = if is_larger { (bucket.sum, value) } else { (value, bucket.sum) };
        self.lost = if total.is_infinite() { 0.0 } else { self.lost + ((large - total) + small) };
        bucket.sum = total;
        bucket.count += 1.0;
        (bucket.last_t, bucket.last) = (t, value);
        self.is_huge |= value.is_finite() && value.abs() >= HUGE;
    }

    fn sum(&self) -> f64 {
        let sum = if self.bucket.sum.is_infinite() {
            self.bucket.sum
        } else {
            self.bucket.sum + self.lost
        };
        if sum.is_nan() { f64::NAN } else { sum }
    }

    fn count(&self) -> f64 {
        if self.is_huge { -self.bucket.count } else { self.bucket.count }
    }

    fn dropped(&self) -> f64 {
        match self.resets {
            0 => 0.0,
            1 if self.bucket.dropped != 0.0 => self.bucket.dropped,
            // From zero: even adding nothing can change the sign of nothing.
            _ => f64::NAN,
        }
    }
}
