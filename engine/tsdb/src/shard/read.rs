//! The read path of a tenant in a shard: head first, then blocks.
//!
//! Data moves by publish, then remove: samples that leave the head after it was read are in a
//! block that is in the list taken after it. What is seen twice is dropped by precedence.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use nunatak_index::Labels;
use roaring::RoaringBitmap;

use super::{LOCK_PIECE, TenantShard};
use crate::block::Block;
use crate::error::Result;
use crate::head::Epoch;
use crate::merge::MergeCursor;
use crate::source::{Cursor, SampleBatch, SelectedSeries, Selector};
use crate::time::TimeRange;

/// The parts of a series, the highest precedence first.
type Parts = Vec<(i64, Box<dyn Cursor>)>;

/// What a selection has found so far.
#[derive(Default)]
pub(crate) struct Found {
    series: HashMap<Labels, Parts>,
    pub(crate) warnings: Vec<String>,
}

impl Found {
    /// The series with their merged samples, in no order.
    pub(crate) fn into_series(self) -> impl Iterator<Item = SelectedSeries> {
        self.series.into_iter().map(|(labels, mut parts)| {
            let cursor = match parts.len() {
                0 => Box::new(NoSamples),
                1 => parts.remove(0).1,
                _ => Box::new(MergeCursor::with_starts(parts)),
            };
            SelectedSeries { labels, cursor }
        })
    }
}

/// The cursor of a series of which only labels are wanted.
struct NoSamples;

impl Cursor for NoSamples {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        Ok(false)
    }
}

impl TenantShard {
    /// Adds the series that `selector` selects.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        labels_only: bool,
        found: &mut Found,
    ) -> Result<()> {
        self.select_head(selector, labels_only, found);
        let list = self.blocks();
        for block in &list.blocks {
            if !held(block).overlaps(&selector.range) {
                continue;
            }
            for series in block.select(&selector.matchers, selector.range)? {
                let labels = series.labels.clone();
                let parts = found.series.entry(labels).or_default();
                if !labels_only {
                    parts.push((series.starts_at(), Box::new(series)));
                }
            }
        }
        self.warn(selector, found);
        Ok(())
    }

    fn select_head(&self, selector: &Selector, labels_only: bool, found: &mut Found) {
        let _in_use = self.slots_in_use.read();
        let selected: Vec<u32> = self.head().read().select(&selector.matchers).iter().collect();
        for slots in selected.chunks(LOCK_PIECE) {
            let head = self.head().read();
            for &slot in slots {
                if !head.has_samples(slot, selector.range, Epoch::MAX) {
                    continue;
                }
                let Some(labels) = head.labels(slot) else { continue };
                let parts = found.series.entry(labels).or_default();
                if let (false, Some(snapshot)) =
                    (labels_only, head.snapshot(slot, selector.range, Epoch::MAX))
                {
                    parts.push((i64::MIN, snapshot.into_cursor()));
                }
            }
        }
    }

    fn warn(&self, selector: &Selector, found: &mut Found) {
        for part in self.blocks().quarantined.iter() {
            if part.range.overlaps(&selector.range) {
                found.warnings.push(format!(
                    "incomplete: shard {} lacks block {} ({})",
                    self.shard, part.name, part.error
                ));
            }
        }
    }

    /// Adds the names of the labels of the selected series.
    pub(crate) fn label_names(
        &self,
        selector: &Selector,
        names: &mut BTreeSet<String>,
    ) -> Result<()> {
        {
            let head = self.head().read();
            let selected = head_selection(selector, |matchers| head.select(matchers));
            names.extend(head.index().label_names(selected.as_ref()));
        }
        for block in &self.blocks().blocks {
            if held(block).overlaps(&selector.range) {
                names.extend(block.label_names(&selector.matchers)?);
            }
        }
        Ok(())
    }

    /// Adds the values of the label `name` of the selected series, at most `limit` (0: all) a
    /// part.
    pub(crate) fn label_values(
        &self,
        name: &str,
        selector: &Selector,
        limit: usize,
        values: &mut BTreeSet<String>,
    ) -> Result<()> {
        {
            let head = self.head().read();
            let selected = head_selection(selector, |matchers| head.select(matchers));
            values.extend(head.index().label_values(name, selected.as_ref()));
        }
        for block in &self.blocks().blocks {
            if held(block).overlaps(&selector.range) {
                values.extend(block.label_values(name, &selector.matchers, limit)?);
            }
        }
        Ok(())
    }
}

/// The times that a block has samples of.
fn held(block: &Block) -> TimeRange {
    TimeRange::new(block.meta().min_t, block.meta().max_t)
}

/// The selected slots, `None` for all.
fn head_selection(
    selector: &Selector,
    select: impl FnOnce(&[nunatak_index::Matcher]) -> RoaringBitmap,
) -> Option<RoaringBitmap> {
    (!selector.matchers.is_empty()).then(|| select(&selector.matchers))
}
