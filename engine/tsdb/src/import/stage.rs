//! Turns the samples of one shard into blocks that are not visible yet.

use std::sync::Arc;

use super::rows::{ShardRows, sort_samples};
use super::run::{RunReader, write_run};
use super::sorted::{Group, InMemory, Sorted};
use super::staging::Staging;
use super::windows::Windows;
use crate::block::{BlockMeta, BlockSpec, BlockWriter};
use crate::error::Result;
use crate::source::SampleBatch;
use crate::storage::Storage;

/// Where one shard's part of an import lies, relative to the database's folder.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The folder of temporary files and blocks.
    pub(crate) folder: String,
}

/// The samples of one shard on their way into blocks.
#[derive(Debug)]
pub(crate) struct Stager {
    storage: Arc<dyn Storage>,
    place: Place,
    windows: Windows,
    pub(crate) rows: ShardRows,
    /// Runs of this part so far.
    runs: u32,
}

impl Stager {
    pub(crate) fn new(storage: Arc<dyn Storage>, place: Place, windows: Windows) -> Self {
        Self { storage, place, windows, rows: ShardRows::default(), runs: 0 }
    }

    /// Lets go of the rows and of what they remember of series.
    pub(crate) fn forget_rows(&mut self) {
        self.rows = ShardRows::default();
    }

    fn run_path(&self, run: u32) -> String {
        format!("{}/run-{run}", self.place.folder)
    }

    /// Moves all samples from memory into a run.
    pub(crate) fn spill(&mut self) -> Result<()> {
        if self.rows.sample_bytes() == 0 {
            return Ok(());
        }
        let segments = self.rows.segments(self.windows);
        let folder = &self.place.folder;
        let made = self.storage.create_folder(folder);
        made.map_err(|e| crate::Error::io("create folder", folder, e))?;
        write_run(&*self.storage, &self.run_path(self.runs), &self.rows, &segments)?;
        self.runs += 1;
        self.rows.clear_samples();
        Ok(())
    }

    /// Writes the part's blocks and forgets its samples; the blocks lie in the place's folder.
    pub(crate) fn write_blocks(&mut self) -> Result<Vec<BlockMeta>> {
        if self.runs > 0 {
            self.spill()?;
        }
        let segments = self.rows.segments(self.windows);
        let ranks = self.rows.ranks();
        let mut sources: Vec<Box<dyn Sorted + '_>> = Vec::new();
        for run in 0..self.runs {
            sources.push(Box::new(RunReader::open(&*self.storage, self.run_path(run))?));
        }
        sources.push(Box::new(InMemory::new(&self.rows, &segments)));
        let output = Output { storage: Staging::wrap(&self.storage), place: &self.place };
        let blocks = merge(&mut sources, &self.rows, &ranks, self.windows, &output)?;
        drop(sources);
        self.rows.clear_samples();
        for run in 0..std::mem::take(&mut self.runs) {
            let path = self.run_path(run);
            self.storage.remove(&path).map_err(|e| crate::Error::io("remove", path, e))?;
        }
        Ok(blocks)
    }
}

struct Output<'a> {
    storage: Arc<dyn Storage>,
    place: &'a Place,
}

impl Output<'_> {
    /// Begins a block. Sequence and coverage come when it is published.
    fn begin(&self, windows: Windows, window: i64) -> Result<BlockWriter> {
        let range = windows.of(window);
        let spec = BlockSpec { range, sequence: 0, coverage: Vec::new(), zstd: false };
        BlockWriter::new(Arc::clone(&self.storage), &self.place.folder, spec)
    }
}

