//! A merged block holds what its parts hold; of equal times the higher precedence counts.

use std::sync::Arc;

use nunatak::block::{Block, Coverage, open_all};
use nunatak::compact::{DEFAULT_LEVELS, merge, merged_spec, publish};
use nunatak::log::Position;
use nunatak::storage::{MemoryStorage, Storage};
use nunatak::{Error, TimeRange};
use proptest::prelude::*;

use crate::support::{Model, PARENT, files, metric, read, sample_model, spec, write};

fn parts() -> impl Strategy<Value = Vec<(u64, Model)>> {
    let samples = prop::collection::btree_map(0i64..3000, any::<u64>(), 1..600);
    let series = prop::collection::btree_map(0u32..8, samples, 0..6);
    let model = series.prop_map(|series| {
        let name = |id: u32| metric(["m", "a"][id as usize % 2], &id.to_string());
        series.into_iter().map(|(id, samples)| (name(id), samples)).collect::<Model>()
    });
    prop::collection::vec((0u64..4, model), 1..5)
}

fn merged(storage: &Arc<dyn Storage>, blocks: &[Block], sequence: u64) -> Option<Block> {
    let metas: Vec<_> = blocks.iter().map(Block::meta).collect();
    merge(storage, PARENT, blocks, merged_spec(&metas, &DEFAULT_LEVELS, sequence, true)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn equals_the_parts_laid_over_each_other(parts in parts()) {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
        let mut layers = Vec::new();
        let mut blocks = Vec::new();
        for (i, (position, model)) in parts.iter().enumerate() {
            let sequence = i as u64 + 1;
            blocks.extend(write(&storage, spec(sequence, *position), model).unwrap());
            layers.push((*position, sequence, model));
        }
        layers.sort_by_key(|(position, sequence, _)| (*position, *sequence));
        let mut expected = Model::new();
        for (labels, samples) in layers.into_iter().flat_map(|(.., model)| model) {
            expected.entry(labels.clone()).or_default().extend(samples);
        }
        blocks.reverse();
        match merged(&storage, &blocks, 99) {
            None => prop_assert!(expected.is_empty()),
            Some(block) => {
                prop_assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), expected);
                block.verify().unwrap();
                publish(&*storage, PARENT, &block).unwrap();
                let opened = open_all(&storage, PARENT).unwrap();
                prop_assert_eq!(opened.blocks.len(), 1);
                prop_assert_eq!(opened.blocks[0].meta(), block.meta());
            }
        }
    }
}

#[test]
fn merging_one_block_changes_no_sample_byte() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let block = write(&storage, spec(1, 7), &sample_model()).unwrap().unwrap();
    let metas = [block.meta()];
    let again = nunatak::block::BlockSpec { zstd: false, ..merged_spec(&metas, &[], 2, false) };
    let again = merge(&storage, PARENT, std::slice::from_ref(&block), again).unwrap().unwrap();
    let (before, after) = (files(&*storage, &block), files(&*storage, &again));
    assert_eq!(before["data"], after["data"]);
    assert_eq!(before["index"], after["index"]);
    assert_eq!(again.meta().parents, [block.meta().id()]);
    assert_eq!(again.meta().coverage, block.meta().coverage);
}

#[test]
fn coverage_is_the_union_with_the_highest_position_of_each_window() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let cover = |from_ms, to_ms, p| Coverage { from_ms, to_ms, position: Position(p) };
    let mut blocks = Vec::new();
    for (sequence, coverage) in [
        (1, vec![cover(0, 9, 5), cover(10, 19, 6)]),
        (2, vec![cover(0, 9, 8)]),
        (3, vec![cover(10, 19, 2), cover(20, 29, 1)]),
    ] {
        let spec = nunatak::block::BlockSpec { coverage, ..spec(sequence, 0) };
        blocks.extend(write(&storage, spec, &sample_model()).unwrap());
    }
    let block = merged(&storage, &blocks, 4).unwrap();
    assert_eq!(block.meta().coverage, [cover(0, 9, 8), cover(10, 19, 6), cover(20, 29, 1)]);
    assert_eq!(block.precedence(), (Position(8), 4));
}

#[test]
fn parents_that_a_crash_left_are_removed_at_the_next_start() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let mut blocks = Vec::new();
    for sequence in 1..4 {
        blocks.extend(write(&storage, spec(sequence, sequence), &sample_model()).unwrap());
    }
    let block = merged(&storage, &blocks[..2], 4).unwrap();
    assert_eq!(storage.list(PARENT).unwrap().len(), 4);
    let opened = open_all(&storage, PARENT).unwrap();
    let mut left: Vec<u64> = opened.blocks.iter().map(|b| b.meta().sequence).collect();
    left.sort_unstable();
    assert_eq!(left, [3, 4]);
    assert_eq!(storage.list(PARENT).unwrap().len(), 2);
    assert_eq!(read(&block, &[], TimeRange::ALL).unwrap(), sample_model());
    assert_eq!(
        read(&blocks[0], &[], TimeRange::ALL).unwrap(),
        sample_model(),
        "open handles read on"
    );
}

#[test]
fn a_damaged_part_fails_the_merge_and_nothing_is_left() {
    let storage = nunatak::storage::FaultStorage::new(1);
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    let mut blocks = Vec::new();
    for sequence in 1..3 {
        blocks.extend(write(&shared, spec(sequence, sequence), &sample_model()).unwrap());
    }
    storage.flip_bit(&format!("{}/data", blocks[0].path()), 100, 3).unwrap();
    let metas: Vec<_> = blocks.iter().map(Block::meta).collect();
    let result = merge(&shared, PARENT, &blocks, merged_spec(&metas, &DEFAULT_LEVELS, 3, false));
    assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
    assert_eq!(shared.list(PARENT).unwrap().len(), 2);
}
