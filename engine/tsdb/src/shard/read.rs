//! The read path of a tenant in a shard: head first, then blocks.
//!
//! Data moves by publish, then remove: samples that leave the head after it was read are in a
//! block that is in the list taken after it. What is seen twice is dropped by precedence.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use nunatak_index::Labels;
use roaring::RoaringBitmap;

use super::deletes::held;
use super::{LOCK_PIECE, TenantShard};
use crate::block::{Ahead, Block, scan_blocks};
use crate::delete::Tombstones;
use crate::error::{Error, Result};
use crate::head::{Epoch, Hiding, View};
use crate::merge::MergeCursor;
use crate::retention::Expiry;
use crate::sorted_texts::SortedTexts;
use crate::source::{Cursor, Hints, SampleBatch, SelectedSeries, Selector, Visit};
use crate::time::TimeRange;

/// A part of a series: a time before which it has no sample, and its samples.
pub(super) type Part = (i64, Box<dyn Cursor>);

/// What a selection has found so far.
#[derive(Default)]
pub(crate) struct Found {
    /// One entry for each series of each source, the sources with the highest precedence first;
    /// without a part if only labels are wanted.
    entries: Vec<(Labels, Option<Part>)>,
    pub(crate) warnings: Vec<String>,
}

impl Found {
    /// What one source has of each series.
    pub(super) fn into_parts(self) -> BTreeMap<Labels, Part> {
        self.entries.into_iter().filter_map(|(labels, part)| Some((labels, part?))).collect()
    }

    /// The series with their merged samples, sorted by label set.
    pub(crate) fn into_series(mut self) -> Vec<SelectedSeries> {
        // Blocks come sorted, which a stable sort makes use of; it keeps the precedence, too.
        self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut entries = self.entries.into_iter().peekable();
        let mut series = Vec::with_capacity(entries.len());
        while let Some((labels, mut first)) = entries.next() {
            let mut others = Vec::new();
            while let Some((_, part)) = entries.next_if(|(next, _)| *next == labels) {
                match first {
                    Some(_) => others.extend(part),
                    None => first = part,
                }
            }
            series.push(SelectedSeries { labels, cursor: merged(first, others) });
        }
        series
    }
}