fn merge(
    sources: &mut [Box<dyn Sorted + '_>],
    rows: &ShardRows,
    ranks: &[u32],
    windows: Windows,
    output: &Output<'_>,
) -> Result<Vec<BlockMeta>> {
    let rank = |group: &Group| ranks.get(group.series as usize).copied().unwrap_or(u32::MAX);
    let mut blocks = Vec::new();
    let mut open: Option<(i64, BlockWriter)> = None;
    let mut merged = SampleBatch::default();
    while let Some(next) = next_group(sources, rank) {
        if let Some((_, done)) = open.take_if(|(window, _)| *window != next.window) {
            blocks.extend(done.finish()?.map(|block| block.meta().clone()));
        }
        let (_, writer) = match &mut open {
            Some(open) => open,
            none => none.insert((next.window, output.begin(windows, next.window)?)),
        };
        writer.begin_series(rows.labels(next.series))?;
        copy_group(sources, &next, &mut merged, writer)?;
    }
    if let Some((_, last)) = open {
        blocks.extend(last.finish()?.map(|block| block.meta().clone()));
    }
    Ok(blocks)
}

/// The first group of all sources.
fn next_group(sources: &[Box<dyn Sorted + '_>], rank: impl Fn(&Group) -> u32) -> Option<Group> {
    let groups = sources.iter().filter_map(|source| source.group());
    groups.min_by_key(|group| (group.window, rank(group)))
}

/// Copies the samples of a group from all sources that have it; of equal times the later source
/// counts. Sources that follow each other in time, as those of an input in the order of time do,
/// are streamed; else the group is collected in memory and sorted.
fn copy_group(
    sources: &mut [Box<dyn Sorted + '_>],
    group: &Group,
    batch: &mut SampleBatch,
    writer: &mut BlockWriter,
) -> Result<()> {
    let is_same = |other: &Group| (other.window, other.series) == (group.window, group.series);
    let mut having: Vec<(Group, &mut Box<dyn Sorted + '_>)> = sources
        .iter_mut()
        .filter_map(|source| Some((source.group().filter(is_same)?, source)))
        .collect();
    if having.is_sorted_by(|(a, _), (b, _)| a.last < b.first) {
        for (_, source) in having {
            while source.next_batch(batch)? {
                writer.append(&batch.times, &batch.values)?;
            }
        }
        return Ok(());
    }
    let mut all = SampleBatch::default();
    for (_, source) in &mut having {
        while source.next_batch(batch)? {
            all.times.extend_from_slice(&batch.times);
            all.values.extend_from_slice(&batch.values);
        }
    }
    sort_samples(&mut all.times, &mut all.values);
    writer.append(&all.times, &all.values)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nunatak_index::labels;
    use proptest::prelude::*;

    use super::*;
    use crate::TimeRange;
    use crate::block::Block;
    use crate::source::Cursor;
    use crate::storage::MemoryStorage;

    type Model = BTreeMap<(usize, i64), u64>;

    fn read(storage: &Arc<dyn Storage>, blocks: &[BlockMeta]) -> Model {
        let mut found = Model::new();
        for meta in blocks {
            let block = Block::open(Arc::clone(storage), "place", &meta.name).unwrap();
            block.verify().unwrap();
            for mut series in block.select(&[], TimeRange::ALL).unwrap() {
                let number = series.labels.get("n").unwrap().parse().unwrap();
                let mut batch = SampleBatch::default();
                while series.next_batch(&mut batch).unwrap() {
                    for (t, v) in batch.times.iter().zip(&batch.values) {
                        assert!(found.insert((number, *t), v.to_bits()).is_none(), "twice");
                    }
                }
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn runs_and_memory_become_what_a_map_would_hold(
            pieces in prop::collection::vec(
                prop::collection::vec((0usize..5, -40i64..40, any::<f64>()), 0..40), 1..6),
        ) {
            let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
            let place = Place { folder: "place".to_owned() };
            let mut stager = Stager::new(Arc::clone(&storage), place, Windows::new(0));
            let mut numbers = BTreeMap::new();
            let mut model = Model::new();
            for (i, piece) in pieces.iter().enumerate() {
                for &(n, hour, v) in piece {
                    let set = || labels! { "n" => &n.to_string() };
                    let series = *numbers.entry(n).or_insert_with(|| stager.rows.add(set()));
                    stager.rows.push(series, &[hour * 1_800_000], &[v]);
                    model.insert((n, hour * 1_800_000), v.to_bits());
                }
                if i + 1 < pieces.len() {
                    stager.spill().unwrap();
                }
            }
            let blocks = stager.write_blocks().unwrap();
            prop_assert_eq!(read(&storage, &blocks), model);
            prop_assert_eq!(stager.rows.sample_bytes(), 0);
            let windows: Vec<i64> = blocks.iter().map(|block| block.range.start).collect();
            prop_assert!(windows.is_sorted_by(|a, b| a < b));
        }
    }
}
