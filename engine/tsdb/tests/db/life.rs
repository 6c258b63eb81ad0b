//! A database is made, used, closed and opened again, and says so when it can't be.

use nunatak::storage::FaultStorage;
use nunatak::{Db, Durability, Error, Options, labels};

use crate::common::{NOW, append, options, read};

#[test]
fn samples_are_there_at_once_after_a_flush_and_after_reopening() {
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up", "job" => "a" };
    let written: Vec<_> =
        (0..1000).map(|i| (NOW - i64::from(1000 - i) * 1000, f64::from(i))).collect();

    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(append(&db, &up, &written).unwrap().stored, 1000);
    assert_eq!(read(&db)[&up], written);
    db.flush().unwrap();
    assert_eq!(read(&db)[&up], written);
    assert_eq!(db.stats().block_samples, 1000);
    db.close().unwrap();

    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&up], written);
    assert_eq!(append(&db, &up, &[(NOW, 7.0)]).unwrap().stored, 1);
    assert_eq!(read(&db)[&up].len(), 1001);
}

#[test]
fn a_flush_leaves_one_block_of_a_day_and_does_not_rewrite_it_for_a_few_samples() {
    const HOUR: i64 = 3_600_000;
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up", "job" => "a" };
    let db = Db::open(options(&storage)).unwrap();
    let at = |i: i64| (NOW - 10 * HOUR + i * 10_000, (i as f64).sqrt());
    let mut written = Vec::new();
    let mut flushed = |range: std::ops::Range<i64>| {
        let samples: Vec<_> = range.map(at).collect();
        append(&db, &up, &samples).unwrap();
        written.extend(samples);
        db.flush().unwrap();
        assert_eq!(read(&db)[&up], written);
        (db.stats().blocks, db.stats().compacted_bytes)
    };
    let (blocks, compacted) = flushed(0..1800);
    assert!(blocks == 1 && compacted > 0, "windows of two hours, merged");
    let (blocks, compacted) = flushed(2200..2880);
    assert_eq!(blocks, 1);
    assert_eq!(flushed(3590..3600), (2, compacted), "too few to write the others again");
    drop(db);

    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&up], written);
    assert_eq!(db.stats().blocks, 2);
}

#[test]
fn a_folder_has_one_user_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Db::open(Options::new(folder.path())).unwrap();
    let second = Db::open(Options::new(folder.path())).unwrap_err();
    assert!(matches!(second, Error::InUse { .. }), "{second}");
    first.close().unwrap();
    Db::open(Options::new(folder.path())).unwrap();
}

#[test]
fn a_closed_database_says_so() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let other = db.clone();
    db.close().unwrap();
    let refused = append(&other, &labels! { "a" => "b" }, &[(NOW, 1.0)]).unwrap_err();
    assert!(matches!(refused, Error::Closed));
}

#[test]
fn wrong_options_are_named() {
    for (options, name) in [
        (Options::new("x").shards(3), "shards"),
        (Options::new("x").shards(2048), "shards"),
        (Options::new("x").memory_budget(1), "memory_budget"),
        (Options::new("x").segment_bytes(1), "segment_bytes"),
        (
            Options::new("x").durability(Durability::Interval(std::time::Duration::ZERO)),
            "durability",
        ),
    ] {
        let error = Db::open(options).unwrap_err();
        assert!(matches!(error, Error::Option { option, .. } if option == name), "{error}");
    }
}

#[test]
fn times_at_the_end_of_the_range_survive_a_flush() {
    let storage = FaultStorage::new(1);
    let extreme = [(i64::MIN, 1.0), (i64::MIN + 1, 2.0), (-1, 3.0), (0, 4.0), (NOW, 5.0)];
    let up = labels! { "__name__" => "up" };
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(append(&db, &up, &extreme).unwrap().stored, 5);
    assert_eq!(read(&db)[&up], extreme);
    db.flush().unwrap();
    while db.maintain(std::time::Duration::from_secs(1)).unwrap() {}
    assert_eq!(read(&db)[&up], extreme);
    db.close().unwrap();
    assert_eq!(read(&Db::open(options(&storage)).unwrap())[&up], extreme);
}

#[test]
fn cardinality_counts_a_value_once_over_all_shards() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(8)).unwrap();
    for number in 0..50 {
        let set = labels! { "__name__" => "m", "job" => "one", "n" => &number.to_string() };
        append(&db, &set, &[(NOW, 1.0)]).unwrap();
    }
    let found = db.cardinality(3);
    assert_eq!((found.series, found.label_pairs), (50, 52));
    let owned = |name: &str, count| (name.to_owned(), count);
    assert_eq!(found.series_by_metric, [owned("m", 50)]);
    assert_eq!(found.values_by_label, [owned("n", 50), owned("__name__", 1), owned("job", 1)]);
    assert_eq!(found.bytes_by_label[0], owned("n", 90));
    assert_eq!(found.series_by_pair[..2], [owned("__name__=m", 50), owned("job=one", 50)]);
}

#[test]
fn the_number_of_shards_is_that_of_the_folder() {
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up", "job" => "a" };
    let db = Db::open(options(&storage).shards(4)).unwrap();
    append(&db, &up, &[(NOW, 1.0)]).unwrap();
    db.close().unwrap();
    let db = Db::open(options(&storage).shards(16)).unwrap();
    assert_eq!(read(&db)[&up], [(NOW, 1.0)]);
}

#[test]
fn blocks_are_cut_when_their_window_is_over_and_the_log_is_trimmed() {
    use nunatak::ManualClock;
    use std::sync::Arc;
    let storage = FaultStorage::new(1);
    let clock = Arc::new(ManualClock::new(0));
    let db = Db::open(options(&storage).clock(clock.clone())).unwrap();
    let up = labels! { "__name__" => "up", "job" => "a" };
    let written: Vec<_> = (0..6 * 60).map(|minute| (minute * 60_000, minute as f64)).collect();
    for &sample in &written {
        clock.set(sample.0);
        append(&db, &up, &[sample]).unwrap();
        while db.maintain(std::time::Duration::from_secs(1)).unwrap() {}
    }
    let stats = db.stats();
    assert_eq!((stats.blocks, stats.block_samples), (2, 240), "two windows are over and quiet");
    assert_eq!(read(&db)[&up], written);
}