/// One cursor over all parts of a series, the highest precedence first.
fn merged(first: Option<Part>, others: Vec<Part>) -> Box<dyn Cursor> {
    match first {
        None => Box::new(NoSamples),
        Some((_, cursor)) if others.is_empty() => cursor,
        Some(first) => {
            let parts = std::iter::once(first).chain(others).collect();
            Box::new(MergeCursor::with_starts(parts))
        }
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
    /// Asks the disk for what is read first for `selector`, and adds what is to be asked for then; a
    /// query does so of all shards.
    pub(crate) fn ask_ahead(&self, selector: &Selector, ahead: &mut Vec<Ahead>) {
        let list = self.blocks();
        let blocks = list.blocks.iter().filter(|block| held(block).overlaps(&selector.range));
        ahead.extend(blocks.filter_map(|block| block.ask_ahead(selector)));
    }

    /// Adds the series that `selector` selects.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        labels_only: bool,
        expiry: &Expiry,
        found: &mut Found,
    ) -> Result<()> {
        let tombstones = self.tombstones();
        self.select_head(selector, labels_only, (&tombstones, expiry), found);
        let list = self.blocks();
        for block in &list.blocks {
            if held(block).overlaps(&selector.range) {
                select_block(block, selector, labels_only, (&tombstones, expiry), found)?;
            }
        }
        self.warn(selector.range, &mut found.warnings);
        Ok(())
    }

    /// Hands the series that `selector` selects to `visit`; whether that wants more.
    ///
    /// If the head and blocks both have some of the samples, or something may be hidden, this is
    /// [`select`](Self::select) series by series: a head has its series in no order to join them
    /// by, and what is hidden depends on all labels of a series.
    pub(crate) fn scan(
        &self,
        selector: &Selector,
        hints: &Hints,
        expiry: &Expiry,
        visit: Visit,
        warnings: &mut Vec<String>,
    ) -> Result<bool> {
        let tombstones = self.tombstones();
        let hiding = (&tombstones, expiry);
        let hides = !tombstones.is_empty() || expiry.reaches(selector.range);
        let mut found = Found::default();
        self.select_head(selector, hints.labels_only, hiding, &mut found);
        let list = self.blocks();
        let blocks = list.blocks.iter().filter(|block| held(block).overlaps(&selector.range));
        let blocks: Vec<Block> = blocks.cloned().collect();
        let goes_on = if found.entries.is_empty() && !hides {
            scan_blocks(&blocks, selector, hints, visit)?
        } else {
            let in_head = found.entries.len();
            for block in &blocks {
                select_block(block, selector, hints.labels_only, hiding, &mut found)?;
            }
            if found.entries.len() == in_head {
                // A head has each series once, so nothing has to be joined.
                let entries = found.entries.into_iter();
                let mut series = entries.map(|(labels, part)| (labels, merged(part, Vec::new())));
                series.all(|(labels, mut cursor)| visit(labels, &mut *cursor))
            } else {
                found.into_series().into_iter().all(|mut s| visit(s.labels, &mut *s.cursor))
            }
        };
        self.warn(selector.range, warnings);
        Ok(goes_on)
    }

    pub(super) fn select_head(
        &self,
        selector: &Selector,
        labels_only: bool,
        (tombstones, expiry): (&Tombstones, &Expiry),
        found: &mut Found,
    ) {
        let _in_use = self.slots_in_use.read();
        let selected: Vec<u32> = self.head().read().select(&selector.matchers).iter().collect();
        for slots in selected.chunks(LOCK_PIECE) {
            let head = self.head().read();
            for &slot in slots {
                if !head.has_samples(slot, selector.range, Epoch::MAX) {
                    continue;
                }
                let Some(labels) = head.labels(slot) else { continue };
                let mut hidden = tombstones.hiding_of(&labels);
                let ended = expiry.ended(&labels);
                hidden.extend(ended.map(|range| Hiding { epoch: Epoch::MAX, range }));
                let view = View { hidden: &hidden, ..View::up_to(selector.range, Epoch::MAX) };
                let snapshot = if labels_only && hidden.is_empty() {
                    None
                } else {
                    match head.snapshot(slot, &view) {
                        None => continue,
                        snapshot => snapshot.filter(|_| !labels_only),
                    }
                };
                let part = snapshot.map(|snapshot| (i64::MIN, snapshot.into_cursor()));
                found.entries.push((labels, part));
            }
        }
    }

    /// Says what answers about `range` lack, or may have too much.
    pub(crate) fn warn(&self, range: TimeRange, warnings: &mut Vec<String>) {
        if let Some(damage) = &self.tombstone_damage {
            warnings.push(format!("deleted samples may be shown: {damage}"));
        }
        if self.lacks_head.load(Ordering::Acquire) {
            warnings.push(format!(
                "incomplete: shard {} lacks what was in no block yet: all saved heads are damaged",
                self.shard
            ));
        }
        let list = self.blocks();
        for part in list.quarantined.iter() {
            if part.range.overlaps(&range) {
                warnings.push(format!(
                    "incomplete: shard {} lacks block {} ({})",
                    self.shard, part.name, part.error
                ));
            }
        }
        for block in list.blocks.iter().filter(|block| held(block).overlaps(&range)) {
            if let Some(damage) = block.damage() {
                let name = &block.meta().name;
                warnings.push(format!(
                    "incomplete: shard {} can't read all of block {name} ({damage})",
                    self.shard
                ));
            }
        }
    }

    /// Adds the names of the labels of the selected series.
    pub(crate) fn label_names(&self, selector: &Selector, names: &mut SortedTexts) -> Result<()> {
        {
            let head = self.head().read();
            if head.has_samples_near(&selector.range) {
                let selected = head_selection(selector, |matchers| head.select(matchers));
                let own = head.index().label_names(selected.as_ref());
                names.add(0, &mut |most, take| {
                    take(own.get(..most).unwrap_or(&own));
                    Ok(())
                })?;
            }
        }
        for block in &self.blocks().blocks {
            if held(block).overlaps(&selector.range) {
                let own = or_left_out(block.noted(block.label_names(&selector.matchers)))?;
                names.add(0, &mut |most, take| {
                    take(own.get(..most).unwrap_or(&own));
                    Ok(())
                })?;
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
        values: &mut SortedTexts,
    ) -> Result<()> {
        {
            let head = self.head().read();
            if head.has_samples_near(&selector.range) {
                let selected = head_selection(selector, |matchers| head.select(matchers));
                values.add(limit, &mut |most, take| {
                    take(&head.index().label_values(name, selected.as_ref(), most));
                    Ok(())
                })?;
            }
        }
        for block in &self.blocks().blocks {
            if held(block).overlaps(&selector.range) {
                values.add(limit, &mut |most, take| {
                    let own = block.with_label_values(name, &selector.matchers, most, &mut *take);
                    match block.noted(own) {
                        // A warning says so.
                        Err(Error::Corrupt { .. }) => Ok(()),
                        own => own,
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// Adds the series that `selector` selects in a block.
fn select_block(
    block: &Block,
    selector: &Selector,
    labels_only: bool,
    (tombstones, expiry): (&Tombstones, &Expiry),
    found: &mut Found,
) -> Result<()> {
    let tombstones = tombstones.reaching(block.precedence().0, selector.range);
    let selected = block.noted(block.select(&selector.matchers, selector.range));
    for mut series in or_left_out(selected)? {
        let labels = std::mem::take(&mut series.labels);
        let hidden = tombstones.hidden_of(&labels, expiry.ended(&labels));
        if hidden.covers(shown(block, selector)) {
            continue;
        }
        let starts_at = series.starts_at();
        let part = (!labels_only).then(|| -> Part { (starts_at, hidden.over(Box::new(series))) });
        found.entries.push((labels, part));
    }
    Ok(())
}

/// What a block answered; nothing if its index is damaged, which a warning says.
fn or_left_out<T>(answer: Result<Vec<T>>) -> Result<Vec<T>> {
    match answer {
        Err(Error::Corrupt { .. }) => Ok(Vec::new()),
        answer => answer,
    }
}

/// The selected times that a block has samples of.
fn shown(block: &Block, selector: &Selector) -> TimeRange {
    let (held, asked) = (held(block), selector.range);
    TimeRange::new(held.start.max(asked.start), held.end.min(asked.end))
}

/// The selected slots, `None` for all.
fn head_selection(
    selector: &Selector,
    select: impl FnOnce(&[nunatak_index::Matcher]) -> RoaringBitmap,
) -> Option<RoaringBitmap> {
    (!selector.matchers.is_empty()).then(|| select(&selector.matchers))
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;

    /// Hands out one sample at time 1.
    struct One(Option<f64>);

    impl Cursor for One {
        fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
            batch.clear();
            self.0.take().inspect(|&value| batch.push(1, value));
            Ok(!batch.is_empty())
        }
    }

    fn found(entries: &[(&str, Option<f64>)]) -> Vec<(String, Vec<f64>)> {
        let part = |value| -> Part { (0, Box::new(One(Some(value)))) };
        let entry = |&(name, value): &(&str, Option<f64>)| {
            (labels! { "__name__" => name }, value.map(part))
        };
        let found = Found { entries: entries.iter().map(entry).collect(), warnings: Vec::new() };
        let mut batch = SampleBatch::default();
        let mut read = |mut series: SelectedSeries| {
            series.cursor.next_batch(&mut batch).unwrap();
            (series.labels.to_string(), batch.values.clone())
        };
        found.into_series().into_iter().map(&mut read).collect()
    }

    #[test]
    fn series_are_sorted_and_the_first_source_wins() {
        let series =
            found(&[("b", Some(1.0)), ("a", Some(2.0)), ("b", Some(3.0)), ("a", Some(4.0))]);
        assert_eq!(series, [("a".into(), vec![2.0]), ("b".into(), vec![1.0])]);
    }

    #[test]
    fn a_source_without_samples_hides_no_other() {
        let series = found(&[("a", None), ("b", None), ("a", Some(1.0)), ("a", Some(2.0))]);
        assert_eq!(series, [("a".into(), vec![1.0]), ("b".into(), vec![])]);
    }
}
