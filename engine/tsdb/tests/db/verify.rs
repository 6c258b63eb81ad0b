//! Every byte on disk is checked: whatever is flipped or cut is found, and named.

use std::sync::Arc;

use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{
    Db, Error, MatchOp, Matcher, Selector, TimeRange, Verification, labels, verify_storage,
};

use crate::common::{NOW, append, options};
use crate::damage::files;

const HOUR: i64 = 3_600_000;

/// A stopped database with blocks, tombstones, two checkpoints and frames in the log.
fn database() -> FaultStorage {
    let storage = FaultStorage::new(1);
    for round in 0..3 {
        let db = Db::open(options(&storage)).unwrap();
        let set = labels! { "__name__" => "up", "round" => &round.to_string() };
        let at = NOW - (10 - 3 * round) * HOUR;
        let samples: Vec<_> = (0..500).map(|i| (at + i * 1000, (i as f64).sqrt())).collect();
        append(&db, &set, &samples).unwrap();
        let matcher = Matcher::new("round", MatchOp::Equal, "1").unwrap();
        db.delete(&Selector::new(vec![matcher], TimeRange::ALL)).unwrap();
        db.flush().unwrap();
        append(&db, &set, &[(at + 600_000, 1.0)]).unwrap();
        db.close().unwrap();
    }
    storage
}

fn check(storage: &FaultStorage) -> Verification {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    verify_storage(&storage, &|_, _| {}).unwrap()
}

#[test]
fn a_whole_database_is_clean_and_counted() {
    let storage = database();
    let found = check(&storage);
    assert_eq!((&found.damage, &found.notes), (&Vec::new(), &Vec::new()));
    let db = Db::open(options(&storage)).unwrap();
    let stats = db.stats();
    assert_eq!((found.blocks, found.block_samples), (stats.blocks, stats.block_samples));
    assert!(found.log_samples >= 1 && found.files > 3 * found.blocks);
    // Everything but description and lock is counted.
    assert!(storage.used() - found.bytes < 100, "{} of {}", found.bytes, storage.used());
}

#[test]
fn an_open_database_is_verified_too() {
    let storage = database();
    let db = Db::open(options(&storage)).unwrap();
    append(&db, &labels! { "__name__" => "new" }, &[(NOW, 1.0)]).unwrap();
    let found = db.verify().unwrap();
    assert_eq!(found.damage, []);
    append(&db, &labels! { "__name__" => "new" }, &[(NOW + 1, 1.0)]).unwrap();
    assert_eq!(check_in_use(&storage), "in_use");
    db.close().unwrap();
    assert_eq!(check(&storage).damage, []);
}

fn check_in_use(storage: &FaultStorage) -> &'static str {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    verify_storage(&storage, &|_, _| {}).unwrap_err().id()
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_the_file_is_named() {
    let whole = database();
    let mut paths = files(&whole, "log", "");
    paths.extend(files(&whole, "shard-00", ""));
    paths.extend(files(&whole, "shard-01", ""));
    assert!(paths.len() > 8, "{paths:?}");
    for path in paths {
        let len = whole.open(&path).unwrap().len().unwrap();
        for step in 0..20 {
            // The four zeros behind a log file's header are not looked at by anybody.
            let byte = step * (len - 1) / 19;
            if path.starts_with("log/") && (36..40).contains(&byte) {
                continue;
            }
            let storage = whole.recover(Crash::Process, 1);
            storage.flip_bit(&path, byte, step as u8).unwrap();
            let found = check(&storage);
            let is_torn_end =
                path.contains(".log") && found.notes.iter().any(|n| n.starts_with(&path));
            let folder = path.rsplit_once('/').unwrap().0;
            let named = found.damage.iter().any(|damage| damage.path.starts_with(folder));
            assert!(named || is_torn_end, "bit {byte} of {path}: {found:?}");
            // The same bytes still open: a verification changes nothing.
            assert_eq!(check(&storage), found);
        }
    }
}

#[test]
fn every_damaged_page_of_a_block_is_listed() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1)).unwrap();
    for number in 0..10 {
        let set = labels! { "__name__" => "up", "n" => &number.to_string() };
        let value = |i: i64| f64::from_bits((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let samples: Vec<_> = (0..4000).map(|i| (NOW + i, value(i + number))).collect();
        append(&db, &set, &samples).unwrap();
    }
    db.flush().unwrap();
    db.close().unwrap();
    let data = files(&storage, "shard-00", "/data")[0].clone();
    for byte in [5_000, 150_000, 250_000] {
        storage.flip_bit(&data, byte, 1).unwrap();
    }
    let found = check(&storage);
    let offsets: Vec<u64> = found.damage.iter().filter_map(|damage| damage.offset).collect();
    assert_eq!(offsets.len(), 3, "{:?}", found.damage);
    assert!(offsets[0] < 5_000 && offsets[1] < 150_000 && offsets[2] < 250_000);
    assert!(found.damage.iter().all(|damage| damage.path == data));
}

#[test]
fn missing_files_are_damage_and_leftovers_are_noted() {
    let storage = database();
    let index = files(&storage, "shard-00", "/index")[0].clone();
    storage.remove(&index).unwrap();
    storage.create("log/checkpoint.tmp").unwrap();
    storage.create_folder("shard-00/default/tmp-1").unwrap();
    storage.create("stranger").unwrap();
    let found = check(&storage);
    assert!(found.damage.iter().any(|damage| damage.path == index), "{:?}", found.damage);
    assert_eq!(found.notes.len(), 3, "{:?}", found.notes);
}

#[test]
fn tombstones_that_were_put_aside_are_damage() {
    let storage = database();
    let tombstones = files(&storage, "", "/tombstones")[0].clone();
    storage.flip_bit(&tombstones, 40, 1).unwrap();
    assert_eq!(check(&storage).damage[0].path, tombstones);
    Db::open(options(&storage)).unwrap().close().unwrap();
    let aside = tombstones.replace("/tombstones", "/quarantine-tombstones");
    assert_eq!(check(&storage).damage[0].path, aside);
}

#[test]
fn a_missing_segment_is_damage() {
    let storage = FaultStorage::new(1);
    for minute in 0..3 {
        let db = Db::open(options(&storage)).unwrap();
        append(&db, &labels! { "__name__" => "up" }, &[(NOW + minute, 1.0)]).unwrap();
    }
    let segments = files(&storage, "log", ".log");
    storage.remove(&segments[1]).unwrap();
    let found = check(&storage);
    assert_eq!(found.damage.len(), 1, "{:?}", found.damage);
    assert!(found.damage[0].what.contains("positions 2 to 2 are missing"), "{:?}", found.damage);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let storage: Arc<dyn Storage> = Arc::new(FaultStorage::new(1));
    let error = verify_storage(&storage, &|_, _| {}).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    nunatak::verify(folder.path(), &|_, _| {}).unwrap_err();
    nunatak::verify(folder.path().join("missing"), &|_, _| {}).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
