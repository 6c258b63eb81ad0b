//! Finds the series of an import by their label sets.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use nunatak_index::Labels;

use crate::import::Stager;

/// What a series costs besides its text: tables, the label set's own fields, vectors.
const SERIES_BYTES: usize = 200;
/// What a label costs besides its text.
const LABEL_BYTES: usize = 8;

/// Which series are there; their label sets are with the shards' samples.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    places: HashTable<(u16, u32)>,
    hasher: DefaultHashBuilder,
    series_bytes: usize,
    /// Heap bytes of all samples.
    pub(super) sample_bytes: usize,
}

impl SeriesTable {
    /// Bytes of all series.
    pub(super) fn bytes(&self) -> usize {
        self.series_bytes
    }

    pub(super) fn find(&self, labels: &Labels, shards: &[Stager]) -> Option<(u16, u32)> {
        let hash = self.hasher.hash_one(labels);
        self.places.find(hash, |&place| labels_at(shards, place) == Some(labels)).copied()
    }

    pub(super) fn add(&mut self, labels: Labels, shard: u16, shards: &mut [Stager]) -> u32 {
        let hash = self.hasher.hash_one(&labels);
        self.series_bytes += SERIES_BYTES + LABEL_BYTES * labels.len() + labels.text_len();
        let series = shards[usize::from(shard)].rows.add(labels);
        // The hash of an option is not that of what is in it.
        let hash_of =
            |&place: &(u16, u32)| labels_at(shards, place).map_or(0, |l| self.hasher.hash_one(l));
        self.places.insert_unique(hash, (shard, series), hash_of);
        series
    }
}

fn labels_at(shards: &[Stager], (shard, series): (u16, u32)) -> Option<&Labels> {
    Some(shards.get(usize::from(shard))?.rows.labels(series))
}
