//! Reads the buckets of one series of one block, and samples where a bucket does not serve.

use std::sync::Arc;

use crate::aggregate::{Aggregation, Rollup, is_stale, push_samples};
use crate::block::selection::{Selected, decode_values};
use crate::block::{Block, BlockSeries};
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::source::{Cursor, SampleBatch};
use crate::time::TimeRange;

use super::cuts::Cuts;
use super::{COLUMNS, Column, RESOLUTIONS, bucket_end, columns};

/// What is asked of every series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) wanted: Aggregation,
    pub(crate) cuts: &'a Cuts,
    /// Samples outside do not count.
    pub(crate) range: TimeRange,
}

/// A block and its tier, with what was read last of them.
pub(super) struct Tiered {
    samples: Arc<Selected>,
    tier: Arc<Selected>,
    times: Vec<i64>,
    values: Vec<f64>,
    buckets: Vec<Rollup>,
    batch: SampleBatch,
}

impl Tiered {
    pub(super) fn new(block: &Block, tier: &Block, range: TimeRange) -> Self {
        let selected = |block: &Block| Arc::new(Selected::new(block.clone(), range).for_query());
        let (samples, tier) = (selected(block), selected(tier));
        let (times, values, buckets, batch) = Default::default();
        Self { samples, tier, times, values, buckets, batch }
    }

    /// Adds the buckets of a series, but what is `hidden` of it. A tier that turns out to be
    /// damaged is as good as none.
    pub(super) fn add(
        &mut self,
        id: u32,
        asked: &Asked<'_>,
        hidden: &Hidden,
        all: &mut Vec<Rollup>,
    ) -> Result<()> {
        let read = self.read(id, asked);
        match self.tier.block().noted(read) {
            Ok(()) => {}
            Err(Error::Corrupt { .. }) => return self.add_samples(id, &[asked.range], hidden, all),
            Err(error) => return Err(error),
        }
        let mut rest: Vec<TimeRange> = Vec::new();
        let resolution = asked.cuts.resolution();
        for bucket in self.buckets.drain(..) {
            let end = bucket_end(bucket.last_t, resolution);
            let reach = TimeRange::new(end.saturating_sub(resolution - 1), end);
            if !reach.overlaps(&asked.range) {
                continue;
            }
            let is_inside = asked.range.start <= reach.start && reach.end <= asked.range.end;
            let serves = is_inside && !asked.cuts.has(end) && !hidden.overlaps(reach);
            match served(bucket, asked.wanted).filter(|_| serves) {
                Some(bucket) => all.push(bucket),
                None => rest.push(TimeRange::new(
                    reach.start.max(asked.range.start),
                    reach.end.min(asked.range.end),
                )),
            }
        }
        if rest.is_empty() { Ok(()) } else { self.add_samples(id, &rest, hidden, all) }
    }

    /// Reads the columns that are wanted into `self.buckets`.
    fn read(&mut self, id: u32, asked: &Asked<'_>) -> Result<()> {
        self.buckets.clear();
        let tier = Arc::clone(&self.tier);
        let series = id.saturating_mul(COLUMNS * RESOLUTIONS.len() as u32);
        for (number, column) in columns(asked.wanted).iter().enumerate() {
            self.times.clear();
            self.values.clear();
            let place = series.saturating_add(column.of_level(asked.cuts.level));
            read_column(&tier, place, &mut self.times, &mut self.values)?;
            if number == 0 {
                self.buckets.extend(self.times.iter().map(|&t| Rollup::of(t, 0.0)));
            }
            if self.buckets.len() != self.times.len() {
                return Err(tier.block().corrupt(0, format!("columns of series {id} differ")));
            }
            let read = self.times.iter().zip(&self.values);
            for (bucket, (&t, &value)) in self.buckets.iter_mut().zip(read) {
                put(bucket, *column, t, value);
            }
        }
        // A series without samples has a mark in all columns.
        if self.values.first().copied().is_some_and(is_stale) {
            self.buckets.clear();
        }
        Ok(())
    }

    /// Adds the samples in `ranges`, which are sorted and apart, that are not hidden.
    fn add_samples(
        &mut self,
        id: u32,
        ranges: &[TimeRange],
        hidden: &Hidden,
        all: &mut Vec<Rollup>,
    ) -> Result<()> {
        let samples = Arc::clone(&self.samples);
        let chunks = samples.tolerate(samples.chunks(id), Vec::new())?;
        let (mut next, mut whole) = (0, None);
        for chunk in chunks {
            let Some(times) = samples.tolerate(samples.times_of(chunk.stream).map(Some), None)?
            else {
                continue;
            };
            let (Some(&first), Some(&last)) = (times.first(), times.last()) else { continue };
            while ranges.get(next).is_some_and(|range| range.end < first) {
                next += 1;
            }
            let Some(range) = ranges.get(next) else { break };
            if range.start > last {
                continue;
            }
            let batch = &mut self.batch;
            batch.clear();
            let page = whole.take().filter(|(number, _)| *number == chunk.page);
            let page = page.map_or_else(|| samples.value_page(chunk.page), |(_, page)| Ok(page));
            let decoded = page.and_then(|page| {
                decode_values(samples.block(), &page, chunk, times.len(), &mut batch.values)?;
                Ok(Some(page))
            });
            let Some(page) = samples.tolerate(decoded, None)? else { continue };
            whole = Some((chunk.page, page));
            batch.times.extend_from_slice(&times);
            hidden.strip(batch);
            let reaching = ranges.get(next..).unwrap_or_default();
            for range in reaching.iter().take_while(|range| range.start <= last) {
                push_samples(batch, *range, all);
            }
        }
        Ok(())
    }
}

/// A series of a block as samples.
pub(super) fn samples_of(selected: &Arc<Selected>, id: u32) -> (i64, Box<dyn Cursor>) {
    let series = BlockSeries::new(nunatak_index::Labels::empty(), id, Arc::clone(selected));
    (series.starts_at(), Box::new(series))
}

fn put(bucket: &mut Rollup, column: Column, t: i64, value: f64) {
    let place = match column {
        Column::First => {
            bucket.first_t = t;
            bucket.first = value;
            return;
        }
        Column::Last => &mut bucket.last,
        Column::Min => &mut bucket.min,
        Column::Max => &mut bucket.max,
        Column::Sum => &mut bucket.sum,
        Column::Count => &mut bucket.count,
        Column::Dropped => &mut bucket.dropped,
    };
    *place = value;
    bucket.last_t = t;
}

/// The bucket, if it says all that is wanted.
fn served(bucket: Rollup, wanted: Aggregation) -> Option<Rollup> {
    let is_known = match wanted {
        Aggregation::Sum | Aggregation::Mean => bucket.count > 0.0,
        Aggregation::Increase => !bucket.dropped.is_nan(),
        _ => true,
    };
    is_known.then(|| Rollup { count: bucket.count.abs(), ..bucket })
}

/// Reads all of a column.
fn read_column(
    tier: &Selected,
    place: u32,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<()> {
    for chunk in tier.chunks(place)? {
        let own = tier.times_of(chunk.stream)?;
        let page = tier.value_page(chunk.page)?;
        decode_values(tier.block(), &page, chunk, own.len(), values)?;
        times.extend_from_slice(&own);
    }
    Ok(())
}
