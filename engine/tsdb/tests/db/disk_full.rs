//! A full disk is a clear, passing error: nothing is lost, and writing goes on when it has room.

use nunatak::storage::FaultStorage;
use nunatak::{Db, Error, labels};

use crate::common::{NOW, append, options, read};

#[test]
fn appends_fail_and_resume() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
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
    let db = Db::open(options(&storage)).unwrap();
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
