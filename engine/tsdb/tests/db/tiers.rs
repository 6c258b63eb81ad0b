//! Guards what tiers promise of themselves: they are made when they are wanted and never otherwise,
//! they are the same whatever the history, they go with their blocks, and damage to one is no more
//! than a tier that has to be made again.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{
    Db, Fact, Labels, ManualClock, MatchOp, Matcher, Options, Selector, Source, TimeRange, Windows,
    inspect, labels,
};

use crate::common::{NOW, append, options};
use crate::windows::{compare, samples};

const HOUR: i64 = 3_600_000;

fn set(n: i64) -> Labels {
    labels! { "__name__" => "requests_total", "instance" => &n.to_string() }
}

/// Two days before now, every minute; in the last hour the head has it.
fn fill(db: &Db) {
    for n in 0..20 {
        let value = |i: i64| ((i * (n + 1)) % 5003) as f64;
        let all: Vec<_> = (0..2880).map(|i| (NOW - 49 * HOUR + i * 60_000, value(i))).collect();
        append(db, &set(n), &all).unwrap();
    }
}

fn wanted(storage: &FaultStorage) -> Options {
    options(storage).downsample_after(Some(Duration::from_hours(1)))
}

/// Blocks that are old enough for a tier: all but the last one of each shard.
fn aged(db: &Db) -> u64 {
    db.stats().blocks - 2
}

fn opened(storage: &FaultStorage) -> Db {
    Db::open(wanted(storage)).unwrap()
}

fn check(db: &Db) {
    let all = samples(db).unwrap();
    assert_eq!(all.len(), 20);
    compare(db, &all).unwrap().unwrap();
}

/// The folders of all tiers.
fn tiers(storage: &FaultStorage) -> Vec<String> {
    let folders = ["shard-00/default/tiers", "shard-01/default/tiers"];
    let names = |folder: &str| -> Vec<String> {
        let entries = storage.list(folder).unwrap_or_default();
        entries.into_iter().map(|entry| format!("{folder}/{}", entry.name)).collect()
    };
    folders.iter().flat_map(|folder| names(folder)).collect()
}

fn full() -> FaultStorage {
    let storage = FaultStorage::new(1);
    let db = opened(&storage);
    fill(&db);
    db.flush().unwrap();
    db.close().unwrap();
    storage
}

#[test]
fn they_are_made_only_if_wanted_and_removed_if_not() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    fill(&db);
    db.flush().unwrap();
    assert_eq!((db.stats().tiers, tiers(&storage).len()), (0, 0), "off by default");
    db.close().unwrap();
    let db = opened(&storage);
    assert!(!Source::has_rollups(
        &db,
        TimeRange::ALL,
        &Windows { ends: &[NOW], range_ms: 48 * HOUR }
    ));
    for _ in 0..20 {
        db.maintain(Duration::from_secs(1)).unwrap();
    }
    let stats = db.stats();
    assert_eq!((stats.tiers, tiers(&storage).len() as u64), (aged(&db), aged(&db)));
    assert!(stats.tier_bytes > 0 && stats.tier_bytes == stats.tier_written_bytes);
    let windows = Windows { ends: &[NOW - NOW % HOUR], range_ms: 48 * HOUR };
    assert!(Source::has_rollups(&db, TimeRange::ALL, &windows));
    check(&db);
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert!(!Source::has_rollups(&db, TimeRange::ALL, &windows));
    db.maintain(Duration::from_secs(1)).unwrap();
    assert_eq!((db.stats().tiers, tiers(&storage).len()), (0, 0));
    db.close().unwrap();
}

#[test]
fn a_tier_is_a_function_of_its_blocks_samples() {
    let storage = FaultStorage::new(2);
    let db = opened(&storage);
    // Three flushes and a merge, where the other database has one.
    for part in 0..3 {
        for n in 0..20 {
            let value = |i: i64| ((i * (n + 1)) % 5003) as f64;
            let all = (0..2880).filter(|i| i * 3 / 2880 == part);
            let all: Vec<_> = all.map(|i| (NOW - 49 * HOUR + i * 60_000, value(i))).collect();
            append(&db, &set(n), &all).unwrap();
        }
        db.flush().unwrap();
    }
    db.close().unwrap();
    let data = |storage: &FaultStorage| -> Vec<Vec<u8>> {
        let read = |folder: String| {
            let file = storage.open(&format!("{folder}/data")).unwrap();
            let mut bytes = vec![0; file.len().unwrap() as usize];
            file.read_at(0, &mut bytes).unwrap();
            bytes
        };
        let mut all: Vec<_> = tiers(storage).into_iter().map(read).collect();
        all.sort();
        all
    };
    let other = full();
    assert!(!tiers(&other).is_empty());
    assert_eq!(data(&storage), data(&other));
}

