//! After a crash at any operation a block is there whole or not at all, and what was told to be
//! done is there.

use std::sync::Arc;

use nunatak::block::{Block, clean_temporary, open_all};
use nunatak::compact::{DEFAULT_LEVELS, merge, merged_spec, publish};
use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{Result, TimeRange};

use crate::support::{Model, PARENT, read, sample_model, spec, write};

/// The union of all blocks that are found after a start, the lowest precedence first.
fn start(storage: &FaultStorage) -> (usize, Model) {
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    clean_temporary(&*shared, PARENT).unwrap();
    let mut opened = open_all(&shared, PARENT).unwrap();
    assert!(opened.quarantined.is_empty(), "{:?}", opened.quarantined);
    for entry in shared.list(PARENT).unwrap_or_default() {
        assert!(!entry.name.starts_with("tmp-") && !entry.name.starts_with("quarantine-"));
    }
    opened.blocks.sort_by_key(Block::precedence);
    let mut all = Model::new();
    for block in &opened.blocks {
        block.verify().unwrap();
        for (labels, samples) in read(block, &[], TimeRange::ALL).unwrap() {
            all.entry(labels).or_default().extend(samples);
        }
    }
    (opened.blocks.len(), all)
}

#[test]
fn a_write_that_crashes_anywhere_leaves_all_or_nothing() {
    let model = sample_model();
    let calm = FaultStorage::new(0);
    let shared: Arc<dyn Storage> = Arc::new(calm.clone());
    write(&shared, spec(1, 1), &model).unwrap();
    let operations = calm.operations();
    assert!(operations > 8);
    for operation in 1..=operations + 1 {
        for (seed, crash) in [(1, Crash::PowerLoss), (2, Crash::PowerLoss), (3, Crash::Process)] {
            let storage = FaultStorage::new(seed);
            storage.crash_at(operation);
            let shared: Arc<dyn Storage> = Arc::new(storage.clone());
            let result = write(&shared, spec(1, 1), &model);
            assert_eq!(result.is_err(), operation <= operations, "operation {operation}");
            let (blocks, found) = start(&storage.recover(crash, seed + operation));
            match blocks {
                0 => assert!(result.is_err(), "operation {operation}: a finished block is lost"),
                1 => assert_eq!(found, model, "operation {operation}"),
                more => panic!("{more} blocks"),
            }
        }
    }
}

/// Two blocks, merged and published.
fn compact(storage: &FaultStorage, blocks: &[Block]) -> Result<()> {
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    let metas: Vec<_> = blocks.iter().map(Block::meta).collect();
    let spec = merged_spec(&metas, &DEFAULT_LEVELS, 3, false);
    if let Some(merged) = merge(&shared, PARENT, blocks, spec)? {
        publish(&*shared, PARENT, &merged)?;
    }
    Ok(())
}

fn two_blocks(storage: &FaultStorage) -> (Vec<Block>, Model) {
    let shared: Arc<dyn Storage> = Arc::new(storage.clone());
    let old = sample_model();
    let mut new = sample_model();
    new.retain(|labels, _| labels.get("instance") != Some("b"));
    for samples in new.values_mut() {
        samples.retain(|t, _| t % 2 == 0);
        for value in samples.values_mut() {
            *value ^= 1;
        }
    }
    let mut blocks = Vec::new();
    blocks.extend(write(&shared, spec(1, 10), &old).unwrap());
    blocks.extend(write(&shared, spec(2, 20), &new).unwrap());
    let mut all = old;
    for (labels, samples) in new {
        all.entry(labels).or_default().extend(samples);
    }
    (blocks, all)
}

#[test]
fn a_compaction_that_crashes_anywhere_loses_nothing_and_changes_nothing() {
    let calm = FaultStorage::new(0);
    let (blocks, all) = two_blocks(&calm);
    let before = calm.operations();
    compact(&calm, &blocks).unwrap();
    let operations = calm.operations();
    assert!(operations > before + 12);
    assert_eq!(start(&calm), (1, all.clone()));
    for operation in before + 1..=operations {
        for (seed, crash) in [(1, Crash::PowerLoss), (2, Crash::PowerLoss), (3, Crash::Process)] {
            let storage = FaultStorage::new(seed);
            let (blocks, _) = two_blocks(&storage);
            storage.crash_at(operation);
            compact(&storage, &blocks).unwrap_err();
            let (_, found) = start(&storage.recover(crash, seed + operation));
            assert!(found == all, "operation {operation}, seed {seed}");
        }
    }
}

#[test]
fn a_full_disk_is_an_error_that_leaves_nothing() {
    let model = sample_model();
    let calm = FaultStorage::new(0);
    let shared: Arc<dyn Storage> = Arc::new(calm.clone());
    write(&shared, spec(1, 1), &model).unwrap();
    for room in [0, 10, 1000, calm.used() - 1] {
        let storage = FaultStorage::new(0);
        storage.set_capacity(Some(room));
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let error = write(&shared, spec(1, 1), &model).unwrap_err();
        assert_eq!(error.id(), "disk_full", "{error}");
        assert_eq!(shared.list(PARENT).unwrap(), []);
        storage.set_capacity(None);
        assert!(write(&shared, spec(1, 1), &model).unwrap().is_some());
    }
}

#[test]
fn a_failed_sync_is_an_error_and_a_repeat_works() {
    let model = sample_model();
    let calm = FaultStorage::new(0);
    let shared: Arc<dyn Storage> = Arc::new(calm.clone());
    write(&shared, spec(1, 1), &model).unwrap();
    // The data file, the index, the manifest and the folder are synced before the rename.
    for sync in 1..=4 {
        let storage = FaultStorage::new(0);
        storage.fail_sync_at(sync, std::io::ErrorKind::Other);
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let error = write(&shared, spec(1, 1), &model).unwrap_err();
        assert_eq!(error.id(), "io", "{error}");
        assert_eq!(start(&storage), (0, Model::new()));
        assert!(write(&shared, spec(1, 1), &model).unwrap().is_some());
    }
    assert!(calm.syncs() > 4);
}
