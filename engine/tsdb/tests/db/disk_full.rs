//! A full disk is a clear, passing error: nothing is lost, and writing goes on when it has room.

use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Db, Error, labels};

use crate::common::{NOW, append, options, read};

#[test]
fn appends_fail_and_resume() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).low_space(0)).unwrap();
    let up = labels! { "__name__" => "up" };
    append(&db, &up, &[(NOW, 1.0)]).unwrap();
    storage.set_capacity(Some(storage.used() + 10));
    let error = append(&db, &up, &[(NOW + 1, 2.0)]).unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }) && error.is_retryable(), "{error}");
    assert_eq!(read(&db)[&up][0], (NOW, 1.0), "queries go on");

    storage.set_capacity(None);
    // The log pauses for a moment before it tries the disk again; a sender repeats.
    let mut tries = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        append(&db, &up, &[(NOW + 1, 2.0)])
    });
    assert!(tries.any(|outcome| outcome.is_ok()), "writing never resumed");
    assert_eq!(read(&db)[&up], [(NOW, 1.0), (NOW + 1, 2.0)]);
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&up], [(NOW, 1.0), (NOW + 1, 2.0)]);
}

#[test]
fn a_flush_fails_whole_and_can_be_repeated() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).low_space(0)).unwrap();
    let up = labels! { "__name__" => "up" };
    let samples: Vec<_> = (0..3000).map(|i| (NOW + i, (i as f64).sqrt())).collect();
    append(&db, &up, &samples).unwrap();
    storage.set_capacity(Some(storage.used() + 300));
    let error = db.flush().unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert_eq!(read(&db)[&up], samples);
    storage.set_capacity(None);
    db.flush().unwrap();
    assert_eq!(read(&db)[&up], samples);
    assert_eq!(db.stats().block_samples, 3000);
}

#[test]
fn after_a_failed_sync_only_a_reopen_helps() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let up = labels! { "__name__" => "up" };
    append(&db, &up, &[(NOW, 1.0)]).unwrap();
    storage.fail_sync_at(storage.syncs() + 1, std::io::ErrorKind::Other);
    append(&db, &up, &[(NOW + 1, 2.0)]).unwrap_err();
    let error = append(&db, &up, &[(NOW + 2, 3.0)]).unwrap_err();
    assert!(matches!(error, Error::Poisoned { .. }), "{error}");
    drop(db);
    let db = Db::open(options(&storage)).unwrap();
    append(&db, &up, &[(NOW + 2, 3.0)]).unwrap();
    assert_eq!(read(&db)[&up][0], (NOW, 1.0));
}

#[test]
fn a_flush_that_failed_anywhere_can_be_repeated() {
    let up = labels! { "__name__" => "up" };
    let samples: Vec<_> = (0..8).map(|i| (NOW - i64::from(7 - i) * 3_600_000, 1.5)).collect();
    let mut failures = 0;
    for step in 1.. {
        let storage = FaultStorage::new(step);
        let db = Db::open(options(&storage).shards(1)).unwrap();
        append(&db, &up, &samples).unwrap();
        let last = storage.operations();
        storage.fail_at(last + step, std::io::ErrorKind::Other);
        let first = db.flush();
        let ended = storage.operations() < last + step;
        failures += u32::from(first.is_err());
        // A failed sync of the log needs a reopen; everything else needs only a repeat.
        let db = match db.flush() {
            Err(Error::Poisoned { .. }) => {
                drop(db);
                Db::open(options(&storage).shards(1)).unwrap()
            }
            _ => db,
        };
        db.flush().unwrap_or_else(|error| panic!("after a failure at {step}: {error}"));
        assert_eq!(read(&db)[&up], samples, "after a failure at {step}");
        assert_eq!(db.stats().block_samples, 8, "after a failure at {step}");
        if ended {
            break;
        }
    }
    assert!(failures > 10, "only {failures} places failed");
}

#[test]
fn below_the_mark_only_samples_are_refused_and_writing_resumes_by_itself() {
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up" };
    let db = Db::open(options(&storage).shards(1).low_space(100_000)).unwrap();
    let samples: Vec<_> = (0..3000).map(|i| (NOW + i, (i as f64).sqrt())).collect();
    append(&db, &up, &samples).unwrap();
    assert_eq!((db.stats().free_bytes, db.stats().read_only), (None, false));

    storage.set_capacity(Some(storage.used() + 90_000));
    db.maintain(Duration::ZERO).unwrap();
    assert!(db.stats().read_only && db.stats().free_bytes < Some(100_000));
    let error = append(&db, &up, &[(NOW + 9000, 1.0)]).unwrap_err();
    assert!(matches!(error, Error::LowSpace { resume_bytes: 125_000, .. }), "{error}");
    assert!(error.is_retryable() && error.to_string().contains("remove files"), "{error}");
    assert_eq!(read(&db)[&up], samples, "queries go on");
    // What is left is enough for a flush, and for snapshots, which need none.
    db.flush().unwrap();
    db.snapshot("full").unwrap();
    assert_eq!(db.stats().block_samples, 3000);
    drop(db);

    // A start on a full disk serves, too.
    storage.set_capacity(Some(storage.used()));
    let db = Db::open(options(&storage).low_space(100_000)).unwrap();
    assert_eq!(read(&db)[&up], samples);
    append(&db, &up, &[(NOW + 9000, 1.0)]).unwrap_err();
    storage.set_capacity(Some(storage.used() + 110_000));
    append(&db, &up, &[(NOW + 9000, 1.0)]).expect_err("above the mark, not yet a quarter");
    storage.set_capacity(Some(storage.used() + 130_000));
    append(&db, &up, &[(NOW + 9000, 1.0)]).unwrap();
    assert!(!db.stats().read_only);
    assert!(db.verify().unwrap().is_clean());
}

#[test]
fn blocks_that_have_no_room_are_not_merged_until_there_is() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1).low_space(1000)).unwrap();
    let up = labels! { "__name__" => "up" };
    storage.set_capacity(Some(storage.used() + 40_000));
    for round in 0..2 {
        let samples: Vec<_> = (0..1000).map(|i| (NOW + 2 * i + round, (i as f64).sqrt())).collect();
        append(&db, &up, &samples).unwrap();
        let full = storage.used() + 12_000;
        storage.set_capacity(Some(full));
        db.flush().unwrap();
        storage.set_capacity(Some(storage.used() + 40_000));
    }
    storage.set_capacity(Some(storage.used() + 5000));
    db.maintain(Duration::ZERO).unwrap();
    assert_eq!(db.stats().blocks, 2, "no room to merge them");
    storage.set_capacity(None);
    db.maintain(Duration::ZERO).unwrap();
    assert_eq!(db.stats().blocks, 1);
    assert_eq!(read(&db)[&up].len(), 2000);
}