#[test]
fn they_go_with_their_blocks() {
    let storage = full();
    let db = Db::open(wanted(&storage).retention(Duration::from_hours(30))).unwrap();
    let before = db.stats().blocks;
    for _ in 0..5 {
        db.maintain(Duration::from_secs(1)).unwrap();
    }
    assert!(db.stats().blocks < before && aged(&db) > 0);
    assert_eq!(db.stats().tiers, aged(&db));
    let matcher = Matcher::new("instance", MatchOp::Regex, ".+").unwrap();
    db.delete(&Selector::new(vec![matcher], TimeRange::ALL)).unwrap();
    db.clean_deletes().unwrap();
    db.maintain(Duration::from_secs(1)).unwrap();
    assert_eq!((db.stats().blocks, db.stats().tiers, tiers(&storage).len()), (0, 0, 0));
    db.close().unwrap();
}

/// Changes a byte in the middle of a file.
fn spoil(storage: &FaultStorage, path: &str) {
    let len = storage.open(path).unwrap().len().unwrap();
    storage.flip_bit(path, len / 2, 3).unwrap();
}

#[test]
fn a_tier_that_queries_find_damaged_is_made_again() {
    let storage = full();
    let db = opened(&storage);
    let before = tiers(&storage);
    for folder in &before {
        spoil(&storage, &format!("{folder}/data"));
    }
    let found = db.verify().unwrap();
    assert_eq!(found.damage.len(), before.len(), "{:?}", found.damage);
    check(&db);
    assert_eq!(db.stats().quarantined, [""; 0]);
    for _ in 0..20 {
        db.maintain(Duration::from_secs(1)).unwrap();
    }
    assert_eq!((tiers(&storage), db.verify().unwrap().damage), (before, vec![]));
    check(&db);
    db.close().unwrap();
}

#[test]
fn one_that_a_start_finds_damaged_is_too() {
    let storage = full();
    let before = tiers(&storage);
    spoil(&storage, &format!("{}/manifest", before[0]));
    let db = opened(&storage);
    assert_eq!(db.stats().tiers as usize, before.len() - 1);
    check(&db);
    db.flush().unwrap();
    assert_eq!(tiers(&storage), before);
    db.close().unwrap();
}

#[test]
fn the_scrub_reads_them() {
    let storage = full();
    let before = tiers(&storage);
    spoil(&storage, &format!("{}/index", before[0]));
    let clock = Arc::new(ManualClock::new(NOW));
    let every = Some(Duration::from_secs(1));
    let options = wanted(&storage).clock(clock.clone()).scrub_every(every);
    let db = Db::open(options).unwrap();
    for second in 0..20 {
        clock.set(NOW + second * 1000);
        db.maintain(Duration::from_secs(1)).unwrap();
    }
    assert_eq!(db.stats().scrub_damaged, 1);
    assert_eq!(tiers(&storage), before, "made again");
    db.close().unwrap();
}

#[test]
fn a_snapshot_has_them() {
    let storage = full();
    let db = opened(&storage);
    db.snapshot("s").unwrap();
    assert_eq!(db.verify().unwrap().tiers, db.stats().tiers);
    db.close().unwrap();
    for tier in tiers(&storage) {
        assert_eq!(storage.list(&format!("snapshots/s/{tier}")).unwrap().len(), 3);
    }
}

#[test]
fn a_power_loss_leaves_whole_ones() {
    for at in 0..60 {
        let storage = FaultStorage::new(at);
        let db = Db::open(options(&storage)).unwrap();
        fill(&db);
        db.flush().unwrap();
        db.close().unwrap();
        storage.crash_at(storage.operations() + at * 3);
        if let Ok(db) = Db::open(wanted(&storage)) {
            let _ = db.flush();
        }
        let storage = storage.recover(Crash::PowerLoss, at);
        let db = opened(&storage);
        check(&db);
        db.flush().unwrap();
        assert_eq!(db.stats().tiers, aged(&db));
        assert_eq!(tiers(&storage).len() as u64, db.stats().tiers, "nothing is left over");
        check(&db);
        db.close().unwrap();
    }
}

#[test]
fn inspection_counts_them_apart_from_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    let options = Options::new(folder.path()).clock(clock).threads(0).shards(1);
    let db = Db::open(options.downsample_after(Some(Duration::from_hours(1)))).unwrap();
    fill(&db);
    db.flush().unwrap();
    let stats = db.stats();
    db.close().unwrap();
    let found = inspect(folder.path()).unwrap();
    assert_eq!(found.problems, [""; 0]);
    let fact = |name| found.facts.iter().find(|(fact, _)| *fact == name).map(|(_, fact)| fact);
    assert_eq!(fact("blocks"), Some(&Fact::Count(stats.blocks)));
    assert_eq!(fact("tiers"), Some(&Fact::Count(stats.tiers)));
    assert_eq!(fact("bytes of tiers"), Some(&Fact::Bytes(stats.tier_bytes)));
    let tiers = folder.path().join("shard-00/default/tiers");
    let tier = std::fs::read_dir(tiers).unwrap().next().unwrap().unwrap().path();
    let found = inspect(tier).unwrap();
    assert_eq!((found.kind.as_str(), found.problems.len()), ("tier", 0));
    assert!(found.facts.contains(&("resolutions", Fact::Count(2))), "{:?}", found.facts);
}
